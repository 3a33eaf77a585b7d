"""The API key: from the environment, a file or the keyring."""

import os
from collections.abc import Mapping
from pathlib import Path

from storyboard.config.settings import Settings
from storyboard.model.errors import InputError, RunRefused


def api_key(settings: Settings, environ: Mapping[str, str] = os.environ) -> str:
    """Return the API key from a variable, a file, or the keyring. Raise RunRefused if there is none, InputError."""
    names = settings.environment
    key = environ.get(names.key, "").strip()
    if not key and (file := key_file(settings, environ)):
        try:
            key = Path(file).expanduser().read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError, RuntimeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text"
            why = "its ~ leads to no home folder" if isinstance(error, RuntimeError) else why
            raise InputError(
                f"the key file {file} cannot be read: {why}", "it holds the key alone, on one line"
            ) from None
    key = key or _from_keyring(names.keyring)
    if not key:
        raise RunRefused(
            "no API key",
            f"put it in {names.key}, or in a file that {names.key_file} names; --draft needs none",
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise RunRefused("the API key holds characters that no key has", f"look at {names.key} or the key file")
    return key


def key_file(settings: Settings, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the path of the file that holds the API key, as the user wrote it; None where none is named."""
    return environ.get(settings.environment.key_file) or settings.key_file


def _from_keyring(entry: str) -> str:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return ""
    try:
        return keyring.get_password("storyboard", entry) or ""
    except KeyringError:
        return ""
