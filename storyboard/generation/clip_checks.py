"""The checks of a clip that came: storyboard's own, then those of installed packages. None of them can lose a take."""

import asyncio
from fractions import Fraction

from storyboard.checks.clip_facts import ClipFacts
from storyboard.checks.examined import Examined
from storyboard.checks.judge import AskedFor, FrameLikeness, judge
from storyboard.generation.chained_frames import known_image
from storyboard.generation.run_state import RunState
from storyboard.generation.services import RunServices
from storyboard.model import events
from storyboard.model.errors import StoryboardError
from storyboard.model.remark import Remark
from storyboard.model.shot import ShotImage, TakeFrame
from storyboard.model.storyboard import LocalImage
from storyboard.model.take import Take
from storyboard.planning.steps import Collect, Make


async def remarks_of_clip(
    services: RunServices, state: RunState, step: Make | Collect, take: Take, examined: Examined
) -> tuple[Remark, ...]:
    """Return what storyboard's own checks say of a clip."""
    model, shot = services.model(step.shot), step.shot
    quality = model.quality(take.resolution)
    least = min(quality.size) if quality.upgrade else 0
    asked = AskedFor(model.length(shot.seconds), shot.aspect, take.resolution, least, model.has_sound(shot.sound))
    likeness = FrameLikeness()
    if examined.ends:
        ratio = Fraction(take.measure.width, take.measure.height)
        first = await _likeness(services, state, shot.first_frame, examined.ends[0], ratio)
        last = await _likeness(services, state, shot.last_frame, examined.ends[1], ratio)
        likeness = FrameLikeness(first, last)
    return judge(asked, take.measure, examined.levels, likeness)


def tell_remarks(services: RunServices, step: Make | Collect, remarks: tuple[Remark, ...]) -> None:
    """Report remarks as warnings of their scene."""
    which = f"take {step.shot.take}: " if step.shot.take > 1 else ""
    for remark in remarks:
        services.on_event(events.Warned(step.scene, f"{which}{remark.says}", (remark,)))


def facts_of_take(step: Make | Collect, take: Take) -> ClipFacts:
    """Return what other people's checks are told."""
    shot = step.shot
    asked = (shot.prompt, shot.model, shot.aspect, take.resolution)
    return ClipFacts(step.scene, shot.take, *asked, take.measure, take.remarks)


async def _likeness(
    services: RunServices, state: RunState, image: ShotImage | None, frame: bytes, ratio: Fraction
) -> float | None:
    """How alike a frame is to the image that was sent for it; None if there is none, or it is not here."""
    if (content := _content(services, state, image)) is None:
        return None
    async with state.checks:
        return await asyncio.to_thread(services.likeness, content, frame, ratio)


def _content(services: RunServices, state: RunState, image: ShotImage | None) -> bytes | None:
    """The bytes of an image of this machine."""
    try:
        match image:
            case LocalImage():
                return services.read_image(image)
            case TakeFrame():
                stored = known_image(services, state, image)
                return services.film.frames.read(stored.digest) if stored else None
    except StoryboardError:  # an image that is gone by now is no fault of the clip
        pass
    return None
