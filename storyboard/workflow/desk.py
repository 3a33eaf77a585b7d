"""One storyboard on the desk: its words, its files, and all that is known of its shots, read once and passed on."""

import hashlib
import time
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from storyboard.config.settings import Settings
from storyboard.costs.budget import NO_LIMIT, Budget, Over, Span
from storyboard.costs.prices import Prices
from storyboard.film import effects
from storyboard.generation.uploads import (
    NoMemory,
    ProviderStorage,
    PublicFolder,
    UploadDestination,
    Uploads,
    parse_destination,
)
from storyboard.model.errors import InputError
from storyboard.model.lock import Lock
from storyboard.model.realm_kind import Kind
from storyboard.model.shot import Shot
from storyboard.model.storyboard import LocalImage, OwnClip, OwnSound, Storyboard
from storyboard.model.submission import Submission, rfc3339
from storyboard.model.take import Footage, Take
from storyboard.parsing import schema
from storyboard.parsing.project_files import Files
from storyboard.parsing.read import read_storyboard
from storyboard.planning.plan import make_plan, shots
from storyboard.planning.steps import Facts, Plan
from storyboard.providers.base import Configurable, Provider
from storyboard.providers.installed import USUAL, find
from storyboard.state.ledger import Ledger
from storyboard.state.lockfile import LockFile, find_lock_file
from storyboard.state.realm import Realm, open_realm
from storyboard.state.store import Store
from storyboard.system import files as system_files
from storyboard.system.files import disk_errors, scratch_dir
from storyboard.timeline.build import build_timeline, clip_of_scene, with_effects
from storyboard.timeline.model import NO_SLATES, Clip, Slate, Timeline
from storyboard.workflow.source_files import Project

if TYPE_CHECKING:
    from storyboard.film.audio.loudness import Known
    from storyboard.http.client import Client


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that a verb needs about one storyboard. ``draft`` says whose takes are meant."""

    file: Path
    shown: str
    project: Project
    storyboard: Storyboard
    provider: Provider
    prices: Prices
    wanted: Mapping[str, Shot]
    realm: Realm
    lockfile: LockFile
    settings: Settings
    draft: bool

    @property
    def folder(self) -> Path:
        return self.file.parent

    @property
    def known_as(self) -> str:
        """What the ledger calls this storyboard: one name for one file, from whatever folder it is typed."""
        return str(self.file.resolve())

    @property
    def ledger(self) -> Ledger:
        return self.realm.ledger

    @property
    def store(self) -> Store:
        return self.realm.store

    @property
    def budget(self) -> Budget:
        """The limits that hold here; a draft costs nothing and has none."""
        return NO_LIMIT if self.draft else self.settings.budget

    @property
    def runs(self) -> Path:
        """The folder where living runs hold their claims."""
        return self.realm.runs

    @property
    def kind(self) -> Kind:
        """Whose takes are meant."""
        return self.realm.kind

    @property
    def lock_file(self) -> Path:
        return self.lockfile.path

    def lock(self) -> Lock:
        """The lock as it stands. Raises InputError where it is damaged."""
        return self.lockfile.read()

    def facts(self) -> Facts:
        """The world as it is now: lock, ledger, store."""
        lock = self.lock()
        keys = {shot.key for shot in self.wanted.values()}
        entries = {entry.key: entry for key in keys if (entry := self.ledger.submissions.of_key(key))}
        takes = {key: self.ledger.takes.of_key(key) for key in keys}
        known = [*takes.values(), *(lock.takes(key) for key in keys)]
        takes_known = [take for some in known for take in some.values()]
        self.realm.recover({take.digest for take in takes_known if not self.store.holds(take.digest, take.bytes)})
        held = {take.digest for take in takes_known if self.store.holds(take.digest, take.bytes)}
        self.lockfile.record_pins(lock, self.ledger, time.time())
        removed = {digest: rfc3339(at)[:10] for digest, at in self.ledger.pins.removals().items()}
        pinned = {scene: pinned.key for scene, pinned in lock.scenes.items()}
        recipes = self.ledger.submissions.recipes(pinned.values())
        asked = self.ledger.submissions.last_recipes(self.known_as)
        before = {**asked, **{scene: recipes[key] for scene, key in pinned.items() if key in recipes}}
        at_work = {entry.run for entry in entries.values() if self.realm.is_running(entry.run)}
        named = {entry.nonce for entry in entries.values() if self.ledger.inbox.jobs_named_by_callbacks(entry.nonce)}
        living = frozenset(at_work)
        return Facts(lock, entries, takes, frozenset(held), before, living, removed, frozenset(named))

    def plan(self) -> Plan:
        return make_plan(self.storyboard, self.wanted, self.facts(), self.prices, self.provider.capabilities)

    def over(self, plan: Plan) -> tuple[Over, ...]:
        """The limits of the budget that the plan would go over, as far as is spent now."""
        of: Mapping[Span, str] = {"storyboard": self.known_as, "month": rfc3339(time.time())[:7]}
        return self.budget.over(
            plan.credits, lambda span: self.ledger.charges.total(span, of[span]) if span in of else Fraction(0)
        )

    def afford(self, plan: Plan) -> None:
        """Raises OverBudget, with the numbers, where the budget does not reach for the plan."""
        if found := self.over(plan):
            raise self.budget.refusal(found)

    def sweep(self) -> None:
        """Remove what renders that were killed have left half-written. Raises LocalFault."""
        self.realm.sweep(self.lock_file, self.folder)

    def keep_schema(self) -> None:
        """Put the schema where the editor line that ``init`` writes looks for it; git does not carry it to a clone."""
        system_files.replace(scratch_dir(self.folder) / "storyboard.schema.json", schema.text().encode())

    def forgotten(self, plan: Plan) -> list[Submission]:
        """Submissions of this file whose answers were lost, and that its scenes do not ask for any more."""
        asked = {step.shot.key for step in plan.steps}
        return [
            entry
            for entry in self.ledger.submissions.all(self.known_as)
            if entry.key not in asked
            and (entry.state == "unknown" or (entry.state == "intent" and not self.realm.is_running(entry.run)))
        ]

    def spent(self) -> Fraction:
        """Credits that this storyboard has cost so far, as the ledger has it; a draft costs none."""
        if self.draft:
            return Fraction(0)
        return self.ledger.charges.total("storyboard", self.known_as)

    def save_lock(self, takes: Mapping[str, Take]) -> bool:
        """Pin what each scene has now; False where the file says so already. A scene that failed keeps what it had."""
        capabilities = self.provider.capabilities
        return self.lockfile.save(takes, self.wanted, self.storyboard.skipped, self.ledger, capabilities, time.time())

    def uploads(self, wire: "Client") -> Uploads | None:
        """Where local images are put for the provider to fetch. Raises InputError, LocalFault."""
        if self.draft:
            return Uploads(ProviderStorage(wire.api.base_url), self.provider, wire, NoMemory())
        way = self.way()
        return Uploads(way, self.provider, wire, self.ledger.upload_addresses) if way else None

    def going(self) -> str:
        """What becomes of local images, in words."""
        way = None if self.draft else self.way()
        if self.draft:
            return "sent to the emulator on this machine"
        if way is None:
            return "they have nowhere to go yet"
        return f"fetched from {way.destination}" if isinstance(way, PublicFolder) else f"sent to {way.destination}"

    def way(self) -> UploadDestination | None:
        """How local images get an address, as the user configured it. Raises InputError, LocalFault."""
        return parse_destination(self.settings.uploads, self.provider.name, self.settings.base_url)

    def own_clips(self) -> list[Path]:
        """The author's own clips in the film, and the sounds."""
        sources = (scene.source for scene in self.storyboard.scenes)
        clips = [source.path for source in sources if isinstance(source, OwnClip)]
        return [self.folder / path for path in (*clips, *(sound.path for sound in self._own_sounds()))]

    def cut(
        self, takes: Mapping[str, Take], slates: Mapping[str, Slate] = NO_SLATES
    ) -> tuple[Timeline, Mapping[str, Path]]:
        """The film as clips, and where the bytes of each lie that is not drawn.

        Raises InputError where a clip does not serve.
        """
        footage = {scene: Footage(take.digest, take.measure) for scene, take in takes.items()}
        paths = {take.digest: self.store.path(take.digest) for take in takes.values()}
        clips = {
            scene.id: scene.source.path
            for scene in self.storyboard.scenes
            if isinstance(scene.source, OwnClip) and scene.id not in slates
        }
        heard = {sound.path for sound in self._own_sounds()}
        digests = self._digests({*clips.values(), *heard})
        footage |= {scene: Footage(digests[path], self.project.clip(path)) for scene, path in clips.items()}
        paths |= {digest: self.folder / path for path, digest in digests.items()}
        sounds = {path: digests[path] for path in heard}
        whole = build_timeline(self.storyboard, footage, sounds, slates)
        return with_effects(whole, effects.effect_codes({clip.effect for clip in whole.clips if clip.effect})), paths

    def _digests(self, own: Collection[PurePosixPath]) -> Mapping[PurePosixPath, str]:
        """The SHA-256 of files of the author's own, in hex."""
        with ThreadPoolExecutor(2) as pool:
            return dict(zip(own, pool.map(_digest, [self.folder / path for path in own]), strict=True))

    @property
    def loudness(self) -> "Known":
        """How loud clips are, as far as it was measured before."""
        from storyboard.film.audio.loudness import Known

        return Known(self.folder)

    def clip(self, name: str, take: Take) -> Clip | None:
        """What the film shows of a scene's take; None where its trim does not fit."""
        scene = next(scene for scene in self.storyboard.scenes if scene.id == name)
        return clip_of_scene(self.storyboard, scene, Footage(take.digest, take.measure))

    def _own_sounds(self) -> Iterator[OwnSound]:
        """The author's own sound files that are heard in the film."""
        voices = (scene.finish.audio.voice for scene in self.storyboard.scenes)
        yield from (voice for voice in voices if voice)
        yield from (bed.sound for bed in self.storyboard.music)

    def picture(self, image: LocalImage) -> bytes:
        """The bytes of an image, the same as when the storyboard was read. Raises InputError."""
        content = self.project.bytes_of(image.path)
        if hashlib.sha256(content).hexdigest() != image.digest:
            raise InputError(f"{image.path} has been changed meanwhile", "run again")
        return content


def _digest(path: Path) -> str:
    with disk_errors(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def desk(
    file: Path,
    settings: Settings,
    *,
    draft: bool = False,
    given: Mapping[str, str] | None = None,
    files: Files | None = None,
) -> Iterator[Desk]:
    """Read a storyboard, through ``files`` where they are given, and open what belongs to it.

    Raises Problems and other StoryboardErrors.
    """
    project = Project(file.parent)
    provider = vendor(settings, draft=draft)
    storyboard = read_storyboard(file.name, files or project, provider.capabilities, given or {}, shown=_shown(file))
    free = {model: Fraction(0) for model in provider.capabilities.names}
    prices = Prices(free, Fraction(0), Fraction(0), estimate=False)
    kind, root = settings.kind(draft=draft), settings.realm(draft=draft)
    with open_realm(kind, root, time.time()) as realm:
        yield Desk(
            file=file,
            shown=_shown(file),
            project=project,
            storyboard=storyboard,
            provider=provider,
            prices=prices if draft else settings.prices,
            wanted=shots(storyboard, provider.name, labelled=draft),
            realm=realm,
            lockfile=find_lock_file(file, kind, Store(settings.home / "takes")),
            settings=settings,
            draft=draft,
        )


def vendor(settings: Settings, *, draft: bool) -> Provider:
    """The provider that the user configured; a draft's is the built-in one, which also prints labels on its cards."""
    if draft:
        from storyboard.emulator import draft_provider

        return draft_provider()
    provider = find(settings.provider)
    if settings.profile:
        if not isinstance(provider, Configurable):
            raise InputError(f"{settings.file}: [profile] is for the provider {USUAL}, not {provider.name}")
        return provider.with_profile(settings.profile)
    return provider


def _shown(file: Path) -> str:
    try:
        return str(file.relative_to(Path.cwd()))
    except ValueError:
        return str(file)
