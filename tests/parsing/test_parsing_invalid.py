"""Every storyboard in tests/invalid, and exactly what its author is told."""

from pathlib import Path

import pytest

from storyboard.cli.main import status

INVALID = Path(__file__).parents[1] / "invalid"


@pytest.mark.parametrize("file", sorted(INVALID.glob("*.yaml")), ids=lambda file: file.stem)
def test_says_what_is_wrong(file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The words are the product: a change to any of them shows here."""
    monkeypatch.chdir(INVALID)
    code = status(["validate", file.name])
    told = capsys.readouterr().err
    assert told == file.with_suffix(".txt").read_text()
    assert code == (2 if "error" in told.splitlines()[-1] else 0)


def test_there_are_enough() -> None:
    """Sixty mistakes at least have a message that somebody has read."""
    assert len(list(INVALID.glob("*.yaml"))) >= 60
