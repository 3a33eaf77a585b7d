"""The history of a scene: every take that was bought for its id, by the ledger, also of former prompts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from storyboard.config.settings import Settings
from storyboard.costs.price_book import PriceBook, price_document
from storyboard.model.cost import Cost
from storyboard.model.errors import InputError, Problems
from storyboard.model.lock import Lock, Pinned
from storyboard.model.realm_kind import KINDS, Kind
from storyboard.model.submission import Submission, rfc3339
from storyboard.model.suggest import did_you_mean
from storyboard.model.take import Take
from storyboard.model.text import one_line
from storyboard.planning.changes import changed_words
from storyboard.state.lockfile import find_lock_file
from storyboard.state.realm import Realm, read_realm
from storyboard.state.store import Store
from storyboard.workflow.workspace import open_workspace, relative_name


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One submission of a scene, or a take that only the lock file knows (another machine bought it).

    ``asked`` is seconds since 1970, None where only the lock knows it, and so are ``prompt``, ``reason`` and ``model``
    empty. ``state`` is that of the submission, and "pinned" for such a take. ``change`` is the prompt with the words
    that changed since the entry before; "" if none did. ``cost`` is what it cost or may have cost.
    ``there``: its take is in the store. ``used``: the film uses it now.
    """

    number: int
    asked: float | None
    state: str
    prompt: str
    change: str
    model: str
    cost: Cost | None
    reason: str
    why: str
    take: Take | None
    path: Path | None
    used: bool

    @property
    def there(self) -> bool:
        return self.path is not None


@dataclass(frozen=True, slots=True)
class _Standing:
    """What stands for a scene now: the keys of its takes, and that of the take that the film uses ("" for none)."""

    keys: frozenset[str] = frozenset()
    used: str = ""


def read_history(
    file: Path, scene: str, settings: Settings, realm: Kind | None, given: Mapping[str, str], now: float
) -> tuple[HistoryEntry, ...]:
    """Return what was bought for a scene of the storyboard in ``file``, oldest first. ``now`` is seconds since 1970.

    The storyboard need not be valid, nor have the scene any more. Raise InputError if nothing is known of the scene,
    LocalFault.
    """
    try:
        with open_workspace(file, settings, realm, given=given, looking=True) as workspace:
            wanted, lock = workspace.wanted.get(scene), workspace.lockfile.read()
            keys = frozenset(wanted.keys.values()) if wanted else frozenset[str]()
            standing = _Standing(keys, wanted.shot.key if wanted else "")
            every, entries = _entries(workspace.all_realms, file, scene, lock, standing)
    except Problems:
        kind = realm or settings.service_realm
        lock = find_lock_file(file, kind, {each: Store(settings.realm_folder(each) / "takes") for each in KINDS}).read()
        pinned = lock.scenes.get(scene)
        standing = _Standing(frozenset(pinned.all_keys.values()), pinned.key) if pinned else _Standing()
        with read_realm(kind, settings.realm_folder(kind), now) as opened:
            every, entries = _entries((opened,), file, scene, lock, standing)
    if not entries:
        known = {*every, *lock.scenes}
        name = relative_name(file)
        hint = did_you_mean(scene, known) or f"storyboard takes {name} lists the scenes that have takes"
        raise InputError(f"nothing was bought for a scene '{one_line(scene, 80)}' of {name}", hint)
    return entries


def _entries(
    realms: Sequence[Realm], file: Path, scene: str, lock: Lock, standing: _Standing
) -> tuple[frozenset[str], tuple[HistoryEntry, ...]]:
    """The names of all scenes that something was submitted for, and the entries of one of them."""
    found, names, asked = list[HistoryEntry](), set[str](), list[Submission]()
    for realm in realms:
        every = realm.ledger.submissions.all(str(file.resolve()))
        names |= {each.scene for each in every}
        mine = [each for each in every if scene == each.scene or each.key in standing.keys]
        asked += mine
        found += _submitted(realm, mine, standing)
    found.sort(key=lambda entry: entry.asked or 0)
    return frozenset(names), (*_pinned(realms[0], lock.scenes.get(scene), asked, standing), *found)


def _submitted(realm: Realm, entries: Iterable[Submission], standing: _Standing) -> Iterator[HistoryEntry]:
    before, last = "", {each.key: each.id for each in entries if each.state == "taken"}
    for each in entries:
        if each.state == "refused":
            continue
        prompt = str(each.recipe.get("prompt", ""))
        came = [take for take in realm.ledger.takes.of_key(each.key).values() if take.job in (None, each.job)]
        take = max(came, key=lambda take: take.measure.width) if came and each.state == "taken" else None
        path = realm.store.path(take.digest) if take and realm.store.holds(take.digest, take.bytes) else None
        yield HistoryEntry(
            number=each.take.number,
            asked=each.asked,
            state=each.state,
            prompt=prompt,
            change=changed_words(before, prompt) if before and before != prompt else "",
            model=each.model,
            cost=Cost() if realm.kind == "draft" else each.cost,
            reason=each.reason,
            why=each.why,
            take=take,
            path=path,
            used=each.key == standing.used and last.get(each.key) == each.id,
        )
        before = prompt


def _pinned(
    realm: Realm, pinned: Pinned | None, entries: Iterable[Submission], standing: _Standing
) -> Iterator[HistoryEntry]:
    """The takes that the lock pins and that this ledger has no submission of."""
    known = {each.key for each in entries}
    for number, key in sorted(pinned.all_keys.items()) if pinned else ():
        for take in [*pinned.takes.get(number, {}).values()][-1:] if pinned and key not in known else ():
            path = realm.store.path(take.digest) if realm.store.holds(take.digest, take.bytes) else None
            yield HistoryEntry(number, None, "pinned", "", "", "", take.cost, "", "", take, path, key == standing.used)


def history_document(
    file: Path, scene: str, entries: Iterable[HistoryEntry], prices: PriceBook
) -> Mapping[str, object]:
    """Return a history as JSON (schema history.schema.json)."""
    return {"storyboard": str(file), "scene": scene, "takes": [_document(entry, prices) for entry in entries]}


def _document(entry: HistoryEntry, prices: PriceBook) -> Mapping[str, object]:
    return {
        "number": entry.number,
        "asked": None if entry.asked is None else rfc3339(entry.asked),
        "state": entry.state,
        "model": entry.model or None,
        "prompt": entry.prompt or None,
        **price_document(entry.cost, prices),
        "reason": entry.reason,
        "why": entry.why,
        "sha256": entry.take.digest if entry.take else None,
        "path": str(entry.path) if entry.path else None,
        "used": entry.used,
        "remarks": [remark.document() for remark in entry.take.remarks] if entry.take else [],
    }
