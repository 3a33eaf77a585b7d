"""How a provider is found: among the entry points of installed packages."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from storyboard.costs.price_tables import TERMS
from storyboard.model.errors import InputError
from storyboard.providers.base import Provider, TableConfigurable
from storyboard.providers.declared.catalogue import declare, is_declared, shipped_names, shipped_provider
from storyboard.system.entry_points import installed_points

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

# The provider of whoever configures none.
USUAL = "apikley"


def find(name: str) -> Provider:
    """The provider called ``name``: an installed entry point ``storyboard.providers``, or a shipped declaration.

    Raise InputError naming what there is.
    """
    known = _installed()
    if name in known:
        provider: Provider = known[name].load()
        return provider
    if name in shipped_names():
        return shipped_provider(name)
    there = f"installed: {', '.join(sorted(known)) or 'none'}; declared: {', '.join(shipped_names())}"
    raise InputError(f"no provider is called {name!r}", there)


def _installed() -> "Mapping[str, EntryPoint]":
    return {point.name: point for point in installed_points("providers")}


def find_with_table(name: str, own: Mapping[str, object], file: Path, base_url: str | None = None) -> Provider:
    """The provider called ``name`` as [providers.NAME] of the user's config.toml, ``file``, has it.

    ``own`` is that table without what every provider has, ``base_url`` its address. Raise InputError.
    """
    if is_declared(name, own) and name not in _installed():
        return declare(name, own, file, base_url)
    try:
        return _with_table(find(name), own, file.parent)
    except InputError as error:
        raise (InputError(f"{file}: {error.message}", error.hint) if own else error) from None


def _with_table(provider: Provider, table: Mapping[str, object], folder: Path) -> Provider:
    own = {key: value for key, value in table.items() if key not in TERMS}
    if isinstance(provider, TableConfigurable):
        return provider.with_table(own, folder)
    if own:
        raise InputError(
            f"[providers.{provider.name}] in config.toml: {provider.name} knows no {', '.join(sorted(own))}",
            "known: base_url, key_file, key_command, at_once, prices, credit, currency",
        )
    return provider
