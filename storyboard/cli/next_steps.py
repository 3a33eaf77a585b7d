"""The end of a render in words: which scenes failed and why, and the command to type next."""

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

from storyboard.cli.exit_status import result_status
from storyboard.model import events
from storyboard.model.errors import RebuyNeeded, RunRefused, StoryboardError
from storyboard.model.text import one_line

if TYPE_CHECKING:
    from storyboard.workflow.summary import RenderResult


def done_event(result: "RenderResult", flags: str = "", previews: tuple[str, ...] = ()) -> events.Done:
    """Return the end of a render as the last event. ``flags`` are those to type again, each after a space.

    ``previews`` are the commands that show the scenes that were asked for.
    """
    return events.Done(
        film=str(result.film or ""),
        sha256=result.sha256,
        frames=result.frames,
        seconds=result.seconds,
        size=result.size,
        made=result.made,
        kept=result.kept,
        failed=result.failed_count,
        unknown=len(result.unconfirmed_scenes),
        cost=result.cost,
        exit=result_status(result),
        notes=(*(_slates(result) if result.slates else _notes(result, flags, previews)), *_proofs(result)),
    )


def render_command(storyboard: str, flags: str = "") -> str:
    """Return the command that renders a storyboard."""
    return f"storyboard render {shlex.quote(storyboard)}{flags}"


def _proofs(result: "RenderResult") -> Iterator[str]:
    if result.proofs and result.film:
        named = ", ".join(result.proofs[:20]) + (f" and {len(result.proofs) - 20} more" if result.proofs[20:] else "")
        yield f"{'proof':<8} {named}: replaced by `{render_command(result.storyboard)}`"


def _slates(result: "RenderResult") -> Iterator[str]:
    for scene, why in result.slates.items():
        yield f"{'slate':<8} {scene}: {one_line(why, 300)}"


def _notes(result: "RenderResult", flags: str, previews: tuple[str, ...]) -> Iterator[str]:
    yield from _troubles(result)
    if stopped := _unsaid(result):
        yield from _with_hint("stopped", stopped.message, stopped.hint)
    if waiting := result.waiting:
        more = f" and {len(waiting) - 20} more" if len(waiting) > 20 else ""
        yield f"{'waiting':<8} not generated yet: {', '.join(waiting[:20])}{more}"
    if result.missing:
        yield f"{'no film':<8} no take yet: {', '.join(result.missing)}"
        if not result.errors:
            yield from (f"{'see it':<8} {typed}" for typed in previews)
    if len(result.errors) > len(result.unconfirmed_scenes):
        yield f"{'then':<8} {render_command(result.storyboard, flags)}"


def _troubles(result: "RenderResult") -> Iterator[str]:
    """The lines of failed scenes. Scenes with the same error share its lines."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for scene, error in result.errors.items():
        if scene not in result.waiting:
            lost = "decide" if isinstance(error, RebuyNeeded) else "unknown"
            kind = lost if scene in result.unconfirmed_scenes else "failed"
            alike.setdefault((kind, error.message, error.hint), []).append(scene)
    for (kind, message, hint), scenes in alike.items():
        yield from _with_hint(kind, f"{', '.join(scenes)}: {message}", hint)


def _unsaid(result: "RenderResult") -> StoryboardError | None:
    """What stopped the run, unless it is the error of a scene already."""
    stopped = result.stopped_by
    said = any(error is stopped for error in result.errors.values())
    return stopped if isinstance(stopped, RunRefused) or not said else None


def _with_hint(word: str, text: str, hint: str) -> Iterator[str]:
    yield f"{word:<8} {text}"
    if hint:
        yield f"{'':<8} {hint}"
