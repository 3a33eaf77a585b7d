"""The Python API: what `import storyboard` offers. Prints nothing, handles no signals."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from storyboard.config.settings import Settings, settings
from storyboard.model import events
from storyboard.model.errors import InputError, Interrupted
from storyboard.model.problem import Problem
from storyboard.model.realm_kind import Kind
from storyboard.model.storyboard import Storyboard
from storyboard.planning.steps import Make, Plan
from storyboard.state.realm import claim_storyboard
from storyboard.timeline.model import Timeline
from storyboard.workflow import preflight
from storyboard.workflow.cut import complete_takes, cut_only
from storyboard.workflow.facts import NOTHING_AGREED, Agreed, current_plan
from storyboard.workflow.footage import build_footage
from storyboard.workflow.partial import cut_partial
from storyboard.workflow.render import render, render_async, select_steps
from storyboard.workflow.render_options import RenderOptions, ignore_events
from storyboard.workflow.summary import RenderResult
from storyboard.workflow.validate import load_storyboard, validate_storyboard
from storyboard.workflow.workspace import Workspace, open_workspace

OnEvent = Callable[[events.Event], None]
Approve = Callable[[Plan], bool]


def validate(file: str | Path, variables: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
    """Return all problems of a storyboard, warnings included. Raise InputError if the file cannot be read.

    ``variables`` are those of ``--var``, by name.
    """
    return validate_storyboard(Path(file).absolute(), settings(), variables or {}, shown=str(file))[1]


def load(file: str | Path, variables: Mapping[str, str] | None = None) -> Storyboard:
    """Return a storyboard with its templates filled in. Raise Problems with all errors, or InputError."""
    return load_storyboard(Path(file).absolute(), settings(), variables or {}, shown=str(file))


@contextmanager
def open_storyboard(
    file: str | Path,
    realm: Kind | None = None,
    *,
    variables: Mapping[str, str] | None = None,
    model: str = "",
    configuration: Settings | None = None,
) -> Iterator["OpenStoryboard"]:
    """Open a storyboard for planning, rendering and cutting. Raise Problems, InputError, LocalFault.

    ``realm`` is "draft" for free takes of the emulator; left out, the takes of the configured service are meant.
    ``model`` makes proofs of the scenes that have no take of their own, as ``--model`` does.
    ``configuration`` is ``storyboard.settings()`` if left out: config.toml and the environment.
    """
    found = configuration or settings()
    with open_workspace(Path(file).absolute(), found, realm, given=variables, model=model) as workspace:
        yield OpenStoryboard(workspace)


@dataclass(frozen=True, slots=True)
class OpenStoryboard:
    """An open storyboard. A render or cut claims it while it runs: a second one at the same time raises Busy."""

    workspace: Workspace

    @property
    def storyboard(self) -> Storyboard:
        """The storyboard, as it was parsed when it was opened."""
        return self.workspace.storyboard

    def plan(
        self,
        scenes: Collection[str] = (),
        *,
        picked: bool = False,
        rebuy: Collection[str] = (),
        retry: Collection[str] = (),
    ) -> Plan:
        """Return a plan with a step for each take of each scene, or only of ``scenes`` if given.

        ``picked``: about the takes that the film uses alone. ``rebuy`` names scenes that are bought again if their
        takes are lost, ``retry`` scenes that are submitted once more although they were refused. Raise InputError for
        the name of no scene, LocalFault.
        """
        whole = current_plan(self.workspace, Agreed(tuple(rebuy), tuple(retry)))
        return select_steps(self.workspace, whole.picked_only() if picked else whole, tuple(scenes))

    def render(
        self,
        plan: Plan | None = None,
        *,
        approve: Approve | None = None,
        on_event: OnEvent = ignore_events,
        at_once: int = 8,
        out: str | Path | None = None,
        cut: bool = True,
        reencode: bool = False,
        chapters: bool = False,
    ) -> RenderResult:
        """Generate the missing takes and cut the film. If ``plan`` is given, execute exactly that plan.

        ``approve`` is asked before anything is paid: without it, a plan that costs credits raises InputError.
        ``at_once`` is how many jobs may be in progress; ``out`` the film's path; ``cut=False`` leaves the film as it
        is; ``reencode`` re-encodes every frame; ``chapters`` writes their list. A scene that fails is a part of the
        result. Raise InputError, also inside a running event loop, OverBudget, RunRefused, LocalFault, Busy, and
        Interrupted if ``approve`` says no.
        """
        _refuse_running_loop()
        options = self._options(plan, approve, on_event, at_once, out, cut, reencode, chapters)
        with claim_storyboard(self.workspace.file):
            return render(self.workspace, options, lambda work: asyncio.run(work()))

    async def render_async(
        self,
        plan: Plan | None = None,
        *,
        approve: Approve | None = None,
        on_event: OnEvent = ignore_events,
        at_once: int = 8,
        out: str | Path | None = None,
        cut: bool = True,
        reencode: bool = False,
        chapters: bool = False,
    ) -> RenderResult:
        """Do the same as ``render`` in the running event loop; the film is cut in another thread.

        Cancelled, nothing more is submitted; what was paid for is downloaded by the next render.
        """
        options = self._options(plan, approve, on_event, at_once, out, cut, reencode, chapters)
        with claim_storyboard(self.workspace.file):
            return await render_async(self.workspace, options)

    def cut(
        self,
        out: str | Path | None = None,
        *,
        missing: Literal["error", "slate"] = "error",
        on_event: OnEvent = ignore_events,
        reencode: bool = False,
        chapters: bool = False,
    ) -> RenderResult:
        """Cut the film from takes in the store. With ``missing="slate"``, show a slate for a scene without a take.

        Raise TakesMissing, InputError, LocalFault, BadMedia, Busy.
        """
        if missing not in ("error", "slate"):
            raise InputError(f"missing is {missing!r}, which is no way to cut", 'use "error" or "slate"')
        path = Path(out) if out else None
        options = RenderOptions(on_event=on_event, out=path, reencode=reencode, chapters=chapters)
        with claim_storyboard(self.workspace.file):
            if missing == "slate":
                return cut_partial(self.workspace, options, {})
            return cut_only(self.workspace, options)

    def timeline(self) -> Timeline:
        """Return the film's timeline: clips, transitions, titles, sound. Raise TakesMissing, InputError."""
        takes = complete_takes(self.workspace, current_plan(self.workspace))
        return build_footage(self.workspace, takes)[0]

    def _options(
        self,
        plan: Plan | None,
        approve: Approve | None,
        on_event: OnEvent,
        at_once: int,
        out: str | Path | None,
        cut: bool,
        reencode: bool,
        chapters: bool,
    ) -> RenderOptions:
        return RenderOptions(
            approve=lambda workspace, found: _approve(workspace, found, approve),
            on_event=on_event,
            at_once=at_once,
            exact_plan=plan,
            out=Path(out) if out else None,
            cut=cut,
            reencode=reencode,
            chapters=chapters,
            agreed=NOTHING_AGREED if plan is None else _agreed_in(plan),
        )


def _agreed_in(plan: Plan) -> Agreed:
    """What the user agreed to when this plan was made."""
    made = tuple(step.scene for step in plan.steps if isinstance(step, Make) and step.agreed)
    return Agreed(made, made)


def _approve(workspace: Workspace, plan: Plan, approve: Approve | None) -> None:
    """Raise what ``preflight.check`` finds; InputError or Interrupted if the plan is not approved."""
    if plan.count("make") + plan.count("collect"):
        preflight.check(workspace, plan)
    if approve is None:
        if plan.at_most:
            price = workspace.prices.describe_range(plan.cost, plan.at_most)
            raise InputError(f"this render costs {price}: confirmation required", "pass approve=, such as a function")
    elif not approve(plan):
        raise Interrupted("the plan was not approved: nothing was submitted or paid")


def _refuse_running_loop() -> None:
    """Raise InputError inside an event loop, where a render that waits would fail after its plan was approved."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise InputError("render cannot wait inside a running event loop", "use `await board.render_async(...)` there")
