"""Splicing: render the missing pieces of a film plan, then write the film as one index and copied bytes.

Rendered pieces are cached in ``scratch``, named by a hash of everything that determines their bytes: frames as MP4,
sound as MP4, all joints in one file, and frames of clips with other parameter sets, renumbered. Changing one scene
renders only the pieces that it affects.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from pathlib import Path
from struct import pack, unpack_from

from storyboard.film.audio import joint
from storyboard.film.audio.mix_plan import MARGIN, AudioMix
from storyboard.film.copy import Landing, Range, WrittenFilm, copy_ranges, land_anywhere
from storyboard.film.film_plan import EXCERPTS, OURS
from storyboard.film.layout import AudioRange, FilmLayout, VideoRange, block, lay_out
from storyboard.film.pieces import (
    AudioExcerpt,
    Composed,
    CopiedPiece,
    FilmPlan,
    PictureExcerpt,
    Piece,
    RenderedPiece,
    SilentPiece,
    scenes_of,
    sources_of,
)
from storyboard.media import workers
from storyboard.model.errors import LocalFault
from storyboard.model.fingerprint import fingerprint
from storyboard.mp4 import h264, index_cache, reader, writer
from storyboard.mp4.metadata import FilmMetadata
from storyboard.mp4.samples import BLOCK, AudioTrack, ClipIndex, ParameterSets, SampleTable, VideoTrack
from storyboard.system.files import atomic_output, disk_errors, private_dir
from storyboard.timeline.model import Clip

_OURS = re.compile(r"\.?[0-9a-f]{32}\.(mp4|m4a|frames|index)(\.[0-9a-f]{12})?|\.joints\.[0-9a-f]{12}")
_JOINTS = "joints"
# The work of rendering a frame, in copied frames: for progress.
_RENDERING = 50
# Increase whenever existing joints, indexes or pieces in scratch folders become invalid.
_SCRATCH_MAKING = 2

Report = Callable[[int], None]
_Pair = tuple[AudioRange | SilentPiece, AudioRange | SilentPiece]


def indexes(paths: Mapping[str, Path], scratch: Path | None = None) -> dict[str, ClipIndex]:
    """The index of each clip by digest, from the cache in ``scratch`` or from its file.

    Raise LocalFault.
    """
    found = {}
    for digest, path in paths.items():
        before = index_cache.read(_index(scratch, digest), path) if scratch else None
        found[digest] = before or reader.read(path)
    return found


def splice(
    plan: FilmPlan,
    known: Mapping[str, ClipIndex],
    paths: Mapping[str, Path],
    out: Path,
    scratch: Path,
    report: Report = lambda frames: None,
    landing: Landing = land_anywhere,
    notes: FilmMetadata = writer.NOTHING,
) -> WrittenFilm:
    """Write the film to ``out``, with ``notes`` as its metadata. The same plan and notes give the same bytes.

    ``known`` are the indexes of the clips, ``paths`` the file of each digest; ``scratch`` is a folder for this film
    alone. ``report`` is called in this thread with how many of the film's frames are ready, in proportion to the work
    done; an exception in it stops the work. ``out`` is replaced atomically, once the film is complete; just before,
    ``landing`` is called with the film under its temporary name, and what it returns (``files.Guard``) at the rename.
    Raise LocalFault, BadMedia.
    """
    private_dir(scratch)
    made = _Made(plan, known, paths, scratch)
    missing = _RENDERING * made.missing_frames()
    whole = missing + plan.cut.frames

    def progress(rendered: int, copied: int) -> None:
        report(plan.cut.frames * (_RENDERING * rendered + copied) // whole)

    made.make(lambda frames: progress(frames, 0))
    shots = [made.shot(piece) for piece in plan.pictures]
    sounds = [made.heard(piece) for piece in plan.sound]
    joints = made.joints(sounds)
    laid = lay_out(plan, shots, sounds, joints, b"".join(writer.chapter_samples(notes)))
    ranges = [Range.of(_head(plan, shots, laid, notes)), *laid.ranges]
    size = sum(part.size for part in ranges)
    with atomic_output(out, lambda folder: guard(folder)) as staging:
        with disk_errors(out):
            rendered = missing // _RENDERING
            checksum = copy_ranges(
                ranges, staging, lambda done: progress(rendered, plan.cut.frames * done // size), notes.kind
            )
            written = WrittenFilm(staging, plan.cut.frames, staging.stat().st_size, checksum)
        guard = landing(written)
    report(plan.cut.frames)
    made.prune()
    return replace(written, path=out)


def prepare(
    plan: FilmPlan, known: Mapping[str, ClipIndex], paths: Mapping[str, Path], scratch: Path, watch: workers.Watch
) -> None:
    """Render in advance the pieces and joints that need only the clips in ``paths``.

    ``watch`` is called repeatedly; an exception in it stops the work. Raise LocalFault, BadMedia.
    """
    private_dir(scratch)
    for digest in known.keys() & paths.keys():
        if not _index(scratch, digest).exists():
            index_cache.write(_index(scratch, digest), known[digest])
    made = _Made(plan, known, paths, scratch)
    made.make(watch, whole=False)
    made.join(watch)


def is_rendered(plan: FilmPlan, known: Mapping[str, ClipIndex], paths: Mapping[str, Path], scratch: Path) -> bool:
    """Whether all frames that the plan renders exist already."""
    return not _Made(plan, known, paths, scratch).missing_frames()


class _Made:
    """The rendered pieces of one plan, as files in its scratch folder."""

    def __init__(
        self, plan: FilmPlan, known: Mapping[str, ClipIndex], paths: Mapping[str, Path], scratch: Path
    ) -> None:
        self._plan, self._known, self._paths, self._scratch = plan, known, paths, scratch
        self._scenes = {clip.digest: clip.scene for clip in reversed(plan.cut.clips)}
        self._kept = {_index(scratch, digest) for digest in known}

    def missing_frames(self) -> int:
        """The number of frames that must be rendered before the film can be written."""
        rendered = (piece for piece in self._plan.pictures if isinstance(piece, RenderedPiece))
        return sum({path: piece.length for piece in rendered if not _there(path := self._file(piece))}.values())

    def make(self, report: Report, *, whole: bool = True) -> None:
        """Render the missing pieces, one per processor at a time. If not ``whole``, only those whose clips exist.

        ``report`` is called with the number of frames rendered. Raise LocalFault, BadMedia.
        """
        jobs: dict[Path, Callable[[workers.Watch], None]] = {}
        for piece in (*self._plan.pictures, *self._plan.sound):
            if not whole and not _is_settled(piece, self._plan, self._paths):
                continue
            if isinstance(piece, RenderedPiece) and not _there(path := self._file(piece)):
                job = self._job(piece, path)
                jobs[path] = job if isinstance(piece.job, AudioMix) else workers.of_scene(job, *scenes_of(piece.job))
            elif isinstance(piece, CopiedPiece) and piece.sets and not _there(path := self._renumbered(piece)):
                jobs[path] = workers.of_scene(self._renumber(piece, path), self._scenes[piece.source])
        pictures = {self._file(piece) for piece in self._plan.pictures if isinstance(piece, RenderedPiece)}
        workers.carry_out(jobs, lambda far: report(sum(frames for path, frames in far.items() if path in pictures)))

    def shot(self, piece: Piece) -> VideoRange:
        """The file range of a piece's frames. Raise LocalFault where a cached file does not match the piece."""
        if isinstance(piece, RenderedPiece):
            path = self._file(piece)
            frames = reader.read(path).frames
            if isinstance(frames, str) or len(frames.shown) != piece.length or frames.fps != self._plan.cut.fps:
                raise LocalFault(f"{path} is not what was rendered there", "remove it and run again")
            return VideoRange(path, frames, 0, piece.length)
        assert isinstance(piece, CopiedPiece)
        frames = self._known[piece.source].frames
        assert isinstance(frames, VideoTrack)
        if not piece.sets:
            return VideoRange(self._paths[piece.source], frames, piece.first, piece.last)
        path = self._renumbered(piece)
        return VideoRange(path, replace(frames, stored=_frames_of(path, len(frames.shown))), piece.first, piece.last)

    def heard(self, piece: Piece) -> AudioRange | SilentPiece:
        """The file range of a piece's sound. Raise LocalFault where a cached file does not match the piece."""
        if isinstance(piece, SilentPiece):
            return piece
        if isinstance(piece, RenderedPiece):
            path = self._file(piece)
            sound = reader.read(path).sound
            first = sound.priming // BLOCK if isinstance(sound, AudioTrack) else 0
            first += MARGIN // BLOCK
            if not isinstance(sound, AudioTrack) or len(sound.stored.sizes) < first + piece.length:
                raise LocalFault(f"{path} is not what was rendered there", "remove it and run again")
            return AudioRange(path, sound, first, first + piece.length, piece.key, scenes_of(piece.job)[0])
        sound = self._known[piece.source].sound
        assert isinstance(sound, AudioTrack)
        path, scene = self._paths[piece.source], self._scenes[piece.source]
        return AudioRange(path, sound, piece.first, piece.last, piece.source, scene)

    def joints(self, sounds: Sequence[AudioRange | SilentPiece]) -> list[bytes]:
        """The joint frame between each two neighbours; missing ones are encoded."""
        pairs = [(self._joint(*pair), pair) for pair in pairwise(sounds)]
        before = joint.read_joints(self._scratch / _JOINTS)
        made = {name: before[name] for name, _ in pairs if name in before}
        self._join(pairs, made, lambda frames: None)
        if made.keys() != before.keys():
            joint.write_joints(self._scratch / _JOINTS, made)
        return [made[name] for name, _ in pairs]

    def join(self, watch: workers.Watch) -> None:
        """Encode the joints between neighbours that both exist, and add them to the cached ones."""
        there = [
            self.heard(piece) if _is_settled(piece, self._plan, self._paths) else None for piece in self._plan.sound
        ]
        pairs = [(self._joint(one, two), (one, two)) for one, two in pairwise(there) if one and two]
        before = joint.read_joints(self._scratch / _JOINTS)
        made = dict(before)
        self._join(pairs, made, watch)
        if made.keys() != before.keys():
            joint.write_joints(self._scratch / _JOINTS, made)

    def _join(self, pairs: Iterable[tuple[bytes, _Pair]], made: dict[bytes, bytes], watch: workers.Watch) -> None:
        """Add the missing joints to ``made``.

        Runs in this thread: each takes a millisecond, and two threads would only alternate.
        """
        for name, pair in pairs:
            if name not in made:
                scenes = [sound.scene for sound in pair if isinstance(sound, AudioRange)]
                watch(0)
                workers.of_scene(_joining(self._plan.form, name, *pair, made), *scenes)(watch)

    def _joint(self, one: AudioRange | SilentPiece, two: AudioRange | SilentPiece) -> bytes:
        return _recipe("joint", self._plan.form, _end(one), _begin(two))[:16]

    def prune(self) -> None:
        """Remove files that this film no longer uses, and temporary files of killed runs."""
        with disk_errors(self._scratch):
            for path in self._scratch.iterdir():
                if _OURS.fullmatch(path.name) and path not in self._kept:
                    path.unlink()

    def _path(self, suffix: str, *recipe: object) -> Path:
        path = self._scratch / f"{_recipe(*recipe).hex()[:32]}.{suffix}"
        self._kept.add(path)
        return path

    def _file(self, piece: RenderedPiece) -> Path:
        """The file of a rendered piece. Its name includes ffmpeg's version: versions must not be mixed in a film."""
        from storyboard.media import ffmpeg  # imported late: not needed where nothing is rendered

        suffix = "m4a" if isinstance(piece.job, AudioExcerpt | AudioMix) else "mp4"
        return self._path(suffix, ffmpeg.version(), piece.key)

    def _renumbered(self, piece: CopiedPiece) -> Path:
        return self._path("frames", piece.source, piece.sets)

    def _job(self, piece: RenderedPiece, out: Path) -> Callable[[workers.Watch], None]:
        """The function that renders a piece, by the type of its ``job``."""
        from storyboard.film import segment  # imported late: not needed where nothing is rendered
        from storyboard.film.audio import mixdown

        plan, paths = self._plan, self._paths
        match piece.job:
            case Clip() | PictureExcerpt() as clip:
                return lambda watch: segment.make(clip, plan.cut, paths[clip.digest], out, watch)
            case Composed() as composed:
                return lambda watch: self._compose(composed, out, watch)
            case AudioExcerpt() as wanted:
                return lambda watch: mixdown.write_excerpt(wanted, plan.form, paths[wanted.digest], out, watch)
            case AudioMix() as mixed:
                return lambda watch: mixdown.write(mixed, paths, out, watch)

    def _renumber(self, piece: CopiedPiece, out: Path) -> Callable[[workers.Watch], None]:
        frames = self._known[piece.source].frames
        assert isinstance(frames, VideoTrack)
        return _renumbering(self._paths[piece.source], frames, piece.sets, out)

    def _compose(self, how: Composed, out: Path, watch: workers.Watch) -> None:
        from storyboard.film import segment
        from storyboard.film.compose import compose_frames

        frames = compose_frames(how, self._plan.cut, self._known, self._paths)
        segment.encode_frames(frames, how.frames, self._plan.cut, out, watch)


def _index(scratch: Path, digest: str) -> Path:
    return scratch / f"{_recipe('index', digest).hex()[:32]}.index"


def _is_settled(piece: Piece, plan: FilmPlan, paths: Mapping[str, Path]) -> bool:
    """Whether a piece can be made before the film is whole: a mix with a loudness needs the gain of the film."""
    mixed = isinstance(piece, RenderedPiece) and isinstance(piece.job, AudioMix)
    return sources_of(piece) <= paths.keys() and not (mixed and plan.cut.loudness is not None)


def _recipe(*parts: object) -> bytes:
    """A fingerprint of ``parts``, to name what is made from them."""
    return bytes.fromhex(fingerprint(_SCRATCH_MAKING, *parts))


def _there(path: Path) -> bool:
    """Whether the file exists. A folder that came with a project may hold planted links: these do not count."""
    return path.is_file() and not path.is_symlink()


def _frames_of(path: Path, count: int) -> SampleTable:
    with disk_errors(path), path.open("rb") as file:
        head, size = file.read(4 * count), os.fstat(file.fileno()).st_size
    sizes = unpack_from(f">{count}I", head) if len(head) == 4 * count else ()
    if not sizes or 4 * count + sum(sizes) != size:
        raise LocalFault(f"{path} is damaged", "remove it and run again")
    return SampleTable(sizes, tuple(accumulate(sizes[:-1], initial=4 * count)))


def _config(form: tuple[int, int]) -> bytes:
    """The AudioSpecificConfig of AAC-LC at ``form``, hertz and channels (ISO/IEC 14496-3, 1.6.2.1)."""
    return (2 << 11 | reader.AAC_RATES.index(form[0]) << 7 | form[1] << 3).to_bytes(2)


def _end(sound: AudioRange | SilentPiece) -> object:
    return (sound.name, sound.last) if isinstance(sound, AudioRange) else None


def _begin(sound: AudioRange | SilentPiece) -> object:
    return (sound.name, sound.first) if isinstance(sound, AudioRange) else None


def _head(plan: FilmPlan, shots: Sequence[VideoRange], laid: FilmLayout, notes: FilmMetadata) -> bytes:
    shown: list[int] = []
    sync: list[int] = []
    for shot in shots:
        move = len(shown) - shot.first
        sync += [start + move for start in shot.frames.starts if shot.first <= start < shot.last]
        shown += map(move.__add__, shot.frames.shown[shot.first : shot.last])
    pictures = writer.VideoSamples(
        laid.frames.sizes, laid.frames.offsets, shown, sync, plan.cut.fps, plan.look, h264.config(_sets(plan, shots))
    )
    hertz, channels = plan.form
    sounds = writer.AudioSamples(laid.sounds.sizes, laid.sounds.offsets, hertz, channels, _config(plan.form))
    return writer.film_header(pictures, sounds, laid.size, notes)


def _sets(plan: FilmPlan, shots: Sequence[VideoRange]) -> list[ParameterSets]:
    """The parameter sets of the film: the leader's, the renumbered foreign ones, and those of rendered pieces.

    Raise LocalFault where rendered pieces differ in their parameter sets.
    """
    foreign = (h264.renumber_sets(own, number) for number, own in enumerate(plan.sets[1:], 1))
    film = [*plan.sets[:1], *foreign]
    rendered = {shot.frames.sets for shot in shots} - set(plan.sets)
    ours = {number: [one for one in rendered if one.ids == ((number,), (number,))] for number in (EXCERPTS, OURS)}
    own = [one for sets in ours.values() for one in sets[:1]]
    if len(own) != len(rendered):
        raise LocalFault("rendered frames do not fit together", "remove the folder .storyboard/segments and run again")
    return [*film, *own]


def _renumbering(path: Path, frames: VideoTrack, sets: int, out: Path) -> Callable[[workers.Watch], None]:
    """Write a clip's frames with renumbered parameter sets: the size of each (4 bytes), then all frames."""

    def make(watch: workers.Watch) -> None:
        with disk_errors(path), path.open("rb") as file, atomic_output(out) as staging:
            made = []
            for size, offset in zip(frames.stored.sizes, frames.stored.offsets, strict=True):
                made.append(h264.renumber_slices(os.pread(file.fileno(), size, offset), sets))
                watch(0)
            staging.write_bytes(pack(f">{len(made)}I", *map(len, made)) + b"".join(made))

    return make


def _joining(
    form: tuple[int, int],
    name: bytes,
    one: AudioRange | SilentPiece,
    two: AudioRange | SilentPiece,
    made: dict[bytes, bytes],
) -> Callable[[workers.Watch], None]:
    def make(watch: workers.Watch) -> None:
        _, channels = form
        left = (block(one, -2, channels), block(one, -1, channels))
        right = (block(two, -1, channels, begin=True), block(two, 0, channels, begin=True))
        made[name] = joint.joint(left, right, _config(form), channels)

    return make
