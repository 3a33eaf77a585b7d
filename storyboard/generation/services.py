"""Everything outside itself that a run uses: the provider and its client, ledger, store, clock, callbacks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from storyboard.checks.examined import Examined
from storyboard.generation.callbacks import CallbackWaiters
from storyboard.generation.uploads import Uploads
from storyboard.http.client import Client
from storyboard.model import events
from storyboard.model.capabilities import Model
from storyboard.model.shot import Shot
from storyboard.model.storyboard import FrameFit, LocalImage
from storyboard.model.take import Take
from storyboard.planning.steps import Plan
from storyboard.providers.base import Provider
from storyboard.state.ledger import Ledger
from storyboard.state.store import Store
from storyboard.system.clock import Clock


@dataclass(frozen=True, slots=True)
class RunServices:
    """All that a run uses. ``read_image`` gives the bytes of a local image; ``runs`` is the folder of runs' claims.

    ``verify`` decodes a downloaded clip whole and measures it; it blocks, and raises BadMedia or LocalFault. A draft,
    which this machine has just encoded, is only measured.
    ``take_frames`` returns a frame of a clip, by its number from 0, or a sheet of several as a PNG image with its width
    and height; it raises BadMedia or LocalFault. ``frames`` keeps these images. ``originals``: download the uncropped
    original of a clip as well. ``prepare`` is given each scene's take once it is in the store, and does ahead what the
    cut needs. ``plan_again`` returns the plan that holds now, of all scenes; it raises InputError, LocalFault.
    ``fit_image`` brings the bytes of an image into a shape, as PNG; it raises BadMedia.
    ``uploads`` are those that the user configured, ``own_uploads`` the provider's, for models that know no others.
    """

    provider: Provider
    client: Client
    ledger: Ledger
    store: Store
    frames: Store
    uploads: Uploads | None
    own_uploads: Uploads
    clock: Clock
    callbacks: CallbackWaiters
    runs: Path
    read_image: Callable[[LocalImage], bytes]
    verify: Callable[[Path], Examined]
    likeness: Callable[[bytes, bytes, Fraction], float | None]
    take_frames: Callable[[Path, Sequence[int]], tuple[bytes, tuple[int, int]]]
    fit_image: Callable[[bytes, FrameFit], bytes]
    originals: bool
    prepare: Callable[[str, Take], None]
    plan_again: Callable[[], Plan]
    on_event: Callable[[events.Event], None]

    def model(self, shot: Shot) -> Model:
        """Return the model that generates a shot."""
        return self.provider.capabilities.model(shot.model)

    def take_in_store(self, key: str, resolution: str) -> Take | None:
        """Return the take of a shot if its bytes are in the store. Raise LocalFault."""
        take = self.ledger.takes.of_key(key).get(resolution)
        return take if take and self.store.holds(take.digest, take.bytes) else None
