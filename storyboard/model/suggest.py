"""Suggestions for misspelt words."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the closest of ``known`` to ``word``, None if none is close."""
    meant, choices = word[:80].lower(), list(known)[:500]
    swapped = [choice for choice in choices if sorted(choice) == sorted(meant)]
    found = swapped or get_close_matches(meant, choices, 1, 0.65)
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint, or "" if nothing is close."""
    near = nearest(word, known)
    return f"did you mean '{near}'?" if near else ""
