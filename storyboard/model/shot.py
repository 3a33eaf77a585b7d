"""Shot: the request to a provider. Its key decides what is generated and paid again: change it with great care."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from storyboard.model.storyboard import FrameSource, Generated, Image, SceneFrame, Trim, WebImage

Mode = Literal["text", "frames", "references"]
Recipe = Mapping[str, object]

# The defaults of the format. They are left out of the recipe, so that a field added by a later version of the format
# does not change existing keys. Never change a value here: it would bill every existing film again.
DEFAULTS: Recipe = {
    "model": "veo3_fast",
    "aspect": "16:9",
    "translate": True,
    "take": 1,
    "provider": "apikley",
}

# The provider of a recipe, a job or a take that names none.
USUAL_PROVIDER = str(DEFAULTS["provider"])


@dataclass(frozen=True, slots=True)
class TakeFrame:
    """A frame of the take that stands for another scene, known before that take exists.

    ``key`` is that of the shot which the take is made from, ``take`` its number, ``trim`` that of the scene.
    """

    frame: SceneFrame
    key: str
    take: int
    trim: Trim

    def __str__(self) -> str:
        return str(self.frame)

    @property
    def recipe(self) -> Recipe:
        """What names the frame in a recipe, as text: of the trim only the end of the scene that decides the frame."""
        at, start, end = self.frame.at, self.trim.start, self.trim.end
        fields: dict[str, object] = {"key": self.key, "take": self.take, "at": str(at)}
        if at in ("last", "sheet") and end is not None:
            fields["to"] = str(end)
        if at != "last" and start:
            fields["from"] = str(start)
        if self.frame.fit:
            fields["fit"] = self.frame.fit.how
        return fields


ShotImage = Image | TakeFrame


@dataclass(frozen=True, slots=True)
class Shot:
    """A request without upload URLs: local images are named by their content, so that moving a file costs nothing.

    A frame of another scene is named by the key of the take that stands there.

    ``label`` is the text of a draft's DraftLabel. A paid shot has none, so that renaming or reordering scenes costs
    nothing.

    ``kept_key`` is the key of a take that stands for this shot although it was generated from another one: the scene is
    frozen, or the take was accepted. Such a shot is never submitted.

    ``seconds``, ``resolution``, ``sound`` and ``negative`` (what the clip must not show) are None where the model has
    no choice of them: so the keys of the built-in provider's shots are those that they have always been.
    ``definition`` is a digest of what the user defined the model by, None for a model of the provider's own.
    """

    prompt: str
    model: str
    aspect: str
    first_frame: ShotImage | None
    last_frame: ShotImage | None
    references: tuple[ShotImage, ...]
    seed: int | None
    translate: bool
    watermark: str | None
    take: int
    provider: str
    label: str | None = None
    kept_key: str | None = None
    seconds: Fraction | None = None
    resolution: str | None = None
    sound: bool | None = None
    negative: str | None = None
    definition: str | None = None

    @property
    def mode(self) -> Mode:
        """What the request has besides the prompt: references, frames, or nothing (text)."""
        if self.references:
            return "references"
        return "frames" if self.first_frame else "text"

    @property
    def images(self) -> tuple[ShotImage, ...]:
        """The images in the provider's order: first frame, last frame; or the references."""
        if self.references:
            return self.references
        return tuple(image for image in (self.first_frame, self.last_frame) if image)

    @property
    def take_frames(self) -> tuple[TakeFrame, ...]:
        """The frames of other scenes among the images."""
        return tuple(image for image in self.images if isinstance(image, TakeFrame))

    @property
    def recipe(self) -> Recipe:
        """The content of the key: the fields that differ from DEFAULTS; an image as digest, URL, or take."""
        fields: dict[str, object] = {
            "prompt": self.prompt,
            "model": self.model,
            "aspect": self.aspect,
            "first_frame": _named(self.first_frame),
            "last_frame": _named(self.last_frame),
            "references": [_named(image) for image in self.references] or None,
            "seed": self.seed,
            "translate": self.translate,
            "watermark": self.watermark,
            "take": self.take,
            "provider": self.provider,
            "label": self.label,
            "seconds": None if self.seconds is None else str(self.seconds),
            "resolution": self.resolution,
            "sound": self.sound,
            "negative": self.negative,
            "definition": self.definition,
        }
        return {
            name: value
            for name, value in fields.items()
            if value is not None and (name not in DEFAULTS or DEFAULTS[name] != value)
        }

    @property
    def key(self) -> str:
        """The key of the take: that of the shot itself, unless another take stands for it."""
        return self.kept_key or self.own_key

    @property
    def own_key(self) -> str:
        """SHA-256 (hex) of the recipe as canonical JSON: sorted keys, no spaces, UTF-8."""
        canonical = json.dumps(self.recipe, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


def unknown_take(frame: SceneFrame) -> TakeFrame:
    """The frame where it is not known which take stands for its scene: for display, never for a key."""
    return TakeFrame(frame, "", 1, Trim())


def shot(
    source: Generated,
    provider: str,
    label: str | None = None,
    stand: Callable[[SceneFrame], TakeFrame] = unknown_take,
) -> Shot:
    """The request for a scene: its take 1. An HD version belongs to the take, not to it.

    ``provider`` is the usual one, for a source that names none.

    ``stand`` returns the frame of the take that stands for another scene.
    """

    def known(image: FrameSource) -> ShotImage:
        return stand(image) if isinstance(image, SceneFrame) else image

    return Shot(
        prompt=source.prompt,
        model=source.model,
        aspect=source.aspect,
        first_frame=known(source.first_frame) if source.first_frame else None,
        last_frame=known(source.last_frame) if source.last_frame else None,
        references=tuple(map(known, source.references)),
        seed=source.seed,
        translate=source.translate,
        watermark=source.watermark,
        take=1,
        provider=source.provider or provider,
        label=label,
        definition=source.definition,
        seconds=source.seconds,
        resolution=source.requested,
        sound=source.sound,
        negative=source.negative,
    )


def shot_of_take(first: Shot, take: int, seeds: tuple[int, int] | None) -> Shot:
    """The request for take number ``take`` of a scene whose take 1 is ``first``.

    A seed that is given is counted on, and past the last one of the model's ``seeds`` from the first again.
    """
    if take == first.take and first.kept_key is None:
        return first
    seed = first.seed
    if seed is not None and seeds is not None:
        least, most = seeds
        seed = least + (seed - least + take - 1) % (most - least + 1)
    return replace(first, take=take, seed=seed, kept_key=None)


def shot_of_recipe(recipe: Recipe) -> Shot:
    """The shot of a recipe, without its images, which a recipe names only: its key is not that of the recipe."""
    fields = {**DEFAULTS, **recipe}
    return Shot(
        prompt=str(fields["prompt"]),
        model=str(fields["model"]),
        aspect=str(fields["aspect"]),
        first_frame=None,
        last_frame=None,
        references=(),
        seed=None,
        translate=bool(fields["translate"]),
        watermark=None,
        take=take if isinstance(take := fields["take"], int) else 1,
        provider=str(fields["provider"]),
        seconds=_seconds(fields.get("seconds")),
        resolution=name if isinstance(name := fields.get("resolution"), str) else None,
        sound=sound if isinstance(sound := fields.get("sound"), bool) else None,
    )


def provider_of_recipe(recipe: Recipe) -> str:
    """Return the name of the provider that a recipe asks."""
    return str(recipe.get("provider", DEFAULTS["provider"]))


def _seconds(written: object) -> Fraction | None:
    """The seconds of a recipe; None where it has none, or none that can be read."""
    try:
        return Fraction(written) if isinstance(written, str) else None
    except (ValueError, ZeroDivisionError):
        return None


def _named(image: ShotImage | None) -> str | Recipe | None:
    if image is None:
        return None
    if isinstance(image, TakeFrame):
        return image.recipe
    if isinstance(image, WebImage):
        return image.url
    return f"{image.digest} {image.fit.how}" if image.fit else image.digest
