"""Write a film from its timeline: copy what can be copied, re-encode the rest."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from storyboard.film.audio.mix_plan import Loudness
from storyboard.film.film_plan import plan_film, plan_reencoded_film
from storyboard.film.pieces import FilmPlan
from storyboard.film.sound_plan import exact_sound
from storyboard.model import events
from storyboard.model.fingerprint import fingerprint
from storyboard.mp4.metadata import FilmMetadata
from storyboard.mp4.samples import ClipIndex
from storyboard.system.files import private_dir
from storyboard.timeline.model import Clip, Timeline

if TYPE_CHECKING:
    from storyboard.film.audio.film_gain import FilmGain
    from storyboard.film.copy import Landing, WrittenFilm


@dataclass(frozen=True, slots=True)
class FilmOptions:
    """How a film is made: ``reencode`` every frame; write a list of ``chapters`` beside it; whom to give events to."""

    on_event: Callable[[events.Event], None]
    reencode: bool = False
    chapters: bool = False

    def identity(self, timeline: Timeline, metadata: FilmMetadata) -> str:
        """Return the SHA-256 (hex) of all that decides the bytes of the film's file."""
        return fingerprint(timeline.identity, self.reencode, metadata)


@dataclass(frozen=True, slots=True)
class FilmSources:
    """What a film is made of: its timeline, the file of each digest in it, and how loud clips are.

    ``scratch`` is the folder for pieces of this film alone.
    """

    timeline: Timeline
    paths: Mapping[str, Path]
    loudness: Mapping[Clip, Loudness]
    scratch: Path


@dataclass(frozen=True, slots=True)
class _Way:
    """How a film is made: by its ``plan``, or re-encoded by ffmpeg where that is None.

    ``reason`` says why nothing can be copied; "" where something is, or where ``--reencode`` asks for it.
    """

    plan: FilmPlan | None
    reason: str = ""


def write_film(
    sources: FilmSources,
    path: Path,
    metadata: FilmMetadata,
    options: FilmOptions,
    on_written: "Landing",
) -> "WrittenFilm":
    """Write the film to ``path``. Raise LocalFault, BadMedia.

    ``on_written`` is given the file when it is whole and does not have its name yet; what it returns is called at the
    rename.
    """
    _warn_of_missing_glyphs(sources.timeline, options)
    indexes = _indexes(sources, options)
    way = _way(sources, indexes, options)
    wanted = sources.timeline.loudness
    if wanted is None:
        return _written(sources, indexes, way, path, metadata, options, on_written)
    found = _film_gain(sources, way, options)
    sources = replace(sources, timeline=replace(sources.timeline, gain=found.decibels))
    way = _way(sources, indexes, options)
    film = _written(sources, indexes, way, path, metadata, options, on_written)
    if shortfall := _measured(found, film, sources.timeline, _form(way)).shortfall(wanted):
        options.on_event(events.Warned("", shortfall))
    return film


def _written(
    sources: FilmSources,
    indexes: Mapping[str, ClipIndex],
    way: _Way,
    path: Path,
    metadata: FilmMetadata,
    options: FilmOptions,
    on_written: "Landing",
) -> "WrittenFilm":
    from storyboard.film import reencode, splice

    timeline, paths, scratch = sources.timeline, sources.paths, sources.scratch

    def progress(frames: int) -> None:
        options.on_event(events.Cutting(frames, timeline.frames))

    if way.plan is None:
        _tell("" if reencode.is_encoded(timeline, scratch) else way.reason, options)
        return reencode.join(timeline, paths, path, scratch, progress, on_written, sources.loudness, metadata)
    _tell("" if splice.is_rendered(way.plan, indexes, paths, scratch) else way.reason, options)
    return splice.splice(way.plan, indexes, paths, path, scratch, progress, on_written, metadata)


def _composed(timeline: Timeline) -> bool:
    """Whether pictures of the film are drawn over one another, which ffmpeg's way of re-encoding cannot do."""
    return bool(timeline.overlays) or any(clip.joint or clip.lead_in or clip.match for clip in timeline.clips)


def _indexes(sources: FilmSources, options: FilmOptions) -> Mapping[str, ClipIndex]:
    """The indexes of the clips; none where ffmpeg re-encodes the whole film, because ``--reencode`` asks for it."""
    from storyboard.film import splice

    timeline = sources.timeline
    if options.reencode and not _composed(timeline):
        return {}
    return splice.indexes({clip.digest: sources.paths[clip.digest] for clip in timeline.clips}, sources.scratch)


def _way(sources: FilmSources, indexes: Mapping[str, ClipIndex], options: FilmOptions) -> _Way:
    timeline, loudness = sources.timeline, sources.loudness
    if options.reencode:
        if not _composed(timeline):
            return _Way(None)
        plan = plan_reencoded_film(timeline, indexes, loudness)
        return _Way(replace(plan, sound=exact_sound(timeline, plan.form, loudness)))
    found = plan_film(timeline, indexes, loudness)
    if not isinstance(found, str):
        return _Way(found)
    return _Way(plan_reencoded_film(timeline, indexes, loudness) if _composed(timeline) else None, found)


def _form(way: _Way) -> tuple[int, int]:
    """Hertz and channels of the film's sound."""
    from storyboard.film import reencode

    return way.plan.form if way.plan else reencode.SOUND_FORM


def _tell(reason: str, options: FilmOptions) -> None:
    if reason:
        options.on_event(events.Warned("", f"re-encoding the film: {reason}"))


def _film_gain(sources: FilmSources, way: _Way, options: FilmOptions) -> "FilmGain":
    """The gain that gives the whole film its loudness."""
    from storyboard.film.audio.film_gain import find_film_gain

    timeline = sources.timeline

    def watch(frames: int) -> None:
        options.on_event(events.Cutting(0, timeline.frames))

    private_dir(sources.scratch)
    cache = sources.scratch / "film-gain"
    return find_film_gain(timeline, _form(way), sources.loudness, sources.paths, cache, watch)


def _measured(found: "FilmGain", film: "WrittenFilm", timeline: Timeline, form: tuple[int, int]) -> "FilmGain":
    """The gain with the loudness that the finished film has: where peaks were limited, the one found is an estimate."""
    from storyboard.film.audio.meter import measure_encoded

    if not found.limited:
        return found
    length = round(Fraction(timeline.frames * form[0], timeline.fps))
    return replace(found, reached=measure_encoded(film.path, 0, length, lambda frames: None).lufs)


def _warn_of_missing_glyphs(timeline: Timeline, options: FilmOptions) -> None:
    """Report the characters of titles and burnt captions that the font lacks."""
    if timeline.overlays:
        from storyboard.graphics.fonts import missing_characters_sentence

        texts = " ".join(overlay.title.text for overlay in timeline.overlays)
        if sentence := missing_characters_sentence(texts, "the font of titles and captions"):
            options.on_event(events.Warned("", sentence))
