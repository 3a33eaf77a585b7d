"""Find the job of a shot that somebody else submitted, or whose answer was lost: by waiting, or by a callback."""

from storyboard.generation.provider_calls import echoed_prompt, find_job
from storyboard.generation.run_state import RunState, stop_run
from storyboard.generation.schedule import CALLED_LOOK
from storyboard.generation.services import RunServices
from storyboard.model import events
from storyboard.model.errors import (
    NotAsked,
    RunRefused,
    SceneFailed,
    StoryboardError,
    SubmissionUnknown,
    submission_undecided,
)
from storyboard.model.submission import Submission
from storyboard.model.text import one_line
from storyboard.planning.steps import Collect, Make
from storyboard.providers.base import Dispatch, JobFinder
from storyboard.state.ledger.submissions import KnownJob
from storyboard.system.claims import is_locked


async def job_of_same_shot(services: RunServices, state: RunState, step: Collect) -> Submission:
    """Return the submission of a job that exists already, once the takes that this one waits for are done.

    Raise what they ended with, if there is no take of the shot all the same.
    """
    for other in step.after:
        outcome = await state.tasks[other]
        if isinstance(outcome, NotAsked):
            raise outcome
        if isinstance(outcome, StoryboardError) and not services.ledger.takes.of_key(step.shot.key):
            raise type(outcome)(f"it is the same shot as {other.scene}: {outcome.message}", outcome.hint)
    return await wait_for_other_run(services, state, step)


async def wait_for_other_run(services: RunServices, state: RunState, step: Make | Collect) -> Submission:
    """Wait until a shot that another run is submitting has a job. Raise SceneFailed, SubmissionUnknown."""
    while submission := services.ledger.submissions.of_key(step.shot.key):
        match submission.state:
            case "open" | "taken":
                return submission
            case "refused" | "failed" | "abandoned":
                raise SceneFailed(submission.why, "run again to try it once more", submission.code)
        if submission.state == "unknown" or not is_locked(services.runs / submission.run):
            lost = submission_undecided(submission.why or "its submission was cut off before an answer came")
            return await find_job_by_callback(services, state, step, submission, lost, 0)
        await services.clock.pause(2)
    raise SceneFailed("it was not submitted", "run again")


def is_searchable(services: RunServices, submission: Submission | None) -> bool:
    """Whether the answer of a submission was lost, and the provider finds its job by our own name."""
    if submission is None or not isinstance(services.provider, JobFinder):
        return False
    dead = submission.state == "intent" and not is_locked(services.runs / submission.run)
    return submission.state == "unknown" or dead


async def find_job_by_name(services: RunServices, state: RunState, submission: Submission) -> Submission | None:
    """Return the submission with the job of its own name; None if the provider certainly has none.

    Raise SubmissionUnknown while the provider cannot say.
    """
    finder = services.provider
    assert isinstance(finder, JobFinder)
    dispatch = Dispatch(submission.own_name, services.callbacks.address(submission.nonce))
    try:
        job = await find_job(finder, services.client, dispatch)
        if job is not None:
            services.ledger.submissions.adopt(submission, job, services.clock.wall())
    except SceneFailed as error:
        raise _not_found(error.message) from error
    except RunRefused as error:
        stop_run(services, state, error)
        raise _not_found(error.message) from error
    except KnownJob:
        raise _not_found("it was found under the name of another shot's job") from None
    return services.ledger.submissions.of_key(submission.key) if job is not None else None


def _not_found(why: str) -> SubmissionUnknown:
    hint = "run again: it is looked for by its name, and submitted again only if there is none"
    return SubmissionUnknown(f"unconfirmed submission, possibly accepted and charged: {why}", hint)


async def find_job_by_callback(
    services: RunServices,
    state: RunState,
    step: Make | Collect,
    submission: Submission,
    lost: SubmissionUnknown,
    patience: float,
) -> Submission:
    """Return the submission with the job that a callback names, once the provider has confirmed it.

    Waits up to ``patience`` seconds for a callback. Raise ``lost`` if none names its job.
    """
    foreign = set[str]()
    while True:
        for job in services.ledger.inbox.jobs_named_by_callbacks(submission.nonce):
            if job not in foreign and (why := await verify_callback_job(services, state, submission, job)):
                foreign.add(job)
                said = f"a callback names the job {one_line(job, 80)}, but {why}"
                services.on_event(events.Warned(step.scene, said))
        present = services.ledger.submissions.of_key(submission.key)
        if present and present.id == submission.id and present.state in ("open", "taken"):
            return present
        if patience <= 0 or state.is_interrupted:
            raise lost
        await services.callbacks.pause(submission, min(patience, CALLED_LOOK))
        patience -= CALLED_LOOK


async def verify_callback_job(services: RunServices, state: RunState, submission: Submission, job: str) -> str:
    """Adopt ``job`` and return ""; or return why it is not this submission's.

    Returns "" as well while the provider does not say what the job was asked for. Raise LocalFault.
    """
    try:
        prompt = await echoed_prompt(services.provider, services.client, job)
    except SceneFailed:
        return ""
    except RunRefused as error:
        stop_run(services, state, error)
        return ""
    if prompt is None:
        return ""
    try:
        if submission.asks(prompt):
            services.ledger.submissions.adopt(submission, job, services.clock.wall())
            return ""
        why = "it was asked for something else"
    except KnownJob:
        why = "that belongs to another shot"
    services.ledger.inbox.discard_callback(submission.nonce, job)
    return why
