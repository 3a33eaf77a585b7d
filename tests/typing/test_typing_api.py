"""The public API as a type checker sees it from outside."""

import subprocess
import sys
from pathlib import Path

import pytest

import storyboard

HERE = Path(__file__).parent


@pytest.mark.ci
def test_a_users_file_is_checked_in_strict_mode(tmp_path: Path) -> None:
    """A name without a type is `Any` to its user, and a renamed field is found by nobody."""
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), str(HERE / "api.py")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_public_name_is_there() -> None:
    """Names are imported when they are first used: a wrong home would be found by a user."""
    assert all(getattr(storyboard, name) is not None for name in storyboard.__all__)
    with pytest.raises(AttributeError, match="no attribute 'rendr'"):
        storyboard.rendr  # noqa: B018 - the attribute is what is tested
