"""How a provider is found: among the entry points of installed packages."""

from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path

from storyboard.model.errors import InputError
from storyboard.providers.base import Provider, TableConfigurable

# The provider of whoever configures none.
USUAL = "apikley"


def find(name: str) -> Provider:
    """The provider called ``name`` among the installed entry points ``storyboard.providers``.

    Raise InputError naming what is installed.
    """
    known = {point.name: point for point in entry_points(group="storyboard.providers")}
    if name not in known:
        raise InputError(f"no provider is called {name!r}", f"installed: {', '.join(sorted(known)) or 'none'}")
    provider: Provider = known[name].load()
    return provider


def find_with_table(name: str, own: Mapping[str, object], folder: Path) -> Provider:
    """The provider called ``name`` as [providers.NAME] of the user's config.toml, in ``folder``, has it.

    ``own`` is that table without what every provider has. Raise InputError.
    """
    provider = find(name)
    if isinstance(provider, TableConfigurable):
        return provider.with_table(own, folder)
    if own:
        raise InputError(
            f"[providers.{name}] in config.toml: {name} knows no {', '.join(sorted(own))}",
            "known: base_url, key_file, key_command, at_once",
        )
    return provider
