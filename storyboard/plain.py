"""Text from elsewhere, made harmless to show: no control characters, no line of its own, no endless line."""

import unicodedata

# Bidirectional controls and zero-width characters can make a line read other than it is (reliability.md B16).
_HIDDEN = frozenset(
    "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


def show(text: str, limit: int = 400) -> str:
    """``text`` on one line: newlines become a visible sign, other controls an escape; cut to ``limit`` characters."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(map(_visible, cut))


def _visible(char: str) -> str:
    if char == "\n":
        return "␤"
    if char in _HIDDEN or unicodedata.category(char) in ("Cc", "Cs", "Co", "Cn"):
        return f"\\u{ord(char):04x}"
    return char
