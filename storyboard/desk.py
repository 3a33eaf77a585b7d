"""One storyboard on the desk: its words, its files, and all that is known of its shots, read once and passed on."""

import hashlib
import time
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from storyboard import disk, effects, rescue
from storyboard.budget import NO_LIMIT, Budget, Over, Span
from storyboard.config import Kind, Settings
from storyboard.cut import NO_SLATES, Clip, Cut, Slate, alone, cut, treated
from storyboard.disk import claim, claimed, private, scratch, shared, sweep, sweep_all, sweep_claims, telling
from storyboard.entry import LIVE, Entry, moment
from storyboard.errors import InputError
from storyboard.ledger import Ledger
from storyboard.lock import Lock, Pinned
from storyboard.lock import read as read_lock
from storyboard.lock import write as write_lock
from storyboard.plan import Facts, Plan, plan, shots
from storyboard.price import Prices
from storyboard.project import Project
from storyboard.providers.base import Configurable, Provider
from storyboard.providers.registry import USUAL, find
from storyboard.reading import Files, read, schema
from storyboard.reading.yaml import load
from storyboard.shot import Shot
from storyboard.store import Store
from storyboard.story import LocalImage, OwnClip, OwnSound, Resolution, Storyboard
from storyboard.take import Footage, Take
from storyboard.uploads import Folder, Forgetful, Service, Uploads, Way, parse

if TYPE_CHECKING:
    from storyboard.http.client import Client
    from storyboard.media.loudness import Known


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
    ledger: Ledger
    store: Store
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
    def realm(self) -> Path:
        return self.settings.realm(draft=self.draft)

    @property
    def budget(self) -> Budget:
        """The limits that hold here; a draft costs nothing and has none."""
        return NO_LIMIT if self.draft else self.settings.budget

    @property
    def runs(self) -> Path:
        """The folder where living runs hold their claims."""
        return self.realm / "runs"

    @property
    def kind(self) -> Kind:
        """Whose takes are meant."""
        return self.settings.kind(draft=self.draft)

    @property
    def lock_file(self) -> Path:
        """In git beside the storyboard. A draft's is scratch, and so is a rehearsal's where a paid one lies."""
        own, *scratched = locks_of(self.file, self.kind)
        return scratched[0] if scratched and self._pins_paid_takes(own) else own

    def _pins_paid_takes(self, lock: Path) -> bool:
        paid = Store(self.settings.home / "takes")
        takes = [
            take for pinned in locked(lock).scenes.values() for some in pinned.takes.values() for take in some.values()
        ]
        return any(paid.held(take.digest, take.bytes) for take in takes)

    def lock(self) -> Lock:
        """The lock as it stands. Raises InputError where it is damaged."""
        return locked(self.lock_file)

    def facts(self) -> Facts:
        """The world as it is now: lock, ledger, store."""
        lock = self.lock()
        keys = {shot.key for shot in self.wanted.values()}
        entries = {entry.key: entry for key in keys if (entry := self.ledger.entry(key))}
        takes = {key: self.ledger.takes(key) for key in keys}
        known = [*takes.values(), *(lock.takes(key) for key in keys)]
        takes_known = [take for some in known for take in some.values()]
        self._recover({take.digest for take in takes_known if not self.store.held(take.digest, take.bytes)})
        held = {take.digest for take in takes_known if self.store.held(take.digest, take.bytes)}
        self._note(lock)
        removed = {digest: moment(at)[:10] for digest, at in self.ledger.removed().items()}
        pinned = {scene: pinned.key for scene, pinned in lock.scenes.items()}
        recipes = self.ledger.recipes(pinned.values())
        asked = self.ledger.last_asked(self.known_as)
        before = {**asked, **{scene: recipes[key] for scene, key in pinned.items() if key in recipes}}
        at_work = {entry.run for entry in entries.values() if claimed(self.runs / entry.run)}
        named = {entry.nonce for entry in entries.values() if self.ledger.named(entry.nonce)}
        living = frozenset(at_work)
        return Facts(lock, entries, takes, frozenset(held), before, living, removed, frozenset(named))

    def _recover(self, lacking: Collection[str]) -> None:
        """Bring back from the trash what is needed after all."""
        if back := [digest for digest in sorted(lacking) if self.store.recover(digest)]:
            self.ledger.restored(back)

    def _note(self, lock: Lock) -> None:
        """Have the ledger know what this lock pins: `store gc` finds locks by it, and keeps their takes."""
        takes = [take for pinned in lock.scenes.values() for some in pinned.takes.values() for take in some.values()]
        self.ledger.pinned(str(self.lock_file), [take.digest for take in takes], time.time())

    def plan(self) -> Plan:
        return plan(self.storyboard, self.wanted, self.facts(), self.prices, self.provider.capabilities)

    def over(self, plan: Plan) -> tuple[Over, ...]:
        """The limits of the budget that the plan would go over, as far as is spent now."""
        of: Mapping[Span, str] = {"storyboard": self.known_as, "month": moment(time.time())[:7]}
        return self.budget.over(
            plan.credits, lambda span: self.ledger.spent(span, of[span]) if span in of else Fraction(0)
        )

    def afford(self, plan: Plan) -> None:
        """Raises OverBudget, with the numbers, where the budget does not reach for the plan."""
        if found := self.over(plan):
            raise self.budget.refusal(found)

    def sweep(self) -> None:
        """Remove what renders that were killed have left half-written. Raises LocalFault."""
        sweep(self.lock_file)
        sweep_claims(self.runs)
        sweep_all(scratch(self.folder))

    def keep_schema(self) -> None:
        """Put the schema where the editor line that ``init`` writes looks for it; git does not carry it to a clone."""
        disk.replace(scratch(self.folder) / "storyboard.schema.json", schema.text().encode())

    def forgotten(self, plan: Plan) -> list[Entry]:
        """Submissions of this file whose answers were lost, and that its scenes do not ask for any more."""
        asked = {step.shot.key for step in plan.steps}
        return [
            entry
            for entry in self.ledger.entries(self.known_as)
            if entry.key not in asked
            and (entry.state == "unknown" or (entry.state == "intent" and not claimed(self.runs / entry.run)))
        ]

    def spent(self) -> Fraction:
        """Credits that this storyboard has cost so far, as the ledger has it; a draft costs none."""
        if self.draft:
            return Fraction(0)
        return self.ledger.spent("storyboard", self.known_as)

    def save_lock(self, takes: Mapping[str, Take]) -> bool:
        """Pin what each scene has now; False where the file says so already. A scene that failed keeps what it had."""
        lock = self.lock()
        kept = (*self.wanted, *self.storyboard.skipped)
        scenes = {scene: lock.scenes[scene] for scene in kept if scene in lock.scenes}
        scenes |= {scene: self._pinned(lock, self.wanted[scene], take) for scene, take in takes.items()}
        if scenes == dict(lock.scenes) and self.lock_file.exists():
            return False
        if not scenes and not self.lock_file.exists():
            return False
        scratch(self.folder)
        self._note(Lock(scenes))
        return disk.replace(self.lock_file, write_lock(Lock(scenes)).encode())

    def _pinned(self, lock: Lock, shot: Shot, take: Take) -> Pinned:
        versions: dict[Resolution, Take] = {take.resolution: take}
        first = self.provider.capabilities.model(shot.model).base(take.resolution)
        base = self.ledger.takes(shot.key).get(first) or lock.takes(shot.key).get(first)
        if base:
            versions[first] = base
        return Pinned(shot.key, shot.take, {shot.take: versions})

    def uploads(self, wire: "Client") -> Uploads | None:
        """Where local images are put for the provider to fetch. Raises InputError, LocalFault."""
        if self.draft:
            return Uploads(Service(wire.api.base_url), self.provider, wire, Forgetful())
        way = self.way()
        return Uploads(way, self.provider, wire, self.ledger) if way else None

    def going(self) -> str:
        """What becomes of local images, in words."""
        way = None if self.draft else self.way()
        if self.draft:
            return "sent to the emulator on this machine"
        if way is None:
            return "they have nowhere to go yet"
        return f"fetched from {way.destination}" if isinstance(way, Folder) else f"sent to {way.destination}"

    def way(self) -> Way | None:
        """How local images get an address, as the user configured it. Raises InputError, LocalFault."""
        return parse(self.settings.uploads, self.provider.name, self.settings.base_url)

    def own_clips(self) -> list[Path]:
        """The author's own clips in the film, and the sounds."""
        sources = (scene.source for scene in self.storyboard.scenes)
        clips = [source.path for source in sources if isinstance(source, OwnClip)]
        return [self.folder / path for path in (*clips, *(sound.path for sound in self._own_sounds()))]

    def cut(self, takes: Mapping[str, Take], slates: Mapping[str, Slate] = NO_SLATES) -> tuple[Cut, Mapping[str, Path]]:
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
        whole = cut(self.storyboard, footage, sounds, slates)
        return treated(whole, effects.codes({clip.effect for clip in whole.clips if clip.effect})), paths

    def _digests(self, own: Collection[PurePosixPath]) -> Mapping[PurePosixPath, str]:
        """The SHA-256 of files of the author's own, in hex."""
        with ThreadPoolExecutor(2) as pool:
            return dict(zip(own, pool.map(_digest, [self.folder / path for path in own]), strict=True))

    @property
    def loudness(self) -> "Known":
        """How loud clips are, as far as it was measured before."""
        from storyboard.media.loudness import Known

        return Known(self.folder)

    def clip(self, name: str, take: Take) -> Clip | None:
        """What the film shows of a scene's take; None where its trim does not fit."""
        scene = next(scene for scene in self.storyboard.scenes if scene.id == name)
        return alone(self.storyboard, scene, Footage(take.digest, take.measure))

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


def at_work(file: Path) -> AbstractContextManager[None]:
    """Hold a storyboard for this process alone. Raises Busy."""
    # Two files of one name share a lock and a film, so they share the claim too.
    name = file.stem.removesuffix(".storyboard")
    return claim(scratch(file.parent) / f"{name}.claim", f"another render of {file.name} is at work")


def in_use(realm: Path) -> Path:
    """What every desk holds together with others, and `store gc` alone: no take goes while a plan counts on it."""
    return realm / "store.claim"


def locks_of(file: Path, kind: Kind) -> tuple[Path, ...]:
    """Where the lock of a storyboard may lie, for takes of this kind; the usual place first."""
    name = file.stem.removesuffix(".storyboard")
    own, scratched = file.parent / f"{name}.lock.yaml", file.parent / ".storyboard" / f"{name}.{kind}.lock.yaml"
    return {"paid": (own,), "rehearsal": (own, scratched), "draft": (scratched,)}[kind]


def locked(file: Path) -> Lock:
    """The lock in a file; an empty one where there is no file. Raises InputError where it is damaged."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return Lock()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from None
    return read_lock(load(content, file.name), file.name)


def _digest(path: Path) -> str:
    with telling(path), path.open("rb") as file:
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
    storyboard = read(file.name, files or project, provider.capabilities, given or {}, shown=_shown(file))
    realm = private(settings.realm(draft=draft))
    prices = Prices(
        {model: Fraction(0) for model in provider.capabilities.names}, Fraction(0), Fraction(0), estimate=False
    )
    with shared(in_use(realm)), closing(Ledger(realm / "ledger.db")) as ledger:
        store = Store(realm / "takes")
        rescue.bring_in(ledger, time.time())
        if draft:
            _bury(ledger, store, realm / "runs")
        yield Desk(
            file=file,
            shown=_shown(file),
            project=project,
            storyboard=storyboard,
            provider=provider,
            prices=prices if draft else settings.prices,
            wanted=shots(storyboard, provider.name, labelled=draft),
            ledger=ledger,
            store=store,
            settings=settings,
            draft=draft,
        )


def _bury(ledger: Ledger, store: Store, runs: Path) -> None:
    """Close the drafts that a dead run left open: the emulator that had promised them died with it."""
    for entry in ledger.entries():
        kept = any(store.held(take.digest, take.bytes) for take in ledger.takes(entry.key).values())
        if entry.state in LIVE and not kept and not claimed(runs / entry.run):
            ledger.failed(entry, "", None, entry.changed)


def vendor(settings: Settings, *, draft: bool) -> Provider:
    """The provider that the user configured; a draft's is the built-in one, which also prints labels on its cards."""
    if draft:
        from storyboard.emulator import draft_provider

        return draft_provider()
    provider = find(settings.provider)
    if settings.profile:
        if not isinstance(provider, Configurable):
            raise InputError(f"{settings.file}: [profile] is for the provider {USUAL}, not {provider.name}")
        return provider.configured(settings.profile)
    return provider


def _shown(file: Path) -> str:
    try:
        return str(file.relative_to(Path.cwd()))
    except ValueError:
        return str(file)
