"""End the jobs in progress at a provider that can be told to: only when the user says so."""

import asyncio
from collections.abc import Sequence

from storyboard.generation.provider_calls import cancel_job
from storyboard.generation.run_state import RunState
from storyboard.generation.services import AllServices, RunServices
from storyboard.model import events
from storyboard.model.errors import StoryboardError
from storyboard.model.submission import Submission
from storyboard.model.text import one_line
from storyboard.providers.base import Canceller


def cancellable_jobs(services: AllServices, state: RunState) -> Sequence[Submission]:
    """The submissions of the run whose jobs are in progress, at providers that can end a job."""
    ledgers = {id(each.ledger): each.ledger for each in services.every}
    known = [one for ledger in ledgers.values() for one in ledger.submissions.all(state.storyboard_id)]
    mine = (one for one in known if one.state == "open" and one.job and one.take in state.paid)
    return [one for one in mine if isinstance(services.of(one).provider, Canceller)]


async def cancel_jobs(services: AllServices, state: RunState) -> None:
    """Have the jobs in progress ended. One that was too late, or could not be asked, stays open."""
    found = cancellable_jobs(services, state)
    await asyncio.gather(*(_cancel(services.of(submission), submission) for submission in found))


async def _cancel(services: RunServices, submission: Submission) -> None:
    canceller, job = services.provider, submission.job
    assert isinstance(canceller, Canceller)
    assert job is not None
    try:
        ended = await cancel_job(canceller, services.client, job)
    except StoryboardError as error:
        said = f"job {one_line(job, 80)} could not be cancelled: {error.message}"
        services.on_event(events.Warned(submission.scene, said))
        return
    if ended:
        now = services.clock.wall()
        services.ledger.submissions.record_failed(submission, "it was cancelled, as the author decided", None, now)
