"""At a real terminal: it asks before it pays, draws while it works, and never wraps a line."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios

import pytest
from canary import CANARY
from studio import Studio, png
from tiers import every


def session(studio: Studio, answer: str, *arguments: str, columns: int = 80) -> tuple[str, int]:
    """One command in a terminal of its own: all that was written to it, and the exit status."""
    environ = {**os.environ, **studio.environ, "TERM": "xterm-256color", "COLUMNS": "", "LINES": ""}
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(studio.folder)
        os.execve(sys.executable, [sys.executable, "-m", "storyboard", *arguments], environ)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    seen = b""
    answered = False
    for _ in range(2000):
        if select.select([master], [], [], 1)[0]:
            try:
                seen += os.read(master, 65536)
            except OSError:
                break
        elif answer == "\x03":
            answered = False  # It can fall between Python and readline, where nobody hears it; a person tries again.
        if not answered and b"[y/N]" in seen:
            os.write(master, answer.encode())
            answered = True
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(master)
    CANARY.look(seen, "a terminal")
    return seen.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def plain(text: str) -> list[str]:
    """What was written, without colours and cursor moves, line by line."""
    return re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*m", "", re.sub(r"\x1b\[[0-9;?]*[A-Za-ln-z]", "\n", text)))


@pytest.mark.ci
def test_it_asks_and_then_draws(studio: Studio) -> None:
    """The price is seen before it is paid; scenes at work are one line each; the end stays on the screen."""
    service = studio.serve(latency=0.6)
    # Of a size that no clip has: what is encoded takes long enough to be seen at work, what is copied does not.
    studio.scenes("A gull", "A tern", more="output: {size: 1280x720}\n")
    text, status = session(studio, "y\n", "render", "film.yaml")
    lines = plain(text)
    assert status == 0, text
    assert "Pay 120 credits, 0.60 USD? [y/N]: y" in text
    assert any(re.match(r"  s1 +making +0:00  veo3_fast", line) for line in lines), text
    assert any(line.startswith("0 of 2 takes") and "spent 120 credits, 0.60 USD" in line for line in lines), text
    assert any(line.startswith("cutting  ") for line in lines)
    assert lines[-2] == "out/film.mp4"
    assert service.posts == 2


def test_a_no_pays_nothing(studio: Studio) -> None:
    service = studio.serve()
    studio.scenes("A gull")
    text, status = session(studio, "n\n", "render", "film.yaml")
    assert (status, service.posts) == (130, 0)
    assert "nothing was submitted or paid" in text


@pytest.mark.ci
def test_ctrl_c_at_the_question(studio: Studio) -> None:
    """Nobody has agreed: nothing is paid, and no traceback is shown."""
    service = studio.serve()
    studio.scenes("A gull")
    text, status = session(studio, "\x03", "render", "film.yaml")
    assert (status, service.posts) == (130, 0)
    assert "Traceback" not in text


def test_an_unchanged_film_is_not_asked_about(studio: Studio) -> None:
    studio.serve()
    studio.scenes("A gull")
    studio.render()
    text, status = session(studio, "", "render", "film.yaml")
    assert status == 0
    assert "[y/N]" not in text


@pytest.mark.parametrize("columns", every(2, [60, 40]))
def test_a_narrow_terminal(studio: Studio, columns: int) -> None:
    """What is drawn never wraps: a wrapped line is drawn again and again down the screen."""
    studio.serve("submit:code=422 @tern", latency=0.3)
    studio.write(
        "storyboard: 1\nscenes:\n"
        "  - {id: a-scene-with-quite-a-long-name-for-a-narrow-terminal, prompt: A gull}\n"
        "  - {id: tern, prompt: A tern}\n"
    )
    text, status = session(studio, "y\n", "render", "film.yaml", columns=columns)
    assert status == 3
    drawn = [line for line in plain(text) if re.match(r"  \S+ +(asking|making)|\d of \d takes", line)]
    assert drawn
    assert max(map(len, drawn)) <= columns


def test_colours_are_off_where_they_are_not_wanted(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    studio.serve("submit:code=422")
    studio.scenes("A gull")
    text, _ = session(studio, "y\n", "render", "film.yaml")
    assert not re.search(r"\x1b\[(3[0-7]|9[0-7])m", text)


@pytest.mark.parametrize("columns", [60, pytest.param(40, marks=pytest.mark.ci)])
def test_plan_and_status_fit_the_terminal(studio: Studio, columns: int) -> None:
    """Whole words go on below, and nothing is cut away: an id can still be copied. A log gets whole lines."""
    studio.serve("submit:code=422 @tern")
    long = "a-scene-with-quite-a-long-name"
    png(studio.folder / "frames" / "the-lamp-that-catches-fire-and-wakes-the-whole-town.png")
    studio.write(
        "storyboard: 1\nscenes:\n"
        f"  - {{id: {long}, prompt: A tern}}\n"
        "  - {id: lamp, prompt: A, first_frame: frames/the-lamp-that-catches-fire-and-wakes-the-whole-town.png}\n"
    )
    studio.render(only=(long,))
    for verb in ("plan", "status"):
        text, status = session(studio, "", verb, "film.yaml", columns=columns)
        assert status == 0
        lines = plain(text)
        assert max(map(len, lines)) <= columns, text
        assert any(line.endswith(long) or f" {long} " in line for line in lines), text
        assert "failed before:" in " ".join(text.split())
