"""NAME.lock.yaml: its path, its format, and how it is updated. Sorted, so that one scene is one hunk in git."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from storyboard.model.capabilities import Capabilities
from storyboard.model.errors import InputError
from storyboard.model.lock import Lock, Pinned
from storyboard.model.realm_kind import Kind
from storyboard.model.shot import Shot
from storyboard.model.take import Measure, Take, exact
from storyboard.parsing.yaml import load
from storyboard.state.ledger import Ledger
from storyboard.state.store import Store
from storyboard.system.files import replace, scratch_dir

_HEAD = "# Written by storyboard. Commit it: it pins the takes of the film.\nstoryboard-lock: 1\n"
_HEX = re.compile(r"[0-9a-f]{64}\Z")
_SIZE = re.compile(r"([1-9][0-9]{0,8})x([1-9][0-9]{0,8})\Z")
_RESOLUTION = re.compile(r"[a-z0-9]{1,16}\Z")
_WORDS = frozenset(("null", "true", "false", "yes", "no", "on", "off", "y", "n"))
_ID = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?\Z")


@dataclass(frozen=True, slots=True)
class LockFile:
    """A lock file at ``path``, of a storyboard in ``folder``."""

    path: Path
    folder: Path

    def read(self) -> Lock:
        """Read the lock. Raise InputError if it is damaged."""
        return read_lock(self.path)

    def record_pins(self, lock: Lock, ledger: Ledger, now: float) -> None:
        """Record in the ledger what the lock pins: `store gc` finds locks by it, and keeps their takes."""
        ledger.pins.record_pins(str(self.path), [take.digest for take in lock.all_takes()], now)

    def save(
        self,
        takes: Mapping[str, Take],
        shots: Mapping[str, Shot],
        skipped: Collection[str],
        ledger: Ledger,
        capabilities: Capabilities,
        now: float,
    ) -> bool:
        """Pin the takes of the scenes; False if the file is unchanged.

        A scene of ``shots`` without a take, or one that is ``skipped``, keeps its pins. ``capabilities`` say which
        resolution an upgrade is made of: that take is pinned too. ``now`` is seconds since 1970.
        Raise InputError if the file is damaged, LocalFault.
        """
        before = self.read()
        scenes = {scene: before.scenes[scene] for scene in (*shots, *skipped) if scene in before.scenes}
        scenes |= {scene: _pins_of(before, shots[scene], take, ledger, capabilities) for scene, take in takes.items()}
        if scenes == dict(before.scenes) and self.path.exists():
            return False
        if not scenes and not self.path.exists():
            return False
        scratch_dir(self.folder)
        self.record_pins(Lock(scenes), ledger, now)
        return replace(self.path, format_lock(Lock(scenes)).encode())


def find_lock_file(storyboard: Path, kind: Kind, paid: Store) -> LockFile:
    """In git beside the storyboard; for drafts in ``.storyboard``, and for rehearsals if a lock pins takes of ``paid``.

    Raise InputError if the lock beside the storyboard is damaged.
    """
    own, *scratched = lock_paths(storyboard, kind)
    in_scratch = scratched and any(paid.holds(take.digest, take.bytes) for take in read_lock(own).all_takes())
    return LockFile(scratched[0] if in_scratch else own, storyboard.parent)


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


def format_lock(lock: Lock) -> str:
    """The file's text."""
    lines = [_HEAD, "scenes:" if lock.scenes else "scenes: {}", "\n"]
    for scene in sorted(lock.scenes):
        pinned = lock.scenes[scene]
        lines.append(f"  {_named(scene)}:\n    key: {_quoted(pinned.key)}\n    pick: {pinned.pick}\n")
        lines.append("    takes:\n" if pinned.takes else "    takes: {}\n")
        for number in sorted(pinned.takes):
            lines.append(f"      {number}:\n" if pinned.takes[number] else f"      {number}: {{}}\n")
            for resolution in sorted(pinned.takes[number]):
                lines.append(f"        {resolution}:\n")
                lines.extend(
                    f"          {name}: {value}\n" for name, value in _fields(pinned.takes[number][resolution])
                )
    return "".join(lines)


def _fields(take: Take) -> list[tuple[str, str]]:
    fields = [
        ("bytes", str(take.bytes)),
        ("credits", "" if take.credits is None else _quoted(str(take.credits))),
        ("fps", _quoted(str(take.measure.fps))),
        ("frames", str(take.measure.frames)),
        ("seed", "" if take.seed is None else str(take.seed)),
        ("sha256", _quoted(take.digest)),
        ("size", f"{take.measure.width}x{take.measure.height}"),
        ("sound", "true" if take.measure.sound else "false"),
    ]
    return [(name, value) for name, value in fields if value]


def _named(scene: str) -> str:
    # An id like 007, 1e5, null or no would be read as something else than text, by us or by others.
    return scene if scene[0].isalpha() and scene not in _WORDS else _quoted(scene)


def _quoted(text: str) -> str:
    return f'"{text}"'


def parse_lock(content: object, file: str) -> Lock:
    """The values of a parsed lock file. Raise InputError naming ``file`` and the scene."""
    scenes = content.get("scenes") if isinstance(content, Mapping) else None
    if not isinstance(content, Mapping) or content.get("storyboard-lock") != 1 or not isinstance(scenes, Mapping):
        raise InputError(f"{file}: not a lock file of version 1", WAY_OUT)
    return Lock({str(scene): _pinned(file, str(scene), value) for scene, value in scenes.items()})


WAY_OUT = "restore it from git, or delete it: what was bought is in the ledger and the store too"


def _pinned(file: str, scene: str, value: object) -> Pinned:
    try:
        if not (isinstance(value, Mapping) and _ID.match(scene) and _HEX.match(value["key"])):
            raise ValueError
        takes = {int(number): _versions(versions) for number, versions in value["takes"].items()}
        return Pinned(value["key"], _whole(value["pick"]), takes)
    except (KeyError, ValueError, TypeError, AttributeError):
        raise InputError(f"{file}: the entry of scene {scene!r:.70} is damaged", WAY_OUT) from None


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
    )


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError
    return value


def _pins_of(before: Lock, shot: Shot, take: Take, ledger: Ledger, capabilities: Capabilities) -> Pinned:
    versions: dict[str, Take] = {take.resolution: take}
    lower = capabilities.model(shot.model).base(take.resolution)
    if base := ledger.takes.of_key(shot.key).get(lower) or before.takes(shot.key).get(lower):
        versions[lower] = base
    return Pinned(shot.key, shot.take, {shot.take: versions})
