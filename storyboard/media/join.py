"""The plain way of joining: every clip is brought to one size, rate and sound format, then all are put end to end.

Written by the ffmpeg binary and not with moviepy, which cannot do this well: it resamples sound to 44.1 kHz unless told
otherwise, sends every picture through RGB24 and drops the colour tags, and holds two child processes for each clip that
is open (100 clips: 9.5 GB; assembly.md section 8).

Each clip becomes a segment, kept in ``scratch`` under a name made of all that decides it, so that changing one scene
makes one segment. The last pass copies the segments' pictures, which share every parameter, and encodes the sound once
over the whole film: an encoder that began anew at each joint would leave a gap there. At most as many
clips are open as there are processors.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from storyboard.cut import MAKING, Clip, Cut
from storyboard.disk import private, telling
from storyboard.errors import LocalFault
from storyboard.media import ffmpeg, segment, work
from storyboard.media.index import NOTHING
from storyboard.notes import Notes

_SAMPLE = 4  # bytes: two channels of 16 bits
_PATIENCE = 7200.0
_JOIN = ".join-"
_OURS = re.compile(r"[0-9a-f]{32}\.(mp4|s16le)|\.[0-9a-f]{32}\.(mp4|s16le)\.[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Film:
    """A film that has been written. ``sha256`` is of its bytes, in hex."""

    path: Path
    sha256: str
    frames: int
    bytes: int


def join(
    cut: Cut,
    paths: Mapping[str, Path],
    out: Path,
    scratch: Path,
    report: Callable[[int], None] = lambda frames: None,
    landing: Callable[[Film], None] = lambda film: None,
    notes: Notes = NOTHING,
) -> Film:
    """Write the film, with ``notes`` in it. The same cut and notes give the same bytes.

    ``paths`` says where the bytes of each digest lie; ``scratch`` is a folder for this film alone, where segments
    stay from one join to the next. ``report`` is called in this thread several times a second with the number of
    ``cut.frames`` that are ready; an exception in it stops the work. Whatever lies at ``out`` is replaced whole, and
    only once the film is complete; ``landing`` is told of it, under the name that it has until then, just before.
    Raises LocalFault, BadMedia.
    """
    private(scratch)
    names = {clip: scratch / _name(clip, cut) for clip in cut.clips}
    _make_segments(cut, names, paths, report)
    with ffmpeg.whole(out) as staging:
        _put_together(cut, names, staging, notes, lambda frames: report(cut.frames))
        with telling(out), staging.open("rb") as file:
            digest, size = hashlib.file_digest(file, "sha256").hexdigest(), os.fstat(file.fileno()).st_size
        landing(Film(staging, digest, cut.frames, size))
    _prune(scratch, names)
    return Film(out, digest, cut.frames, size)


def _name(clip: Clip, cut: Cut) -> str:
    """A segment's name: all that decides its bytes. Another ffmpeg's segments could not be put beside ours."""
    film = (cut.width, cut.height, cut.fps, cut.fit)
    recipe = (MAKING, ffmpeg.version(), clip.digest, str(clip.start), clip.frames, film)
    return hashlib.sha256(repr(recipe).encode()).hexdigest()[:32]


def _pictures(name: Path) -> Path:
    return name.with_suffix(".mp4")


def _samples(name: Path) -> Path:
    return name.with_suffix(".s16le")


def _make_segments(
    cut: Cut, names: Mapping[Clip, Path], paths: Mapping[str, Path], report: Callable[[int], None]
) -> None:
    """Make the segments that are missing."""
    ready = {name: clip.frames for clip, name in names.items() if _made(name)}
    missing = {name: clip for clip, name in names.items() if name not in ready}

    def make(name: Path, clip: Clip) -> Callable[[work.Watch], None]:
        path = paths[clip.digest]
        return lambda watch: segment.make(clip, cut, path, _pictures(name), _samples(name), watch)

    def watch(far: Mapping[Path, int]) -> None:
        report(sum({**ready, **far}[names[clip]] for clip in cut.clips))

    work.carry_out({name: work.of_scene(make(name, clip), clip.scene) for name, clip in missing.items()}, watch)


def _made(name: Path) -> bool:
    """Whether the segment is here. A folder that came with a project may hold planted ones: links and playlists."""
    if not all(path.is_file() and not path.is_symlink() for path in (_pictures(name), _samples(name))):
        return False
    with _pictures(name).open("rb") as file:
        return file.read(8)[4:] == b"ftyp"


def _put_together(cut: Cut, names: Mapping[Clip, Path], out: Path, notes: Notes, watch: Callable[[int], None]) -> None:
    """Copy the pictures, encode the sound, and put the index first, so that a browser can begin at once."""
    scratch = names[cut.clips[0]].parent
    with telling(scratch), TemporaryDirectory(dir=scratch, prefix=_JOIN) as folder:
        listing, sound, said = Path(folder, "film.ffconcat"), Path(folder, "film.s16le"), Path(folder, "film.notes")
        said.write_text(_spoken(notes, cut), "utf-8")
        listing.write_text("".join(f"file ../{_pictures(names[clip]).name}\n" for clip in cut.clips))
        with sound.open("wb") as file:
            for clip in cut.clips:
                _append(file, _samples(names[clip]), _length(clip, cut))
        arguments = ["-protocol_whitelist", "file", "-format_whitelist", "concat,mov,mp4"]
        arguments += ["-f", "concat", "-safe", "0", "-i", f"file:{listing.absolute()}"]
        arguments += ["-f", "s16le", "-ar", str(segment.HERTZ), "-ac", "2", "-i", f"file:{sound.absolute()}"]
        arguments += ["-f", "ffmetadata", "-i", f"file:{said.absolute()}"]
        arguments += ["-map", "0:v", "-map", "1:a", "-c:v", "copy", *segment.SOUND, "-fflags", "+bitexact"]
        arguments += ["-map_metadata", "2", "-map_chapters", "2"]
        arguments += ["-movflags", "+faststart", "-f", "mp4", "-y", f"file:{out.absolute()}"]
        written = ffmpeg.run(arguments, seconds=_PATIENCE, watch=watch)
    if written != cut.frames:
        raise LocalFault(f"ffmpeg wrote {written} frames of {cut.frames}", "unset STORYBOARD_FFMPEG and try again")


def _spoken(notes: Notes, cut: Cut) -> str:
    """The notes in the form that ffmpeg reads (ffmpeg-formats, "Metadata")."""
    items = (("title", notes.title), ("encoding_tool", notes.tool), ("comment", notes.comment))
    lines = [";FFMETADATA1", *(f"{key}={_escaped(text)}" for key, text in items if text)]
    ends = [*(chapter.first for chapter in notes.chapters), cut.frames][1:]
    for chapter, end in zip(notes.chapters, ends, strict=True):
        lines += ["[CHAPTER]", f"TIMEBASE=1/{cut.fps}", f"START={chapter.first}", f"END={end}"]
        lines += [f"title={_escaped(chapter.name)}"]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return re.sub(r"([=;#\\\n])", r"\\\1", text)


def _length(clip: Clip, cut: Cut) -> int:
    """Bytes of sound that the clip's frames take. It is the boundaries that are rounded, so it never adds up."""
    first, last = (round(Fraction(frame * segment.HERTZ, cut.fps)) for frame in (clip.at, clip.at + clip.frames))
    return (last - first) * _SAMPLE


def _append(film: BinaryIO, samples: Path, length: int) -> None:
    """Add a clip's sound at exactly its length: what is missing is silence."""
    end = film.tell() + length
    with samples.open("rb") as file:
        shutil.copyfileobj(file, film)
    film.truncate(end)
    film.seek(end)


def _prune(scratch: Path, names: Mapping[Clip, Path]) -> None:
    """Remove the segments that this film no longer has, and what a join that was killed has left."""
    kept = {path for name in names.values() for path in (_pictures(name), _samples(name))}
    with telling(scratch):
        for path in scratch.iterdir():
            if _OURS.fullmatch(path.name) and path not in kept:
                path.unlink()
            elif path.name.startswith(_JOIN) and path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
