"""How a provider is found: among the entry points of installed packages."""

from importlib.metadata import entry_points

from storyboard.model.errors import InputError
from storyboard.providers.base import Provider

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
