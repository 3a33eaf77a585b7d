"""NAME.lock.yaml: its path, its format, and how it is updated. Sorted, so that one scene is one hunk in git."""

import dataclasses
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storyboard.model.cost import CREDITS, is_currency
from storyboard.model.errors import InputError
from storyboard.model.lock import Lock, Pinned, known_takes
from storyboard.model.model_catalogue import Catalogue
from storyboard.model.realm_kind import Kind
from storyboard.model.remark import remarks_of
from storyboard.model.scene_shots import SceneShots, nth_shot
from storyboard.model.shot import USUAL_PROVIDER, Shot
from storyboard.model.take import Measure, Take, TakeId, exact
from storyboard.parsing.yaml import load
from storyboard.state.ledger import Ledger
from storyboard.state.store import Store
from storyboard.system.files import replace, scratch_dir

_HEAD: Mapping[Kind, str] = {
    "paid": "# Written by storyboard. Commit it: it pins the takes of the film.\nstoryboard-lock: 1\n",
    "rehearsal": "# Written by storyboard in a rehearsal: its takes are on this machine alone.\n"
    "storyboard-lock: 1\nrealm: rehearsal\n",
    "draft": "# Written by storyboard: it pins draft takes, which cost nothing.\nstoryboard-lock: 1\n",
}
_HEX = re.compile(r"[0-9a-f]{64}\Z")
_SIZE = re.compile(r"([1-9][0-9]{0,8})x([1-9][0-9]{0,8})\Z")
_RESOLUTION = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}\Z")
_PLAIN = re.compile(r"[a-z][a-z0-9_-]*\Z")
_NUMBER = re.compile(r"[1-9][0-9]{0,8}\Z")
_LONGEST_NAME = 512  # characters of the name of a job
_LONGEST_KEY = 80  # characters; a YAML key of one line has at most 1,024, and an escaped character takes up to 12
_WORDS = frozenset(("null", "true", "false", "yes", "no", "on", "off", "y", "n"))
_Rest = Mapping[tuple[str, ...], Mapping[str, object]]
_ID = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?\Z")


@dataclass(frozen=True, slots=True)
class LockFile:
    """A lock file at ``path`` for takes of a ``kind``, of a storyboard in ``folder``.

    ``rehearsals`` is the store of rehearsals: a lock that pins takes of those alone is no lock of paid takes.
    """

    path: Path
    folder: Path
    kind: Kind
    rehearsals: Store

    def read(self) -> Lock:
        """Read the lock; an empty one where takes of this kind are paid for and it pins a rehearsal's.

        Raise InputError if it is damaged.
        """
        lock = read_lock(self.path)
        return Lock() if self.kind == "paid" and is_rehearsed(lock, self.rehearsals) else lock

    def record_pins(self, lock: Lock, ledger: Ledger, now: float) -> None:
        """Record in the ledger what the lock pins: `store gc` finds locks by it, and keeps their takes."""
        ledger.pins.record_pins(str(self.path), [take.digest for take in lock.all_takes()], now)

    def save(
        self,
        takes: Mapping[TakeId, Take],
        wanted: Mapping[str, SceneShots],
        skipped: Collection[str],
        ledger: Ledger,
        catalogue: Catalogue,
        now: float,
        proofs: Mapping[str, str],
    ) -> bool:
        """Pin the takes of the scenes; False if the file is unchanged.

        Those of the scenes in ``proofs`` are proofs, of the shots with these keys. They are pinned beside the scene's
        own takes, which in turn take the place of a proof.

        A take of ``wanted`` that is not in ``takes``, and a scene that is ``skipped``, keep their pins; keys that this
        version does not know stay. ``catalogue`` says which seeds takes have; ``now`` is seconds since 1970. Raise
        InputError if the file is damaged, LocalFault.
        """
        before, there = self.read(), {*wanted, *skipped}
        scenes = {scene: before.scenes[scene] for scene in skipped if scene in before.scenes}
        for scene, shots in wanted.items():
            pinned, mine = before.entry(scene, {*shots.keys.values()}, there), _of_scene(takes, scene, shots)
            found = {number: _versions_of(before, shots.takes[number - 1], mine[number], ledger) for number in mine}
            own = before.scenes.get(scene)
            found = {**_under_other_ids(before, own and own.proof if scene in proofs else own, shots), **found}
            if found and scene in proofs:
                scenes[scene] = _with_proof(shots, found, pinned, catalogue, proofs[scene])
            elif found:
                scenes[scene] = _joined(shots, found, pinned, catalogue)
            elif pinned:
                scenes[scene] = pinned
        return self._write(before, scenes, ledger, now)

    def set_accepted(self, scenes: Mapping[str, Pinned], ledger: Ledger, now: float) -> bool:
        """Write what is pinned of these scenes, whose takes were accepted or are no more; False if it says so already.

        Raise InputError if the file is damaged, LocalFault.
        """
        before = self.read()
        return self._write(before, {**before.scenes, **scenes}, ledger, now)

    def _write(self, before: Lock, scenes: Mapping[str, Pinned], ledger: Ledger, now: float) -> bool:
        if scenes == dict(before.scenes) and self.path.exists():
            return False
        if not scenes and not self.path.exists():
            return False
        scratch_dir(self.folder)
        lock = Lock(scenes, before.realm, _rest_for(before, scenes))
        self.record_pins(lock, ledger, now)
        return replace(self.path, format_lock(lock, self.kind).encode())


def find_lock_file(storyboard: Path, kind: Kind, stores: Mapping[Kind, Store]) -> LockFile:
    """In git beside the storyboard; in ``.storyboard`` for drafts, and for rehearsals if a lock pins other takes.

    ``stores`` has those of paid takes and of rehearsals. Raise InputError if the lock beside the storyboard is damaged.
    """
    own, *scratched = lock_paths(storyboard, kind)
    in_scratch = scratched and _pins_paid_takes(read_lock(own), stores)
    return LockFile(scratched[0] if in_scratch else own, storyboard.parent, kind, stores["rehearsal"])


def is_rehearsed(lock: Lock, rehearsals: Store) -> bool:
    """Whether a lock pins takes of a rehearsal. Older releases did not say so: then all are in its store."""
    takes = [*lock.all_takes()]
    all_there = bool(takes) and all(rehearsals.holds(take.digest, take.bytes) for take in takes)
    return lock.realm == "rehearsal" or (lock.realm is None and all_there)


def _pins_paid_takes(lock: Lock, stores: Mapping[Kind, Store]) -> bool:
    takes = [*lock.all_takes()]
    here = any(stores["paid"].holds(take.digest, take.bytes) for take in takes)
    return bool(takes) and (here or not is_rehearsed(lock, stores["rehearsal"]))


def lock_paths(storyboard: Path, kind: Kind) -> tuple[Path, ...]:
    """The possible paths of the lock of a storyboard, for takes of this kind; the usual one first."""
    name = storyboard.stem.removesuffix(".storyboard")
    own = storyboard.parent / f"{name}.lock.yaml"
    scratched = storyboard.parent / ".storyboard" / f"{name}.{kind}.lock.yaml"
    return {"paid": (own,), "rehearsal": (own, scratched), "draft": (scratched,)}[kind]


def read_lock(path: Path) -> Lock:
    """The lock in a file; an empty one if there is no file. Raise InputError if it is damaged."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Lock()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    return parse_lock(load(content, path.name), path.name)


def format_lock(lock: Lock, kind: Kind = "paid") -> str:
    """The text of a file that pins takes of this kind."""
    rest = _by_parent(lock.rest)
    lines = [_HEAD[kind], *_rest_lines(rest.get((), {}), 0), "scenes:" if lock.scenes else "scenes: {}", "\n"]
    for scene in sorted(lock.scenes):
        lines.append(f"  {_named(scene)}:\n")
        lines.extend(_scene_lines(lock.scenes[scene], ("scenes", scene), rest))
    return "".join(lines)


def _scene_lines(pinned: Pinned, path: tuple[str, ...], rest: _Rest) -> Iterator[str]:
    """The lines below the name of a scene."""
    yield f"    key: {_quoted(pinned.key)}\n    pick: {pinned.pick}\n"
    yield from _key_lines(pinned)
    if pinned.accepted:
        yield f"    accepted: {_quoted(pinned.accepted)}\n"
    if pinned.proof:
        yield "    proof:\n"
        yield from (f"  {line}\n" for line in "".join(_scene_lines(pinned.proof, (*path, "proof"), rest)).splitlines())
    yield from _rest_lines(rest.get(path, {}), 4)
    yield "    takes:\n" if pinned.takes else "    takes: {}\n"
    for number in sorted(pinned.takes):
        yield f"      {number}:\n" if pinned.takes[number] else f"      {number}: {{}}\n"
        for resolution, take in sorted(pinned.takes[number].items()):
            unknown = rest.get((*path, "takes", str(number), resolution), {})
            fields = {**{name: _json(value) for name, value in unknown.items()}, **_fields(take)}
            yield f"        {_named(resolution)}:\n"
            yield from (f"          {_named(name)}: {fields[name]}\n" for name in sorted(fields))


def _key_lines(pinned: Pinned) -> list[str]:
    """The keys of the takes that the film does not use, if there are any."""
    rows = [f"      {number}: {_quoted(pinned.keys[number])}\n" for number in sorted(pinned.keys)]
    return ["    keys:\n", *rows] if rows else []


def _fields(take: Take) -> dict[str, str]:
    """What the file says of a take, by key, as YAML."""
    fields: dict[str, str | None] = {
        "bytes": str(take.bytes),
        "credits": None if take.credits is None else _quoted(str(take.credits)),
        "fallback": "true" if take.fallback else None,
        "first_frame": None if take.first_frame is None else _quoted(take.first_frame),
        "fps": _quoted(str(take.measure.fps)),
        "frames": str(take.measure.frames),
        "job": None if take.job is None else _quoted(take.job),
        "last_frame": None if take.last_frame is None else _quoted(take.last_frame),
        "provider": None if take.provider is None else _quoted(take.provider),
        "remarks": _json([remark.document() for remark in take.remarks]) if take.remarks else None,
        "seed": None if take.seed is None else str(take.seed),
        "sha256": _quoted(take.digest),
        "size": f"{take.measure.width}x{take.measure.height}",
        "sound": "true" if take.measure.sound else "false",
        "unit": None if take.unit == CREDITS else _quoted(take.unit),
    }
    return {name: value for name, value in fields.items() if value is not None}


_KNOWN = frozenset(field.name for field in dataclasses.fields(Take)) - {"digest", "measure", "resolution"}
_KNOWN |= {"fps", "frames", "sha256", "size", "sound"}


def _by_parent(rest: Mapping[tuple[str, ...], object]) -> Mapping[tuple[str, ...], Mapping[str, object]]:
    found: dict[tuple[str, ...], dict[str, object]] = {}
    for path, value in rest.items():
        found.setdefault(path[:-1], {})[path[-1]] = value
    return found


def _rest_lines(rest: Mapping[str, object], indent: int) -> list[str]:
    return [f"{'':{indent}}{_named(name)}: {_json(rest[name])}\n" for name in sorted(rest)]


def _named(name: str) -> str:
    # An id like 007, 1e5, null or no would be read as something else than text, by us or by others.
    return name if (_PLAIN.match(name) or name in ("720p", "1080p")) and name not in _WORDS else _quoted(name)


def _quoted(text: str) -> str:
    """Text in double quotes, as JSON and YAML both read it."""
    return _json(text)


def _json(value: object) -> str:
    """A value on one line. Only characters beyond 16 bits stay: JSON escapes those by halves, and YAML does not."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return "".join(char if " " <= char <= "~" or ord(char) > 0xFFFF else f"\\u{ord(char):04x}" for char in text)


def parse_lock(content: object, file: str) -> Lock:
    """The values of a parsed lock file. Raise InputError naming ``file`` and the scene."""
    scenes = content.get("scenes") if isinstance(content, Mapping) else None
    if not isinstance(content, Mapping) or content.get("storyboard-lock") != 1 or not isinstance(scenes, Mapping):
        raise InputError(f"{file}: not a lock file of version 1", WAY_OUT)
    if any(len(key) > _LONGEST_KEY for key in _keys(content)):
        raise InputError(f"{file}: a key has more than {_LONGEST_KEY} characters", WAY_OUT)
    pinned = {str(scene): _pinned(file, str(scene), value) for scene, value in scenes.items()}
    realm = content.get("realm")
    return Lock(pinned, realm if isinstance(realm, str) else None, dict(_unknown_keys(content, scenes)))


def _keys(value: object) -> Iterator[str]:
    """All keys of mappings in a value."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield str(key)
            yield from _keys(part)
    elif isinstance(value, list):
        for part in value:
            yield from _keys(part)


def _unknown_keys(
    content: Mapping[str, object], scenes: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[tuple[str, ...], object]]:
    """The keys of a valid lock that this version does not know, with their paths."""
    yield from _others((), content, {"storyboard-lock", "realm", "scenes"})
    for scene, value in scenes.items():
        yield from _unknown_in(("scenes", scene), value)


def _unknown_in(path: tuple[str, ...], pinned: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], object]]:
    """The unknown keys of a scene, or of its proof."""
    yield from _others(path, pinned, _OF_SCENE)
    for number, versions in pinned["takes"].items():
        for resolution, fields in versions.items():
            yield from _others((*path, "takes", str(int(number)), resolution), fields, _KNOWN)
    if "proof" in pinned:
        yield from _unknown_in((*path, "proof"), pinned["proof"])


_OF_SCENE = frozenset(("accepted", "key", "keys", "pick", "proof", "takes"))


def _others(
    path: tuple[str, ...], found: Mapping[str, object], known: Collection[str]
) -> Iterator[tuple[tuple[str, ...], object]]:
    return (((*path, name), value) for name, value in found.items() if name not in known)


def _rest_for(before: Lock, scenes: Mapping[str, Pinned]) -> Mapping[tuple[str, ...], object]:
    """The unknown keys that still hold: of the file, of scenes that are there, of takes that are the same."""

    def holds(path: tuple[str, ...]) -> bool:
        if len(path) < 3:
            return True
        return _still_holds(path[2:], scenes.get(path[1]), before.scenes[path[1]])

    return {path: value for path, value in before.rest.items() if holds(path)}


def _still_holds(path: tuple[str, ...], now: Pinned | None, then: Pinned | None) -> bool:
    """Whether an unknown key, at this path in what was pinned, is of something that is pinned still."""
    if now is None or then is None or len(path) == 1:
        return now is not None
    if path[0] == "proof":
        return _still_holds(path[1:], now.proof, then.proof)
    take = now.takes.get(int(path[1]), {}).get(path[2])
    return take is not None and take.digest == then.takes[int(path[1])][path[2]].digest


WAY_OUT = "restore it from git, or delete it: what was bought is in the ledger and the store too"


def _pinned(file: str, scene: str, value: object) -> Pinned:
    try:
        if not (isinstance(value, Mapping) and _ID.match(scene) and _HEX.match(value["key"])):
            raise ValueError
        takes = {_number(number): _versions(versions) for number, versions in value["takes"].items()}
        pick, keys = _whole(value["pick"]), {_number(number): key for number, key in value.get("keys", {}).items()}
        if not all(_HEX.match(key) for key in keys.values()):
            raise ValueError
        accepted = _hex(value["accepted"]) if "accepted" in value else None
        others = {number: key for number, key in keys.items() if number != pick}
        proof = _pinned(file, scene, value["proof"]) if "proof" in value else None
        return Pinned(value["key"], pick, takes, others, accepted, proof)
    except (KeyError, ValueError, TypeError, AttributeError):
        raise InputError(f"{file}: the entry of scene {scene!r:.70} is damaged", WAY_OUT) from None


def _number(value: object) -> int:
    """The number of a take, written in one way only: so that no two entries are of one take."""
    if not _NUMBER.match(str(value)):
        raise ValueError
    return int(str(value))


def _versions(value: Mapping[str, Mapping[str, object]]) -> Mapping[str, Take]:
    return {resolution: _take(_word(resolution), fields) for resolution, fields in value.items()}


def _word(resolution: object) -> str:
    if not isinstance(resolution, str) or not _RESOLUTION.match(resolution):
        raise ValueError
    return resolution


def _take(resolution: str, fields: Mapping[str, object]) -> Take:
    digest, size, fps = str(fields["sha256"]), str(fields["size"]), exact(fields["fps"])
    frames, shape = _whole(fields["frames"]), _SIZE.match(size)
    if not _HEX.match(digest) or not fps or not frames or not shape or not isinstance(fields["sound"], bool):
        raise ValueError
    return Take(
        digest=digest,
        bytes=_whole(fields["bytes"]),
        measure=Measure(frames, fps, int(shape[1]), int(shape[2]), fields["sound"]),
        resolution=resolution,
        seed=_whole(fields["seed"]) if "seed" in fields else None,
        credits=exact(fields["credits"]) if "credits" in fields else None,
        job=_name(fields["job"]) if "job" in fields else None,
        fallback=fields.get("fallback") is True,
        provider=_name(fields["provider"]) if "provider" in fields else None,
        remarks=remarks_of(fields.get("remarks", [])),
        first_frame=_hex(fields["first_frame"]) if "first_frame" in fields else None,
        last_frame=_hex(fields["last_frame"]) if "last_frame" in fields else None,
        unit=_currency(fields["unit"]) if "unit" in fields else CREDITS,
    )


def _currency(value: object) -> str:
    if not isinstance(value, str) or not is_currency(value):
        raise ValueError
    return value


def _hex(value: object) -> str:
    if not isinstance(value, str) or not _HEX.match(value):
        raise ValueError
    return value


def _name(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAME or not value.isprintable():
        raise ValueError
    return value


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError
    return value


def _versions_of(before: Lock, shot: Shot, take: Take, ledger: Ledger) -> Mapping[str, Take]:
    """What to pin of one take of a scene, by resolution."""
    pinned = before.takes(shot.key)
    known = known_takes(pinned, ledger.takes.of_key(shot.key))
    used = known_takes(known, {take.resolution: take})[take.resolution]
    # What was bought stays pinned while the shot is the same, whichever resolution the scene uses now.
    same = {resolution: found for resolution, found in known.items() if _may_be_of_one_job(found, used)}
    versions = {**same, take.resolution: used}
    return {resolution: _with_provider(found, shot) for resolution, found in versions.items()}


def _of_scene(takes: Mapping[TakeId, Take], scene: str, shots: SceneShots) -> Mapping[int, Take]:
    """The takes of one scene, by number."""
    return {number: takes[take] for number in shots.keys if (take := TakeId(scene, number)) in takes}


def _under_other_ids(before: Lock, own: Pinned | None, shots: SceneShots) -> Mapping[int, Mapping[str, Take]]:
    """What is pinned of the takes of a scene that had another id: its ``own`` entry is of other shots, or is none."""
    keys = own.all_keys if own else {}
    other = {number: before.takes(key) for number, key in shots.keys.items() if keys.get(number) != key}
    return {number: versions for number, versions in other.items() if versions}


def _joined(
    shots: SceneShots, versions: Mapping[int, Mapping[str, Take]], before: Pinned | None, catalogue: Catalogue
) -> Pinned:
    """What to pin of a scene: the ``versions`` of its takes, and of the others what was pinned ``before``.

    A take past the scene's number of takes stays as long as it is a take of the present shot, or its takes stand.
    """
    present, first = shots.keys, nth_shot(shots.takes[0], 1, catalogue)
    keys, takes = {number: present[number] for number in versions}, {**versions}
    for number, key in before.all_keys.items() if before else ():
        asked = number <= len(shots.takes) or shots.stands or nth_shot(first, number, catalogue).key == key
        if number not in versions and asked and before and (found := before.takes.get(number)):
            keys[number], takes[number] = key, found
    key = keys.pop(shots.used, present[shots.used])
    accepted = before.accepted if before and before.accepted == first.key else None
    # A fallback's take stands like an accepted one; not where that would have takes of a former shot stand as well.
    if shots.fallbacks and all(number in versions for number in takes):
        accepted = first.key
    return Pinned(
        key, shots.used, takes, keys, accepted, before.proof if before and not takes.get(shots.used) else None
    )


def _with_proof(
    shots: SceneShots,
    versions: Mapping[int, Mapping[str, Take]],
    before: Pinned | None,
    catalogue: Catalogue,
    proof_of: str,
) -> Pinned:
    """What to pin of a scene whose takes are a proof of the shot ``proof_of``: they go beside what is pinned."""
    proof = dataclasses.replace(_joined(shots, versions, before and before.proof, catalogue), accepted=proof_of)
    return dataclasses.replace(before or Pinned(proof.key, proof.pick, {}), proof=proof)


def _may_be_of_one_job(one: Take, other: Take) -> bool:
    return None in (one.job, other.job) or one.job == other.job


def _with_provider(take: Take, shot: Shot) -> Take:
    usual = take.job is None or shot.provider == USUAL_PROVIDER
    return dataclasses.replace(take, provider=None if usual else shot.provider)
