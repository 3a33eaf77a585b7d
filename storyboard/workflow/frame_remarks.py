"""Remarks on chains: takes that began with a frame of another take than the one that stands for its shot now."""

import hashlib
from collections.abc import Iterator, Mapping, Set

from storyboard.model.errors import BadMedia
from storyboard.model.problem import Problem
from storyboard.model.shot import TakeFrame
from storyboard.model.take import Take
from storyboard.planning.steps import Keep, Plan
from storyboard.timeline.shown_frames import shown_frame
from storyboard.workflow.render_options import takes_of
from storyboard.workflow.workspace import Workspace


def frame_remarks(workspace: Workspace, plan: Plan) -> tuple[Problem, ...]:
    """Return a warning for each frame that was sent under the same key, and is of a take that is gone.

    So it is after a lost take was bought again: its shot is the same, its picture is not. Frames that this ledger
    never took, as in a clone, are not judged.
    """
    if not any(step.shot.take_frames for step in plan.film_steps.values()):
        return ()
    sources: dict[str, set[str]] = {}
    for stored in workspace.realm.ledger.frames.all():
        sources.setdefault(stored.digest, set()).add(stored.source)
    return tuple(_remarks(workspace, plan, sources))


def _remarks(workspace: Workspace, plan: Plan, sources: Mapping[str, Set[str]]) -> Iterator[Problem]:
    standing = takes_of(plan)
    for step in plan.film_steps.values():
        for frame, sent in _sent(step) if isinstance(step, Keep) else ():
            take = standing.get(frame.frame.scene)
            if take and sent in sources and not _is_of(workspace, frame, take, sent, sources[sent]):
                message = f"'{step.scene}' was made with {frame} as an earlier take had it"
                hint = "look at the join; another 'seed' generates it again"
                yield Problem(frame.frame.place, "", message, hint, severity="warning")


def _is_of(workspace: Workspace, frame: TakeFrame, take: Take, sent: str, sources: Set[str]) -> bool:
    """Whether the frame that was sent is the one that this take has; also where that cannot be said."""
    from storyboard.media.frames import frame_png

    versions = workspace.realm.ledger.takes.of_key(frame.key).values()
    if sources & {take.digest, *(version.digest for version in versions)}:
        return True
    number = shown_frame(take.measure, frame.trim, frame.frame.at)
    try:
        found = None if number is None else frame_png(workspace.realm.store.path(take.digest), number)
    except BadMedia:  # The cut reports it.
        return True
    return found is not None and hashlib.sha256(found[0]).hexdigest() == sent


def _sent(step: Keep) -> Iterator[tuple[TakeFrame, str]]:
    """The frames of other scenes that a take was made with, and the digests of what was sent."""
    shot, take = step.shot, step.take
    for frame, digest in ((shot.first_frame, take.first_frame), (shot.last_frame, take.last_frame)):
        if isinstance(frame, TakeFrame) and digest:
            yield frame, digest
