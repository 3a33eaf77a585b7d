"""Hyphenation: break a word that is wider than a line, always with a hyphen, by the rules of its language."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyphen import Pyphen

# The signs after which a word may be broken as it is: hyphens, dashes, slashes.
_BREAKS = "-\u2010\u2012\u2013\u2014/\\"
# The most letters of a word that is looked up in a dictionary: no language has longer ones.
_LONGEST_WORD = 200


def break_word(word: str, fits: Callable[[str], bool], language: str = "") -> Iterator[str]:
    """Yield the pieces of a word; ``fits`` says whether a piece fits the line. A single character always does.

    ``language`` is a tag such as "de" or "pt-BR"; "" or a language without a dictionary: after any letter.
    """
    if fits(word):
        yield word
        return
    ends, syllables = _cluster_ends(word), _syllables(word, language)
    first = 0
    while not fits(word[first:]):
        last = _piece_end(word, first, fits, [end for end in syllables if end > first])
        if last is None:
            last = _piece_end(word, first, fits, [end for end in ends if end > first])
        last = last or next(end for end in ends if end > first)
        if last == len(word):
            break
        yield _hyphened(word, first, last)
        first = last
    yield word[first:]


def _piece_end(word: str, first: int, fits: Callable[[str], bool], ends: list[int]) -> int | None:
    """The last of ``ends`` before the end of the word at which the piece from ``first`` on fits."""
    best = None
    for end in ends:
        if end == len(word) or not fits(_hyphened(word, first, end)):
            break
        best = end
    return best


def _hyphened(word: str, first: int, last: int) -> str:
    """The piece, with a hyphen where a reader expects one: between letters of a script that has them."""
    before, after = word[last - 1], word[last]
    parted = before in _BREAKS or not (_is_lettered(before) and _is_lettered(after))
    return word[first:last] if parted else f"{word[first:last]}-"


def _is_lettered(char: str) -> bool:
    """Whether it is a letter of a script with capitals (Latin, Greek, Cyrillic), or a mark on one."""
    return char.lower() != char.upper() or bool(unicodedata.combining(char))


def _cluster_ends(word: str) -> list[int]:
    """The positions after each character with its combining marks."""
    return [*(at for at in range(1, len(word)) if not unicodedata.combining(word[at])), len(word)]


def _syllables(word: str, language: str) -> list[int]:
    """The positions at which a word may be broken by its own hyphens and by the dictionary of its language."""
    found = {at + 1 for at, char in enumerate(word) if char in _BREAKS and 0 < at < len(word) - 1}
    dictionary = _dictionary(language)
    if dictionary and len(word) <= _LONGEST_WORD:
        for letters in re.finditer(r"[^\W\d_]{4,}", word):
            # A position with data would change letters before the hyphen.
            found |= {letters.start() + at for at in dictionary.positions(letters[0].lower()) if at.data is None}
    return sorted(found)


@lru_cache(maxsize=8)
def _dictionary(language: str) -> "Pyphen | None":
    """The dictionary of a language, or of the language that it is a variant of; None if there is none."""
    if not language:
        return None
    import pyphen

    name = pyphen.language_fallback(language.replace("-", "_"))
    return pyphen.Pyphen(lang=name) if name else None
