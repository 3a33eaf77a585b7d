"""How a render ended: its account, which scenes failed and why, what to type next, and the exit status."""

import hashlib
import shlex
from collections.abc import Collection, Iterator, Mapping
from fractions import Fraction
from pathlib import Path

from storyboard.film.registry import Film
from storyboard.model import events
from storyboard.model.errors import NotAsked, RunRefused, StoryboardError, SubmissionUnknown
from storyboard.model.take import Outcome, Take
from storyboard.planning.steps import Plan
from storyboard.system.files import disk_errors
from storyboard.workflow.desk import Desk


def done(
    at: Desk,
    plan: Plan,
    outcomes: Mapping[str, Outcome],
    stopped: StoryboardError | None,
    made: tuple[Path | None, Film | None],
    spent: Fraction,
    flags: str,
    *,
    summed: bool,
) -> events.Done:
    """The end of a render as an event. ``made`` is the film and where it lies; ``flags`` those to type again.

    ``summed`` is whether somebody wants the film's SHA-256: it takes longer than the cut. Raises LocalFault.
    """
    path, film = made
    errors = {scene: outcome for scene, outcome in outcomes.items() if isinstance(outcome, StoryboardError)}
    unknown = sum(isinstance(error, SubmissionUnknown) for error in errors.values())
    waiting = sum(isinstance(error, NotAsked | RunRefused) for error in errors.values())
    asked = [step for step in plan.steps if step.name in ("make", "collect")]
    came = [step for step in asked if isinstance(outcomes.get(step.scene), Take)]
    return events.Done(
        film=str(path) if film else "",
        sha256=_sha256(path) if path and film and summed else "",
        frames=film.frames if film else 0,
        seconds=Fraction(film.frames, film.fps) if film else Fraction(0),
        size=(film.width, film.height) if film else None,
        made=len(came),
        kept=plan.count("keep"),
        failed=len(errors) - unknown - waiting,
        unknown=unknown,
        credits=spent,
        exit=_exit(errors.values(), stopped),
        notes=tuple(_notes(at, flags, errors, stopped, [scene for scene in at.wanted if scene not in outcomes])),
    )


def _sha256(film: Path) -> str:
    with disk_errors(film), film.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _notes(
    at: Desk,
    flags: str,
    errors: Mapping[str, StoryboardError],
    stopped: StoryboardError | None,
    left_out: Collection[str],
) -> Iterator[str]:
    """Which scenes failed, why, and what to type. Scenes with the same trouble share its lines."""
    waiting = [scene for scene, error in errors.items() if isinstance(error, NotAsked | RunRefused)]
    told: dict[tuple[str, str, str], list[str]] = {}
    for scene, error in errors.items():
        if scene not in waiting:
            kind = "unknown" if isinstance(error, SubmissionUnknown) else "failed"
            told.setdefault((kind, error.message, error.hint), []).append(scene)
    for (kind, message, hint), scenes in told.items():
        yield f"{kind:<8} {', '.join(scenes)}: {message}"
        if hint:
            yield f"{'':<8} {hint}"
    if stopped and (isinstance(stopped, RunRefused) or not any(error is stopped for error in errors.values())):
        yield f"{'stopped':<8} {stopped.message}"
        if stopped.hint:
            yield f"{'':<8} {stopped.hint}"
    if waiting:
        more = f" and {len(waiting) - 20} more" if len(waiting) > 20 else ""
        yield f"{'waiting':<8} not made yet: {', '.join(waiting[:20])}{more}"
    if left_out:
        yield f"{'no film':<8} no take yet: {', '.join(left_out)}"
    if any(not isinstance(error, SubmissionUnknown) for error in errors.values()):
        yield f"{'then':<8} storyboard render {shlex.quote(at.shown)}{flags}"


def _exit(errors: Collection[StoryboardError], stopped: StoryboardError | None) -> int:
    """The status of a run: what stopped it, else a decision that is needed, else the scenes that failed."""
    if stopped:
        return stopped.exit
    exits = {error.exit for error in errors}
    return next((status for status in (6, 5, 4, 3) if status in exits), 0)
