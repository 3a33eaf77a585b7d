"""Text for terminals and logs: untrusted text without control characters, extra lines or excessive length; JSON."""

import json
import re
import unicodedata
from fractions import Fraction

# Unicode categories that are escaped: controls, surrogates, private and unassigned characters, line separators, and
# format characters (text direction, zero width), which make a line look different from its content.
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))

# Commands to CI runners in their log: GitHub's at the start of a line, Azure's anywhere in one.
_ORDER = re.compile(r"\A\s*:(?=:)|#(?=#\[|#vso\[)")


def one_line(text: str, limit: int = 400) -> str:
    """``text`` on one line: newlines become "␤", other controls an escape; cut to ``limit`` characters."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    if not cut.isprintable():
        cut = "".join(map(_visible, cut))
    return _ORDER.sub(_disarmed, cut) if "::" in cut or "##" in cut else cut


def safe_text(text: str) -> str:
    """``text`` of several lines, each made safe by ``one_line``."""
    return "\n".join(one_line(line, 10_000) for line in text.split("\n"))


def to_json(value: object, indent: int | None = 2) -> str:
    """``value`` as JSON that is safe to print on a terminal: invisible characters are escaped."""
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


def format_seconds(seconds: Fraction) -> str:
    """Seconds as decimal text: "0.5", "8"."""
    return f"{float(seconds):.3f}".rstrip("0").rstrip(".")


def json_number(value: Fraction) -> int | float:
    """A fraction as a JSON number: an integer where it is whole, else rounded to six decimal places."""
    return int(value) if value.denominator == 1 else round(float(value), 6)
