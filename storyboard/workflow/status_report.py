"""Report on a storyboard: the state of each scene, lost submissions, and what was spent."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from storyboard.costs.prices import Prices
from storyboard.model.problem import Problem
from storyboard.model.storyboard import Generated, described_source
from storyboard.model.submission import Submission
from storyboard.planning.steps import Blocked, Keep, Step
from storyboard.workflow.collect import OwedJob, owed_jobs
from storyboard.workflow.facts import current_plan, orphaned_submissions, spent_credits
from storyboard.workflow.preflight import warnings
from storyboard.workflow.workspace import Workspace

SceneState = Literal["done", "paid", "missing", "unknown"]
_STATES: dict[str, SceneState] = {"keep": "done", "collect": "paid", "make": "missing", "blocked": "unknown"}


@dataclass(frozen=True, slots=True)
class SceneStatus:
    """The state of a scene that a provider generates, and why.

    ``seconds`` is the length of its take, None if it has none here. ``submission`` is the latest one of its shot.
    ``undecided``: the user has to decide, because its submission or the take that was bought is lost.
    """

    scene: str
    state: SceneState
    why: str
    seconds: Fraction | None
    submission: Submission | None
    undecided: bool


@dataclass(frozen=True, slots=True)
class OwnScene:
    """A scene that shows the author's own file; ``source`` describes it."""

    scene: str
    source: str


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The state of a storyboard: its scenes, and what no scene needs: submissions whose answers were lost, jobs owed.

    ``storyboard`` is its path as the user reads it. ``spent`` is what it has cost in credits, ``spent_on_failed`` the
    part of that for failed jobs.
    """

    storyboard: str
    scenes: tuple[SceneStatus, ...]
    own_scenes: tuple[OwnScene, ...]
    orphaned: tuple[Submission, ...]
    owed: tuple[OwedJob, ...]
    spent: Fraction
    spent_on_failed: Fraction
    warnings: tuple[Problem, ...]
    prices: Prices

    @property
    def needs_decision(self) -> bool:
        """Whether the author has to decide about a lost submission."""
        return bool(self.orphaned) or any(scene.undecided for scene in self.scenes)


def read_status(workspace: Workspace) -> StatusReport:
    """Return the state of a storyboard now. Raise InputError, LocalFault."""
    plan = current_plan(workspace)
    submissions = workspace.realm.ledger.submissions.all(workspace.storyboard_id)
    latest = {submission.key: submission for submission in submissions}
    failed = (submission.cost for submission in submissions if submission.state == "failed")
    return StatusReport(
        storyboard=workspace.shown,
        scenes=tuple(_scene_status(step, latest.get(step.shot.key)) for step in plan.steps),
        own_scenes=_own_scenes(workspace),
        orphaned=tuple(orphaned_submissions(workspace, plan)),
        owed=owed_jobs(workspace, plan),
        spent=spent_credits(workspace),
        spent_on_failed=sum(failed, Fraction(0)),
        warnings=warnings(workspace, plan),
        prices=workspace.prices,
    )


def _scene_status(step: Step, submission: Submission | None) -> SceneStatus:
    return SceneStatus(
        scene=step.scene,
        state="missing" if isinstance(step, Blocked) and step.need in ("rebuy", "retry") else _STATES[step.name],
        why=step.why,
        seconds=step.take.measure.seconds if isinstance(step, Keep) else None,
        submission=submission,
        undecided=isinstance(step, Blocked) and step.need in ("settle", "rebuy"),
    )


def _own_scenes(workspace: Workspace) -> tuple[OwnScene, ...]:
    scenes = workspace.storyboard.scenes
    own = [(scene.id, scene.source) for scene in scenes if not isinstance(scene.source, Generated)]
    return tuple(OwnScene(scene, described_source(source)) for scene, source in own)
