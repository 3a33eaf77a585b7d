"""Download what the provider owes: the clips of jobs that no scene needs now, and the originals of takes."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from storyboard.generation.download import collect_clip, collect_upgrade
from storyboard.generation.originals import collect_owed_original
from storyboard.generation.polling import clip_ready
from storyboard.generation.run_state import RunState
from storyboard.generation.runner import contain_faults
from storyboard.generation.schedule import HD_DEADLINE
from storyboard.generation.services import AllServices, RunServices
from storyboard.model import events
from storyboard.model.errors import LocalFault, OriginalGone, ProgramFault, SceneFailed, Stalled, StoryboardError
from storyboard.model.shot import shot_of_recipe
from storyboard.model.submission import Submission
from storyboard.model.take import ORIGINAL, Outcome, Take
from storyboard.planning.steps import Collect


async def collect_owed(
    services: AllServices, state: RunState, owed: Sequence[Submission]
) -> list[tuple[Submission, Outcome]]:
    """Download what is owed, all at once; report each end as an event. What goes wrong with one ends nothing else."""
    return [
        *zip(
            owed,
            await asyncio.gather(*(_outcome(services.of(submission), state, submission) for submission in owed)),
            strict=True,
        )
    ]


async def _outcome(services: RunServices, state: RunState, submission: Submission) -> Outcome:
    outcome = await contain_faults(services, _carry_out(services, state, submission))
    services.on_event(owed_event(submission, outcome))
    return outcome


async def _carry_out(services: RunServices, state: RunState, submission: Submission) -> Outcome:
    try:
        return await _collect(services, state, submission)
    except StoryboardError as error:
        return error


def owed_event(submission: Submission, outcome: Outcome) -> events.Owed:
    """Return what became of an owed job, as an event."""
    scene, job = submission.scene, submission.job or ""
    if isinstance(outcome, Take):
        return events.Owed(scene, job, "fetched", "", is_original=outcome.resolution == ORIGINAL)
    # A job ends by the provider's word; its upgrade can be asked for again.
    is_failed = submission.state == "open" and isinstance(outcome, SceneFailed) and not isinstance(outcome, Stalled)
    is_over = is_failed or isinstance(outcome, OriginalGone)
    # What is wrong here, not with the job, says what to do about it: free the disk, send us the traceback.
    advice = f"; {outcome.hint}" if isinstance(outcome, LocalFault | ProgramFault) and outcome.hint else ""
    return events.Owed(
        scene, job, "failed" if is_over else "open", f"{outcome.message}{advice}", submission.owes_original
    )


async def _collect(services: RunServices, state: RunState, submission: Submission) -> Take:
    """Return what an owed job owes: its take, its upgrade if that was requested, its original. Raise StoryboardErrors.

    What comes last is returned.
    """
    if (named := submission.provider) != services.provider.name:
        raise Stalled(f"it is a job of the provider {named}, and the configured one is {services.provider.name}")
    if submission.owes_original and not _owes_upgrade(services, submission):
        return await collect_owed_original(services, state, submission)
    take = await _collect_take(services, state, submission)
    return await collect_owed_original(services, state, submission) if submission.owes_original else take


def _owes_upgrade(services: RunServices, submission: Submission) -> bool:
    """Whether the upgrade of a job was requested and did not come."""
    wanted = services.catalogue.model(submission).resolutions[-1].name
    return submission.hd is not None and wanted not in services.ledger.takes.of_key(submission.key)


async def _collect_take(services: RunServices, state: RunState, submission: Submission) -> Take:
    # Scenes of the same id may be in progress beside it: nothing is shown of it but its end.
    quiet = replace(services, on_event=lambda event: None, prepare=lambda scene, take: None)
    model, shot = services.catalogue.model(submission), shot_of_recipe(submission.recipe)
    wanted = model.resolutions[-1] if submission.hd is not None else model.quality(shot.resolution or "")
    step = Collect(submission.scene, shot, wanted.name, submission.job, "")
    take, patience = services.take_in_store(submission.key, model.base(wanted.name)), _patience(services, submission)
    if take is None:
        ready = await clip_ready(quiet, state, step, submission, patience)
        take = await collect_clip(quiet, state, step, submission, ready)
    if not wanted.upgrade:
        return take
    return await collect_upgrade(quiet, state, step, submission, min(patience, HD_DEADLINE))


def _patience(services: RunServices, submission: Submission) -> float:
    """Seconds to wait for an owed job: as long as for any other, counted from its submission."""
    return max(services.provider.timing.deadline - (services.clock.wall() - submission.asked), 0.0)
