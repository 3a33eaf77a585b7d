"""Looking at what was made: a scene alone, and the program that the desktop has for a film."""

import json
from pathlib import Path

import pytest
from canary import KEY
from studio import Run, Studio

FILM = """storyboard: 1
output: {captions: burn}
scenes:
  - {id: gull, prompt: A gull., title: {text: The Gull}, caption: It came back., trim: {to: 1}}
  - {id: tern, prompt: A tern.}
"""


@pytest.fixture
def desktop(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A desktop whose opener writes down what it is given, and its environment."""
    bin, said = tmp_path / "bin", tmp_path / "opened.txt"
    bin.mkdir()
    opener = bin / "xdg-open"
    opener.write_text(f'#!/bin/sh\nprintf "%s\\n" "$1" > {said}\nenv >> {said}\ncase "$1" in *.png) exit 3;; esac\n')
    opener.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin}:/usr/bin:/bin")
    return said


def test_one_scene_is_paid_for_and_seen(studio: Studio, run: Run) -> None:
    """Its film is another than that of the storyboard, and the next render finds its take."""
    service = studio.serve()
    studio.write(FILM)
    status, out, _ = run("preview", "film.yaml", "gull", "--yes")
    assert (status, out, service.posts) == (0, "out/film.gull.mp4\n", 1)
    assert not (studio.folder / "out" / "film.mp4").exists()
    assert run("preview", "film.yaml", "gull")[:2] == (0, "out/film.gull.mp4\n")
    assert run("render", "film.yaml", "--yes", "-q")[0] == 0
    assert service.posts == 2


def test_a_preview_asks_before_it_pays(studio: Studio, run: Run) -> None:
    """Without a terminal it refuses, as a render does; and before it pays it looks what is in the way."""
    service = studio.serve()
    studio.write(FILM)
    assert run("preview", "film.yaml", "gull")[0] == 2
    (studio.folder / "mine.mp4").write_text("mine")
    assert run("preview", "film.yaml", "gull", "--yes", "-o", "mine.mp4")[0] == 2
    assert service.posts == 0


def test_open_names_and_opens_what_was_made(studio: Studio, run: Run, desktop: Path) -> None:
    """A player does not need the key."""
    studio.serve()
    studio.write(FILM)
    studio.render()
    assert run("open", "film.yaml")[:2] == (0, "out/film.mp4\n")
    opened, environ = desktop.read_text().split("\n", 1)
    assert opened == str(studio.folder / "out" / "film.mp4")
    assert "HOME=" in environ
    assert KEY not in environ
    paths = [line.split() for line in run("status", "film.yaml", "--paths")[1].splitlines()]
    assert [row[:-1] for row in paths] == [["film"], ["take", "gull"], ["take", "tern"]]
    assert all(Path(row[-1]).is_file() for row in paths)
    assert run("open", "film.yaml", "--take", "tern")[0] == 0
    assert desktop.read_text().split("\n", 1)[0] == paths[2][-1]
    report = json.loads(run("status", "film.yaml", "--json")[1])
    assert (report["film"], report["scenes"][1]["path"]) == (paths[0][-1], paths[2][-1])


def test_what_cannot_be_opened_is_told(
    studio: Studio, run: Run, desktop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path is printed all the same."""
    studio.serve()
    studio.write(FILM)
    studio.render()
    assert run("open", "film.yaml", "--sheet")[0] == 2
    run("sheet", "film.yaml")
    status, out, err = run("open", "film.yaml", "--sheet")
    assert (status, out) == (6, "out/film.sheet.png\n")
    assert "xdg-open could not open the file" in err
    monkeypatch.setenv("PATH", str(desktop.parent))
    assert "no program to open files was found" in run("open", "film.yaml")[2]


def test_a_card_has_no_file_to_open(studio: Studio, run: Run) -> None:
    """It is drawn for the film: rendering it makes no take."""
    studio.write("storyboard: 1\nscenes:\n  - {id: card, still: '#102030', seconds: 2}\n")
    status, _, said = run("open", "film.yaml", "--take", "card")
    assert status == 2
    assert "make a film of it with: storyboard preview film.yaml card" in said
