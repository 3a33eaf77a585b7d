"""declared: any video service that is declared in TOML, by the user or by a file that is shipped here."""

from storyboard.providers.declared.catalogue import declare, shipped_names
from storyboard.providers.declared.interpreter import Declared

__all__ = ["Declared", "declare", "shipped_names"]
