"""What was bought is found again: keys of 200 storyboards of a former version are those of today, byte for byte."""

import json
from pathlib import Path

import pytest
from old_storyboards import COUNT, draw_lamp, keys

OLD = Path(__file__).parent / "old_keys.jsonl"


@pytest.mark.ci
def test_old_storyboards_keep_their_keys(tmp_path: Path) -> None:
    """The keys that commit 8ae77f6 gave, of takes and fallbacks."""
    draw_lamp(tmp_path)
    entries = [json.loads(line) for line in OLD.read_text("utf-8").splitlines()]
    assert len(entries) == COUNT
    for entry in entries:
        file = tmp_path / "film.yaml"
        file.write_text(entry["storyboard"], "utf-8")
        assert keys(file) == entry["keys"], entry["storyboard"]
