"""One function for each call of a provider: send its request, return its reading of the reply."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from storyboard.http.exchange import Reply, Request
from storyboard.http.policy import Call, Verdict
from storyboard.model.errors import Stalled
from storyboard.model.shot import Shot
from storyboard.providers.base import (
    Address,
    AskNext,
    BalanceReader,
    CallbackReader,
    Canceller,
    Dispatch,
    ImageUploader,
    Inspection,
    Inspector,
    JobFailed,
    JobFinder,
    JobState,
    NoResult,
    Pending,
    PromptEcho,
    Provider,
    Ready,
    SentImage,
    Upscaler,
)

if TYPE_CHECKING:
    from storyboard.http.client import Client

T = TypeVar("T")


async def ask(client: "Client", request: Request, read: "Callable[[Reply], T | NoResult | AskNext[T]]") -> T | Verdict:
    """Send a request, and each one that the reading of a reply asks for; return what the last one means."""
    found: T | AskNext[T] | Verdict = await client.send(request, read)
    while isinstance(found, AskNext):
        following: AskNext[T] = found
        found = await client.send(following.request, following.read)
    return found


async def send_submission(
    provider: Provider, client: "Client", shot: Shot, images: Sequence[SentImage], dispatch: Dispatch
) -> str:
    """Submit a shot, once; return the job's name. Raise SceneFailed, RunRefused or SubmissionUnknown."""
    job = await client.send(provider.submission(shot, images, dispatch), provider.read_submission)
    if isinstance(job, Verdict):
        raise provider.answers.texts.refusal(Call.SUBMIT, 200, Verdict.UNKNOWN)
    return job


async def job_status(provider: Provider, client: "Client", job: str) -> Pending | Ready:
    """Return the state of a job. Raise SceneFailed (the job is over), RunRefused or Stalled."""
    read: Callable[[Reply], JobState | NoResult | AskNext[JobState]] = partial(provider.read_status, job)
    found: JobState | Verdict = await ask(client, provider.status(job), read)
    if isinstance(found, JobFailed):
        raise provider.answers.texts.refusal(Call.POLL, found.signal, Verdict.FAILED, client.quote(found.words))
    return Pending(seen=found is Verdict.WAIT) if isinstance(found, Verdict) else found


async def upscale_status(provider: Provider, client: "Client", job: str) -> Pending | Ready:
    """Return the state of the upgrade of a finished job. Raise as ``job_status`` does."""
    request = provider.upscale(job) if isinstance(provider, Upscaler) else None
    if request is None or not isinstance(provider, Upscaler):
        raise provider.answers.texts.refusal(Call.HD, 404, Verdict.FAILED)
    found: Pending | Ready | Verdict = await client.send(request, provider.read_upscale)
    return Pending() if isinstance(found, Verdict) else found


async def upload_image(provider: Provider, client: "Client", name: str, content: bytes, kind: str) -> Address:
    """Upload an image to the provider. ``kind`` is its media type. Raise SceneFailed or RunRefused."""
    request = provider.upload(name, content, kind) if isinstance(provider, ImageUploader) else None
    if request is None or not isinstance(provider, ImageUploader):
        raise provider.answers.texts.refusal(Call.UPLOAD, 404, Verdict.STOP)
    uploader = provider
    found = await client.send(
        request, lambda reply: uploader.read_upload(reply, datetime.fromtimestamp(client.clock.wall(), UTC))
    )
    if isinstance(found, Verdict):
        raise provider.answers.texts.refusal(Call.UPLOAD, 404, Verdict.FAILED)
    return found


async def echoed_prompt(provider: Provider, client: "Client", job: str) -> str | None:
    """Return the prompt of a job as the provider repeats it; None if it does not. Raise as ``job_status`` does."""
    if not isinstance(provider, PromptEcho):
        return None
    echo = provider
    found = await client.send(echo.echo(job), lambda reply: echo.read_echo(job, reply))
    return None if isinstance(found, Verdict) else found


async def find_job(finder: JobFinder, client: "Client", dispatch: Dispatch) -> str | None:
    """Return the name of a submission's job; None if the provider certainly has none.

    Raise SceneFailed, RunRefused or Stalled if it cannot say.
    """
    read: Callable[[Reply], str | NoResult | AskNext[str | None] | None] = partial(finder.read_search, dispatch)
    found: str | Verdict | None = await ask(client, finder.search(dispatch), read)
    if isinstance(found, Verdict):
        raise Stalled("the provider does not say whether it has the job")
    return found


async def cancel_job(canceller: Canceller, client: "Client", job: str) -> bool:
    """Ask the provider to end a job; return whether it ended by that. Raise SceneFailed or RunRefused."""
    found = await client.send(canceller.cancel(job), canceller.read_cancel)
    return found is True


async def credit_balance(provider: Provider, client: "Client") -> Fraction | None:
    """Return the credits left on the account, None if the provider does not say. Raise SceneFailed or RunRefused."""
    request = provider.balance() if isinstance(provider, BalanceReader) else None
    if request is None or not isinstance(provider, BalanceReader):
        return None
    found = await client.send(request, provider.read_balance)
    return None if isinstance(found, Verdict) else found


async def service_inspection(provider: Provider, client: "Client") -> Inspection | None:
    """Return what the service says of the configured models; None if it cannot be asked. Raise as a balance does."""
    if not isinstance(provider, Inspector):
        return None
    found: Inspection | Verdict = await ask(client, provider.inspection(), provider.read_inspection)
    return None if isinstance(found, Verdict) else found


def jobs_in_callback(provider: Provider, body: object) -> tuple[str, ...]:
    """Return the names that a callback's body gives its job; () if the provider has no callbacks."""
    return provider.jobs_in_callback(body) if isinstance(provider, CallbackReader) else ()
