"""The splice carried out: pieces that are missing are made, then the film is written as one index and copied bytes.

What is made stays in ``scratch`` under a name made of all that decides it: frames as MP4, sound as MP4, the joints of
all sounds in one file, and clips with other parameter sets as their frames with new numbers. Changing one scene
makes what touches it.
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
from storyboard.film.copy import Range, WrittenFilm, copy_ranges
from storyboard.film.film_plan import (
    OURS,
    AudioExcerpt,
    Composed,
    CopiedPiece,
    FilmPlan,
    Piece,
    RenderedPiece,
    SilentPiece,
    scenes_of,
    sources_of,
)
from storyboard.film.layout import AudioRange, FilmLayout, VideoRange, block, lay_out
from storyboard.media import workers
from storyboard.model.errors import BadMedia, LocalFault
from storyboard.model.fingerprint import fingerprint
from storyboard.mp4 import h264, index_cache, reader, writer
from storyboard.mp4.metadata import FilmMetadata
from storyboard.mp4.samples import BLOCK, AudioTrack, ClipIndex, ParameterSets, SampleTable, VideoTrack
from storyboard.system.files import atomic_output, disk_errors, private_dir
from storyboard.timeline.model import Clip

_OURS = re.compile(r"\.?[0-9a-f]{32}\.(mp4|m4a|frames|index)(\.[0-9a-f]{12})?|\.joints\.[0-9a-f]{12}")
_JOINTS = "joints"
# Raise it whenever joints, indexes or pieces that were made before mean something else.
_SCRATCH_MAKING = 1

Report = Callable[[int], None]
_Pair = tuple[AudioRange | SilentPiece, AudioRange | SilentPiece]


def indexes(paths: Mapping[str, Path], scratch: Path | None = None) -> dict[str, ClipIndex]:
    """What can be copied of each clip, as it was kept in ``scratch``, or read now.

    One that is no MP4, or a damaged one, is to be rendered: it is said why.
    """
    found = {}
    for digest, path in paths.items():
        try:
            before = index_cache.read(_index(scratch, digest), path) if scratch else None
            found[digest] = before or reader.read(path)
        except BadMedia as error:
            found[digest] = ClipIndex(error.message, error.message)
    return found


def splice(
    plan: FilmPlan,
    known: Mapping[str, ClipIndex],
    paths: Mapping[str, Path],
    out: Path,
    scratch: Path,
    report: Report = lambda frames: None,
    landing: Callable[[WrittenFilm], None] = lambda film: None,
    notes: FilmMetadata = writer.NOTHING,
) -> WrittenFilm:
    """Write the film, with ``notes`` in it. The same plan and notes give the same bytes.

    ``known`` are the indexes of the clips, ``paths`` says where the bytes of each digest lie; ``scratch`` is a folder
    for this film alone. ``report`` is called in this thread with the number of frames that are ready; an exception in
    it stops the work. What lies at ``out`` is replaced whole, once the film is complete; ``landing`` is told of it,
    under the name that it has until then, just before. Raises LocalFault, BadMedia.
    """
    private_dir(scratch)
    made = _Made(plan, known, paths, scratch)
    made.make(report)
    shots = [made.shot(piece) for piece in plan.pictures]
    sounds = [made.heard(piece) for piece in plan.sound]
    joints = made.joints(sounds)
    laid = lay_out(plan, shots, sounds, joints, b"".join(writer.chapter_samples(notes)))
    ranges = [Range.of(_head(plan, shots, laid, notes)), *laid.ranges]
    size = sum(part.size for part in ranges)
    with atomic_output(out) as staging:
        with disk_errors(out):
            checksum = copy_ranges(ranges, staging, lambda done: report(plan.cut.frames * done // size))
        landing(WrittenFilm(staging, plan.cut.frames, size, checksum))
    report(plan.cut.frames)
    made.prune()
    return WrittenFilm(out, plan.cut.frames, size, checksum)


def prepare(
    plan: FilmPlan, known: Mapping[str, ClipIndex], paths: Mapping[str, Path], scratch: Path, watch: workers.Watch
) -> None:
    """Make now what the film needs of the clips that are in ``paths`` already, and of nothing else.

    ``watch`` is called again and again; an exception in it stops the work. Raises LocalFault, BadMedia.
    """
    private_dir(scratch)
    for digest in known.keys() & paths.keys():
        if not _index(scratch, digest).exists():
            index_cache.write(_index(scratch, digest), known[digest])
    made = _Made(plan, known, paths, scratch)
    made.make(watch, whole=False)
    made.join(watch)


class _Made:
    """The pieces of one plan that are made, by name, in its scratch folder."""

    def __init__(
        self, plan: FilmPlan, known: Mapping[str, ClipIndex], paths: Mapping[str, Path], scratch: Path
    ) -> None:
        self._plan, self._known, self._paths, self._scratch = plan, known, paths, scratch
        self._scenes = {clip.digest: clip.scene for clip in reversed(plan.cut.clips)}
        self._kept = {_index(scratch, digest) for digest in known}

    def make(self, report: Report, *, whole: bool = True) -> None:
        """Make what is missing, as much at once as there are processors; of a film that is not ``whole``, what can be.

        ``report`` is told how many frames are made.
        """
        jobs: dict[Path, Callable[[workers.Watch], None]] = {}
        for piece in (*self._plan.pictures, *self._plan.sound):
            if not whole and not sources_of(piece) <= self._paths.keys():
                continue
            if isinstance(piece, RenderedPiece) and not _there(path := self._file(piece)):
                job = self._job(piece, path)
                jobs[path] = job if isinstance(piece.job, AudioMix) else workers.of_scene(job, *scenes_of(piece.job))
            elif isinstance(piece, CopiedPiece) and piece.sets and not _there(path := self._renumbered(piece)):
                jobs[path] = workers.of_scene(self._renumbering(piece, path), self._scenes[piece.source])
        pictures = {self._file(piece) for piece in self._plan.pictures if isinstance(piece, RenderedPiece)}
        workers.carry_out(jobs, lambda far: report(sum(frames for path, frames in far.items() if path in pictures)))

    def shot(self, piece: Piece) -> VideoRange:
        """Where the frames of a piece lie."""
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
        """Where the sound of a piece lies."""
        if isinstance(piece, SilentPiece):
            return piece
        if isinstance(piece, RenderedPiece):
            path = self._file(piece)
            sound = reader.read(path).sound
            first = sound.priming // BLOCK if isinstance(sound, AudioTrack) else 0
            first += MARGIN // BLOCK if isinstance(piece.job, AudioMix) else 0
            if not isinstance(sound, AudioTrack) or len(sound.stored.sizes) < first + piece.length:
                raise LocalFault(f"{path} is not what was rendered there", "remove it and run again")
            return AudioRange(path, sound, first, first + piece.length, piece.key, scenes_of(piece.job)[0])
        sound = self._known[piece.source].sound
        assert isinstance(sound, AudioTrack)
        path, scene = self._paths[piece.source], self._scenes[piece.source]
        return AudioRange(path, sound, piece.first, piece.last, piece.source, scene)

    def joints(self, sounds: Sequence[AudioRange | SilentPiece]) -> list[bytes]:
        """The frame between each two neighbours. The missing ones are made."""
        pairs = [(self._joint(*pair), pair) for pair in pairwise(sounds)]
        before = joint.read_joints(self._scratch / _JOINTS)
        made = {name: before[name] for name, _ in pairs if name in before}
        self._join(pairs, made, lambda frames: None)
        if made.keys() != before.keys():
            joint.write_joints(self._scratch / _JOINTS, made)
        return [made[name] for name, _ in pairs]

    def join(self, watch: workers.Watch) -> None:
        """Make the joints between neighbours that are both there, beside those that were made before."""
        there = [self.heard(piece) if sources_of(piece) <= self._paths.keys() else None for piece in self._plan.sound]
        pairs = [(self._joint(one, two), (one, two)) for one, two in pairwise(there) if one and two]
        before = joint.read_joints(self._scratch / _JOINTS)
        made = dict(before)
        self._join(pairs, made, watch)
        if made.keys() != before.keys():
            joint.write_joints(self._scratch / _JOINTS, made)

    def _join(self, pairs: Iterable[tuple[bytes, _Pair]], made: dict[bytes, bytes], watch: workers.Watch) -> None:
        """Add to ``made`` what is missing in it. In this thread: each takes a millisecond, and two would take turns."""
        for name, pair in pairs:
            if name not in made:
                scenes = [sound.scene for sound in pair if isinstance(sound, AudioRange)]
                watch(0)
                workers.of_scene(self._joining(name, *pair, made), *scenes)(watch)

    def _joint(self, one: AudioRange | SilentPiece, two: AudioRange | SilentPiece) -> bytes:
        return _recipe("joint", self._plan.form, _end(one), _begin(two))[:16]

    def prune(self) -> None:
        """Remove what this film has no more, and what one that was killed has left."""
        with disk_errors(self._scratch):
            for path in self._scratch.iterdir():
                if _OURS.fullmatch(path.name) and path not in self._kept:
                    path.unlink()

    def _path(self, suffix: str, *recipe: object) -> Path:
        path = self._scratch / f"{_recipe(*recipe).hex()[:32]}.{suffix}"
        self._kept.add(path)
        return path

    def _file(self, piece: RenderedPiece) -> Path:
        """Another ffmpeg's frames could not be put beside ours."""
        from storyboard.media import ffmpeg  # a film of which nothing is made does without it

        return self._path(
            "m4a" if isinstance(piece.job, AudioExcerpt | AudioMix) else "mp4", ffmpeg.version(), piece.key
        )

    def _renumbered(self, piece: CopiedPiece) -> Path:
        return self._path("frames", piece.source, piece.sets)

    def _job(self, piece: RenderedPiece, out: Path) -> Callable[[workers.Watch], None]:
        """How a piece is made: one way for each kind of ``how``."""
        from storyboard.film import segment  # a film of which nothing is made does without them
        from storyboard.film.audio import mixdown

        plan, paths = self._plan, self._paths
        match piece.job:
            case Clip() as clip:
                return lambda watch: segment.make(clip, plan.cut, paths[clip.digest], out, watch)
            case Composed() as composed:
                return lambda watch: self._compose(composed, out, watch)
            case AudioExcerpt() as wanted:
                return lambda watch: segment.excerpt(wanted, plan.form, paths[wanted.digest], out, watch)
            case AudioMix() as mixed:
                return lambda watch: mixdown.write(mixed, paths, out, watch)

    def _compose(self, how: Composed, out: Path, watch: workers.Watch) -> None:
        from storyboard.film import segment
        from storyboard.film.compose import compose_frames

        segment.encode_frames(
            compose_frames(how, self._plan.cut, self._known, self._paths), how.frames, self._plan.cut, out, watch
        )

    def _renumbering(self, piece: CopiedPiece, out: Path) -> Callable[[workers.Watch], None]:
        """Its frames with other numbers: how long each has become, then all of them."""
        path, frames = self._paths[piece.source], self._known[piece.source].frames
        assert isinstance(frames, VideoTrack)

        def make(watch: workers.Watch) -> None:
            with disk_errors(path), path.open("rb") as file, atomic_output(out) as staging:
                made = []
                for size, offset in zip(frames.stored.sizes, frames.stored.offsets, strict=True):
                    made.append(h264.renumber_slices(os.pread(file.fileno(), size, offset), piece.sets))
                    watch(0)
                staging.write_bytes(pack(f">{len(made)}I", *map(len, made)) + b"".join(made))

        return make

    def _joining(
        self, name: bytes, one: AudioRange | SilentPiece, two: AudioRange | SilentPiece, made: dict[bytes, bytes]
    ) -> Callable[[workers.Watch], None]:
        def make(watch: workers.Watch) -> None:
            _, channels = self._plan.form
            left = (block(one, -2, channels), block(one, -1, channels))
            right = (block(two, -1, channels, begin=True), block(two, 0, channels, begin=True))
            made[name] = joint.joint(left, right, _config(self._plan.form), channels)

        return make


def _index(scratch: Path, digest: str) -> Path:
    return scratch / f"{_recipe('index', digest).hex()[:32]}.index"


def _recipe(*parts: object) -> bytes:
    """A name for what is made of these."""
    return bytes.fromhex(fingerprint(_SCRATCH_MAKING, *parts))


def _there(path: Path) -> bool:
    """Whether something was made already. A folder that came with a project may hold planted ones: links."""
    return path.is_file() and not path.is_symlink()


def _frames_of(path: Path, count: int) -> SampleTable:
    with disk_errors(path), path.open("rb") as file:
        head, size = file.read(4 * count), os.fstat(file.fileno()).st_size
    sizes = unpack_from(f">{count}I", head) if len(head) == 4 * count else ()
    if not sizes or 4 * count + sum(sizes) != size:
        raise LocalFault(f"{path} is damaged", "remove it and run again")
    return SampleTable(sizes, tuple(accumulate(sizes[:-1], initial=4 * count)))


def _config(form: tuple[int, int]) -> bytes:
    """AAC-LC at that rate in so many channels (ISO/IEC 14496-3, 1.6.2.1)."""
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
    """The parameter sets of the film: the leader's, foreign ones under their numbers, and ours."""
    foreign = (h264.renumber_sets(own, number) for number, own in enumerate(plan.sets[1:], 1))
    film = [*plan.sets[:1], *foreign]
    rendered = {shot.frames.sets for shot in shots} - set(plan.sets)
    if len(rendered) > 1 or any(one.ids != ((OURS,), (OURS,)) for one in rendered):
        raise LocalFault("rendered frames do not fit together", "remove the folder .storyboard/segments and run again")
    return [*film, *rendered]
