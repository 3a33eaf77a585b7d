"""Shot: exactly what a provider is asked for. Its key decides what is paid for again, so it changes with care."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from storyboard.model.storyboard import Generated, Image, LocalImage

Mode = Literal["text", "frames", "references"]
Recipe = Mapping[str, object]

# What the format says when an author says nothing. Left out of the recipe, so that a later version of the format,
# which may add a field, asks for nothing twice. Never change a value here: it would re-bill every film there is.
DEFAULTS: Recipe = {
    "model": "veo3_fast",
    "aspect": "16:9",
    "translate": True,
    "take": 1,
    "provider": "apikley",
}


@dataclass(frozen=True, slots=True)
class Shot:
    """A request without addresses: the images are named by what is in them, so moving a file costs nothing.

    ``label`` is what a draft prints on its card (the scene's number and id). A paid shot has none: there, renaming
    or reordering must cost nothing.
    """

    prompt: str
    model: str
    aspect: str
    first_frame: Image | None
    last_frame: Image | None
    references: tuple[Image, ...]
    seed: int | None
    translate: bool
    watermark: str | None
    take: int
    provider: str
    label: str | None = None

    @property
    def mode(self) -> Mode:
        if self.references:
            return "references"
        return "frames" if self.first_frame else "text"

    @property
    def images(self) -> tuple[Image, ...]:
        """In the order in which the provider wants them: first frame, last frame; or the references."""
        if self.references:
            return self.references
        return tuple(image for image in (self.first_frame, self.last_frame) if image)

    @property
    def recipe(self) -> Recipe:
        """What the key is made of: only what differs from the defaults; an image is its digest, or its address."""
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
        }
        return {
            name: value
            for name, value in fields.items()
            if value is not None and (name not in DEFAULTS or DEFAULTS[name] != value)
        }

    @property
    def key(self) -> str:
        """SHA-256 (hex) of the recipe as canonical JSON: sorted keys, no spaces, UTF-8."""
        canonical = json.dumps(self.recipe, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


def shot(source: Generated, provider: str, label: str | None = None) -> Shot:
    """What ``provider`` is asked for to make this scene. Resolution is not in it: the HD version hangs on the take."""
    return Shot(
        prompt=source.prompt,
        model=source.model,
        aspect=source.aspect,
        first_frame=source.first_frame,
        last_frame=source.last_frame,
        references=source.references,
        seed=source.seed,
        translate=source.translate,
        watermark=source.watermark,
        take=source.take,
        provider=provider,
        label=label,
    )


def _named(image: Image | None) -> str | None:
    if image is None:
        return None
    return image.digest if isinstance(image, LocalImage) else image.url
