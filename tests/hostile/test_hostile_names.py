"""Names and links: no name that an author writes, and no link that a project brings, leads out of its folder."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from studio import Studio, png

from storyboard.cli.main import status
from storyboard.model.errors import InputError, LocalFault

NAMES = (
    *("../x", "../../etc/passwd", "/etc/passwd", "~/x", "~root/x", "..", ".", "", " ", "a/../../x", "./../x", "x/.."),
    *("C:\\x", "C:/x", "\\\\host\\x", "a\\b", "..\\x", "//host/x", "file:///etc/passwd", "http://127.0.0.1/x", "-rf"),
    *("nul", "NUL", "con", "aux.mp4", "com1", "a\0b", "a\nb", "a" * 300, "a/" * 600, "x" * 1001, "%2e%2e/x", "..%00/x"),
    *("é" * 130, "e\u0301", "\u202egpj.mp4", "a:b", "$(id)", "`id`", "|id", "*", "?", "a;b", "{{ x }}", "'", '"', "&"),
)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder and what is in it, links not followed."""
    found = (file for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
    return {str(file): file.read_bytes() for file in found}


@pytest.mark.parametrize("field", ["id", "first_frame", "file", "include", "output"])
@pytest.mark.ci
def test_no_name_leads_out(
    field: str, studio: Studio, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scene called ../../.bashrc would be written there; an image called /home/me/.ssh/id_rsa would be sent away."""
    monkeypatch.chdir(studio.folder)
    outside = studio.folder.parent / "x"
    outside.write_bytes(b"secret")
    before = tree(studio.folder.parent)
    assert len(set(NAMES)) >= 40
    for name in NAMES:
        word = json.dumps(name)
        scene = {
            "id": f"{{ id: {word}, prompt: A }}",
            "first_frame": f"{{ id: a, prompt: A, first_frame: {word} }}",
            "file": f"{{ id: a, file: {word} }}",
            "include": f"{{ include: {word} }}",
            "output": "{ id: a, file: x }",
        }[field]
        output = f"output: {{ file: {word} }}\n" if field == "output" else ""
        film = studio.write(f"storyboard: 1\n{output}scenes:\n  - {scene}\n")
        assert status(["validate", "film.yaml"]) == 2 or field == "id", name
        assert status(["render", "film.yaml", "--yes"]) in (2, 5), name
        film.unlink()
        said = capsys.readouterr()
        assert "secret" not in said.out + said.err
    after = {file: content for file, content in tree(studio.folder.parent).items() if "/.storyboard/" not in file}
    assert after == before


def _frame(folder: Path, victim: Path) -> None:
    (folder / "frame.png").symlink_to(victim)


def _frames(folder: Path, victim: Path) -> None:
    (folder / "frames").symlink_to(victim.parent)


def _circle(folder: Path, victim: Path) -> None:
    (folder / "frame.png").symlink_to(folder / "frame.png")


def _output(folder: Path, victim: Path) -> None:
    (folder / "out").symlink_to(victim.parent)


def _film(folder: Path, victim: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out" / "film.mp4").symlink_to(victim)


def _lock(folder: Path, victim: Path) -> None:
    (folder / "film.lock.yaml").symlink_to(victim)


def _scratch(folder: Path, victim: Path) -> None:
    (folder / ".storyboard").symlink_to(victim.parent)


def _claim(folder: Path, victim: Path) -> None:
    (folder / ".storyboard").mkdir()
    (folder / ".storyboard" / "film.claim").symlink_to(victim)


def _ignored(folder: Path, victim: Path) -> None:
    (folder / ".storyboard").mkdir()
    (folder / ".storyboard" / ".gitignore").symlink_to(victim)


def _segments(folder: Path, victim: Path) -> None:
    (folder / ".storyboard").mkdir()
    (folder / ".storyboard" / "segments").symlink_to(victim.parent)


def _schema(folder: Path, victim: Path) -> None:
    (folder / ".storyboard").mkdir()
    for name in ("storyboard.schema.json", "films.json"):
        (folder / ".storyboard" / name).symlink_to(victim)


LAYOUTS = (_frame, _frames, _circle, _output, _film, _lock, _scratch, _claim, _ignored, _segments, _schema)


@pytest.mark.parametrize("lay", LAYOUTS, ids=lambda lay: lay.__name__)
def test_no_link_leads_out(lay: Callable[[Path, Path], None], studio: Studio) -> None:
    """git keeps symbolic links: a project could bring one that ends in ~/.bashrc, and have a film written over it."""
    outside = studio.folder.parent / "home"
    outside.mkdir()
    victim = png(outside / "victim.png")
    before = tree(outside)
    lay(studio.folder, victim)
    frame = {_frame: "frame.png", _frames: "frames/victim.png", _circle: "frame.png"}.get(lay)
    first = f", first_frame: {frame}" if frame else ""
    studio.write(f"storyboard: 1\nscenes:\n  - {{id: a, prompt: A gull{first}}}\n")
    service = studio.serve()
    with suppress(InputError, LocalFault):
        assert studio.render().exit == 0
        assert frame is None
    assert service.posts == 0 or frame is None
    assert tree(outside) == before
