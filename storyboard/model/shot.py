"""Shot: the request to a provider. Its key decides what is generated and paid again: change it with great care."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from storyboard.model.storyboard import Generated, Image, LocalImage

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


@dataclass(frozen=True, slots=True)
class Shot:
    """A request without upload URLs: local images are named by their content, so that moving a file costs nothing.

    ``label`` is the text of a draft's DraftLabel. A paid shot has none, so that renaming or reordering scenes costs
    nothing.
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
        """What the request has besides the prompt: references, frames, or nothing (text)."""
        if self.references:
            return "references"
        return "frames" if self.first_frame else "text"

    @property
    def images(self) -> tuple[Image, ...]:
        """The images in the provider's order: first frame, last frame; or the references."""
        if self.references:
            return self.references
        return tuple(image for image in (self.first_frame, self.last_frame) if image)

    @property
    def recipe(self) -> Recipe:
        """The content of the key: the fields that differ from DEFAULTS; an image as its digest, or its URL."""
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
    """The request to ``provider`` for a scene: its take 1. An HD version belongs to the take, not to it."""
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
        take=1,
        provider=provider,
        label=label,
    )


def shot_of_take(first: Shot, take: int, seeds: tuple[int, int]) -> Shot:
    """The request for take number ``take`` of a scene whose take 1 is ``first``.

    A seed that is given is counted on, and past the last one of the model's ``seeds`` from the first again.
    """
    if take == first.take:
        return first
    least, most = seeds
    seed = None if first.seed is None else least + (first.seed - least + take - 1) % (most - least + 1)
    return replace(first, take=take, seed=seed)


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
    )


def _named(image: Image | None) -> str | None:
    if image is None:
        return None
    return image.digest if isinstance(image, LocalImage) else image.url
