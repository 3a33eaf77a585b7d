"""The workspace: one storyboard with its shots, its provider, its prices, and the realm that keeps its takes."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from storyboard.config.settings import Settings
from storyboard.costs.budget import NO_LIMIT
from storyboard.costs.price_book import PriceBook
from storyboard.emulator.draft_models import draft_catalogue
from storyboard.model.errors import InputError
from storyboard.model.lock import Lock, known_takes
from storyboard.model.model_catalogue import Catalogue, NamesModel
from storyboard.model.realm_kind import KINDS, Kind
from storyboard.model.scene_shots import SceneShots
from storyboard.model.shot import Shot
from storyboard.model.storyboard import Generated, Storyboard
from storyboard.model.submission import Submission
from storyboard.model.take import Take
from storyboard.parsing.project_files import Files
from storyboard.parsing.read import read_storyboard
from storyboard.planning.proofs import final_scenes, proof_lock, proof_storyboard
from storyboard.planning.retakes import Remarked, remark_names, with_retakes
from storyboard.planning.shots import NO_LABELS, scene_shots
from storyboard.providers.base import Provider
from storyboard.state.lockfile import LockFile, find_lock_file
from storyboard.state.realm import Realm, claim_storyboard, open_realm, read_realm
from storyboard.state.store import Store
from storyboard.workflow.draft_labels import draft_labels
from storyboard.workflow.offers import configured_catalogue, provider_of, realm_kind
from storyboard.workflow.source_files import Project

# Factor of all pauses for a draft: its clips are made on this machine, and they are polled each
# quarter of a second: more often would take a tenth of the time in which they are made.
DRAFT_SCALE = 0.02


@dataclass(frozen=True, slots=True)
class Workspace:
    """Everything that a use case needs about one storyboard.

    ``file`` is its absolute path, ``shown`` the same as the user reads it, ``storyboard_id`` its name in the ledger.
    ``wanted`` are the shots of the scenes that a provider generates, by id. ``realm`` keeps the takes: paid ones, those
    of a rehearsal, or drafts; ``provider`` is the usual one, ``prices`` and ``settings`` those that hold there.
    ``providers`` are all that its scenes ask, by name, and ``catalogue`` has the models of all that are configured.
    ``realms`` are those in which other takes of the film are bought, by provider: in a rehearsal of a film, the takes
    of real services are no rehearsals.

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
    catalogue: Catalogue
    prices: PriceBook
    settings: Settings
    realm: Realm
    lockfile: LockFile
    providers: Mapping[str, Provider] = field(default_factory=dict)
    realms: Mapping[str, Realm] = field(default_factory=dict)
    proof_model: str = ""
    proofs: Mapping[str, str] = field(default_factory=dict)

    def without_finals(self, lock: Lock) -> Lock:
        """Return what ``lock`` pins that counts here: of the scenes in ``proofs`` their proofs alone."""
        return proof_lock(lock, {*lock.scenes} - {*self.proofs}) if self.proof_model else lock

    def provider_of(self, asked: NamesModel) -> Provider:
        """Return the provider of a shot or a submission."""
        return self.provider_named(asked.provider)

    def provider_named(self, name: str) -> Provider:
        """Return the provider of this name; the usual one for "" and for one that no scene asks."""
        if name in self.providers or name not in self.settings.names or self.realm.kind == "draft":
            return self.providers.get(name, self.provider)
        return provider_of(self.settings.for_provider(name), self.realm.kind)

    def realm_of(self, asked: NamesModel) -> Realm:
        """Return the realm in which the take of a shot or a submission is bought."""
        return self.realms.get(asked.provider, self.realm)

    @property
    def all_realms(self) -> tuple[Realm, ...]:
        """The realm of the film, and those in which other takes of it are bought."""
        return tuple(dict.fromkeys((self.realm, *self.realms.values())))

    def submission(self, key: str) -> Submission | None:
        """Return the last submission of a shot, in whichever realm it was made. Raise LocalFault."""
        found = (realm.ledger.submissions.of_key(key) for realm in self.all_realms)
        return next((submission for submission in found if submission), None)

    def takes(self, key: str) -> Mapping[str, Take]:
        """Return the takes of a shot by resolution, in whichever realm they were made. Raise LocalFault."""
        found: dict[str, Take] = {}
        for realm in self.all_realms:
            found = {**realm.ledger.takes.of_key(key), **found}
        return found

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
    catalogue, source_files, shown = configured_catalogue(settings), Project(file.parent), relative_name(file)
    read = files or source_files
    storyboard = read_storyboard(file.name, read, catalogue, given or {}, shown=shown)
    other = _with_model(file, read, catalogue, given or {}, shown, model, realm)
    asked = providers_asked(storyboard) | (providers_asked(other) if other else frozenset())
    kind = realm or realm_kind(settings, asked)
    catalogue = draft_catalogue(catalogue) if kind == "draft" else catalogue
    labels = draft_labels(storyboard, read, catalogue) if kind == "draft" else {}
    terms = _terms(settings, kind)
    with ExitStack() as stack:
        realms = _opened_realms(stack, settings, kind, asked, looking=looking)
        lockfile = find_lock_file(file, kind, {each: Store(settings.realm_folder(each) / "takes") for each in KINDS})
        lock = lockfile.read()
        opened_workspace = Workspace(
            file=file,
            shown=shown,
            storyboard_id=str(file.resolve()),
            storyboard=storyboard,
            wanted={},
            source_files=source_files,
            provider=provider_of(settings, kind),
            catalogue=catalogue,
            prices=terms.prices,
            settings=terms,
            realm=realms.pop(""),
            lockfile=lockfile,
            providers={each: provider_of(settings.for_provider(each), kind) for each in asked if kind != "draft"},
            realms=realms,
        )
        opened_workspace = replace(opened_workspace, wanted=_shots(opened_workspace, storyboard, lock, labels))
        yield _proving(opened_workspace, other, lock, model) if other else opened_workspace


def providers_asked(storyboard: Storyboard) -> frozenset[str]:
    """Return the names of the providers that scenes of a storyboard ask, also once they are refused."""
    sources = [scene.source for scene in storyboard.scenes if isinstance(scene.source, Generated)]
    fallbacks = (rule.provider for source in sources for rule in source.if_refused if rule.model)
    return frozenset((*(source.provider for source in sources), *fallbacks))


def _opened_realms(
    stack: ExitStack, settings: Settings, kind: Kind, providers: frozenset[str], *, looking: bool
) -> dict[str, Realm]:
    """The realm of the film, by the name "", and those of the providers whose takes are bought in another one."""
    opening = read_realm if looking else open_realm

    def opened(each: Kind) -> Realm:
        return stack.enter_context(opening(each, settings.realm_folder(each), time.time()))

    own = {name: settings.for_provider(name).service_realm for name in providers} if kind == "rehearsal" else {}
    realms = {kind: opened(kind)} | {each: opened(each) for each in {*own.values()} - {kind}}
    return {"": realms[kind]} | {name: realms[each] for name, each in own.items() if each != kind}


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
    file: Path, read: Files, catalogue: Catalogue, given: Mapping[str, str], shown: str, model: str, kind: Kind | None
) -> Storyboard | None:
    """The storyboard with ``model`` in every scene; None without one. Raise InputError, and Problems as scenes have."""
    if not model:
        return None
    if kind == "draft":
        raise InputError("--model is for takes of the service, not for drafts", "leave out --draft or --model")
    return read_storyboard(file.name, read, catalogue, given, shown=shown, model=model)


def _proving(workspace: Workspace, other: Storyboard, lock: Lock, model: str) -> Workspace:
    """The workspace in which the scenes without a take of their own are as in ``other``, which has another model."""
    finals = final_scenes(workspace.wanted, lock)
    storyboard, own = proof_storyboard(workspace.storyboard, other, finals), workspace.wanted
    shots = _shots(workspace, storyboard, proof_lock(lock, finals))
    of = {scene: mine.takes[0].own_key for scene, mine in own.items() if scene not in finals}
    # A scene whose own model this is gets its own take.
    proofs = {scene: key for scene, key in of.items() if shots[scene].takes[0].own_key != key}
    return replace(workspace, storyboard=storyboard, wanted=shots, proof_model=model, proofs=proofs)


def _shots(
    workspace: Workspace, storyboard: Storyboard, lock: Lock, labels: Mapping[str, str] = NO_LABELS
) -> Mapping[str, SceneShots]:
    """The shots of all scenes; those that were bought with a former spelling of numbers are not bought again."""
    return scene_shots(storyboard, workspace.catalogue, lock, labels, *_asked_before(workspace, lock))


def shots_now(workspace: Workspace) -> Mapping[str, SceneShots]:
    """Return the shots of all scenes as they are by now: a fallback, or a retake, may have come since. Not of drafts.

    Raise InputError if the lock is damaged.
    """
    lock = workspace.without_finals(workspace.lockfile.read())
    return _shots(workspace, workspace.storyboard, lock)


def _asked_before(workspace: Workspace, lock: Lock) -> tuple[Callable[[Shot], bool], Callable[[Shot], Remarked]]:
    """Whether a shot was bought; and the names of the remarks of its take."""

    def remarked(shot: Shot) -> Remarked:
        return remark_names(known_takes(lock.takes(shot.key), workspace.takes(shot.key)).values())

    def is_bought(shot: Shot) -> bool:
        entry = workspace.submission(shot.key)
        asked = entry is not None and entry.state not in ("failed", "refused")
        return asked or bool(workspace.takes(shot.key)) or bool(lock.takes(shot.key))

    return is_bought, remarked


def with_bought_retakes(workspace: Workspace) -> Workspace:
    """Return the workspace once a run is over: the takes that ``retake`` bought in it count, and the best is used."""
    is_bought, remarked = _asked_before(workspace, workspace.lockfile.read())
    sources = {scene.id: scene.source for scene in workspace.storyboard.scenes}
    wanted = {
        scene: with_retakes(source, shots, is_bought, remarked)
        for scene, shots in workspace.wanted.items()
        if isinstance(source := sources[scene], Generated)
    }
    return replace(workspace, wanted=wanted)


def _terms(settings: Settings, kind: Kind) -> Settings:
    """The settings that hold in a realm: a draft is free, has no budget, callbacks or originals, and does not wait."""
    match kind:
        case "draft":
            free = replace(settings.prices, is_free=True)
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
