"""The frames that a draft is given: it begins with the first one and ends with the last one, as they were sent."""

from dataclasses import dataclass
from functools import lru_cache

from storyboard.emulator.drafts.brief import Brief
from storyboard.emulator.drafts.frame_images import Photo, Still
from storyboard.emulator.drafts.planes import mix_pictures, yuv_picture
from storyboard.graphics.transitions import YuvPicture

_FADE = 12  # frames from a given one to the draft's own picture


@dataclass(frozen=True, slots=True)
class GivenFrames:
    """The first and the last of a draft's ``count`` frames, in its size; None for one that it is not given."""

    count: int
    first: YuvPicture | None = None
    last: YuvPicture | None = None

    def over(self, picture: YuvPicture, number: int) -> YuvPicture:
        """Frame ``number``, from 0: a given frame, ``picture``, or a mix of both on the way."""
        fade = min(_FADE, self.count // 4)
        behind = self.count - 1 - number
        if self.first is not None and number < fade:
            return _mix(self.first, picture, number, fade)
        if self.last is not None and behind < fade:
            return _mix(self.last, picture, behind, fade)
        return picture


def given_frames(brief: Brief, size: tuple[int, int], count: int) -> GivenFrames:
    """The frames that ``brief`` gives to a clip of ``count`` frames of this size: images that are on this machine."""
    if brief.order.mode != "FIRST_AND_LAST_FRAMES_2_VIDEO" or not brief.stills:
        return GivenFrames(count)
    return GivenFrames(count, *(_filled(still, size) for still in brief.stills[:2]))


@lru_cache(maxsize=4)  # the last frame of a scene is often the first one of the next
def _filled(still: Still, size: tuple[int, int]) -> YuvPicture | None:
    from storyboard.emulator.drafts.backdrop import fill_frame

    return yuv_picture(fill_frame(still, size)) if isinstance(still, Photo) else None


def _mix(given: YuvPicture, own: YuvPicture, step: int, steps: int) -> YuvPicture:
    """``given`` at step 0, ``own`` at step ``steps``."""
    share = round(256 * step / steps)
    return mix_pictures(given, own, share) if share else given
