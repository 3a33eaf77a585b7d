"""The table of threats: each row is held by a test that exists."""

import ast
import json
import re
from pathlib import Path

import pytest
from studio import Studio

from storyboard.cli.main import status
from storyboard.model.errors import Problems

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
ROWS = re.findall(r"^\| (T\d+) \|(.*)$", PAGE, flags=re.M)


def known_tests() -> set[str]:
    files = (ROOT / "tests").rglob("test_*.py")
    return {
        f"{file.name}::{node.name}"
        for file in files
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.mark.ci
def test_every_threat_has_its_tests() -> None:
    """A defence that nobody tests is one that somebody removes."""
    known = known_tests()
    assert len(ROWS) >= 20
    for threat, row in ROWS:
        named = re.findall(r"`(test_\w+\.py::test_\w+)`", row)
        assert named, threat
        assert set(named) <= known, threat


SAYS = (
    "base_url",
    "api_key",
    "callback",
    "callBackUrl",
    "callback_url",
    "proxy",
    "uploads",
    "store",
    "profile",
    "hooks",
)


@pytest.mark.parametrize("key", SAYS)
def test_a_storyboard_cannot_say_where_the_key_goes(key: str, studio: Studio) -> None:
    """One line in a pull request would send the key to its author."""
    service, elsewhere = studio.serve(), "http://127.0.0.1:9/"
    for text in (f"{key}: {elsewhere}\nscenes:\n  - {{id: a, prompt: A}}\n",
                 f"defaults: {{{key}: '{elsewhere}'}}\nscenes:\n  - {{id: a, prompt: A}}\n",
                 f"scenes:\n  - {{id: a, prompt: A, {key}: '{elsewhere}'}}\n"):  # fmt: skip
        studio.write(f"storyboard: 1\n{text}")
        with pytest.raises(Problems):
            studio.render()
    assert service.emulator.requests == []


def test_the_schema_refers_to_nothing_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    """A validator that meets a foreign $ref fetches it, over http, from wherever it points."""
    assert status(["schema"]) == 0
    text = capsys.readouterr().out
    json.loads(text)
    assert all(target.startswith("#/") for target in re.findall(r'"\$ref": "([^"]*)"', text))
    for pattern in re.findall(r'"pattern": "([^"]*)"', text):
        assert not re.search(r"[+*]\)[+*{]", pattern), pattern
    sources = "".join(file.read_text("utf-8") for file in (ROOT / "storyboard" / "parsing").glob("*.py"))
    assert "registry=" in sources or "$ref" not in text
