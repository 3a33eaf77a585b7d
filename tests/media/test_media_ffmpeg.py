"""The door to ffmpeg: which one is used, what it may know and take, and that it ends when we do."""

import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from canary import KEY

from storyboard.media import ffmpeg
from storyboard.model.errors import LocalFault

ENDLESS = ["-f", "lavfi", "-i", "testsrc2=s=320x180", "-f", "null", "-"]


@pytest.fixture
def script(tmp_path):
    """Writes a program that answers -version as ffmpeg does, and otherwise does what it is told here."""

    def program(body: str, name: str = "ffmpeg") -> Path:
        path = tmp_path / name
        path.write_text(f'#!/bin/sh\n[ "$1" = -version ] && echo "ffmpeg version {name} Copyright" && exit\n{body}\n')
        path.chmod(0o755)
        return path

    return program


def test_the_users_own_comes_first(script, monkeypatch):
    """Whoever names an ffmpeg gets another."""
    bundled = ffmpeg.binary()
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(script("", "second")))
    assert ffmpeg.version() == "ffmpeg version second"
    monkeypatch.setenv("STORYBOARD_FFMPEG", str(script("", "first")))
    assert ffmpeg.version() == "ffmpeg version first"
    assert Path(bundled).name.startswith("ffmpeg")


def test_a_name_is_looked_up_in_the_path(script, monkeypatch):
    """STORYBOARD_FFMPEG=ffmpeg, for the system's own, would not work."""
    path = script("", "of-the-system")
    monkeypatch.setenv("PATH", str(path.parent), prepend=os.pathsep)
    monkeypatch.setenv("STORYBOARD_FFMPEG", "of-the-system")
    assert ffmpeg.binary() == str(path)


def test_one_that_is_missing_or_broken_says_what_to_do(script, tmp_path, monkeypatch):
    """A clip that was paid for would be called damaged because ffmpeg is."""
    monkeypatch.setenv("STORYBOARD_FFMPEG", str(tmp_path / "nowhere"))
    with pytest.raises(LocalFault, match="names no program") as caught:
        ffmpeg.binary()
    assert "unset STORYBOARD_FFMPEG" in caught.value.hint
    for number, body in enumerate(("#!/nowhere/sh\n", "#!/bin/sh\nexit 127\n", "#!/bin/sh\necho bash version 5\n")):
        broken = tmp_path / str(number)
        broken.write_text(body)
        broken.chmod(0o755)
        monkeypatch.setenv("STORYBOARD_FFMPEG", str(broken))
        with pytest.raises(LocalFault, match="ffmpeg"):
            ffmpeg.run(["-i", "x"], seconds=10)


def test_it_is_told_no_secret(script, tmp_path, monkeypatch):
    """A bug in a decoder would hand the key to whoever made the clip."""
    monkeypatch.setenv("APIKLEY_API_KEY", KEY)
    monkeypatch.setenv("FFREPORT", f"file={tmp_path}/report")
    monkeypatch.setenv("STORYBOARD_FFMPEG", str(script(f"env > {tmp_path}/env")))
    ffmpeg.run([], seconds=10)
    told = (tmp_path / "env").read_text()
    assert KEY not in told
    assert "FFREPORT" not in told


def test_its_cause_is_told_and_made_harmless(script, monkeypatch):
    """The text of a clip could write on the user's terminal."""
    said = r"printf '\n[h264 @ 0x55d0] bad \033[31m slice\nconsequence\n' >&2; exit 183"
    monkeypatch.setenv("STORYBOARD_FFMPEG", str(script(said)))
    with pytest.raises(ffmpeg.FfmpegFailed) as caught:
        ffmpeg.run([], seconds=10)
    assert caught.value.message == r"ffmpeg ended with status 183: bad \u001b[31m slice"
    assert not caught.value.hint


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        ("echo 'x.mp4: No space left on device' >&2; exit 228", "free some space"),
        ("echo 'Unrecognized option fps_mode.' >&2; exit 8", "unset STORYBOARD_FFMPEG"),
        ("kill -9 $$", "run again"),
        ("exit 255", "run again"),
    ],
)
def test_the_machines_own_faults_are_told_apart(script, monkeypatch, body, advice):
    """A full disk, an old ffmpeg, or someone's kill would be blamed on a clip that was paid for."""
    monkeypatch.setenv("STORYBOARD_FFMPEG", str(script(body)))
    with pytest.raises(ffmpeg.FfmpegFailed) as caught:
        ffmpeg.run([], seconds=10)
    assert advice in caught.value.hint


def children() -> set[int]:
    """The processes that this one has started and that have not ended; other tests may have some of their own."""
    path = Path(f"/proc/self/task/{os.getpid()}/children")
    if not path.exists():
        pytest.skip("needs the /proc of Linux to see children; CI has it")
    return {int(child) for child in path.read_text().split()}


def test_ctrl_c_at_the_terminal_does_not_reach_it():
    """Broken off by the same Ctrl-C as we, a check would call a good take damaged."""
    groups: set[int] = set()
    before = children()

    def look(frames: int) -> None:
        groups.update(os.getpgid(child) for child in children() - before)

    ffmpeg.run(["-f", "lavfi", "-i", "testsrc2=s=1280x720:d=20", "-f", "null", "-"], seconds=60, watch=look)
    assert groups
    assert os.getpgrp() not in groups


def test_it_is_killed_when_we_are_stopped():
    """Ctrl-C would leave an encoder at work in the background."""
    before = children()
    with pytest.raises(KeyboardInterrupt):
        ffmpeg.run(ENDLESS, seconds=60, watch=_interrupt)
    assert children() <= before


def test_it_is_killed_when_it_takes_too_long():
    """A clip made to be decoded for ever would hold a render for ever."""
    before = children()
    with pytest.raises(ffmpeg.FfmpegFailed, match="took too long"):
        ffmpeg.run(ENDLESS, seconds=0.5)
    assert children() <= before


def test_what_it_said_is_read_before_its_time_is_up(tmp_path, monkeypatch):
    """A process that was stopped for a while would call each clip damaged that was checked meanwhile."""
    over, quick = tmp_path / "over", tmp_path / "ffmpeg"
    quick.write_text(
        f'#!/bin/sh\n[ "$1" = -version ] && echo ffmpeg version 9 && exit\necho frame=7\nexec >&- 2>&-\n: > {over}\n'
    )
    quick.chmod(0o755)
    monkeypatch.setenv("STORYBOARD_FFMPEG", str(quick))
    ahead = [0.0]
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + ahead[0])
    monkeypatch.setattr("storyboard.media.ffmpeg.time", clock)

    def stopped(frames: int) -> None:
        while frames and not over.exists():
            os.sched_yield()
        ahead[0] += 1000.0 if frames else 0.0

    assert ffmpeg.run([], seconds=60, watch=stopped) == 7


def test_it_cannot_take_all_memory():
    """A clip made to fill the memory would take the machine down with it."""
    with pytest.raises(ffmpeg.FfmpegFailed):
        ffmpeg.run(["-f", "lavfi", "-i", "color=s=30000x30000", "-vf", "tile=2x2", "-f", "null", "-"], seconds=60)


def test_frames_are_counted_as_they_are_written():
    """The progress bar would stand still, and a short film go unnoticed."""
    seen: list[int] = []
    finite = ["-f", "lavfi", "-i", "testsrc2=s=320x180:d=4", "-f", "null", "-"]
    assert ffmpeg.run(finite, seconds=60, watch=seen.append) == 100
    assert seen == sorted(seen)
    assert seen[-1] == 100


def _interrupt(frames: int) -> None:
    raise KeyboardInterrupt


RAW = ["-f", "rawvideo", "-pix_fmt", "gray", "-video_size", "16x16", "-framerate", "24", "-i", "pipe:0"]


def test_it_reads_what_it_is_given():
    """Frames made here reach the encoder, each once and in their order."""
    given = (bytes([number]) * 256 for number in range(40))
    assert ffmpeg.run([*RAW, "-f", "null", "-"], seconds=60, feed=given) == 40
    arguments = ["-f", "lavfi", "-i", "color=c=gray:s=16x16:r=24:d=1,format=gray", "-f", "rawvideo", "pipe:1"]
    frames = list(ffmpeg.pieces(arguments, 256, seconds=60))
    assert (len(frames), {len(frame) for frame in frames}) == (24, {256})


def test_what_goes_wrong_while_it_is_fed_is_told():
    """A damaged clip would look like a fault of ffmpeg, or the film like a whole one."""
    closed = []

    def feed():
        try:
            yield bytes(256)
            raise LocalFault("the clip is damaged")
        finally:
            closed.append(True)

    with pytest.raises(LocalFault, match="the clip is damaged"):
        ffmpeg.run([*RAW, "-f", "null", "-"], seconds=60, feed=feed())
    assert closed


def test_whoever_feeds_it_is_let_go_when_it_ends():
    """A film that is stopped would wait for ever for an encoder that has gone."""
    before, closed = children(), []

    def endless():
        try:
            while True:
                yield bytes(256)
        finally:
            closed.append(True)

    with pytest.raises(KeyboardInterrupt):
        ffmpeg.run([*RAW, "-f", "null", "-"], seconds=60, watch=_interrupt, feed=endless())
    with pytest.raises(ffmpeg.FfmpegFailed):
        ffmpeg.run([*RAW, "-f", "no-such-format", "-"], seconds=60, feed=endless())
    assert len(closed) == 2
    assert children() <= before


def test_who_wants_no_more_frames_stops_it():
    """Of a long clip two seconds are needed: the rest would be decoded into nothing."""
    before = children()
    arguments = ["-f", "lavfi", "-i", "testsrc2=s=320x180", "-pix_fmt", "gray", "-f", "rawvideo", "pipe:1"]
    frames = ffmpeg.pieces(arguments, 320 * 180, seconds=60)
    assert len(next(frames)) == 320 * 180
    frames.close()
    assert children() <= before
    with pytest.raises(ffmpeg.FfmpegFailed, match="No such file"):
        list(ffmpeg.pieces(["-i", "no-such-file", "-f", "rawvideo", "pipe:1"], 1, seconds=60))
