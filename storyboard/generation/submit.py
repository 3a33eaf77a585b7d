"""Submit a shot: record the intent, upload its images, send the request once, record what came of it."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence

from storyboard.generation.chained_frames import frame_image, known_image, wait_for_sources
from storyboard.generation.fitted_frames import fit_frame
from storyboard.generation.polling import clip_ready
from storyboard.generation.provider_calls import send_submission
from storyboard.generation.recover import find_job_by_callback, wait_for_other_run
from storyboard.generation.run_state import RunState
from storyboard.generation.schedule import CALLED_WITHIN, FIRST_POLL
from storyboard.generation.services import RunServices
from storyboard.model import events
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
from storyboard.planning.steps import Make, take_id
from storyboard.providers.base import Dispatch, Ready, sent_images
from storyboard.state import rescue
from storyboard.state.ledger.submissions import AlreadyAsked, KnownJob


async def submit_shot(services: RunServices, state: RunState, step: Make) -> tuple[Submission, Ready | None]:
    """Submit a shot and wait until its clip is ready; the slot is held meanwhile, not while it waits for other takes.

    Returns the submission of another run, without a clip, if that one was first. Raise NotAsked, OverBudget,
    SceneFailed, SubmissionUnknown, RunRefused, LocalFault.
    """
    await wait_for_sources(state, step)
    async with state.slots:
        state.may_submit()
        services.on_event(events.Submitting(step.scene, step.shot.take, step.shot.model))
        images = [await _image(services, state, image) for image in step.shot.images]
        fits = [image.frame.fit if isinstance(image, TakeFrame) else _fit_of(image) for image in step.shot.images]
        sent = [await fit_frame(services, state, *each, fit) for each, fit in zip(images, fits, strict=True)]
        addresses = [await _address(services, *image) for image in sent]
        state.may_submit()
        try:
            submission = _record_intent(services, state, step, _sent_frames(step.shot, images))
        except AlreadyAsked:
            return await wait_for_other_run(services, state, step), None
        submission = await _send_or_recover(services, state, step, submission, addresses)
        state.paid.add(take_id(step))
        assert submission.job is not None
        services.on_event(events.Submitted(step.scene, step.shot.take, submission.job, step.credits))
        await services.callbacks.pause(submission, FIRST_POLL)
        return submission, await clip_ready(services, state, step, submission)


def forget_uploads(services: RunServices, state: RunState, shot: Shot) -> None:
    """Forget the addresses of a shot's images: the provider could not fetch one of them."""
    for image in shot.images:
        fit = image.frame.fit if isinstance(image, TakeFrame) else _fit_of(image)
        if isinstance(image, TakeFrame):
            image = known_image(services, state, image) or image
        if isinstance(image, LocalImage) and services.uploads:
            services.uploads.forget(state.fitted.get((image.digest, fit), image) if fit else image)


async def shield_request(state: RunState, request: Coroutine[None, None, Submission]) -> Submission:
    """Await a request that goes on even if this task is cancelled: its answer is money. The run waits for it."""
    task = asyncio.create_task(request)
    state.requests.add(task)
    task.add_done_callback(state.requests.discard)
    return await asyncio.shield(task)


def _record_intent(services: RunServices, state: RunState, step: Make, frames: Mapping[str, str]) -> Submission:
    """Raise AlreadyAsked, OverBudget, LocalFault: then nothing may be sent."""
    upgrade = state.upgrade if services.model(step.shot).upgrades(step.resolution) else 0
    now = services.clock.wall()
    return services.ledger.submissions.record_intent(
        step.shot,
        step.scene,
        state.storyboard_id,
        state.name,
        step.credits - upgrade,
        now,
        state.budget,
        step.why,
        frames,
    )


async def _send_or_recover(
    services: RunServices, state: RunState, step: Make, submission: Submission, addresses: list[str]
) -> Submission:
    """Send the request; if its answer is lost and callbacks are configured, wait for one."""
    try:
        return await shield_request(state, _send(services, submission, step.shot, addresses))
    except SubmissionUnknown as lost:
        if not services.callbacks.is_enabled:
            raise
        why = "the answer to its submission was lost: waiting for the service to call back"
        services.on_event(events.Warned(step.scene, why))
        return await find_job_by_callback(services, state, step, submission, lost, CALLED_WITHIN)


async def _send(services: RunServices, submission: Submission, shot: Shot, addresses: list[str]) -> Submission:
    """Send the request once, and record what came of it before anything else happens."""
    records, now = services.ledger.submissions, services.clock.wall
    try:
        callback = services.callbacks.address(submission.nonce)
        dispatch = Dispatch(submission.own_name, callback)
        job = await send_submission(services.provider, services.client, shot, sent_images(shot, addresses), dispatch)
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


async def _address(services: RunServices, image: Image, content: bytes) -> str:
    if isinstance(image, WebImage):
        return image.url
    assert services.uploads is not None
    return (await services.uploads.address(image, content)).url
