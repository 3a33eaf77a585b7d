"""Accept the takes of scenes for what the storyboard says now: they stand until the scene changes again."""

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from storyboard.config.settings import Settings
from storyboard.costs.price_book import PriceBook
from storyboard.model.cost import Cost
from storyboard.model.errors import InputError
from storyboard.model.lock import Lock, Pinned
from storyboard.model.storyboard import Generated
from storyboard.planning.steps import Step
from storyboard.state.realm import claim_storyboard
from storyboard.workflow.facts import check_scene_names, current_plan
from storyboard.workflow.workspace import Workspace, open_workspace

# accepted, undone: by this command. standing: accepted before. frozen: it stands anyway. unchanged: its take was
# generated from what the scene says. open: it was not accepted, and there is nothing to undo. fallback: its take came
# of ``if_refused``, and stands by that.
Verdict = Literal["accepted", "standing", "unchanged", "frozen", "undone", "open", "fallback"]


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What became of a scene. ``steps`` are those of its takes in a render, if they were accepted as without that."""

    scene: str
    verdict: Verdict
    steps: tuple[Step, ...]
    prices: PriceBook

    @property
    def cost(self) -> Cost:
        """What is not paid because the takes were accepted; or what a render pays again for the scene."""
        return Cost.total(step.cost for step in self.steps)

    @property
    def why(self) -> str:
        """What a render says of the take that the film uses."""
        return next((step.why for step in self.steps if step.picked), "")


def accept_takes(
    file: Path, scenes: Collection[str], settings: Settings, given: Mapping[str, str], *, undo: bool = False
) -> tuple[Acceptance, ...]:
    """Record in the lock file that the takes of ``scenes`` stand for what these say now; ``undo``: that they do not.

    Nothing is recorded where one of the scenes has no take. Raise InputError for such a scene and for another name,
    Problems for a storyboard with errors, Busy, LocalFault.
    """
    with claim_storyboard(file):
        with open_workspace(file, settings, given=given) as workspace:
            check_scene_names(workspace, scenes)
            verdicts = {scene: _verdict(workspace, scene, undo=undo) for scene in scenes}
            as_it_was, stand = _described(workspace, verdicts), {*_accepted_scenes(workspace)}
        undone = {scene for scene, verdict in verdicts.items() if verdict == "undone"}
        stand = (stand | {scene for scene, verdict in verdicts.items() if verdict == "accepted"}) - undone
        # What is accepted of a scene changes the keys of the shots that begin with a frame of it: once more for those.
        is_settled = False
        while not is_settled:
            with open_workspace(file, settings, given=given) as workspace:
                is_settled = not _record(workspace, stand, undone)
                after = _described(workspace, verdicts) if is_settled and undo else as_it_was
    return after


def _accepted_scenes(workspace: Workspace) -> Iterator[str]:
    """The scenes whose takes stand because they were accepted."""
    lock = workspace.lockfile.read()
    for scene, shots in workspace.wanted.items():
        pinned = _pinned(workspace, lock, scene)
        if pinned and pinned.accepted and pinned.accepted == shots.takes[0].own_key:
            yield scene


def _record(workspace: Workspace, stand: Collection[str], undone: Collection[str]) -> bool:
    """Record which scenes are accepted as they are now; False if the lock file says so already."""
    lock = workspace.lockfile.read()
    accepted = {scene: workspace.wanted[scene].takes[0].own_key for scene in stand}
    changed = {
        scene: replace(pinned, accepted=accepted.get(scene))
        for scene in (*stand, *undone)
        if (pinned := _pinned(workspace, lock, scene))
    }
    return workspace.lockfile.set_accepted(changed, workspace.realm.ledger, time.time())


def _described(workspace: Workspace, verdicts: Mapping[str, Verdict]) -> tuple[Acceptance, ...]:
    plan = current_plan(workspace)
    steps = {scene: tuple(step for step in plan.steps if step.scene == scene) for scene in verdicts}
    return tuple(Acceptance(scene, verdicts[scene], steps[scene], workspace.prices) for scene in verdicts)


def _pinned(workspace: Workspace, lock: Lock, scene: str) -> Pinned | None:
    """What the lock pins of a scene."""
    there = {each.id for each in workspace.storyboard.scenes} | {*workspace.storyboard.skipped}
    own = {take.own_key for take in workspace.wanted[scene].takes}
    return lock.entry(scene, own, there)


def _verdict(workspace: Workspace, scene: str, *, undo: bool) -> Verdict:
    """What the command does about a scene. Raise InputError if there is no take of it."""
    shots = workspace.wanted.get(scene)
    if shots is None:
        raise InputError(f"scene '{scene}' shows a file of its own: no takes are generated of it")
    pinned = _pinned(workspace, workspace.lockfile.read(), scene)
    if pinned is None or not pinned.taken_keys:
        raise InputError(f"scene '{scene}' has no take that could be accepted", "generate it: storyboard render")
    if shots.fallbacks:
        return "fallback"
    if undo:
        return "undone" if pinned.accepted else "open"
    source = next(each.source for each in workspace.storyboard.scenes if each.id == scene)
    if isinstance(source, Generated) and source.frozen:
        return "frozen"
    if shots.stands:
        return "standing"
    own = {take.take: take.own_key for take in shots.takes}
    is_same = all(own.get(number) in (key, None) for number, key in pinned.taken_keys.items())
    return "unchanged" if is_same else "accepted"
