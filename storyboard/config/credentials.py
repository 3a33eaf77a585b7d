"""The API key: from the environment, a file, the keyring or a command; and with it, the service's endpoint."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from storyboard.config.provider_tables import ProviderTable
from storyboard.config.settings import Settings
from storyboard.model.errors import InputError, RunRefused
from storyboard.model.text import one_line

if TYPE_CHECKING:
    from storyboard.http.client import Endpoint

_PATIENCE = 60  # seconds for a command to print the key


def service_endpoint(settings: Settings, environ: Mapping[str, str] = os.environ) -> "Endpoint":
    """Return where the configured service is, with the key to it. Raise RunRefused, InputError."""
    from storyboard.http.client import Endpoint

    key, command = api_key(settings, environ), settings.environment.auth.command
    printed = command and not _written_key(settings, environ)
    renew = (lambda: key_of_command(command)) if printed else None
    return Endpoint(settings.base_url, key, settings.environment, settings.hosts, renew)


def api_key(settings: Settings, environ: Mapping[str, str] = os.environ) -> str:
    """Return the API key from a variable, a file, the keyring or a command; "" for a service that takes none.

    Raise RunRefused if there is none, InputError.
    """
    names = settings.environment
    if not names.auth.header:
        return ""
    key = _written_key(settings, environ)
    if not key and names.auth.command:
        return key_of_command(names.auth.command)
    key = key or _from_keyring(names.keyring)
    if not key:
        others = f" or {names.vendor_key}" if names.vendor_key else ""
        raise RunRefused(
            "no API key",
            f"put it in {names.key}{others}, or in a file that {names.key_file} names; --draft needs none",
        )
    if not _is_key(key):
        raise RunRefused("the API key holds characters that no key has", f"look at {names.key} or the key file")
    return key


def _written_key(settings: Settings, environ: Mapping[str, str]) -> str:
    """The key in a variable or in a file, "" if there is none. Raise InputError."""
    names = settings.environment
    own = ProviderTable(settings.provider, settings.file).key_variable
    variables = (environ.get(name, "").strip() for name in (names.key, own, names.vendor_key) if name)
    if key := next(filter(None, variables), ""):
        return key
    if not (file := key_file(settings, environ)):
        return ""
    try:
        return Path(file).expanduser().read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        why = "its ~ leads to no home folder" if isinstance(error, RuntimeError) else why
        raise InputError(f"the key file {file} cannot be read: {why}", "it holds the key alone, on one line") from None


def _is_key(key: str) -> bool:
    return bool(key) and key.isascii() and key.isprintable() and " " not in key


def key_of_command(command: tuple[str, ...]) -> str:
    """Return the key that a command prints. No shell reads it; what it says is not shown, as it may hold the key.

    Raise RunRefused.
    """
    name, why = one_line(command[0], 80), ""
    try:
        done = subprocess.run(
            command, env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE, check=False
        )
        key = done.stdout.decode("utf-8", "replace").strip()
        why = (
            f"it ended with status {done.returncode}" if done.returncode else "" if _is_key(key) else "it prints no key"
        )
    except subprocess.TimeoutExpired:
        why = f"it did not end within {_PATIENCE} s"
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it cannot be run"
    if why:
        raise RunRefused(
            f"the command {name} gives no API key: {why}", "run it yourself: it prints the key, and no more"
        )
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


def _environment() -> dict[str, str]:
    """The user's whole environment: the command is the user's own, from the user's own file."""
    return dict(os.environ)
