"""Submit a shot: record the intent, upload its images, send the request once, record what came of it."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from storyboard.generation.chained_frames import frame_image, known_image
from storyboard.generation.fitted_frames import fit_frame
from storyboard.generation.polling import clip_ready
from storyboard.generation.provider_calls import send_submission
from storyboard.generation.recover import find_job_by_callback, find_job_by_name, wait_for_other_run
from storyboard.generation.run_state import RunState
from storyboard.generation.schedule import CALLED_WITHIN
from storyboard.generation.services import RunServices
from storyboard.generation.uploads import Uploads, content_as_planned, media_type
from storyboard.model import events
from storyboard.model.cost import CREDITS
from storyboard.model.errors import (
    InputError,
    LocalFault,
    NotAsked,
    RunRefused,
    SceneFailed,
    SubmissionUnknown,
    submission_undecided,
)
from storyboard.model.shot import Shot, ShotImage, TakeFrame
from storyboard.model.storyboard import FrameFit, Image, LocalImage, WebImage
from storyboard.model.submission import Submission
from storyboard.model.text import one_line
from storyboard.planning.steps import Collect, Make, take_id
from storyboard.providers.base import Dispatch, JobFinder, Ready, SentImage, sent_images
from storyboard.state import rescue
from storyboard.state.ledger.submissions import AlreadyAsked, KnownJob

# How often a submission is sent again whose answer is lost each time, while the provider has no job of its name.
_RESENDS = 3


async def submit_shot(services: RunServices, state: RunState, step: Make) -> tuple[Submission, Ready | None]:
    """Submit a shot and wait until its clip is ready; the slot is held meanwhile.

    Returns the submission of another run, without a clip, if that one was first. Raise NotAsked, OverBudget,
    SceneFailed, SubmissionUnknown, RunRefused, LocalFault.
    """
    async with services.slots:
        state.may_submit(services.provider.name)
        services.on_event(events.Submitting(step.scene, step.shot.take, step.shot.model))
        images = [await _image(services, state, image) for image in step.shot.images]
        sendable = await _prepared_images(services, state, step.shot, images)
        state.may_submit(services.provider.name)
        try:
            submission = _record_intent(services, state, step, _sent_frames(step.shot, images))
        except AlreadyAsked:
            return await wait_for_other_run(services, state, step), None
        submission = await _send_or_recover(services, state, step, submission, sendable)
        state.paid.add(take_id(step))
        assert submission.job is not None
        services.on_event(events.Submitted(step.scene, step.shot.take, submission.job, step.cost))
        await services.callbacks.pause(submission, services.provider.timing.first)
        return submission, await clip_ready(services, state, step, submission)


async def _prepared_images(
    services: RunServices, state: RunState, shot: Shot, images: Sequence[tuple[Image, bytes]]
) -> Sequence[SentImage]:
    """The images of a shot in its shape, and as its model takes them."""
    fits = [image.frame.fit if isinstance(image, TakeFrame) else _fit_of(image) for image in shot.images]
    sent = [await fit_frame(services, state, *each, fit) for each, fit in zip(images, fits, strict=True)]
    return await _sendable(services, shot, sent)


async def recover_by_name(
    services: RunServices, state: RunState, step: Make | Collect, submission: Submission
) -> Submission:
    """Return a submission of an earlier run whose answer was lost: its job is found, or it is submitted again.

    Raise SubmissionUnknown while the provider cannot say; NotAsked, SceneFailed, RunRefused, LocalFault.
    """
    async with services.slots:
        if found := await find_job_by_name(services, state, submission):
            return found
        state.may_submit(services.provider.name)
        images = [await _image(services, state, image) for image in step.shot.images]
        sendable = await _prepared_images(services, state, step.shot, images)
        return await _send_or_recover(services, state, step, submission, sendable)


def forget_uploads(services: RunServices, state: RunState, shot: Shot) -> None:
    """Forget the addresses of a shot's images: the provider could not fetch one of them."""
    for image in shot.images:
        fit = image.frame.fit if isinstance(image, TakeFrame) else _fit_of(image)
        if isinstance(image, TakeFrame):
            image = known_image(services, state, image) or image
        if isinstance(image, LocalImage) and (uploads := _uploads(services, shot)):
            uploads.forget(state.fitted.get((image.digest, fit), image) if fit else image)


async def shield_request(state: RunState, request: Coroutine[None, None, Submission]) -> Submission:
    """Await a request that goes on even if this task is cancelled: its answer is money. The run waits for it."""
    task = asyncio.create_task(request)
    state.requests.add(task)
    task.add_done_callback(state.requests.discard)
    return await asyncio.shield(task)


def _record_intent(services: RunServices, state: RunState, step: Make, frames: Mapping[str, str]) -> Submission:
    """Raise AlreadyAsked, OverBudget, LocalFault: then nothing may be sent."""
    has_upgrade = services.model(step.shot).upgrades(step.resolution)
    price = step.cost - state.prices.upgrade(step.shot) if has_upgrade else step.cost
    unit, now = state.prices.unit(step.shot), services.clock.wall()
    return services.ledger.submissions.record_intent(
        step.shot,
        step.scene,
        state.storyboard_id,
        state.name,
        price.amount(step.shot.provider if unit == CREDITS else unit),
        now,
        state.budget,
        step.why,
        frames,
        unit,
    )


async def _send_or_recover(
    services: RunServices, state: RunState, step: Make | Collect, submission: Submission, images: Sequence[SentImage]
) -> Submission:
    """Send the request; if its answer is lost, look for its job by our name, or wait for a callback."""
    try:
        return await shield_request(state, _send(services, submission, step.shot, images))
    except SubmissionUnknown as lost:
        if isinstance(services.provider, JobFinder):
            return await _found_or_sent_again(services, state, step, submission, images)
        if not services.callbacks.is_enabled:
            raise
        why = "the answer to its submission was lost: waiting for the service to call back"
        services.on_event(events.Warned(step.scene, why))
        patience = services.provider.timing.first + CALLED_WITHIN
        return await find_job_by_callback(services, state, step, submission, lost, patience)


async def _found_or_sent_again(
    services: RunServices, state: RunState, step: Make | Collect, submission: Submission, images: Sequence[SentImage]
) -> Submission:
    """Look for the job of a submission whose answer was lost; where there is none, send it again by the same name.

    Raise SubmissionUnknown while the provider cannot say, SceneFailed if no answer comes again and again.
    """
    records = services.ledger.submissions
    for resends in range(_RESENDS + 1):
        # A request that was cut off may still be on its way.
        await services.clock.pause(services.provider.timing.pause)
        if found := await find_job_by_name(services, state, submission):
            return found
        if resends == _RESENDS:
            break
        try:
            state.may_submit(services.provider.name)
        except NotAsked:
            records.record_refused(submission, "", None, services.clock.wall())
            raise
        with suppress(SubmissionUnknown):
            return await shield_request(state, _send(services, submission, step.shot, images))
    why = "no answer came to its submission, again and again, and the provider has no such job"
    records.record_refused(submission, why, None, services.clock.wall())
    raise SceneFailed(why, "render again later: finished takes are kept")


async def _send(services: RunServices, submission: Submission, shot: Shot, images: Sequence[SentImage]) -> Submission:
    """Send the request once, and record what came of it before anything else happens."""
    records, now = services.ledger.submissions, services.clock.wall
    try:
        callback = services.callbacks.address(submission.nonce)
        dispatch = Dispatch(submission.own_name, callback)
        job = await send_submission(services.provider, services.client, shot, images, dispatch)
    except SubmissionUnknown as error:
        records.record_unknown(submission, error.message, error.code, now())
        raise submission_undecided(error.message) from error
    except SceneFailed as error:
        records.record_refused(submission, error.message, error.code, now())
        raise
    except NotAsked:
        records.record_refused(submission, "", None, now())
        raise
    except RunRefused as error:
        # The scene is not at fault: the next plan has nothing to say of it.
        records.record_refused(submission, "", error.code, now())
        raise
    return _record_job(services, submission, job)


def _record_job(services: RunServices, submission: Submission, job: str) -> Submission:
    """Record an accepted job. Raise SubmissionUnknown if another shot has it, LocalFault if it cannot be recorded."""
    records, now = services.ledger.submissions, services.clock.wall
    try:
        records.record_accepted(submission, job, now())
    except KnownJob:
        why = f"the provider answered with the job {job}, which another shot already has"
        records.record_unknown(submission, why, None, now())
        raise submission_undecided(why) from None
    except LocalFault as error:
        where = rescue.keep(services.ledger.path, submission, job)
        said = f"PAID: job {job} of scene {submission.scene} could not be written down ({error.message})"
        hint = f"kept in {where}: make room, and run again to collect it" if where else "write it down yourself"
        raise LocalFault(said, hint) from error
    present = records.of_key(submission.key)
    assert present is not None
    return present


async def _image(services: RunServices, state: RunState, image: ShotImage) -> tuple[Image, bytes]:
    """The image itself: of a frame, the image that was taken of it; and its bytes, of one that is not uploaded none."""
    if isinstance(image, TakeFrame):
        return await frame_image(services, state, image)
    if isinstance(image, WebImage):
        return image, b""
    try:
        return image, await asyncio.to_thread(services.read_image, image)
    except InputError as error:  # It is not there any more: that is this scene's fault alone.
        raise SceneFailed(error.message, error.hint) from error


def _fit_of(image: Image) -> FrameFit | None:
    return image.fit if isinstance(image, LocalImage) else None


def _sent_frames(shot: Shot, images: Sequence[tuple[Image, bytes]]) -> Mapping[str, str]:
    """The digests of the frames of other scenes among the images, by "first_frame", "last_frame", "reference1" ..."""
    references = [f"reference{at}" for at in range(1, len(images) + 1)]
    places = references if shot.references else ["first_frame", "last_frame"]
    return {
        place: sent.digest
        for place, image, (sent, _) in zip(places, shot.images, images, strict=False)
        if isinstance(image, TakeFrame) and isinstance(sent, LocalImage)
    }


def _uploads(services: RunServices, shot: Shot) -> Uploads | None:
    """Where the images of a shot are uploaded to: its model may know them only by names of the provider's own."""
    return services.own_uploads if services.model(shot).images == "upload" else services.uploads


async def _sendable(services: RunServices, shot: Shot, images: Sequence[tuple[Image, bytes]]) -> Sequence[SentImage]:
    """The images as the model of the shot takes them: uploaded, or as bytes. Raise SceneFailed, RunRefused."""
    model = services.model(shot)
    if not model.web_images and any(isinstance(image, WebImage) for image, _ in images):
        raise SceneFailed(f"{one_line(model.name, 40)} takes no image by its address", "save the image in the project")
    if model.images != "bytes":
        uploads = _uploads(services, shot)
        return sent_images(shot, [await _address(uploads, *image) for image in images])
    known = [image.url if isinstance(image, WebImage) else "" for image, _ in images]
    return [_with_bytes(sent, *image) for sent, image in zip(sent_images(shot, known), images, strict=True)]


def _with_bytes(sent: SentImage, image: Image, content: bytes) -> SentImage:
    if isinstance(image, WebImage):
        return sent
    return replace(sent, content=content_as_planned(image, content), kind=media_type(image))


async def _address(uploads: Uploads | None, image: Image, content: bytes) -> str:
    if isinstance(image, WebImage):
        return image.url
    assert uploads is not None
    return (await uploads.address(image, content)).url
