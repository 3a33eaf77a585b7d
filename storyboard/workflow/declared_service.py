"""A declared service by its name, as config.toml and the shipped declarations have it, to emulate or check it."""

from collections.abc import Sequence

from storyboard.config.provider_tables import ProviderTable
from storyboard.config.settings import settings
from storyboard.model.errors import InputError
from storyboard.model.suggest import did_you_mean
from storyboard.providers.declared.catalogue import declare, is_declared, shipped_names
from storyboard.providers.declared.declaration import Declaration
from storyboard.providers.declared.interpreter import Declared


def declaration_of(name: str, others: Sequence[str] = ()) -> Declaration:
    """Return the declaration called ``name``; its facts may be second hand. Raise InputError.

    ``others`` are names that could have been meant as well.
    """
    found = settings()
    table = found.providers.get(name, ProviderTable(name, found.file))
    if not is_declared(name, table.own):
        own = [each for each, one in found.providers.items() if is_declared(each, one.own)]
        known = (*others, *sorted({*shipped_names(), *own}))
        raise InputError(
            f"no service is called {name!r:.60}", did_you_mean(name, known) or f"there are: {', '.join(known)}"
        )
    provider = declare(name, table.own, table.file, table.base_url, emulated=True)
    assert isinstance(provider, Declared)
    return provider.declaration
