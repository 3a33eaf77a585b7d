"""Assemble a film from takes: check their bytes, draw what no file holds, write the film, update its sidecar files."""

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from storyboard import __version__
from storyboard.export.chapters import chapter_list, chapters
from storyboard.export.sidecars import Sidecars
from storyboard.export.subtitles import srt, vtt
from storyboard.film.audio.mix_plan import NOT_MEASURED, Loudness
from storyboard.film.registry import Film, FilmRegistry
from storyboard.film.write import FilmOptions, FilmSources, write_film
from storyboard.model import events
from storyboard.model.aspect_ratio import CHOOSE_FIT
from storyboard.model.errors import LocalFault
from storyboard.model.storyboard import Still
from storyboard.model.take import Take
from storyboard.mp4.metadata import FilmMetadata
from storyboard.system.files import disk_errors, scratch_dir
from storyboard.timeline.model import NO_SLATES, Clip, Slate, Timeline
from storyboard.workflow.clip_remarks import clip_remarks, damage_remarks
from storyboard.workflow.footage import build_footage, loudness_cache, read_image, scratch_name
from storyboard.workflow.seam_remarks import seam_remarks
from storyboard.workflow.shapes import misshapen_clips
from storyboard.workflow.workspace import Workspace


def assemble(
    workspace: Workspace,
    takes: Mapping[str, Take],
    path: Path,
    options: FilmOptions,
    slates: Mapping[str, Slate] = NO_SLATES,
) -> Film:
    """Cut the film to ``path``, unless the one that lies there is the same. Raise LocalFault, BadMedia, InputError.

    Every scene has a take or a slate.
    """
    timeline, paths = build_footage(workspace, takes, slates)
    metadata = _metadata(workspace, timeline)
    registry, identity = FilmRegistry(workspace.file.parent), options.identity(timeline, metadata)
    film = registry.matching(path, identity)
    if film is None:
        check_takes(workspace, takes)
        _tell_of_clips(workspace, takes, options)
        size = (timeline.width, timeline.height)
        for scene, what in misshapen_clips(workspace.storyboard, takes, size):
            options.on_event(events.Warned(scene, f"{what}; {CHOOSE_FIT}"))
        options.on_event(events.Cutting(0, timeline.frames))
        scratch = segments_folder(workspace)
        paths = _draw(workspace, timeline, paths, scratch, options)
        sources = FilmSources(timeline, paths, _loudness(workspace, timeline, paths), scratch)
        film = registry.publish(
            path,
            lambda written: Film.of(written, identity, timeline, workspace.realm.kind),
            lambda on_written: write_film(sources, path, metadata, options, on_written),
        )
    _update_sidecars(workspace, timeline, path, options)
    return film


def _tell_of_clips(workspace: Workspace, takes: Mapping[str, Take], options: FilmOptions) -> None:
    """Warn of what is made of local clips, of damage in them, and of jumps at seams. Raise LocalFault."""
    told = (workspace.storyboard, workspace.source_files)
    for remark in (*clip_remarks(*told), *damage_remarks(*told), *seam_remarks(workspace, takes)):
        options.on_event(events.Warned("", "; ".join(filter(None, (remark.message, remark.hint)))))


def segments_folder(workspace: Workspace) -> Path:
    """Return the folder that keeps rendered pieces of this film. Raise LocalFault."""
    return scratch_dir(workspace.file.parent, "segments", scratch_name(workspace))


def known_loudness(workspace: Workspace, timeline: Timeline) -> Mapping[Clip, Loudness]:
    """Return how loud clips are, as far as it was measured before."""
    if not _needs_loudness(timeline):
        return NOT_MEASURED
    cache = loudness_cache(workspace)
    return {clip: loudness for clip in timeline.clips if (loudness := cache.of(clip))}


def check_takes(workspace: Workspace, takes: Mapping[str, Take]) -> None:
    """Raise LocalFault if the bytes of a take are no longer those that were bought; it is moved aside."""
    for error in set_damaged_aside(workspace, takes).values():
        raise error


def set_damaged_aside(workspace: Workspace, takes: Mapping[str, Take]) -> Mapping[str, LocalFault]:
    """Move aside the takes whose bytes are not those that were bought; return what to say of each, by scene."""
    store = workspace.realm.store
    generated = {scene: take for scene, take in takes.items() if scene in workspace.wanted}
    with ThreadPoolExecutor(2) as pool:
        intact = list(pool.map(lambda take: store.is_intact(take.digest), generated.values()))
    found = {}
    for (scene, take), good in zip(generated.items(), intact, strict=True):
        if not good:
            aside = store.set_aside(store.path(take.digest))
            message = f"scene {scene}: its take was damaged on this disk, and lies in {aside} now"
            found[scene] = LocalFault(message, "run again: it is downloaded again, at no cost")
    return found


def _draw(
    workspace: Workspace, timeline: Timeline, paths: Mapping[str, Path], scratch: Path, options: FilmOptions
) -> Mapping[str, Path]:
    """``paths``, with the files of stills, slates and effects that no file holds yet."""
    if not any(clip.drawn for clip in timeline.clips):
        return paths
    from storyboard.film.drawn import draw_clips

    def progress(frames: int) -> None:
        options.on_event(events.Cutting(frames, timeline.frames))

    return draw_clips(timeline, paths, lambda image: read_image(workspace, image), scratch, progress)


def _needs_loudness(timeline: Timeline) -> bool:
    return timeline.loudness is not None or any(under.duck for under in timeline.underlays)


def _loudness(workspace: Workspace, timeline: Timeline, paths: Mapping[str, Path]) -> Mapping[Clip, Loudness]:
    """How loud the clips are, measured now if anything depends on it. Raise LocalFault, BadMedia."""
    if not _needs_loudness(timeline):
        return NOT_MEASURED
    audible = (clip for clip in timeline.clips if not clip.level.mute and not isinstance(clip.drawn, Still | Slate))
    return loudness_cache(workspace).all(audible, paths)


def _metadata(workspace: Workspace, timeline: Timeline) -> FilmMetadata:
    """What the film's file says of itself. Raise LocalFault."""
    lock = workspace.lockfile.path
    with disk_errors(lock):
        digest = hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else ""
    title, kind = workspace.storyboard.title, workspace.realm.kind
    return FilmMetadata(title, f"storyboard {__version__}", digest, chapters(timeline), kind)


def _update_sidecars(workspace: Workspace, timeline: Timeline, film: Path, options: FilmOptions) -> None:
    """Write subtitles beside the film, and chapters if asked for or there already. Raise LocalFault."""
    sidecars, separate = Sidecars(workspace.file.parent), workspace.storyboard.output.captions != "burn"
    sidecars.put(film.with_suffix(".srt"), srt(timeline).encode() if separate else b"")
    sidecars.put(film.with_suffix(".vtt"), vtt(timeline).encode() if separate else b"")
    listing = film.with_suffix(".chapters.txt")
    if options.chapters or sidecars.has(listing):
        sidecars.put(listing, chapter_list(timeline).encode())
