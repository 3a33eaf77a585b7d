"""What is made of local clips that are not plain: interlaced, damaged, with several tracks, with unknown tracks."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

from storyboard.model.errors import InputError, SceneFailed, StoryboardError
from storyboard.model.fingerprint import fingerprint
from storyboard.model.problem import Problem
from storyboard.model.storyboard import OwnClip, Scene, Storyboard
from storyboard.system.files import disk_errors, replace, scratch_dir
from storyboard.workflow.source_files import Project

# Increase whenever the same clip would be judged differently.
_MAKING = 1
# Size limit of a cache file in bytes.
_LARGEST = 1000
_FARTHEST = 1e6  # seconds
# Stands for "not known": no time equals it.
_NOTHING = float("nan")


def clip_remarks(storyboard: Storyboard, files: Project) -> tuple[Problem, ...]:
    """Return a warning for whatever is not shown or heard of the local clips, or is changed before it is shown.

    Clips that cannot be read are left out: others report them.
    """
    return tuple(remark for scene in storyboard.scenes for remark in _of_scene(scene, files))


def damage_remarks(storyboard: Storyboard, files: Project) -> tuple[Problem, ...]:
    """Return a warning for each local clip in which a player stops, with the time. Decodes what is seen of them, once.

    Raise LocalFault.
    """
    own = [scene for scene in storyboard.scenes if isinstance(scene.source, OwnClip)]
    with ThreadPoolExecutor(2) as pool:
        return tuple(found for found in pool.map(lambda scene: _damage(scene, files), own) if found)


def _damage(scene: Scene, files: Project) -> Problem | None:
    assert isinstance(scene.source, OwnClip)
    try:
        path, seconds = files.file(scene.source.path), files.clip(scene.source.path).seconds
        at = _first_damage(files.folder, path, scene.trim.start, min(scene.trim.end or seconds, seconds))
    except (InputError, SceneFailed):  # it cannot be read at all: others report that
        return None
    if at is None:
        return None
    message = f"scene '{scene.id}': its clip is damaged: playback stops or breaks up at about {at:.1f} s"
    hint = "export or copy the clip again, or trim the scene to end before that"
    return Problem(scene.source.place, f"scenes[{scene.number - 1}].file", message, hint, severity="warning")


def _first_damage(project: Path, path: Path, start: Fraction, end: Fraction) -> float | None:
    """The time of the first damage in seconds, from the cache where this part of these bytes was decoded before."""
    from storyboard.media import verify

    with disk_errors(path), path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    kept = scratch_dir(project, "checked") / f"{fingerprint(_MAKING, digest, start, end)[:32]}.json"
    if (known := _kept(kept)) is not _NOTHING:
        return known
    found = verify.first_damage(path, start, end)
    at = None if found is None else float(found)
    replace(kept, json.dumps({"damaged_at": at}).encode())
    return at


def _kept(path: Path) -> "float | None":
    """What a cache file says; NaN where it says nothing: a folder that came with a project may hold any content."""
    try:
        with path.open("rb") as file:
            said = json.loads(file.read(_LARGEST))["damaged_at"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return _NOTHING
    good = said is None or (isinstance(said, float) and 0 <= said <= _FARTHEST)
    return said if good else _NOTHING


def _of_scene(scene: Scene, files: Project) -> Iterator[Problem]:
    if not isinstance(scene.source, OwnClip):
        return
    from storyboard.media import probe

    try:
        found = probe.notes(files.file(scene.source.path))
    except StoryboardError:
        return
    place = f"scenes[{scene.number - 1}].file"
    for sentence in found.sentences:
        yield Problem(scene.source.place, place, f"scene '{scene.id}': {sentence}", severity="warning")
    said = None if scene.finish.audio.mute else _of_tracks(scene.finish.audio.track, found.tracks, found.main)
    if said:
        message, hint = said
        yield Problem(scene.source.place, place, f"scene '{scene.id}': {message}", hint, severity="warning")


def _of_tracks(chosen: int, tracks: int, main: int) -> tuple[str, str] | None:
    """A sentence and a hint about which of several sound tracks is heard; None where there is nothing to say."""
    if chosen > tracks:
        return f"its clip has {tracks} sound tracks, and no track {chosen}: it is silent", "correct `audio.track`"
    if chosen or tracks < 2:
        return None
    hint = f"choose another with `audio: {{track: {1 if main > 1 else 2}}}`, or confirm this with `track: {main}`"
    return f"its clip has {tracks} sound tracks; track {main} is heard", hint
