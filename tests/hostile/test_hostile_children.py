"""The key and the children of the program: each ffmpeg, and each ffplay, writes down what it was started with."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from canary import KEY, Canary
from studio import Studio
from tiers import every

from storyboard.media import ffmpeg

PACKAGE = Path(ffmpeg.__file__).parents[1]

TAKES = """storyboard: 1
scenes:
  - {id: one, prompt: a gull, trim: {from: 1, to: 3.1}, effect: same}
  - {id: two, prompt: a tern, transition: {kind: dissolve, seconds: 0.5}}
"""
PLAIN = "storyboard: 1\nscenes:\n  - {id: one, prompt: a gull}\n"
OWN = "storyboard: 1\nscenes:\n  - {id: one, file: own.mkv, effect: same}\n"
PAID, DRAFT = ("render", "film.yaml", "--yes"), ("render", "film.yaml", "--draft", "--no-cut")

# Where a child is started: what has it started, the name of the child, and a word that it is given there alone.
PLACES = {
    "asked for its version": (PLAIN, ("doctor", "--offline"), "ffmpeg", "-version"),
    "a take is decoded": (PLAIN, (*PAID, "--no-cut"), "ffmpeg", "explode"),
    "a piece is made": (TAKES, PAID, "ffmpeg", "libx264"),
    "frames are read": (TAKES, PAID, "ffmpeg", "rawvideo"),
    "frames are fed": (TAKES, PAID, "ffmpeg", "pipe:0"),
    "a clip is looked through": (OWN, PAID, "ffmpeg", "-xerror"),
    "the plain cut": (PLAIN, (*PAID, "--reencode"), "ffmpeg", "concat"),
    "an effect has moviepy find ffplay": (TAKES, PAID, "ffplay", "ffplay"),
    "a draft has moviepy find ffmpeg": (PLAIN, DRAFT, "ffmpeg", "-version"),
    "a draft has moviepy find ffplay": (PLAIN, DRAFT, "ffplay", "ffplay"),
}


def watched(folder: Path, name: str) -> Path:
    """A program that keeps its environment and its arguments in ``folder``, and goes on as the real one."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    keep = f"cat /proc/$$/environ > {folder}/$$.environ; printf '%s\\n' {name} \"$@\" > {folder}/$$.{name}"
    path.write_text(f'#!/bin/sh\n{keep}\nexec {ffmpeg.binary()} "$@"\n')
    path.chmod(0o755)
    return path


def own(path: Path) -> None:
    """A clip whose sound is no AAC."""
    making = ["-f", "lavfi", "-i", "testsrc2=s=128x72:r=24:d=2", "-f", "lavfi", "-i", "sine=r=48000:d=2"]
    ffmpeg.run([*making, "-c:v", "libx264", "-c:a", "pcm_s16le", str(path)], seconds=60)


def effect(site: Path) -> None:
    """Install an effect that changes nothing: its clip goes out of a child, and into another."""
    (site / "same-1.dist-info").mkdir(parents=True)
    (site / "same-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: same\nVersion: 1\n")
    (site / "same-1.dist-info" / "entry_points.txt").write_text("[storyboard.effects]\nsame = same:same\n")
    (site / "same.py").write_text("def same(clip, seed):\n    return clip\n")


@pytest.mark.parametrize("place", every(4, PLACES))
@pytest.mark.ci
def test_no_child_has_the_key(studio: Studio, tmp_path: Path, place: str) -> None:
    """It would be in /proc for as long as the child lives, and in whatever the child reports."""
    film, words, name, argument = PLACES[place]
    studio.serve()
    studio.write(film)
    own(studio.folder / "own.mkv")
    children = tmp_path / "children"
    watched(children, "ffplay")
    named = str(watched(children, "ffmpeg"))
    environ = {"STORYBOARD_FFMPEG": named, "IMAGEIO_FFMPEG_EXE": named, "PATH": f"{children}:{os.environ['PATH']}"}
    effect(tmp_path / "site")
    environ["PYTHONPATH"] = str(tmp_path / "site")
    secret = {"APIKLEY_API_KEY": KEY, "AWS_SECRET_ACCESS_KEY": f"{KEY}-aws", "AWS_SESSION_TOKEN": f"{KEY}-session"}
    done = subprocess.run(
        [sys.executable, "-m", "storyboard", *words],
        cwd=studio.folder,
        env={**os.environ, **studio.environ, **environ, **secret},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    kept = [file for file in children.glob(f"*.{name}") if argument in file.read_text().splitlines()]
    assert kept, {file.name: file.read_text() for file in children.glob("[0-9]*.ff*")}
    canary = Canary()
    for file in children.glob("[0-9]*"):
        canary.look(file.read_bytes(), file.read_text())
    assert canary.hits == []
    assert all(file.with_suffix(".environ").stat().st_size for file in kept)


def test_children_are_started_in_one_room() -> None:
    """Where another module starts one, it belongs into the places above, or, as the desktop, into tests/cli."""
    starting = ("import subprocess", "subprocess.", "Popen(", "os.spawn", "os.exec", "os.system", "create_subprocess")
    starting += ("os.popen", "multiprocessing", "webbrowser", "echo_via_pager", "click.edit", "click.launch", " pty.")
    found = {
        str(file.relative_to(PACKAGE))
        for file in PACKAGE.rglob("*.py")
        if any(word in file.read_text() for word in starting)
    }
    # The command that prints a key is the user's own, of config.toml, and runs with the user's whole environment.
    assert found == {"media/ffmpeg.py", "system/desktop.py", "config/credentials.py"}
