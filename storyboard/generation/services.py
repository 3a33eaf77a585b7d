"""Everything outside itself that a run uses: the provider and its client, ledger, store, clock, callbacks."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from storyboard.checks.examined import Examined
from storyboard.generation.callbacks import CallbackWaiters
from storyboard.generation.uploads import Uploads
from storyboard.http.client import Client
from storyboard.model import events
from storyboard.model.capabilities import Model
from storyboard.model.model_catalogue import Catalogue, NamesModel
from storyboard.model.shot import Shot
from storyboard.model.storyboard import FrameFit, LocalImage
from storyboard.model.take import Take
from storyboard.planning.steps import Plan
from storyboard.providers.base import Provider
from storyboard.state.ledger import Ledger
from storyboard.state.realm import Realm
from storyboard.state.store import Store
from storyboard.system.clock import Clock


@dataclass(frozen=True, slots=True)
class RunServices:
    """All that a run uses of one provider, and of this machine. ``slots`` limit its jobs in progress.

    ``ledger``, ``store`` and ``runs``, the folder of runs' claims, are those of the realm in which the provider's takes
    are bought. ``film`` is the realm of the film, with the takes that its scenes have and the frames that are taken of
    them; ``bring_in`` puts the takes of a shot there. ``read_image`` gives the bytes of a local image.

    ``verify`` decodes a downloaded clip whole and measures it; it blocks, and raises BadMedia or LocalFault. A draft,
    which this machine has just encoded, is only measured.
    ``take_frames`` returns a frame of a clip, by its number from 0, or a sheet of several as a PNG image with its width
    and height; it raises BadMedia or LocalFault. ``originals``: download the uncropped
    original of a clip as well. ``prepare`` is given each scene's take once it is in the store, and does ahead what the
    cut needs. ``plan_again`` returns the plan that holds now, of all scenes; it raises InputError, LocalFault.
    ``fit_image`` brings the bytes of an image into a shape, as PNG; it raises BadMedia.
    ``is_rehearsal``: nothing is paid.
    ``uploads`` are those that the user configured, ``own_uploads`` the provider's, for models that know no others.
    """

    provider: Provider
    catalogue: Catalogue
    client: Client
    ledger: Ledger
    store: Store
    film: Realm
    uploads: Uploads | None
    own_uploads: Uploads
    clock: Clock
    callbacks: CallbackWaiters
    runs: Path
    slots: asyncio.Semaphore
    read_image: Callable[[LocalImage], bytes]
    verify: Callable[[Path], Examined]
    likeness: Callable[[bytes, bytes, Fraction], float | None]
    take_frames: Callable[[Path, Sequence[int]], tuple[bytes, tuple[int, int]]]
    fit_image: Callable[[bytes, FrameFit], bytes]
    originals: bool
    bring_in: Callable[[Shot], None]
    prepare: Callable[[str, Take], None]
    plan_again: Callable[[], Plan]
    on_event: Callable[[events.Event], None]
    is_rehearsal: bool = False

    def model(self, shot: Shot) -> Model:
        """Return the model that generates a shot."""
        return self.catalogue.model(shot)

    def take_in_store(self, key: str, resolution: str) -> Take | None:
        """Return the take of a shot if its bytes are in the store. Raise LocalFault."""
        take = self.ledger.takes.of_key(key).get(resolution)
        return take if take and self.store.holds(take.digest, take.bytes) else None


@dataclass(frozen=True, slots=True)
class AllServices:
    """What a run uses of each provider that it asks: the ``usual`` one, and ``others`` by name."""

    usual: RunServices
    others: Mapping[str, RunServices]

    def of(self, asked: NamesModel) -> RunServices:
        """Return those for a shot or a submission."""
        return self.others.get(asked.provider, self.usual)

    @property
    def every(self) -> tuple[RunServices, ...]:
        """Those of all providers."""
        return (self.usual, *(each for each in self.others.values() if each is not self.usual))
