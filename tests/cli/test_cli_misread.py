"""Files that are not what their name says, as git and people leave them: each gets the advice that helps."""

import pytest
from studio import Run, Studio, png

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
FILM = "storyboard: 1\nscenes:\n  - {id: a, still: '#000000'}\n"


@pytest.fixture(autouse=True)
def here(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(studio.folder)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("bed.mp3", FILM + "music: bed.mp3\n"),
        ("words.wav", FILM.replace("}", ", voice: words.wav}")),
        ("map.png", FILM.replace("'#000000'", "map.png")),
    ],
)
def test_a_pointer_in_place_of_a_file(studio: Studio, run: Run, name: str, text: str) -> None:
    """A fresh clone without LFS is told what to run, whatever the file is for."""
    studio.write(POINTER, name)
    studio.write(text)
    code, _, told = run("validate", "film.yaml")
    assert code == 2
    assert f"'{name}': only its Git LFS pointer is here, not the file itself" in told
    assert "run `git lfs pull`" in told


def test_an_image_in_place_of_a_storyboard(studio: Studio, run: Run) -> None:
    """The tab completion of a shell gives the wrong file easily."""
    png(studio.folder / "map.png")
    code, _, told = run("validate", "map.png")
    assert code == 2
    assert "this is a PNG image, not a storyboard" in told
    assert "name the YAML file of the storyboard" in told


def test_a_lock_file_with_both_sides_of_a_merge(studio: Studio, run: Run) -> None:
    """Both pin takes; what is lost by either choice is in the ledger."""
    studio.write(FILM)
    studio.write("version: 1\n<<<<<<< HEAD\nscenes: {}\n=======\nscenes: {}\n>>>>>>> theirs\n", "film.lock.yaml")
    code, _, told = run("status", "film.yaml")
    assert code == 2
    assert "film.lock.yaml:2:1: git left an unresolved merge here" in told
    assert "take either side, or delete the file" in told
