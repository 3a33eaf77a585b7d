"""Write a film from its timeline: copy what can be copied, re-encode the rest."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storyboard.film.audio.mix_plan import Loudness
from storyboard.film.film_plan import plan_film, plan_reencoded_film
from storyboard.film.pieces import FilmPlan
from storyboard.model import events
from storyboard.model.fingerprint import fingerprint
from storyboard.mp4.metadata import FilmMetadata
from storyboard.mp4.samples import ClipIndex
from storyboard.timeline.model import Clip, Timeline

if TYPE_CHECKING:
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
    timeline, scratch = sources.timeline, sources.scratch

    def progress(frames: int) -> None:
        options.on_event(events.Cutting(frames, timeline.frames))

    _warn_of_missing_glyphs(timeline, options)
    plan, indexes = _plan(sources, options)
    if plan is None:
        from storyboard.film import reencode

        return reencode.join(timeline, sources.paths, path, scratch, progress, on_written, sources.loudness, metadata)
    from storyboard.film import splice

    return splice.splice(plan, indexes, sources.paths, path, scratch, progress, on_written, metadata)


def _plan(sources: FilmSources, options: FilmOptions) -> tuple[FilmPlan | None, Mapping[str, ClipIndex]]:
    """The film as pieces, with the indexes of its clips; no plan where ffmpeg re-encodes the whole film."""
    from storyboard.film import splice

    timeline = sources.timeline
    composed = timeline.overlays or any(clip.joint or clip.lead_in for clip in timeline.clips)
    if options.reencode and not composed:
        return None, {}
    indexes = splice.indexes({clip.digest: sources.paths[clip.digest] for clip in timeline.clips}, sources.scratch)
    if options.reencode:
        return plan_reencoded_film(timeline, indexes, sources.loudness), indexes
    plan = plan_film(timeline, indexes, sources.loudness)
    if not isinstance(plan, str):
        return plan, indexes
    options.on_event(events.Warned("", f"the film is encoded anew: {plan}"))
    return plan_reencoded_film(timeline, indexes, sources.loudness) if composed else None, indexes


def _warn_of_missing_glyphs(timeline: Timeline, options: FilmOptions) -> None:
    """Report the characters of titles and burnt captions that the font lacks."""
    if timeline.overlays:
        from storyboard.graphics.fonts import missing_characters_sentence

        texts = " ".join(overlay.title.text for overlay in timeline.overlays)
        if sentence := missing_characters_sentence(texts, "the font of titles and captions"):
            options.on_event(events.Warned("", sentence))
