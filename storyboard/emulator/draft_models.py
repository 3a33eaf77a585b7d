"""The provider of drafts: the built-in one's requests to the emulator, for the models of all providers."""

from collections.abc import Sequence
from dataclasses import replace

from storyboard.emulator.api.orders import CLIP, LABEL, ClipForm
from storyboard.model.aspect_ratio import in_shape, ratio_of
from storyboard.model.model_catalogue import Catalogue
from storyboard.model.shot import Shot
from storyboard.providers.apikley.profile import Profile
from storyboard.providers.apikley.veo import Apikley
from storyboard.providers.base import Dispatch, SentImage


class DraftProvider(Apikley):
    """Sends the label that each card shows; for models of other providers, also what their clips are."""

    def __init__(self, catalogue: Catalogue) -> None:
        super().__init__(Profile.of({"label": LABEL}))
        self._catalogue = catalogue

    def request(self, shot: Shot, images: Sequence[SentImage], dispatch: Dispatch) -> dict[str, object]:
        """The body of the built-in provider's submission, with the form of the clip."""
        body = super().request(shot, images, dispatch)
        if shot.provider == self.name:
            return body
        model = self._catalogue.model(shot)
        size = in_shape(model.quality(shot.resolution or "").size, shot.aspect)
        pixels = (size[0] // 2 * 2, size[1] // 2 * 2) if ratio_of(shot.aspect) else None
        form = ClipForm(pixels, model.length(shot.seconds), model.has_sound(shot.sound))
        return {**body, CLIP: form.document}


def draft_catalogue(catalogue: Catalogue) -> Catalogue:
    """Return the catalogue with models that all take images as addresses: the emulator's uploads."""
    offers = {
        name: replace(offer, models=tuple(replace(model, images="address") for model in offer.models))
        for name, offer in catalogue.offers.items()
    }
    return replace(catalogue, offers=offers)
