"""From takes to a film: they are looked at once more and copied together; and what lies beside it is put there."""

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storyboard import __version__
from storyboard.export.chapters import chapter_list, chapters
from storyboard.export.sidecars import Sidecars
from storyboard.export.subtitles import srt, vtt
from storyboard.film.audio.mix_plan import NOT_MEASURED, Loudness
from storyboard.film.film_plan import plan_film as laid_out
from storyboard.film.film_plan import plan_reencoded_film
from storyboard.film.registry import Film, FilmRegistry
from storyboard.model import events
from storyboard.model.errors import LocalFault
from storyboard.model.fingerprint import fingerprint
from storyboard.model.storyboard import Still
from storyboard.model.take import Take
from storyboard.mp4.metadata import FilmMetadata
from storyboard.system.files import disk_errors, scratch_dir
from storyboard.timeline.model import NO_SLATES, Clip, Slate, Timeline
from storyboard.workflow.desk import Desk

if TYPE_CHECKING:
    from storyboard.film.copy import WrittenFilm as Written


@dataclass(frozen=True, slots=True)
class Making:
    """How a film is made: whether every frame is encoded anew, and whether a list of ``chapters`` is put beside it."""

    report: Callable[[events.Event], None]
    reencode: bool = False
    chapters: bool = False


def assemble(
    at: Desk, takes: Mapping[str, Take], path: Path, making: Making, missing: Mapping[str, Slate] = NO_SLATES
) -> Film:
    """Cut the film, or find that the one that lies there is the same; and put beside it what belongs there.

    Every scene has its take by now, or a slate.
    """
    films = FilmRegistry(at.folder)
    cut, paths = at.cut(takes, missing)
    said = _notes(at, cut)
    identity = fingerprint(cut.identity, making.reencode, said)
    if there := films.matching(path, identity):
        _put_beside(at, cut, path, making)
        return there
    _undamaged(at, takes)
    making.report(events.Cutting(0, cut.frames))
    made = segments(at)
    if any(clip.drawn for clip in cut.clips):
        from storyboard.film import drawn

        paths = drawn.draw_clips(
            cut, paths, at.picture, made, lambda done: making.report(events.Cutting(done, cut.frames))
        )

    def known(written: "Written") -> Film:
        with disk_errors(path):
            modified = written.path.stat().st_mtime_ns
        return Film(
            identity=identity,
            checksum=written.checksum,
            bytes=written.bytes,
            frames=written.frames,
            fps=cut.fps,
            width=cut.width,
            height=cut.height,
            kind=at.kind,
            modified=modified,
        )

    landed: list[Film] = []

    def landing(written: "Written") -> None:
        landed.append(known(written))
        # Killed between here and the end, the next render must know the film for its own.
        films.remember(path, landed[-1], written.path)

    _write(cut, said, paths, path, made, making, landing, _measured(at, cut, paths))
    film = landed[-1]
    films.remember(path, film)
    _put_beside(at, cut, path, making)
    return film


def segments(at: Desk) -> Path:
    """Where the pieces of this film are kept. Raises LocalFault."""
    return scratch_dir(at.folder, "segments", f"{at.storyboard.name}.draft" if at.draft else at.storyboard.name)


def known_loudness(at: Desk, cut: Timeline) -> Mapping[Clip, Loudness]:
    """How loud the clips are, as far as that is known already."""
    if not _weighed(cut):
        return NOT_MEASURED
    return {clip: loudness for clip in cut.clips if (loudness := at.loudness.of(clip))}


def _weighed(cut: Timeline) -> bool:
    return cut.loudness is not None or any(under.duck for under in cut.underlays)


def _undamaged(at: Desk, takes: Mapping[str, Take]) -> None:
    """Raises LocalFault where the bytes of a take are not those any more that were bought; it is moved aside."""
    for error in set_aside(at, takes).values():
        raise error


def set_aside(at: Desk, takes: Mapping[str, Take]) -> Mapping[str, LocalFault]:
    """The scenes whose takes have other bytes than were bought, each moved aside, and what to say of it."""
    wanted = {scene: take for scene, take in takes.items() if scene in at.wanted}
    with ThreadPoolExecutor(2) as pool:
        intact = list(pool.map(lambda take: at.store.is_intact(take.digest), wanted.values()))
    found = {}
    for (scene, take), good in zip(wanted.items(), intact, strict=True):
        if not good:
            aside = at.store.set_aside(at.store.path(take.digest))
            message = f"scene {scene}: its take was damaged on this disk, and lies in {aside} now"
            found[scene] = LocalFault(message, "run again: it is fetched again, and not paid for again")
    return found


def _measured(at: Desk, cut: Timeline, paths: Mapping[str, Path]) -> Mapping[Clip, Loudness]:
    """How loud the clips are, where anything depends on it. Raises LocalFault, BadMedia."""
    if not _weighed(cut):
        return NOT_MEASURED
    return at.loudness.all(
        [clip for clip in cut.clips if not clip.level.mute and not isinstance(clip.drawn, Still | Slate)], paths
    )


def _notes(at: Desk, cut: Timeline) -> FilmMetadata:
    """What the film says of itself."""
    with disk_errors(at.lock_file):
        lock = hashlib.sha256(at.lock_file.read_bytes()).hexdigest() if at.lock_file.is_file() else ""
    return FilmMetadata(at.storyboard.title, f"storyboard {__version__}", lock, chapters(cut))


def _put_beside(at: Desk, cut: Timeline, film: Path, making: Making) -> None:
    """Captions beside the film, and its chapters where somebody asks for them or has them there. Raises LocalFault."""
    folder, apart = Sidecars(at.folder), at.storyboard.output.captions != "burn"
    folder.put(film.with_suffix(".srt"), srt(cut).encode() if apart else b"")
    folder.put(film.with_suffix(".vtt"), vtt(cut).encode() if apart else b"")
    listing = film.with_suffix(".chapters.txt")
    if making.chapters or folder.has(listing):
        folder.put(listing, chapter_list(cut).encode())


def _write(
    cut: Timeline,
    said: FilmMetadata,
    paths: Mapping[str, Path],
    path: Path,
    segments: Path,
    making: Making,
    landing: "Callable[[Written], None]",
    loud: Mapping[Clip, Loudness],
) -> "Written":
    """Copy the film together where that can be, else encode it. Raises LocalFault, BadMedia."""
    from storyboard.film import splice

    def far(frames: int) -> None:
        making.report(events.Cutting(frames, cut.frames))

    def encoded() -> "Written":
        from storyboard.film import reencode as film_reencode

        return film_reencode.join(cut, paths, path, segments, far, landing, loud, said)

    _warn_of_letters(cut, making)
    composed = cut.overlays or any(clip.joint or clip.lead_in for clip in cut.clips)
    if making.reencode and not composed:
        return encoded()
    indexes = splice.indexes({clip.digest: paths[clip.digest] for clip in cut.clips}, segments)
    spliced = plan_reencoded_film(cut, indexes, loud) if making.reencode else laid_out(cut, indexes, loud)
    if isinstance(spliced, str):
        making.report(events.Warned("", f"the film is encoded anew: {spliced}"))
        if not composed:
            return encoded()
        spliced = plan_reencoded_film(cut, indexes, loud)
    return splice.splice(spliced, indexes, paths, path, segments, far, landing, said)


def _warn_of_letters(cut: Timeline, making: Making) -> None:
    """Report the characters of titles and burnt captions that the font lacks."""
    if cut.overlays:
        from storyboard.graphics.fonts import missing_characters_sentence

        texts = " ".join(overlay.title.text for overlay in cut.overlays)
        if sentence := missing_characters_sentence(texts, "the font of titles and captions"):
            making.report(events.Warned("", sentence))
