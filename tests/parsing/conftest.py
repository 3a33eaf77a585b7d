"""An author with a folder of their own."""

from pathlib import Path

import pytest
from author import Author


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return Author(tmp_path)
