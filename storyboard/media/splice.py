"""The splice carried out: pieces that are missing are made, then the film is written as one index and copied bytes.

What is made stays in ``scratch`` under a name made of all that decides it: frames as MP4, sound as MP4, the joints of
two sounds as bare AAC frames, and clips with other parameter sets as their frames with new numbers. Changing one scene
makes what touches it. The kernel copies (copy_file_range), so a film costs hardly more than copying its clips.
"""

import errno
import hashlib
import os
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path
from queue import SimpleQueue
from struct import pack, unpack_from
from threading import Thread
from zlib import crc32

from storyboard.cut import Clip
from storyboard.disk import private, telling
from storyboard.errors import BadMedia, LocalFault
from storyboard.media import ffmpeg, h264, index, mix, mp4, segment, work
from storyboard.media.join import Film
from storyboard.mix import MARGIN, Mix
from storyboard.notes import Notes
from storyboard.samples import BLOCK, Frames, Index, Sets, Sound, Stored
from storyboard.splice import OURS, Composed, Copied, Excerpt, Piece, Rendered, Silent, Splice, scenes

# Bytes between two samples that are copied along rather than left out: a call of the kernel costs as much.
GAP = 4096
# How much is copied at one go: the report, and whoever wants to stop it, come between two of them.
_STRIDE = 1 << 25
_AT_ONCE = 1 << 22

# What copy_file_range says where two files cannot be copied between inside the kernel.
_UNSUPPORTED = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EPERM)
_OURS = re.compile(r"\.?[0-9a-f]{32}\.(mp4|m4a|aac|frames)(\.[0-9a-f]{12})?")
_LARGEST_JOINT = 8192
_SCRATCH_MAKING = 1

Report = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class _Shot:
    """Frames [first, last) as they lie in a file."""

    path: Path
    frames: Frames
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Heard:
    """Blocks [first, last) as they lie in a file; ``name`` says which bytes they are, ``scene`` who has them."""

    path: Path
    sound: Sound
    first: int
    last: int
    name: str
    scene: str


@dataclass(frozen=True, slots=True)
class _Range:
    """Bytes of the film: ``size`` of a file from ``offset`` on, or ``content``."""

    path: Path | None
    offset: int
    size: int
    content: bytes = b""


@dataclass(slots=True)
class _Places:
    """Where the samples of a track lie in the film, in their order."""

    sizes: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)

    def add(self, sizes: Sequence[int], offsets: Sequence[int]) -> None:
        self.sizes += sizes
        self.offsets += offsets


@dataclass(slots=True)
class _Laid:
    """Media as it is laid out, front to back; and where in it the samples of each track lie, in their order."""

    ranges: list[_Range] = field(default_factory=list)
    size: int = 0
    frames: _Places = field(default_factory=_Places)
    sounds: _Places = field(default_factory=_Places)

    def put(self, content: bytes) -> int:
        self.ranges.append(_Range(None, 0, len(content), content))
        self.size += len(content)
        return self.size - len(content)


def indexes(paths: Mapping[str, Path]) -> dict[str, Index]:
    """What can be copied of each clip. One that is no MP4, or a damaged one, is to be rendered: it is said why."""
    found = {}
    for digest, path in paths.items():
        try:
            found[digest] = mp4.read(path)
        except BadMedia as error:
            found[digest] = Index(error.message, error.message)
    return found


def splice(
    plan: Splice,
    known: Mapping[str, Index],
    paths: Mapping[str, Path],
    out: Path,
    scratch: Path,
    report: Report = lambda frames: None,
    landing: Callable[[Film], None] = lambda film: None,
    notes: Notes = index.NOTHING,
) -> Film:
    """Write the film, with ``notes`` in it. The same plan and notes give the same bytes.

    ``known`` are the indexes of the clips, ``paths`` says where the bytes of each digest lie; ``scratch`` is a folder
    for this film alone. ``report`` is called in this thread with the number of frames that are ready; an exception in
    it stops the work. What lies at ``out`` is replaced whole, once the film is complete; ``landing`` is told of it,
    under the name that it has until then, just before. Raises LocalFault, BadMedia.
    """
    private(scratch)
    made = _Made(plan, known, paths, scratch)
    made.make(report)
    shots = [made.shot(piece) for piece in plan.pictures]
    sounds = [made.heard(piece) for piece in plan.sound]
    joints = made.joints(sounds)
    laid = _laid(plan, shots, sounds, joints, b"".join(index.texts(notes)))
    head = _head(plan, shots, laid, notes)
    with ffmpeg.whole(out) as staging:
        digest = _written(head, laid, staging, out, lambda part: report(int(plan.cut.frames * part)))
        size = len(head) + laid.size
        landing(Film(staging, digest, plan.cut.frames, size))
    report(plan.cut.frames)
    made.prune()
    return Film(out, digest, plan.cut.frames, size)


class _Made:
    """The pieces of one plan that are made, by name, in its scratch folder."""

    def __init__(self, plan: Splice, known: Mapping[str, Index], paths: Mapping[str, Path], scratch: Path) -> None:
        self._plan, self._known, self._paths, self._scratch = plan, known, paths, scratch
        self._scenes = {clip.digest: clip.scene for clip in reversed(plan.cut.clips)}
        self._kept: set[Path] = set()

    def make(self, report: Report) -> None:
        """Make what is missing, as much at once as there are processors."""
        jobs: dict[Path, Callable[[work.Watch], None]] = {}
        for piece in (*self._plan.pictures, *self._plan.sound):
            if isinstance(piece, Rendered) and not _there(path := self._file(piece)):
                job = self._job(piece, path)
                jobs[path] = job if isinstance(piece.how, Mix) else work.of_scene(job, *scenes(piece.how))
            elif isinstance(piece, Copied) and piece.sets and not _there(path := self._renumbered(piece)):
                jobs[path] = work.of_scene(self._renumbering(piece, path), self._scenes[piece.source])
        pictures = {self._file(piece) for piece in self._plan.pictures if isinstance(piece, Rendered)}
        work.carry_out(jobs, lambda far: report(sum(frames for path, frames in far.items() if path in pictures)))

    def shot(self, piece: Piece) -> _Shot:
        """Where the frames of a piece lie."""
        if isinstance(piece, Rendered):
            path = self._file(piece)
            frames = mp4.read(path).frames
            if isinstance(frames, str) or len(frames.shown) != piece.length or frames.fps != self._plan.cut.fps:
                raise LocalFault(f"{path} is not what was rendered there", "remove it and run again")
            return _Shot(path, frames, 0, piece.length)
        assert isinstance(piece, Copied)
        frames = self._known[piece.source].frames
        assert isinstance(frames, Frames)
        if not piece.sets:
            return _Shot(self._paths[piece.source], frames, piece.first, piece.last)
        path = self._renumbered(piece)
        return _Shot(path, replace(frames, stored=_frames_of(path, len(frames.shown))), piece.first, piece.last)

    def heard(self, piece: Piece) -> _Heard | Silent:
        """Where the sound of a piece lies."""
        if isinstance(piece, Silent):
            return piece
        if isinstance(piece, Rendered):
            path = self._file(piece)
            sound = mp4.read(path).sound
            first = sound.priming // BLOCK if isinstance(sound, Sound) else 0
            first += MARGIN // BLOCK if isinstance(piece.how, Mix) else 0
            if not isinstance(sound, Sound) or len(sound.stored.sizes) < first + piece.length:
                raise LocalFault(f"{path} is not what was rendered there", "remove it and run again")
            return _Heard(path, sound, first, first + piece.length, piece.key, scenes(piece.how)[0])
        sound = self._known[piece.source].sound
        assert isinstance(sound, Sound)
        path, scene = self._paths[piece.source], self._scenes[piece.source]
        return _Heard(path, sound, piece.first, piece.last, piece.source, scene)

    def joints(self, sounds: Sequence[_Heard | Silent]) -> list[bytes]:
        """The frame between each two neighbours. The missing ones are made."""
        pairs = list(pairwise(sounds))
        names = [self._path("aac", "joint", self._plan.form, _end(one), _begin(two)) for one, two in pairs]
        made = {name: joint for name in names if (joint := _joint(name))}
        jobs = {}
        for name, pair in zip(names, pairs, strict=True):
            if name not in made:
                scenes = [sound.scene for sound in pair if isinstance(sound, _Heard)]
                jobs[name] = work.of_scene(self._joining(name, *pair, made), *scenes)
        work.carry_out(jobs, lambda far: None)
        return [made[name] for name in names]

    def prune(self) -> None:
        """Remove what this film has no more, and what one that was killed has left."""
        with telling(self._scratch):
            for path in self._scratch.iterdir():
                if _OURS.fullmatch(path.name) and path not in self._kept:
                    path.unlink()

    def _path(self, suffix: str, *recipe: object) -> Path:
        name = hashlib.sha256(repr((_SCRATCH_MAKING, *recipe)).encode()).hexdigest()[:32]
        path = self._scratch / f"{name}.{suffix}"
        self._kept.add(path)
        return path

    def _file(self, piece: Rendered) -> Path:
        """Another ffmpeg's frames could not be put beside ours."""
        return self._path("m4a" if isinstance(piece.how, Excerpt | Mix) else "mp4", ffmpeg.version(), piece.key)

    def _renumbered(self, piece: Copied) -> Path:
        return self._path("frames", piece.source, piece.sets)

    def _job(self, piece: Rendered, out: Path) -> Callable[[work.Watch], None]:
        """How a piece is made: one way for each kind of ``how``."""
        plan, paths = self._plan, self._paths
        match piece.how:
            case Clip() as clip:
                return lambda watch: segment.make(clip, plan.cut, paths[clip.digest], out, watch)
            case Composed() as composed:
                return lambda watch: self._compose(composed, out, watch)
            case Excerpt() as wanted:
                return lambda watch: segment.excerpt(wanted, plan.form, paths[wanted.digest], out, watch)
            case Mix() as mixed:
                return lambda watch: mix.write(mixed, paths, out, watch)

    def _compose(self, how: Composed, out: Path, watch: work.Watch) -> None:
        from storyboard.media.compose import composed

        segment.encoded(composed(how, self._plan.cut, self._known, self._paths), how.frames, self._plan.cut, out, watch)

    def _renumbering(self, piece: Copied, out: Path) -> Callable[[work.Watch], None]:
        """Its frames with other numbers: how long each has become, then all of them."""
        path, frames = self._paths[piece.source], self._known[piece.source].frames
        assert isinstance(frames, Frames)

        def make(watch: work.Watch) -> None:
            with telling(path), path.open("rb") as file, ffmpeg.whole(out) as staging:
                made = []
                for size, offset in zip(frames.stored.sizes, frames.stored.offsets, strict=True):
                    made.append(h264.renumber(os.pread(file.fileno(), size, offset), piece.sets))
                    watch(0)
                staging.write_bytes(pack(f">{len(made)}I", *map(len, made)) + b"".join(made))

        return make

    def _joining(
        self, out: Path, one: _Heard | Silent, two: _Heard | Silent, made: dict[Path, bytes]
    ) -> Callable[[work.Watch], None]:
        def make(watch: work.Watch) -> None:
            from storyboard.media.joint import joint

            _, channels = self._plan.form
            left = (_frame(one, -2, channels), _frame(one, -1, channels))
            right = (_frame(two, -1, channels, begin=True), _frame(two, 0, channels, begin=True))
            made[out] = frame = joint(left, right, _config(self._plan.form), channels)
            with ffmpeg.whole(out) as staging:
                staging.write_bytes(crc32(frame).to_bytes(4) + frame)

        return make


def _there(path: Path) -> bool:
    """Whether something was made already. A folder that came with a project may hold planted ones: links."""
    return path.is_file() and not path.is_symlink()


def _joint(path: Path) -> bytes | None:
    """A joint that was made before. A sum says whether it is what was written."""
    if not _there(path):
        return None
    with telling(path), path.open("rb") as file:
        content = file.read(_LARGEST_JOINT)
    return content[4:] if content[4:] and crc32(content[4:]).to_bytes(4) == content[:4] else None


def _frames_of(path: Path, count: int) -> Stored:
    with telling(path), path.open("rb") as file:
        head, size = file.read(4 * count), os.fstat(file.fileno()).st_size
    sizes = unpack_from(f">{count}I", head) if len(head) == 4 * count else ()
    if not sizes or 4 * count + sum(sizes) != size:
        raise LocalFault(f"{path} is damaged", "remove it and run again")
    return Stored(sizes, tuple(accumulate(sizes[:-1], initial=4 * count)))


def _config(form: tuple[int, int]) -> bytes:
    """AAC-LC at that rate in so many channels (ISO/IEC 14496-3, 1.6.2.1)."""
    return (2 << 11 | mp4.AAC_RATES.index(form[0]) << 7 | form[1] << 3).to_bytes(2)


def _end(sound: _Heard | Silent) -> object:
    return (sound.name, sound.last) if isinstance(sound, _Heard) else None


def _begin(sound: _Heard | Silent) -> object:
    return (sound.name, sound.first) if isinstance(sound, _Heard) else None


def _frame(sound: _Heard | Silent, at: int, channels: int, *, begin: bool = False) -> bytes:
    """An AAC frame, counted from the beginning of the sound or from its end; before the first one is silence."""
    number = (sound.first if begin else sound.last) + at if isinstance(sound, _Heard) else -1
    if not isinstance(sound, _Heard) or number < 0:
        from storyboard.media.aac import silent

        return silent(channels)
    with telling(sound.path), sound.path.open("rb") as file:
        return os.pread(file.fileno(), sound.sound.stored.sizes[number], sound.sound.stored.offsets[number])


@dataclass(frozen=True, slots=True)
class _Part:
    """Samples of one track that lie in one file, or one behind another in ``content``.

    ``at`` is when the first comes, in seconds; ``joint`` is an AAC frame that comes before it.
    """

    at: Fraction
    heard: bool
    path: Path | None
    stored: Stored
    content: bytes = b""
    joint: bytes = b""


def _laid(
    plan: Splice, shots: Sequence[_Shot], sounds: Sequence[_Heard | Silent], joints: Sequence[bytes], texts: bytes
) -> _Laid:
    """Lay pictures and sound into the film in the order of time; what lies together in a file stays together.

    ``texts`` come first of all.
    """
    laid = _Laid()
    if texts:
        laid.put(texts)
    parts = [*_pictures(plan, shots), *_sounds(plan, sounds, joints)]
    for run in _runs(sorted(parts, key=lambda part: part.at)):
        places = [laid.put(part.joint) if part.joint else 0 for part in run]
        moved = _moved(laid, run)
        for part, place in zip(run, places, strict=True):
            track = laid.sounds if part.heard else laid.frames
            if part.joint:
                track.add([len(part.joint)], [place])
            track.add(part.stored.sizes, moved(part.stored.offsets))
    return laid


def _pictures(plan: Splice, shots: Sequence[_Shot]) -> Iterator[_Part]:
    frame = 0
    for shot in shots:
        yield _Part(Fraction(frame, plan.cut.fps), False, shot.path, _slice(shot.frames.stored, shot.first, shot.last))
        frame += shot.last - shot.first


def _sounds(plan: Splice, sounds: Sequence[_Heard | Silent], joints: Sequence[bytes]) -> Iterator[_Part]:
    """The first sound with the frame that is not heard; each but the last without its last frame: that is the joint."""
    hertz, channels = plan.form
    block = 0
    for number, (sound, joint) in enumerate(zip(sounds, (b"", *joints), strict=True)):
        first, final = number == 0, number == len(sounds) - 1
        at = Fraction(block * BLOCK, hertz)
        if isinstance(sound, Silent):
            length = sound.length
            yield _silence(at, length + first - 1 + final, joint, channels)
        else:
            length = sound.last - sound.first
            lead = _frame(sound, -1, channels, begin=True) if first else joint
            stored = _slice(sound.sound.stored, sound.first, sound.last - 1 + final)
            yield _Part(at, True, sound.path, stored, joint=lead)
        block += length


def _silence(at: Fraction, frames: int, joint: bytes, channels: int) -> _Part:
    from storyboard.media.aac import silent

    one = silent(channels)
    stored = Stored((len(one),) * frames, tuple(range(0, frames * len(one), len(one))))
    return _Part(at, True, None, stored, one * frames, joint)


def _slice(stored: Stored, first: int, last: int) -> Stored:
    return Stored(stored.sizes[first:last], stored.offsets[first:last])


def _runs(parts: Sequence[_Part]) -> Iterator[list[_Part]]:
    """Parts that follow each other out of one file, while each track goes on in it and does not jump back."""
    run: list[_Part] = []
    for part in parts:
        if run and (part.path is None or run[0].path != part.path or any(_jumps(one, part) for one in run)):
            yield run
            run = []
        run.append(part)
    if run:
        yield run


def _jumps(one: _Part, next: _Part) -> bool:
    """Whether a track jumps back in its file: what is seen twice is copied twice."""
    begins, ends = next.stored.offsets[:1], one.stored.offsets[-1:]
    return one.heard == next.heard and bool(begins) and ends >= begins


def _moved(laid: _Laid, run: Sequence[_Part]) -> Callable[[Sequence[int]], list[int]]:
    """Take the bytes of a run into the film; how offsets in their file become offsets in the film."""
    path = run[0].path
    if path is None:
        place = laid.put(run[0].content)
        return lambda offsets: [place + offset for offset in offsets]
    spans = _spans(run)
    shifts = []
    for begin, end in spans:
        shifts.append(laid.size - begin)
        laid.ranges.append(_Range(path, begin, end - begin))
        laid.size += end - begin
    if len(spans) == 1:
        return lambda offsets: [shifts[0] + offset for offset in offsets]
    begins = [begin for begin, _ in spans]
    return lambda offsets: [offset + shifts[bisect_right(begins, offset) - 1] for offset in offsets]


def _spans(run: Sequence[_Part]) -> list[tuple[int, int]]:
    """The parts of the file that are copied: all of it where little lies between, else what is needed."""
    samples = [
        (offset, size) for part in run for offset, size in zip(part.stored.offsets, part.stored.sizes, strict=True)
    ]
    if not samples:
        return []
    samples.sort()
    low, high = samples[0][0], max(offset + size for offset, size in samples)
    if (high - low) - sum(size for _, size in samples) <= 4 * GAP:
        return [(low, high)]
    spans: list[tuple[int, int]] = []
    for offset, size in samples:
        if spans and offset - spans[-1][1] <= GAP:
            spans[-1] = (spans[-1][0], max(spans[-1][1], offset + size))
        else:
            spans.append((offset, offset + size))
    return spans


def _head(plan: Splice, shots: Sequence[_Shot], laid: _Laid, notes: Notes) -> bytes:
    shown: list[int] = []
    sync: list[int] = []
    for shot in shots:
        move = len(shown) - shot.first
        sync += [start + move for start in shot.frames.starts if shot.first <= start < shot.last]
        shown += [number + move for number in shot.frames.shown[shot.first : shot.last]]
    pictures = index.Pictures(
        laid.frames.sizes, laid.frames.offsets, shown, sync, plan.cut.fps, plan.look, h264.config(_sets(plan, shots))
    )
    hertz, channels = plan.form
    sounds = index.Sounds(laid.sounds.sizes, laid.sounds.offsets, hertz, channels, _config(plan.form))
    return index.written(pictures, sounds, laid.size, notes)


def _sets(plan: Splice, shots: Sequence[_Shot]) -> list[Sets]:
    """The parameter sets of the film: the leader's, foreign ones under their numbers, and ours."""
    foreign = (h264.renumbered(own, number) for number, own in enumerate(plan.sets[1:], 1))
    film = [*plan.sets[:1], *foreign]
    rendered = {shot.frames.sets for shot in shots} - set(plan.sets)
    if len(rendered) > 1 or any(one.ids != ((OURS,), (OURS,)) for one in rendered):
        raise LocalFault("rendered frames do not fit together", "remove the folder .storyboard/segments and run again")
    return [*film, *rendered]


def _written(head: bytes, laid: _Laid, staging: Path, out: Path, report: Callable[[Fraction], None]) -> str:
    """Write the film and read it back as it grows: its SHA-256 in hex."""
    with telling(out), staging.open("wb", buffering=0) as film, _Hashing(staging) as hashing:
        film.write(head)
        done = len(head)
        for part in laid.ranges:
            for size in _copied(part, film.fileno()):
                done += size
                hashing.up_to(done)
                report(Fraction(done, len(head) + laid.size))
    return hashing.digest


def _copied(part: _Range, film: int) -> Iterator[int]:
    """Copy a range to the end of the film, by and by: how many bytes each time."""
    if part.path is None:
        yield os.write(film, part.content)
        return
    source = os.open(part.path, os.O_RDONLY)
    try:
        at, end = part.offset, part.offset + part.size
        while at < end:
            size = _copy(source, film, at, min(_STRIDE, end - at))
            if not size:
                raise LocalFault(f"{part.path} has become shorter", "run again")
            at += size
            yield size
    finally:
        os.close(source)


def _copy(source: int, film: int, at: int, size: int) -> int:
    if hasattr(os, "copy_file_range"):
        try:
            return os.copy_file_range(source, film, size, at)
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
    return os.write(film, os.pread(source, min(size, _AT_ONCE), at))


class _Hashing:
    """Reads a file as it grows, in a thread of its own: the processor is idle while the kernel copies."""

    def __init__(self, path: Path) -> None:
        self._path, self._ends, self._digest = path, SimpleQueue[int](), hashlib.sha256()
        self._thread = Thread(target=self._follow)
        self._failure: OSError | None = None

    def __enter__(self) -> "_Hashing":
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._ends.put(-1)
        self._thread.join()
        if self._failure and not any(failure):
            raise self._failure

    def up_to(self, end: int) -> None:
        """So much of the file is there now."""
        self._ends.put(end)

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    def _follow(self) -> None:
        try:
            with self._path.open("rb", buffering=0) as file:
                buffer = memoryview(bytearray(1 << 20))
                at = 0
                while (end := self._ends.get()) >= 0:
                    while at < end and (size := file.readinto(buffer[: min(end - at, len(buffer))])):
                        self._digest.update(buffer[:size])
                        at += size
        except OSError as error:
            self._failure = error
