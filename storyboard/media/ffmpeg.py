"""The ffmpeg binary: find it, and run it as a child process with limits on time and memory.

The child is killed when the caller fails or is interrupted.
"""

import os
import re
import resource
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, suppress
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, NamedTuple

from storyboard.model.errors import LocalFault
from storyboard.model.text import one_line

# Address space limit of a child, in bytes. The most expensive job, a 4K clip over its own blur, takes 1.6 GiB.
MEMORY = 4 * 1024**3
TICK = 0.25

# Environment variables passed to the child. It gets no API key; FFREPORT, which makes ffmpeg write files, is left out.
_PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")

# Messages of ffmpeg about failures that are not the clip's fault, and what to do about each.
_ADVICE = (
    ("No space left on device", "the disk is full: free some space and run again; what was bought is safe"),
    ("Disk quota exceeded", "your share of the disk is full: free some space and run again; what was bought is safe"),
    ("Cannot allocate memory", "close other programs and run again; what was bought is safe"),
    ("Input/output error", "check the disk and run again; what was bought is safe"),
    ("Unrecognized option", "this ffmpeg is too old: unset STORYBOARD_FFMPEG to use the one that came along"),
    ("Unknown encoder", "this ffmpeg lacks libx264: unset STORYBOARD_FFMPEG to use the one that came along"),
)
# Exit statuses after a kill for lack of memory, or after a signal: ffmpeg then cleans up and exits with 255.
_STOPPED = (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, 255)
# What says nothing of the input: a signal (the kill for lack of memory may be the input's doing), an ffmpeg that lacks
# an option or an encoder.
_SIGNALLED = (-signal.SIGTERM, -signal.SIGINT, 255)
_TOO_OLD = ("Unrecognized option", "Unknown encoder")


class ChildLimits(NamedTuple):
    """ChildLimits of a child: address space in bytes, CPU time in seconds."""

    memory: int
    cpu: int


class FfmpegFailed(LocalFault):
    """ffmpeg failed. ``said`` is its message; ``blameless``: it says nothing of the input.
    ``starved``: it was killed within its limits, or did not end in time, as on a machine short of memory or time.

    Without a hint the input is the cause. With one, this machine may be, or an input that asks for all memory.
    """

    def __init__(
        self, why: str, said: str = "", hint: str = "", *, blameless: bool = False, starved: bool = False
    ) -> None:
        super().__init__(f"ffmpeg {why}: {said}" if said else f"ffmpeg {why}", hint)
        self.said = said
        self.blameless = blameless
        self.starved = starved


def binary() -> str:
    """The path of ffmpeg: STORYBOARD_FFMPEG, then IMAGEIO_FFMPEG_EXE, then the one installed with this package.

    Raise LocalFault where it is missing or does not run.
    """
    return _found()[0]


def version() -> str:
    """The version line of ffmpeg, such as "ffmpeg version n9.0.2 …". Raise LocalFault as ``binary`` does."""
    return _found()[1]


def run(
    arguments: Sequence[str],
    *,
    seconds: float,
    watch: Callable[[int], None] = lambda frames: None,
    feed: Generator[bytes] | None = None,
    limits: ChildLimits | None = None,
    passed: Sequence[int] = (),
) -> int:
    """Run ffmpeg to its end; return the number of video frames written.

    ``seconds`` limits the wall-clock time; the CPU time is limited to that times the number of cores unless there are
    ``limits``. ``watch`` is
    called several times a second with the frames written so far; an exception in it, like any other here, kills the
    child. ``feed`` yields the child's input "pipe:0"; an exception in it is raised here. ``passed`` are descriptors
    that the child may write to, as "pipe:N". Raise FfmpegFailed, LocalFault.
    """
    command = [binary(), "-nostdin", "-hide_banner", "-loglevel", "error", "-nostats"]
    command += ["-stats_period", str(TICK), "-progress", "pipe:1", *arguments]
    stdin = subprocess.DEVNULL if feed is None else subprocess.PIPE
    with ThreadPoolExecutor(1) as thread, _started(command, stdin, passed=passed) as child:
        fed = thread.submit(_fill, child.stdin, feed) if child.stdin and feed else None
        limits, before = limits or _usual_limits(seconds), _cpu_of_children()
        try:
            _limit(child.pid, limits)
            frames, said = _follow(child, time.monotonic() + seconds, watch)
        finally:
            child.kill()
            wait([fed] if fed else [])
    if fed:
        fed.result()
    if child.returncode != 0:
        starved = child.returncode == -signal.SIGKILL and _cpu_of_children() - before < limits.cpu - 0.5
        raise _failed(child.returncode, said, starved=starved)
    return frames


def pieces(arguments: Sequence[str], size: int, *, seconds: float) -> Generator[bytes]:
    """The output of ffmpeg on "pipe:1" in pieces of ``size`` bytes. Closing the generator kills the child.

    ``seconds`` limits it as in ``run``. Raise FfmpegFailed, LocalFault.
    """
    command = [binary(), "-nostdin", "-hide_banner", "-loglevel", "error", "-nostats", *arguments]
    with TemporaryFile() as said, _started(command, subprocess.DEVNULL, said) as child:
        assert child.stdout is not None
        until = time.monotonic() + seconds
        try:
            _limit(child.pid, _usual_limits(seconds))
            while piece := _read(child.stdout, size, until):
                yield piece
            child.wait()
        finally:
            child.kill()
        if child.returncode != 0:
            said.seek(0)
            words = said.read(8192).decode("utf-8", "replace")
            raise _failed(child.returncode, words)


def _found() -> tuple[str, str]:
    for name in ("STORYBOARD_FFMPEG", "IMAGEIO_FFMPEG_EXE"):
        if wanted := os.environ.get(name):
            path = shutil.which(wanted)
            if path is None:
                raise LocalFault(f"{name} names no program: {one_line(wanted)}", f"correct it, or unset {name}")
            return path, _asked(path, f"correct {name}, or unset it")
    path = _bundled()
    return path, _asked(path, "name another one with STORYBOARD_FFMPEG")


@lru_cache
def _bundled() -> str:
    from importlib.resources import files

    # imageio_ffmpeg.get_ffmpeg_exe() runs the binary with the whole environment, including the API key.
    brought = sorted(Path(str(files("imageio_ffmpeg")), "binaries").glob("ffmpeg-*"))
    found = str(brought[0]) if brought else shutil.which("ffmpeg")
    if found is None:
        hint = "install imageio-ffmpeg again, or name an ffmpeg with STORYBOARD_FFMPEG"
        raise LocalFault("no ffmpeg is installed", hint)
    return found


@lru_cache
def _asked(path: str, hint: str) -> str:
    """The version line. Running ffmpeg here proves that it works, so that a clip is not blamed for a broken ffmpeg."""
    try:
        answer = subprocess.run(
            [path, "-version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=_environment(),
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise LocalFault(f"ffmpeg does not run: {one_line(path)} ({type(error).__name__})", hint) from error
    line = answer.stdout.decode("utf-8", "replace").partition("\n")[0]
    if not line.startswith("ffmpeg version"):
        raise LocalFault(f"this is not ffmpeg: {one_line(path)}", hint)
    return one_line(line.partition(" Copyright")[0], 120)


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {"LC_ALL": "C", "AV_LOG_FORCE_NOCOLOR": "1", **kept}


def _fill(pipe: IO[bytes], feed: Generator[bytes]) -> None:
    """Write ``feed`` to a child's standard input until it ends or the child closes the pipe."""
    with suppress(BrokenPipeError), pipe, closing(feed):
        for piece in feed:
            pipe.write(piece)


def _read(pipe: IO[bytes], size: int, until: float) -> bytes:
    """Read the next ``size`` bytes. Return b"" at the end, also where fewer are left: ffmpeg then reports why.

    ``until`` is a time of ``time.monotonic``; raises FfmpegFailed after it.
    """
    parts, left = [], size
    with selectors.DefaultSelector() as ready:
        ready.register(pipe, selectors.EVENT_READ)
        while left:
            if time.monotonic() > until and not ready.select(0):
                raise FfmpegFailed("took too long")
            if ready.select(TICK):
                part = os.read(pipe.fileno(), left)
                if not part:
                    return b""
                parts.append(part)
                left -= len(part)
    return b"".join(parts)


def _started(
    command: list[str], stdin: int, stderr: int | IO[bytes] = subprocess.PIPE, passed: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=_environment(),
            pass_fds=passed,
            process_group=0,  # keep Ctrl-C from the child: an interrupted check would look like a damaged clip
        )
    except OSError as error:
        raise LocalFault(f"ffmpeg does not start: {error.strerror}", "close other programs and run again") from error


def _usual_limits(seconds: float) -> ChildLimits:
    return ChildLimits(MEMORY, int(seconds * (os.cpu_count() or 1)) + 1)


def _limit(pid: int, limits: ChildLimits) -> None:
    """Set the limits from the parent: code between fork and exec is not safe in a process with threads. Linux only.

    At its limit of CPU time the child is killed at once: after a warning it would end as after a signal from outside.
    """
    if hasattr(resource, "prlimit"):
        try:
            resource.prlimit(pid, resource.RLIMIT_AS, (limits.memory, limits.memory))
            resource.prlimit(pid, resource.RLIMIT_CPU, (limits.cpu, limits.cpu))
        except (ProcessLookupError, PermissionError):
            return  # the child has ended already, or the limits of this process are lower


def _follow(child: subprocess.Popen[bytes], deadline: float, watch: Callable[[int], None]) -> tuple[int, str]:
    """Read both pipes to their ends: the number of frames written, and the beginning and end of the error output."""
    assert child.stdout is not None
    assert child.stderr is not None
    frames, line, said = 0, b"", b""
    with selectors.DefaultSelector() as pipes:
        pipes.register(child.stdout, selectors.EVENT_READ)
        pipes.register(child.stderr, selectors.EVENT_READ)
        while pipes.get_map():
            for key, _ in pipes.select(TICK):
                chunk = os.read(key.fd, 65536)
                if not chunk:
                    pipes.unregister(key.fileobj)
                elif key.fileobj is child.stderr:
                    said = _ends(said + chunk)
                else:
                    lines, _, line = (line + chunk).rpartition(b"\n")
                    frames = max([frames, *map(int, re.findall(rb"^frame=\s*(\d+)", lines, re.MULTILINE))])
            watch(frames)
            # What lies in the pipes is read first: this process may have been stopped meanwhile, and the child not.
            if pipes.get_map() and time.monotonic() > deadline and not pipes.select(0):
                raise FfmpegFailed("took too long", starved=True)
    child.wait()
    return frames, said.decode("utf-8", "replace")


def _cpu_of_children() -> float:
    """The CPU time of all children that have ended, in seconds: at least that of one that ended since a look before."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _failed(code: int, words: str, *, starved: bool = False) -> FfmpegFailed:
    """The error for an exit status and what was written to standard error."""
    said = _cause(words)
    blameless = code in _SIGNALLED or said.startswith(_TOO_OLD)
    return FfmpegFailed(_ending(code), said, _advice(code, words), blameless=blameless, starved=starved)


def _ends(said: bytes, kept: int = 8192) -> bytes:
    return said if len(said) <= 2 * kept else said[:kept] + said[-kept:]


def _cause(said: str) -> str:
    """The first error line (later ones are consequences), without memory addresses, which differ at every run."""
    for line in re.sub(r"\[[^\]\n]* @ 0x[0-9a-f]+\] ", "", said).splitlines():
        if line.strip():
            return one_line(line.strip(), 300)
    return ""


def _ending(code: int) -> str:
    return f"ended with status {code}" if code > 0 else f"was ended by {signal.Signals(-code).name}"


def _advice(code: int, said: str) -> str:
    for words, advice in _ADVICE:
        if words in said:
            return advice
    return "it was stopped from outside, perhaps for want of memory: run again" if code in _STOPPED else ""
