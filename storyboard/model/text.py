"""Text from elsewhere, made harmless to show: no control characters, no line of its own, no endless line."""

import json
import re
import unicodedata
from fractions import Fraction

# Controls, halves of a pair, and what makes a line read other than it is: signs of direction, signs without a width.
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))

# What a CI runner takes for its own orders: GitHub's at the beginning of a line, those of Azure anywhere in one.
_ORDER = re.compile(r"\A\s*:(?=:)|#(?=#\[|#vso\[)")


def one_line(text: str, limit: int = 400) -> str:
    """``text`` on one line: newlines become a visible sign, other controls an escape; cut to ``limit`` characters."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    if not cut.isprintable():
        cut = "".join(map(_visible, cut))
    return _ORDER.sub(_disarmed, cut) if "::" in cut or "##" in cut else cut


def safe_text(text: str) -> str:
    """``text`` of several lines, each of them harmless."""
    return "\n".join(one_line(line, 10_000) for line in text.split("\n"))


def to_json(value: object, indent: int | None = 2) -> str:
    """``value`` as JSON that a terminal can be shown: what is not seen stands as an escape."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    if not text.replace("\n", "").isprintable():
        text = "".join(map(_escaped, text))
    return _ORDER.sub(_disarmed, text) if "##" in text else text


def _visible(char: str) -> str:
    if char == "\n":
        return "␤"
    return f"\\u{ord(char):04x}" if unicodedata.category(char) in _HIDDEN else char


def _disarmed(order: re.Match[str]) -> str:
    return f"{order[0][:-1]}\\u{ord(order[0][-1]):04x}"


def _escaped(char: str) -> str:
    if char == "\n" or unicodedata.category(char) not in _HIDDEN:
        return char
    return "\\u007f" if char == "\x7f" else json.dumps(char)[1:-1]


def json_number(value: Fraction) -> int | float:
    """A fraction as JSON has it: whole where it is whole, else rounded to six places."""
    return int(value) if value.denominator == 1 else round(float(value), 6)
