"""Files of the user are written whole or not at all."""

import stat
from pathlib import Path

import pytest

from storyboard.model.errors import InputError, LocalFault
from storyboard.system.files import rewrite


def test_a_file_of_the_user_is_rewritten(tmp_path: Path) -> None:
    """Its mode stays; what another program wrote meanwhile is never lost, and a read-only file is left alone."""
    file = tmp_path / "film.yaml"
    file.write_bytes(b"pick: 1\n")
    file.chmod(0o664)
    rewrite(file, b"pick: 1\n", b"pick: 2\n")
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (b"pick: 2\n", 0o664)
    with pytest.raises(InputError, match="changed by another program"):
        rewrite(file, b"pick: 1\n", b"pick: 3\n")
    assert (file.read_bytes(), [*tmp_path.iterdir()]) == (b"pick: 2\n", [file])
    file.unlink()
    with pytest.raises(LocalFault):
        rewrite(file, b"pick: 2\n", b"pick: 3\n")
    assert not [*tmp_path.iterdir()]
