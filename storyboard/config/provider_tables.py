"""The tables [providers.NAME] of config.toml: the address, key and pace of each provider, and what is its own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from storyboard.costs.price_tables import TERMS
from storyboard.model.errors import InputError
from storyboard.model.text import one_line

# The keys that every provider has, besides those of its prices.
_OURS = ("base_url", "key_file", "key_command", "at_once")

_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,39}")


@dataclass(frozen=True, slots=True)
class ProviderTable:
    """What the user says of one provider; None for what is left out.

    ``key_command`` is a command and its arguments, which prints the key.
    ``own`` is the rest of the table, which the provider itself reads and checks: its models, a declaration. ``terms``
    are the prices in it, as ``costs.price_tables`` reads them; a declaration has them too.
    ``file`` is the config.toml; a path in ``own`` that is not absolute is relative to its folder.
    """

    name: str
    file: Path
    base_url: str | None = None
    key_file: str | None = None
    at_once: int | None = None
    key_command: tuple[str, ...] = ()
    own: Mapping[str, object] = field(default_factory=dict)
    terms: Mapping[str, object] = field(default_factory=dict)

    @property
    def key_variable(self) -> str:
        """The environment variable for its key: STORYBOARD_KEY_ and its name in upper case, every other sign "_"."""
        return f"STORYBOARD_KEY_{re.sub('[^A-Z0-9]', '_', self.name.upper())}"


def provider_tables(table: Mapping[str, object], file: Path) -> Mapping[str, ProviderTable]:
    """Return the tables below [providers] of ``file``, by name. Raise InputError naming what is wrong."""
    found = table.get("providers", {})
    if not isinstance(found, Mapping):
        raise InputError(f"{file}: [providers] must be a table of tables", "write [providers.NAME]")
    return {name: _one(name, value, file) for name, value in found.items()}


def _one(name: str, value: object, file: Path) -> ProviderTable:
    where = f"{file}: [providers.{one_line(name, 60)}]"
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{where}: a provider's name has 1 to 40 of a-z, 0-9, '_', '.', '-', a letter first", "choose another name"
        )
    if not isinstance(value, Mapping):
        raise InputError(f"{where} must be a table", f"write [providers.{name}]")
    at_once = value.get("at_once")
    if at_once is not None and (isinstance(at_once, bool) or not isinstance(at_once, int) or not 1 <= at_once <= 1000):
        raise InputError(f"{where}: at_once must be a whole number from 1 to 1000, not {at_once!r:.40}")
    return ProviderTable(
        name=name,
        file=file,
        base_url=_text(value, "base_url", where),
        key_file=_text(value, "key_file", where),
        at_once=at_once,
        key_command=_command(value.get("key_command", []), where),
        own={key: one for key, one in value.items() if key not in _OURS},
        terms={key: one for key, one in value.items() if key in TERMS},
    )


def _command(value: object, where: str) -> tuple[str, ...]:
    texts = [word for word in value if isinstance(word, str) and word] if isinstance(value, list) else []
    if not isinstance(value, list) or len(texts) != len(value):
        raise InputError(
            f"{where}: key_command must be a list of texts: the command and its arguments",
            'such as ["gcloud", "auth", "print-access-token"]; no shell reads it',
        )
    return tuple(texts)


def _text(table: Mapping[str, object], key: str, where: str) -> str | None:
    value = table.get(key)
    if value is not None and not isinstance(value, str):
        raise InputError(f"{where}: {key} must be text, not {value!r:.60}")
    return value
