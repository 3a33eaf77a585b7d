"""The shipped declarations, and what a user's own table [providers.NAME] makes of them."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from storyboard.model.text import one_line
from storyboard.providers.base import Provider
from storyboard.providers.declared.checked_table import TomlFile, Wrong
from storyboard.providers.declared.declaration_reader import read_declaration
from storyboard.providers.declared.interpreter import declared_provider

_FOLDER = Path(__file__).parent / "shipped"
# Tables whose keys are joined with those of a shipped declaration; any other value takes the place of the shipped one.
_JOINED = ("models", "prices", "timing", "errors", "headers", "submit", "look", "then", "cancel", "balance", "find")


def shipped_names() -> tuple[str, ...]:
    """Return the names of the shipped declarations."""
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.toml")))


@cache
def shipped_table(name: str) -> Mapping[str, Any]:
    """Return a shipped declaration as it is in its file; an empty one for a name that is not shipped."""
    if name not in shipped_names():
        return {}
    return tomllib.loads((_FOLDER / f"{name}.toml").read_text("utf-8"))


def shipped_provider(name: str) -> Provider:
    """Return the provider of a shipped declaration as it is, be its facts second hand or not."""
    return declare(name, {}, _FOLDER / f"{name}.toml", emulated=True)


def is_declared(name: str, own: Mapping[str, object]) -> bool:
    """Whether a provider of this name is shipped as a declaration, or is declared by the user's table."""
    return name in shipped_names() or bool({"submit", "look", "states"} & {*own})


def declare(
    name: str, own: Mapping[str, object], file: Path, base_url: str | None = None, *, emulated: bool = False
) -> Provider:
    """Return the provider that the table ``own`` of [providers.NAME] in ``file`` declares, over the shipped one.

    ``base_url`` is that of the user's table; ``emulated``: it is only emulated, so its facts may be second hand.
    Raise InputError, with line and column.
    """
    shipped = shipped_table(name)
    place = TomlFile(file, ("providers", name))
    whole = _joined(shipped, own)
    if base_url is not None:
        whole["base_url"] = base_url
    try:
        if "base_url" not in whole:
            raise Wrong((), "base_url is missing: the address of the service", 'such as "https://api.example.org"')
        declaration = read_declaration(name, whole)
    except Wrong as wrong:
        raise place.error(wrong) from None
    if shipped and not (declaration.facts.sure or whole.get("unconfirmed") or emulated):
        source = one_line(declaration.facts.source, 80)
        raise place.error(
            Wrong((), f"the declaration of {name} is second hand ({source})", "to use it: unconfirmed = true")
        )
    return declared_provider(declaration, shipped=bool(shipped) and "prices" not in own)


def _joined(shipped: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The user's table over the shipped one: of models, each key by itself."""
    joined = {**shipped, **own}
    for name in _JOINED:
        base, more = shipped.get(name), own.get(name)
        if isinstance(base, Mapping) and isinstance(more, Mapping):
            joined[name] = {**base, **(_models(base, more) if name == "models" else more)}
    return joined


def _models(shipped: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {**shipped[name], **model} if name in shipped and isinstance(model, Mapping) else model
        for name, model in own.items()
    }
