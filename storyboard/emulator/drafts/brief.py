"""Brief: all input of a draft clip. Equal briefs give identical clips, byte for byte."""

from dataclasses import dataclass
from hashlib import sha256

from storyboard.emulator.api.orders import GenerationOrder
from storyboard.emulator.drafts.frame_images import Photo, Still

RATE = 24  # frames per second of all drafts


@dataclass(frozen=True, slots=True)
class Brief:
    """An order, its images, and whether the 1080p version is requested, or the original before it was cropped."""

    order: GenerationOrder
    stills: tuple[Still, ...] = ()
    hd: bool = False
    original: bool = False

    @property
    def pictures(self) -> tuple[Still, ...]:
        """The images that the draft shows behind its text: not frames of other drafts, which have text."""
        if self.order.mode != "FIRST_AND_LAST_FRAMES_2_VIDEO":
            return self.stills
        chained = self.order.draft_label.chained
        places = zip(("first", "last"), self.stills, strict=False)
        return tuple(still for place, still in places if place not in chained)

    @property
    def portrait(self) -> bool:
        """Whether the clip is 9:16. "Auto" is the nearer to the first image's aspect ratio; without images, 16:9."""
        if pixels := self.order.clip.pixels:
            return pixels[0] < pixels[1]
        if self.order.aspect != "Auto":
            return self.order.aspect == "9:16"
        first = self.stills[0] if self.stills else None
        return isinstance(first, Photo) and first.width < first.height

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels (api-facts.md 7)."""
        if self.order.clip.pixels:
            return self.order.clip.pixels
        long, short = (1920, 1080) if self.hd else (1280, 720)
        return (short, long) if self.portrait and not self.original else (long, short)

    @property
    def frames(self) -> int:
        """How many frames the clip has, at the rate of all drafts."""
        return max(1, round(self.order.clip.seconds * RATE))

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the order and its images, the same for HD."""
        return self._with_images(self.order.digest)

    @property
    def mood(self) -> str:
        """SHA-256 (hex) from which colour, sound and movement are derived, wherever the scene lies in the film."""
        return self._with_images(self.order.mood)

    def _with_images(self, digest: str) -> str:
        return sha256(" ".join([digest, *(still.digest for still in self.stills)]).encode()).hexdigest()
