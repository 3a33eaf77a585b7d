"""Join by re-encoding: convert every clip to one size, frame rate and sound format, then concatenate.

Uses the ffmpeg binary, not moviepy, which resamples sound to 44.1 kHz by default, converts every picture to RGB24,
drops the colour tags, and keeps two child processes for each open clip (100 clips: 9.5 GB; assembly.md section 8).

Each clip becomes a segment, cached in ``scratch`` and named by a hash of everything that determines its bytes, so that
changing one scene re-encodes one segment. The last pass copies the segments, which share all parameters, and encodes
the sound, mixed from the clips, once for the whole film: an encoder restarted at each cut point would leave a gap
there. At most one clip per processor is open at a time.
"""

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from storyboard.film import segment
from storyboard.film.audio import mixdown
from storyboard.film.audio.meter import measure_encoded
from storyboard.film.audio.mix_plan import NOT_MEASURED, AudioMix, Loudness, plan_exact_mix
from storyboard.film.copy import Landing, WrittenFilm, append_note, land_anywhere
from storyboard.media import ffmpeg, workers
from storyboard.model.errors import LocalFault
from storyboard.model.fingerprint import fingerprint
from storyboard.mp4.metadata import FilmMetadata
from storyboard.mp4.writer import NOTHING
from storyboard.system.files import atomic_output, checksum, disk_errors, private_dir
from storyboard.timeline.model import RENDER_VERSION, Clip, Timeline

SOUND_FORM = (48_000, 2)  # hertz and channels
_PATIENCE = 7200.0
_JOIN = ".join-"
_OURS = re.compile(r"[0-9a-f]{32}\.mp4|\.[0-9a-f]{32}\.mp4\.[0-9a-f]{12}")


def join(
    cut: Timeline,
    paths: Mapping[str, Path],
    out: Path,
    scratch: Path,
    report: Callable[[int], None] = lambda frames: None,
    landing: Landing = land_anywhere,
    measured: Mapping[Clip, Loudness] = NOT_MEASURED,
    notes: FilmMetadata = NOTHING,
) -> WrittenFilm:
    """Write the film to ``out``, with ``notes`` as its metadata. The same timeline and notes give the same bytes.

    ``paths`` gives the file of each digest; ``scratch`` is a folder for this film alone, which caches the segments.
    ``report`` is called in this thread several times a second with the number of ``cut.frames`` that are ready; an
    exception in it stops the work. ``out`` is replaced atomically, once the film is complete; just before,
    ``landing`` is called with the film under its temporary name, and what it returns (``files.Guard``) at the rename.
    ``measured`` is the loudness of clips.
    Raise LocalFault, BadMedia.
    """
    private_dir(scratch)
    names = {clip: scratch / f"{_name(clip, cut)}.mp4" for clip in cut.clips}
    _make_segments(cut, names, paths, report)
    with atomic_output(out, lambda folder: guard(folder)) as staging:
        heard = plan_exact_mix(cut, SOUND_FORM, measured)
        _put_together(cut, names, heard, paths, staging, notes, lambda frames: report(cut.frames))
        with disk_errors(out):
            if notes.kind:
                append_note(staging, notes.kind)
            written = WrittenFilm(staging, cut.frames, staging.stat().st_size, checksum(staging))
        guard = landing(written)
    _prune(scratch, names)
    return replace(written, path=out)


def is_encoded(cut: Timeline, scratch: Path) -> bool:
    """Whether all segments of the film exist already, so that ``join`` encodes no picture."""
    return all(_made(scratch / f"{_name(clip, cut)}.mp4") for clip in cut.clips)


def _name(clip: Clip, cut: Timeline) -> str:
    """A segment's name: a hash of everything that determines its bytes.

    It includes the version of ffmpeg: segments of different versions cannot be concatenated.
    """
    film = (cut.width, cut.height, cut.fps, cut.fit)
    recipe = (RENDER_VERSION, ffmpeg.version(), clip.digest, str(clip.start), clip.frames, film)
    return fingerprint(*recipe)[:32]


def _make_segments(
    cut: Timeline, names: Mapping[Clip, Path], paths: Mapping[str, Path], report: Callable[[int], None]
) -> None:
    """Encode the missing segments."""
    ready = {name: clip.frames for clip, name in names.items() if _made(name)}
    missing = {name: clip for clip, name in names.items() if name not in ready}

    def make(name: Path, clip: Clip) -> Callable[[workers.Watch], None]:
        path = paths[clip.digest]
        return lambda watch: segment.make(clip, cut, path, name, watch)

    def watch(far: Mapping[Path, int]) -> None:
        report(sum({**ready, **far}[names[clip]] for clip in cut.clips))

    workers.carry_out({name: workers.of_scene(make(name, clip), clip.scene) for name, clip in missing.items()}, watch)


def _made(name: Path) -> bool:
    """Whether the segment exists. A folder that came with a project may hold planted links and playlists."""
    if not name.is_file() or name.is_symlink():
        return False
    with name.open("rb") as file:
        return file.read(8)[4:] == b"ftyp"


def _put_together(
    cut: Timeline,
    names: Mapping[Clip, Path],
    heard: AudioMix,
    paths: Mapping[str, Path],
    out: Path,
    notes: FilmMetadata,
    watch: Callable[[int], None],
) -> None:
    """Copy the pictures, encode the sound, and put the index first, so that a browser can start playing at once."""
    scratch = names[cut.clips[0]].parent
    with disk_errors(scratch), TemporaryDirectory(dir=scratch, prefix=_JOIN) as folder:
        listing, sound, said = Path(folder, "film.ffconcat"), Path(folder, "film.s16le"), Path(folder, "film.notes")
        said.write_text(_spoken(notes, cut), "utf-8")
        listing.write_text("".join(f"file ../{names[clip].name}\n" for clip in cut.clips))

        def encode(ceiling: float) -> None:
            with sound.open("wb") as file:
                for piece in mixdown.mix_samples(heard, paths, ceiling):
                    file.write(mixdown.to_int16(piece))
                    watch(0)
            written = ffmpeg.run(_joining(cut, listing, sound, said, out), seconds=_PATIENCE, watch=watch)
            if written != cut.frames:
                raise LocalFault(
                    f"ffmpeg wrote {written} frames of {cut.frames}", "unset STORYBOARD_FFMPEG and try again"
                )

        mixdown.below_peak(encode, lambda: measure_encoded(out, 0, heard.last, watch).peak)


def _joining(cut: Timeline, listing: Path, sound: Path, said: Path, out: Path) -> list[str]:
    """ffmpeg arguments to join the segments in ``listing`` with ``sound`` (s16le) and the notes in ``said``."""
    arguments = ["-protocol_whitelist", "file", "-format_whitelist", "concat,mov,mp4"]
    arguments += ["-f", "concat", "-safe", "0", "-i", f"file:{listing.absolute()}"]
    arguments += ["-f", "s16le", "-ar", str(SOUND_FORM[0]), "-ac", str(SOUND_FORM[1])]
    arguments += ["-i", f"file:{sound.absolute()}", "-f", "ffmetadata", "-i", f"file:{said.absolute()}"]
    arguments += ["-map", "0:v", "-map", "1:a", "-c:v", "copy", *_even(cut), *segment.SOUND, "-fflags", "+bitexact"]
    arguments += ["-map_metadata", "2", "-map_chapters", "2"]
    return [*arguments, "-movflags", "+faststart", "-f", "mp4", "-y", f"file:{out.absolute()}"]


def _even(cut: Timeline) -> tuple[str, ...]:
    """ffmpeg arguments for even times. Its list of segments counts microseconds, which are not ticks at every rate."""
    ticks = cut.fps.denominator
    if ticks == 1:
        return ()
    return "-bsf:v", f"setts=pts=round(PTS/{ticks})*{ticks}:dts=round(DTS/{ticks})*{ticks}:duration={ticks}"


def _spoken(notes: FilmMetadata, cut: Timeline) -> str:
    """The notes in the form that ffmpeg reads (ffmpeg-formats, "Metadata")."""
    items = (("title", notes.title), ("encoding_tool", notes.tool), ("comment", notes.comment))
    lines = [";FFMETADATA1", *(f"{key}={_escaped(text)}" for key, text in items if text)]
    ends = [*(chapter.first for chapter in notes.chapters), cut.frames][1:]
    for chapter, end in zip(notes.chapters, ends, strict=True):
        lines += ["[CHAPTER]", f"TIMEBASE={cut.fps.denominator}/{cut.fps.numerator}"]
        lines += [f"START={chapter.first}", f"END={end}", f"title={_escaped(chapter.name)}"]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return re.sub(r"([=;#\\\n])", r"\\\1", text)


def _prune(scratch: Path, names: Mapping[Clip, Path]) -> None:
    """Remove segments that this film no longer uses, and temporary files of killed runs."""
    kept = set(names.values())
    with disk_errors(scratch):
        for path in scratch.iterdir():
            if _OURS.fullmatch(path.name) and path not in kept:
                path.unlink()
            elif path.name.startswith(_JOIN) and path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
