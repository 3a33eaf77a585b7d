"""Footage: takes and local files of a workspace as a timeline, and where the bytes of each clip lie."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from storyboard.film import effects
from storyboard.model.errors import InputError
from storyboard.model.seam import shortened_scenes
from storyboard.model.storyboard import Generated, LocalImage, OwnClip, OwnSound, Title
from storyboard.model.take import Footage, Take
from storyboard.system.files import disk_errors
from storyboard.timeline.build import build_timeline, clip_of_scene, with_effects
from storyboard.timeline.captions import CaptionBreaker
from storyboard.timeline.model import NO_SLATES, Clip, Overlay, Slate, Timeline
from storyboard.workflow.draft_labels import scene_headings
from storyboard.workflow.workspace import Workspace

if TYPE_CHECKING:
    from storyboard.film.audio.loudness import Known

# The height of a draft's heading as a share of the frame's shorter side: it fits the margin above all titles.
_HEADING = Fraction(4, 100)


def build_footage(
    workspace: Workspace, takes: Mapping[str, Take], slates: Mapping[str, Slate] = NO_SLATES
) -> tuple[Timeline, Mapping[str, Path]]:
    """Return the film's timeline, and the file of each digest in it but for those that are drawn.

    Raise InputError where a clip does not serve.
    """
    folder, files = workspace.file.parent, workspace.source_files
    footage = {scene: Footage(take.digest, take.measure) for scene, take in takes.items()}
    paths = {take.digest: workspace.realm.store.path(take.digest) for take in takes.values()}
    clips = {
        scene.id: scene.source.path
        for scene in workspace.storyboard.scenes
        if isinstance(scene.source, OwnClip) and scene.id not in slates
    }
    heard = {sound.path for sound in _local_sounds(workspace)}
    digests = _digests(folder, {*clips.values(), *heard})
    footage |= {scene: Footage(digests[path], files.clip(path)) for scene, path in clips.items()}
    paths |= {digest: folder / path for path, digest in digests.items()}
    sounds = {path: digests[path] for path in heard}
    timeline = build_timeline(workspace.storyboard, footage, sounds, slates, _caption_breaker(workspace))
    if workspace.realm.kind == "draft":
        timeline = replace(timeline, overlays=_with_headings(workspace, timeline))
    return with_effects(timeline, effects.effect_codes({clip.effect for clip in timeline.clips if clip.effect})), paths


def _with_headings(workspace: Workspace, timeline: Timeline) -> tuple[Overlay, ...]:
    """The overlays of a draft: the number and the id of each still and local clip as well, as drafts show their own."""
    storyboard = workspace.storyboard
    headings = scene_headings(storyboard)
    named = {scene.id: headings[scene.id] for scene in storyboard.scenes if not isinstance(scene.source, Generated)}
    headed = [
        Overlay(Title(named[clip.scene], Fraction(0), None, "edge", _HEADING, "#ffffff", "box"), clip.at, clip.frames)
        for clip in timeline.clips
        if clip.scene in named and not isinstance(clip.drawn, Slate)
    ]
    return tuple(sorted((*timeline.overlays, *headed), key=lambda each: each.first))


def clip_of_take(workspace: Workspace, scene_id: str, take: Take) -> Clip | None:
    """Return what the film shows of a scene's take; None if its trim does not fit."""
    storyboard = workspace.storyboard
    scene = next(scene for scene in storyboard.scenes if scene.id == scene_id)
    dropped = scene_id in shortened_scenes(storyboard.scenes)
    return clip_of_scene(storyboard, scene, Footage(take.digest, take.measure), dropped=dropped)


def local_media(workspace: Workspace) -> list[Path]:
    """Return the paths of the local clips and sounds in the film."""
    sources = (scene.source for scene in workspace.storyboard.scenes)
    clips = [source.path for source in sources if isinstance(source, OwnClip)]
    sounds = [sound.path for sound in _local_sounds(workspace)]
    return [workspace.file.parent / path for path in (*clips, *sounds)]


def read_image(workspace: Workspace, image: LocalImage) -> bytes:
    """Return the bytes of an image. Raise InputError if they changed since the storyboard was read."""
    content = workspace.source_files.bytes_of(image.path)
    if hashlib.sha256(content).hexdigest() != image.digest:
        raise InputError(f"{image.path} has been changed meanwhile", "run again")
    return content


def loudness_cache(workspace: Workspace) -> "Known":
    """Return the measured loudness of clips that this project keeps."""
    from storyboard.film.audio.loudness import Known

    return Known(workspace.file.parent)


def scratch_name(workspace: Workspace) -> str:
    """Return the name under which pieces and pictures of this film are kept in scratch folders."""
    return f"{workspace.storyboard.name}.draft" if workspace.realm.kind == "draft" else workspace.storyboard.name


def _caption_breaker(workspace: Workspace) -> CaptionBreaker:
    """What breaks captions into cues that fit the film's frame."""

    def break_caption(text: str, width: int, height: int) -> Sequence[str]:
        from storyboard.graphics.caption_cues import caption_cues

        return caption_cues(text, (width, height), workspace.storyboard.output.language)

    return break_caption


def _local_sounds(workspace: Workspace) -> Iterator[OwnSound]:
    voices = (scene.finish.audio.voice for scene in workspace.storyboard.scenes)
    yield from (voice for voice in voices if voice)
    yield from (bed.sound for bed in workspace.storyboard.music)


def _digests(folder: Path, files: Collection[PurePosixPath]) -> Mapping[PurePosixPath, str]:
    """The SHA-256 (hex) of local files."""
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(files, pool.map(_digest, [folder / path for path in files]), strict=True))


def _digest(path: Path) -> str:
    with disk_errors(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
