"""The workspace: one storyboard with its shots, its provider, its prices, and the realm that keeps its takes."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from storyboard.config.settings import Settings, configured_provider
from storyboard.costs.budget import NO_LIMIT
from storyboard.costs.prices import Prices, free_prices
from storyboard.model.errors import InputError
from storyboard.model.lock import Lock, known_takes
from storyboard.model.realm_kind import KINDS, Kind
from storyboard.model.scene_shots import SceneShots
from storyboard.model.shot import Shot
from storyboard.model.storyboard import Generated, Storyboard
from storyboard.model.suggest import did_you_mean
from storyboard.model.text import one_line
from storyboard.parsing.project_files import Files
from storyboard.parsing.read import read_storyboard
from storyboard.planning.proofs import final_scenes, proof_lock, proof_storyboard
from storyboard.planning.retakes import Remarked, remark_names, with_retakes
from storyboard.planning.shots import scene_shots
from storyboard.providers.base import Configurable, Provider
from storyboard.providers.installed import USUAL
from storyboard.state.lockfile import LockFile, find_lock_file
from storyboard.state.realm import Realm, claim_storyboard, open_realm, read_realm
from storyboard.state.store import Store
from storyboard.workflow.draft_labels import draft_labels
from storyboard.workflow.source_files import Project

# Factor of all pauses for a draft: its clips are made on this machine, and they are polled each
# quarter of a second: more often would take a tenth of the time in which they are made.
DRAFT_SCALE = 0.02


@dataclass(frozen=True, slots=True)
class Workspace:
    """Everything that a use case needs about one storyboard.

    ``file`` is its absolute path, ``shown`` the same as the user reads it, ``storyboard_id`` its name in the ledger.
    ``wanted`` are the shots of the scenes that a provider generates, by id. ``realm`` keeps the takes: paid ones, those
    of a rehearsal, or drafts; ``provider``, ``prices`` and ``settings`` are those that hold there.

    ``proof_model`` generates the scenes that have no take of their own, in place of the storyboard's; "" for that.
    ``proofs`` are those scenes, with the keys of the shots that they are a proof of.
    """

    file: Path
    shown: str
    storyboard_id: str
    storyboard: Storyboard
    wanted: Mapping[str, SceneShots]
    source_files: Project
    provider: Provider
    prices: Prices
    settings: Settings
    realm: Realm
    lockfile: LockFile
    proof_model: str = ""
    proofs: Mapping[str, str] = field(default_factory=dict)

    def without_finals(self, lock: Lock) -> Lock:
        """Return what ``lock`` pins that counts here: of the scenes in ``proofs`` their proofs alone."""
        return proof_lock(lock, {*lock.scenes} - {*self.proofs}) if self.proof_model else lock

    @property
    def shots(self) -> Mapping[str, Shot]:
        """The shot that the film uses of each scene that a provider generates, by id."""
        return {scene: wanted.shot for scene, wanted in self.wanted.items()}


@contextmanager
def open_workspace(
    file: Path,
    settings: Settings,
    realm: Kind | None = None,
    *,
    given: Mapping[str, str] | None = None,
    files: Files | None = None,
    looking: bool = False,
    model: str = "",
) -> Iterator[Workspace]:
    """Read a storyboard and open the realm of its takes. Raise Problems and other StoryboardErrors.

    ``realm`` is that of the configured service if left out. ``given`` are variables of the storyboard, by name;
    ``files`` reads the author's files in place of ``Project``. ``looking``: nothing needs to be recorded, and the home
    may be read-only. ``model`` makes proofs of the scenes that have no take of their own.
    """
    kind = realm or settings.service_realm
    provider = provider_of(settings, kind)
    source_files, shown = Project(file.parent), relative_name(file)
    read = files or source_files
    storyboard = read_storyboard(file.name, read, provider.capabilities, given or {}, shown=shown)
    other = _with_model(file, read, provider, given or {}, shown, model, kind)
    terms = _terms(settings, provider, kind)
    labels = draft_labels(storyboard, read, provider) if kind == "draft" else {}
    opening = read_realm if looking else open_realm
    with opening(kind, settings.realm_folder(kind), time.time()) as opened:
        lockfile = find_lock_file(file, kind, {each: Store(settings.realm_folder(each) / "takes") for each in KINDS})
        lock = lockfile.read()
        wanted = _shots(storyboard, provider, labels, opened, lock)
        opened_workspace = Workspace(
            file=file,
            shown=shown,
            storyboard_id=str(file.resolve()),
            storyboard=storyboard,
            wanted=wanted,
            source_files=source_files,
            provider=provider,
            prices=terms.prices,
            settings=terms,
            realm=opened,
            lockfile=lockfile,
        )
        yield _proving(opened_workspace, other, lock, model) if other else opened_workspace


@contextmanager
def claimed_workspace(
    file: Path,
    settings: Settings,
    realm: Kind | None = None,
    *,
    given: Mapping[str, str] | None = None,
    files: Files | None = None,
    model: str = "",
) -> Iterator[Workspace]:
    """Claim a storyboard for this process, then open it as ``open_workspace`` does. Raise Busy as well."""
    opened = open_workspace(file, settings, realm, given=given, files=files, model=model)
    with claim_storyboard(file), opened as workspace:
        yield workspace


def _with_model(
    file: Path, read: Files, provider: Provider, given: Mapping[str, str], shown: str, model: str, kind: Kind
) -> Storyboard | None:
    """The storyboard with ``model`` in every scene; None without one. Raise InputError, and Problems as scenes have."""
    if not model:
        return None
    if kind == "draft":
        raise InputError("--model is for takes of the service, not for drafts", "leave out --draft or --model")
    if model not in (known := provider.capabilities.names):
        hint = did_you_mean(model, known) or f"there are: {', '.join(known)}"
        raise InputError(f"--model: '{one_line(model, 60)}' is not a model of {provider.name}", hint)
    return read_storyboard(file.name, read, provider.capabilities, given, shown=shown, model=model)


def _proving(workspace: Workspace, other: Storyboard, lock: Lock, model: str) -> Workspace:
    """The workspace in which the scenes without a take of their own are as in ``other``, which has another model."""
    finals = final_scenes(workspace.wanted, lock)
    storyboard, own = proof_storyboard(workspace.storyboard, other, finals), workspace.wanted
    shots = _shots(storyboard, workspace.provider, {}, workspace.realm, proof_lock(lock, finals))
    of = {scene: mine.takes[0].own_key for scene, mine in own.items() if scene not in finals}
    # A scene whose own model this is gets its own take.
    proofs = {scene: key for scene, key in of.items() if shots[scene].takes[0].own_key != key}
    return replace(workspace, storyboard=storyboard, wanted=shots, proof_model=model, proofs=proofs)


def _shots(
    storyboard: Storyboard, provider: Provider, labels: Mapping[str, str], realm: Realm, lock: Lock
) -> Mapping[str, SceneShots]:
    """The shots of all scenes; those that were bought with a former spelling of numbers are not bought again."""
    return scene_shots(storyboard, provider.name, lock, provider.capabilities, labels, *_asked_before(realm, lock))


def shots_now(workspace: Workspace) -> Mapping[str, SceneShots]:
    """Return the shots of all scenes as they are by now: a fallback, or a retake, may have come since. Not of drafts.

    Raise InputError if the lock is damaged.
    """
    lock = workspace.without_finals(workspace.lockfile.read())
    return _shots(workspace.storyboard, workspace.provider, {}, workspace.realm, lock)


def _asked_before(realm: Realm, lock: Lock) -> tuple[Callable[[Shot], bool], Callable[[Shot], Remarked]]:
    """Whether a shot was bought; and the names of the remarks of its take."""
    ledger = realm.ledger

    def remarked(shot: Shot) -> Remarked:
        return remark_names(known_takes(lock.takes(shot.key), ledger.takes.of_key(shot.key)).values())

    def is_bought(shot: Shot) -> bool:
        entry = ledger.submissions.of_key(shot.key)
        asked = entry is not None and entry.state not in ("failed", "refused")
        return asked or bool(ledger.takes.of_key(shot.key)) or bool(lock.takes(shot.key))

    return is_bought, remarked


def with_bought_retakes(workspace: Workspace) -> Workspace:
    """Return the workspace once a run is over: the takes that ``retake`` bought in it count, and the best is used."""
    is_bought, remarked = _asked_before(workspace.realm, workspace.lockfile.read())
    sources = {scene.id: scene.source for scene in workspace.storyboard.scenes}
    wanted = {
        scene: with_retakes(source, shots, is_bought, remarked)
        for scene, shots in workspace.wanted.items()
        if isinstance(source := sources[scene], Generated)
    }
    return replace(workspace, wanted=wanted)


def provider_of(settings: Settings, kind: Kind) -> Provider:
    """Return the provider that the user configured; for drafts, the emulator's. Raise InputError."""
    if kind == "draft":
        from storyboard.emulator import draft_provider

        return draft_provider()
    provider = configured_provider(settings)
    if settings.profile:
        if not isinstance(provider, Configurable):
            raise InputError(f"{settings.file}: [profile] is for the provider {USUAL}, not {provider.name}")
        return provider.with_profile(settings.profile)
    return provider


def _terms(settings: Settings, provider: Provider, kind: Kind) -> Settings:
    """The settings that hold in a realm: a draft is free, has no budget, callbacks or originals, and does not wait."""
    match kind:
        case "draft":
            free = free_prices(provider.capabilities.names)
            silent = replace(settings.callbacks, url=None)
            return replace(
                settings, prices=free, budget=NO_LIMIT, callbacks=silent, time_scale=DRAFT_SCALE, originals=False
            )
        case "paid" | "rehearsal":
            return settings


def relative_name(file: Path) -> str:
    """Return what a storyboard is called in messages: its path, relative to the current folder if it is below it."""
    try:
        return str(file.relative_to(Path.cwd()))
    except ValueError:
        return str(file)
