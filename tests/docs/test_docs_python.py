"""The examples of docs/python.md do what the page says: they are run, in their order, as one program."""

import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.ci
def test_the_page_about_python_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever pastes the page's blocks into a file gets a film."""
    shutil.copytree(ROOT / "examples" / "keeper", tmp_path / "keeper")
    monkeypatch.chdir(tmp_path / "keeper")
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs" / "python.md").read_text("utf-8"), flags=re.M | re.S)
    assert len(blocks) == 5
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)
    said = capsys.readouterr().out
    assert (tmp_path / "keeper" / "out" / "short.mp4").stat().st_size > 10_000
    assert "lamp make no take yet 0" in said
