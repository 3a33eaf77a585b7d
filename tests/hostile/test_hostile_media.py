"""Films are opened by the demuxer that we name, from files of this machine, by children that know no secret."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "storyboard"


def calls(*names: str) -> Iterator[tuple[str, ast.Call]]:
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in names:
                yield f"{file.name}:{node.lineno}", node


@pytest.mark.ci
def test_pyav_is_told_the_format() -> None:
    """Left to guess, it follows a playlist to other files and other machines."""
    found = list(calls("av.open"))
    assert len(found) >= 4
    for where, call in found:
        assert "format" in {word.arg for word in call.keywords}, where


def test_ffmpeg_is_told_the_format_of_every_input() -> None:
    """Each -i has its -f before it, and reads a file, or the frames that we give it, and nothing else."""
    inputs = 0
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            words = [ast.unparse(part).strip("'\"") for part in node.elts] if isinstance(node, ast.List) else []
            if "-i" not in words:
                continue
            inputs += 1
            text = file.read_text("utf-8").splitlines()
            near = " ".join(text[max(0, node.lineno - 5) : node.end_lineno])
            assert '"-f"' in near, f"{file.name}:{node.lineno}"
            door = words[words.index("-i") + 1].removeprefix("f'").partition(":")[0]
            assert door in ("file", "pipe"), f"{file.name}:{node.lineno}"
            assert f'"-protocol_whitelist", "{door}"' in near, f"{file.name}:{node.lineno}"
    assert inputs == 7


def test_moviepy_opens_no_file() -> None:
    """It hands whatever it is given to ffmpeg as it is: here it only composes pictures that we drew."""
    for file in sorted(PACKAGE.rglob("*.py")):
        text = file.read_text("utf-8")
        for word in ("VideoFileClip", "AudioFileClip", "ImageClip", "TextClip", "ffmpeg_reader", "drawtext", "movie="):
            assert word not in text, f"{file.name}: {word}"


@pytest.mark.ci
def test_every_child_is_given_its_environment() -> None:
    """A child without an env of its own inherits the key."""
    found = list(
        calls("subprocess.run", "subprocess.Popen", "subprocess.check_output", "asyncio.create_subprocess_exec")
    )
    assert found
    for where, call in found:
        words = {word.arg: ast.unparse(word.value) for word in call.keywords}
        assert words.get("env") == "_environment()", where
        assert "shell" not in words, where


@pytest.mark.ci
def test_a_filter_is_made_of_numbers() -> None:
    """An author's text in a filter graph reads files: movie=/etc/passwd."""
    for where, call in calls("segment.make", "filters.picture_filter", "filters.to_rgb"):
        for word in (*call.args, *(keyword.value for keyword in call.keywords)):
            assert not any(part in ast.unparse(word) for part in ("prompt", "title", "note", "looks")), where
