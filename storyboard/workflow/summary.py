"""How a render ended, as data: what became of each scene, the film, the credits spent, what stopped the run."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from storyboard.film.registry import Film
from storyboard.model.cost import NO_COST, Cost
from storyboard.model.errors import NotAsked, RebuyNeeded, RunRefused, StoryboardError, SubmissionUnknown
from storyboard.model.take import Outcome, Take, TakeId
from storyboard.planning.steps import Plan, take_id
from storyboard.system.files import disk_errors
from storyboard.workflow.workspace import Workspace


@dataclass(frozen=True, slots=True)
class RenderResult:
    """The end of a render or a cut. ``storyboard`` is the path of its file, relative to the current folder if below it.

    ``takes`` has a take or an error for each take that was asked for, ``outcomes`` those that the film uses, by scene;
    ``missing`` names the scenes of the film that have neither. ``film`` is None where nothing was cut; ``sha256`` is ""
    where it was not asked for. ``slates`` says why a slate is seen in the place of a scene. ``made`` and ``kept`` count
    takes, ``cost`` is what was spent by our prices. ``proofs`` names the scenes that a proof shows.
    """

    storyboard: str
    outcomes: Mapping[str, Outcome]
    takes: Mapping[TakeId, Outcome]
    missing: tuple[str, ...]
    film: Path | None
    sha256: str
    frames: int
    seconds: Fraction
    size: tuple[int, int] | None
    made: int
    kept: int
    cost: Cost
    stopped_by: StoryboardError | None = None
    slates: Mapping[str, str] = field(default_factory=dict)
    proofs: tuple[str, ...] = ()

    @property
    def credits(self) -> Fraction:
        """The cost in credits. Raise InputError where it is not in credits of one provider alone."""
        return self.cost.credits

    spent = credits

    @property
    def errors(self) -> Mapping[str, StoryboardError]:
        """What has no take, and why: scenes; and takes that are not a scene's first, such as "gull take 2"."""
        return {str(take): outcome for take, outcome in self.takes.items() if isinstance(outcome, StoryboardError)}

    @property
    def unconfirmed_scenes(self) -> tuple[str, ...]:
        """The scenes that need a decision: their submissions were lost, or their takes."""
        return tuple(
            scene for scene, error in self.errors.items() if isinstance(error, SubmissionUnknown | RebuyNeeded)
        )

    @property
    def waiting(self) -> tuple[str, ...]:
        """The scenes that were not made because the run was stopped."""
        return tuple(scene for scene, error in self.errors.items() if isinstance(error, NotAsked | RunRefused))

    @property
    def failed_count(self) -> int:
        """How many scenes failed."""
        return len(self.errors) - len(self.unconfirmed_scenes) - len(self.waiting)


def summarize(
    workspace: Workspace,
    plan: Plan,
    outcomes: Mapping[TakeId, Outcome],
    cut: tuple[Path | None, Film | None],
    *,
    checksum: bool,
    cost: Cost = NO_COST,
    stopped_by: StoryboardError | None = None,
    slates: Mapping[str, str] | None = None,
    proofs: tuple[str, ...] = (),
) -> RenderResult:
    """Return the result of a render. ``cut`` is where the film goes, and the film if there is one.

    ``checksum``: read the film once more for its SHA-256, which takes longer than the cut. Raise LocalFault.
    """
    path, film = cut
    asked = [take_id(step) for step in plan.steps if step.name in ("make", "collect")]
    asked += [take for take in outcomes if take not in {take_id(step) for step in plan.steps}]
    used = {TakeId(scene, shots.used) for scene, shots in workspace.wanted.items()}
    seen = {take.scene: outcome for take, outcome in outcomes.items() if take in used}
    return RenderResult(
        storyboard=workspace.shown,
        outcomes=seen,
        takes=outcomes,
        missing=tuple(scene for scene in workspace.wanted if scene not in seen and scene not in proofs),
        film=path if film else None,
        sha256=_sha256(path) if path and film and checksum else "",
        frames=film.frames if film else 0,
        seconds=film.frames / Fraction(film.fps) if film else Fraction(0),
        size=(film.width, film.height) if film else None,
        made=sum(isinstance(outcomes.get(take), Take) for take in asked),
        kept=plan.count("keep"),
        cost=cost,
        stopped_by=stopped_by,
        slates=slates or {},
        proofs=proofs,
    )


def of_film(workspace: Workspace, takes: Mapping[str, Take]) -> dict[TakeId, Outcome]:
    """Return the ``takes`` that a film uses, by scene, as outcomes."""
    return {TakeId(scene, workspace.wanted[scene].used): take for scene, take in takes.items()}


def _sha256(film: Path) -> str:
    with disk_errors(film), film.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
