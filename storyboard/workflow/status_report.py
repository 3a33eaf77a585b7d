"""Report on a storyboard: the state of each scene, lost submissions, and what was spent."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

from storyboard.costs.price_book import PriceBook
from storyboard.film.registry import FilmRegistry
from storyboard.model.cost import Cost
from storyboard.model.problem import Problem
from storyboard.model.remark import Remark
from storyboard.model.storyboard import Generated, OwnClip, Still, described_source
from storyboard.model.submission import Submission
from storyboard.planning.steps import Blocked, Keep, Step, take_id
from storyboard.workflow.facts import cost_so_far, current_plan, orphaned_submissions
from storyboard.workflow.owed_jobs import OwedJob, owed_jobs
from storyboard.workflow.preflight import warnings
from storyboard.workflow.scene_remarks import scene_remarks
from storyboard.workflow.workspace import Workspace

SceneState = Literal["done", "paid", "missing", "unknown"]
_STATES: dict[str, SceneState] = {"keep": "done", "collect": "paid", "make": "missing", "blocked": "unknown"}


@dataclass(frozen=True, slots=True)
class SceneStatus:
    """The state of a take of a scene that a provider generates, and why. ``picked``: the film uses it.

    ``take`` is its number, ``seconds`` its length and ``path`` its file; None if it is not here. ``submission`` is the
    latest one of its shot, ``remarks`` what the checks say of the take. ``undecided``: the user has to decide, because
    its submission or the take that was bought is lost.
    """

    scene: str
    take: int
    picked: bool
    state: SceneState
    why: str
    seconds: Fraction | None
    submission: Submission | None
    undecided: bool
    path: Path | None
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True)
class OwnScene:
    """A scene that shows the author's own file; ``source`` describes it. ``path`` is None for a card of one colour."""

    scene: str
    source: str
    path: Path | None


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The state of a storyboard: its scenes, and what no scene needs: submissions whose answers were lost, jobs owed.

    ``storyboard`` is its path as the user reads it. ``spent`` is what it has cost, ``spent_on_failed`` the
    part of that for failed jobs. ``film`` is where the film goes, ``sheet`` its contact sheet; they need not exist.
    """

    storyboard: str
    scenes: tuple[SceneStatus, ...]
    own_scenes: tuple[OwnScene, ...]
    orphaned: tuple[Submission, ...]
    owed: tuple[OwedJob, ...]
    spent: Cost
    spent_on_failed: Cost
    warnings: tuple[Problem, ...]
    prices: PriceBook
    film: Path
    sheet: Path
    is_rehearsal: bool = False

    @property
    def paths(self) -> Mapping[str, Path | None]:
        """The file of each scene: the take that the film uses or the author's own; None if there is none."""
        own = {scene.scene: scene.path for scene in self.own_scenes}
        return {scene.scene: scene.path for scene in self.scenes if scene.picked} | own

    @property
    def needs_decision(self) -> bool:
        """Whether the author has to decide about a lost submission."""
        return bool(self.orphaned) or any(scene.undecided for scene in self.scenes)


def read_status(workspace: Workspace) -> StatusReport:
    """Return the state of a storyboard now. Raise InputError, LocalFault."""
    plan = current_plan(workspace)
    submissions = [
        each for realm in workspace.all_realms for each in realm.ledger.submissions.all(workspace.storyboard_id)
    ]
    latest = {submission.key: submission for submission in submissions}
    failed = (submission.cost for submission in submissions if submission.state == "failed")
    remarks = scene_remarks(workspace, plan)
    registry, file = FilmRegistry(workspace.file.parent), Path(workspace.storyboard.output.file)
    film = registry.default_path(file, workspace.realm.kind)
    return StatusReport(
        storyboard=workspace.shown,
        scenes=tuple(
            _scene_status(workspace, step, latest.get(step.shot.key), remarks.get(take_id(step), ()))
            for step in plan.steps
        ),
        own_scenes=_own_scenes(workspace),
        orphaned=tuple(orphaned_submissions(workspace, plan)),
        owed=owed_jobs(workspace, plan),
        spent=cost_so_far(workspace),
        spent_on_failed=Cost.total(failed),
        warnings=warnings(workspace, plan),
        prices=workspace.prices,
        film=film,
        sheet=film.with_suffix(".sheet.png"),
        is_rehearsal=workspace.realm.kind == "rehearsal",
    )


def _scene_status(
    workspace: Workspace, step: Step, submission: Submission | None, remarks: tuple[Remark, ...]
) -> SceneStatus:
    return SceneStatus(
        scene=step.scene,
        take=step.shot.take,
        picked=step.picked,
        state="missing"
        if isinstance(step, Blocked) and step.need in ("rebuy", "retry", "source")
        else _STATES[step.name],
        why=step.why,
        seconds=step.take.measure.seconds if isinstance(step, Keep) else None,
        submission=submission,
        undecided=isinstance(step, Blocked) and step.need in ("settle", "rebuy"),
        path=workspace.realm.store.path(step.take.digest) if isinstance(step, Keep) else None,
        remarks=remarks,
    )


def _own_scenes(workspace: Workspace) -> tuple[OwnScene, ...]:
    scenes = workspace.storyboard.scenes
    own = [(scene.id, scene.source) for scene in scenes if not isinstance(scene.source, Generated)]
    return tuple(OwnScene(scene, described_source(source), _path(workspace, source)) for scene, source in own)


def _path(workspace: Workspace, source: OwnClip | Still) -> Path | None:
    """The file that a scene shows; None for a card of one colour."""
    if isinstance(source, OwnClip):
        return workspace.file.parent / source.path
    return workspace.file.parent / source.image.path if source.image else None
