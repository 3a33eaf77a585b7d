"""The API key: from the environment, a file or the keyring."""

import os
from collections.abc import Mapping
from pathlib import Path

from storyboard.config.settings import Settings
from storyboard.model.errors import InputError, RunRefused


def api_key(settings: Settings, environ: Mapping[str, str] = os.environ) -> str:
    """The API key: APIKLEY_API_KEY, a file, or the system keyring. Raises RunRefused where there is none."""
    key = environ.get("APIKLEY_API_KEY", "").strip()
    if not key and (file := environ.get("APIKLEY_API_KEY_FILE") or settings.key_file):
        try:
            key = Path(file).expanduser().read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text"
            raise InputError(
                f"the key file {file} cannot be read: {why}", "it holds the key alone, on one line"
            ) from None
    key = key or _from_keyring()
    if not key:
        raise RunRefused(
            "no API key",
            "put it in APIKLEY_API_KEY, or in a file that APIKLEY_API_KEY_FILE names; --draft needs none",
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise RunRefused("the API key holds characters that no key has", "look at APIKLEY_API_KEY or the key file")
    return key


def _from_keyring() -> str:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return ""
    try:
        return keyring.get_password("storyboard", "apikley") or ""
    except KeyringError:
        return ""
