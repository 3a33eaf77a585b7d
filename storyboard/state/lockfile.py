"""NAME.lock.yaml: which take each scene has. Values to text and back; sorted, so that one scene is one hunk in git."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from storyboard.errors import InputError
from storyboard.story import Resolution
from storyboard.take import Measure, Take, exact

_HEAD = "# Written by storyboard. Commit it: it pins the takes of the film.\nstoryboard-lock: 1\n"
_HEX = re.compile(r"[0-9a-f]{64}\Z")
_SIZE = re.compile(r"([1-9][0-9]{0,8})x([1-9][0-9]{0,8})\Z")
_WORDS = frozenset(("null", "true", "false", "yes", "no", "on", "off", "y", "n"))
_ID = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?\Z")


@dataclass(frozen=True, slots=True)
class Pinned:
    """What one scene has: the key of its shot, and its takes by number and resolution."""

    key: str
    pick: int
    takes: Mapping[int, Mapping[Resolution, Take]]


@dataclass(frozen=True, slots=True)
class Lock:
    """The whole file: scene id -> what it has."""

    scenes: Mapping[str, Pinned] = field(default_factory=dict)

    def takes(self, key: str) -> Mapping[Resolution, Take]:
        """The takes of a shot, whichever scene has them: a renamed scene keeps what it had."""
        for pinned in self.scenes.values():
            if pinned.key == key:
                return pinned.takes.get(pinned.pick, {})
        return {}


def write(lock: Lock) -> str:
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


def read(content: object, file: str) -> Lock:
    """The values of a parsed lock file. Raises InputError naming ``file`` and the scene."""
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


def _versions(value: Mapping[str, Mapping[str, object]]) -> Mapping[Resolution, Take]:
    versions: dict[Resolution, Take] = {}
    for resolution, fields in value.items():
        if resolution not in ("720p", "1080p"):
            raise ValueError
        known: Resolution = "1080p" if resolution == "1080p" else "720p"
        versions[known] = _take(known, fields)
    return versions


def _take(resolution: Resolution, fields: Mapping[str, object]) -> Take:
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
