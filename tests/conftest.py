"""What every test has: a home of its own, no key, no configuration of whoever runs it."""

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store, a configuration and an environment that no other test and no user has."""
    home = tmp_path_factory.mktemp("home")
    for name in [name for name in os.environ if name.startswith(("STORYBOARD_", "APIKLEY_", "AWS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("STORYBOARD_HOME", str(home / "store"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return home
