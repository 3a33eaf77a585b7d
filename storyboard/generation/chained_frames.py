"""Frames of other scenes as images of a shot: take the frame of the take, put it into the store."""

import asyncio
from collections.abc import Sequence
from pathlib import PurePosixPath

from storyboard.generation.run_state import RunState
from storyboard.generation.services import RunServices
from storyboard.model.errors import BadMedia, SceneFailed
from storyboard.model.shot import TakeFrame
from storyboard.model.storyboard import LocalImage
from storyboard.model.take import StoredFrame, Take
from storyboard.timeline.shown_frames import is_empty, shown_frames

# More frames than any take has.
_SHEETS = 1 << 24

_VERIFY = "run `storyboard store verify`, which sets damaged takes aside; the next render downloads them again, unpaid"


async def frame_image(services: RunServices, state: RunState, frame: TakeFrame) -> tuple[LocalImage, bytes]:
    """Return a frame of another scene as an image, and its bytes. Raise SceneFailed, LocalFault."""
    take = state.standing.get(frame.key)
    if take is None:
        what = f"not generated: {frame.frame.scene} has no take of the shot that was planned"
        raise SceneFailed(what, "run again: it begins with the take that is there then")
    if is_empty(take.measure, frame.trim):
        # The cut refuses it too; another trim is another frame, which would be paid for again.
        raise SceneFailed(f"not generated: the trim leaves no frame of {frame.frame.scene}", "make the trim longer")
    numbers = shown_frames(take.measure, frame.trim, frame.frame.at)
    if not numbers:
        length = f"its take is {float(take.measure.seconds):.3f} s long"
        raise SceneFailed(f"there is no {str(frame).removeprefix('the ')}: {length}", "correct its 'at'")
    number = _recorded_number(numbers)
    async with state.frame_turns.setdefault((take.digest, number), asyncio.Lock()):
        known = services.film.ledger.frames.of(take.digest, number)
        content = services.film.frames.read(known.digest) if known else None
        if known is None or content is None:
            known, content = await _taken(services, state, frame, take, numbers)
    return _image_of(frame, known), content


def known_image(services: RunServices, state: RunState, frame: TakeFrame) -> LocalImage | None:
    """Return the image of a frame that was taken before; None if it was not."""
    take = state.standing.get(frame.key)
    numbers = shown_frames(take.measure, frame.trim, frame.frame.at) if take else ()
    found = services.film.ledger.frames.of(take.digest, _recorded_number(numbers)) if take and numbers else None
    return _image_of(frame, found) if found else None


def _recorded_number(numbers: Sequence[int]) -> int:
    """The number of an image in the ledger: that of its frame; of a sheet, one above those of all frames."""
    first, last = numbers[0], numbers[-1]
    return first if len(numbers) == 1 else (first + 1) * _SHEETS + last


def _image_of(frame: TakeFrame, stored: StoredFrame) -> LocalImage:
    """Return a frame in the store as an image to upload."""
    name = PurePosixPath(f"{frame.frame.scene}-{'sheet' if frame.frame.at == 'sheet' else stored.number}.png")
    return LocalImage(
        name, stored.digest, stored.bytes, stored.width, stored.height, kind="png", place=frame.frame.place
    )


async def _taken(
    services: RunServices, state: RunState, frame: TakeFrame, take: Take, numbers: Sequence[int]
) -> tuple[StoredFrame, bytes]:
    """Take a frame of a take. Killed in between, the next run takes the same once more."""
    if not await asyncio.to_thread(services.film.store.is_intact, take.digest):
        # Damaged pictures often decode: a shot that begins with one would be paid for.
        raise SceneFailed(f"not generated: the file of {frame.frame.scene} is damaged", _VERIFY)
    try:
        async with state.checks:
            content, (width, height) = await asyncio.to_thread(
                services.take_frames, services.film.store.path(take.digest), numbers
            )
    except BadMedia as error:
        raise SceneFailed(f"{frame} could not be taken: {error.message}", _VERIFY) from error
    digest = await asyncio.to_thread(services.film.frames.put_bytes, content)
    stored = StoredFrame(take.digest, _recorded_number(numbers), digest, len(content), width, height)
    services.film.ledger.frames.record(stored)
    return stored, content
