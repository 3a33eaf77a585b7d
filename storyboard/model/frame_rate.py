"""Frame rates in frames per second, as exact fractions: 23.976, 29.97 and 59.94 are n * 1000/1001."""

import re
from fractions import Fraction

_WRITTEN = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6}|/[1-9][0-9]{0,3})?")
# How far a rate that an author writes may be from n * 1000/1001: 23.98 means it, as 23.976 does.
_NEAR = Fraction(5, 1000)
# Two rates are one where they differ by less than this share, and by less than this many seconds at the clip's end.
_SAME, _DRIFT = Fraction(1, 10_000), Fraction(1, 1000)
# Rates that a film takes from clips as they are: frames of other rates do not all last equally long.
_LARGEST_PART, _HIGHEST = 125, 240


def parse_frame_rate(text: str) -> Fraction | None:
    """Return the rate that "24", "12.5", "29.97" or "30000/1001" means; None where it means none.

    A rate is whole, a half, or n * 1000/1001.
    """
    if not _WRITTEN.fullmatch(text):
        return None
    said = Fraction(text)
    if said.denominator <= 2:
        return said
    slower = _slower(said)
    return slower if abs(said - slower) < _NEAR else None


def nominal_rate(measured: Fraction, frames: int) -> Fraction:
    """Return the whole rate, or the n * 1000/1001, that a clip has but for rounding; else the rate as ``measured``."""
    for rate in (Fraction(round(measured)), _slower(measured)):
        if rate and abs(rate / measured - 1) < _SAME and abs(frames / rate - frames / measured) < _DRIFT:
            return rate
    return measured


def candidate_rates(average: Fraction) -> list[Fraction]:
    """Return the whole rate and the n * 1000/1001 nearest to an average rate, the nearer one first."""
    rates = (Fraction(round(average)), _slower(average))
    return sorted((rate for rate in rates if rate), key=lambda rate: abs(rate - average))


def film_rate(measured: Fraction) -> Fraction:
    """Return the rate of a film of such clips: theirs if it is a rate of even frames, else the whole one nearest."""
    rate = min(Fraction(_HIGHEST), max(Fraction(1), measured))
    plain = rate.denominator <= _LARGEST_PART or 1001 % rate.denominator == 0
    return rate if plain else Fraction(round(rate))


def rate_text(rate: Fraction) -> str:
    """Return a rate as text: "24", "29.97"."""
    return f"{float(rate):.5g}"


def _slower(rate: Fraction) -> Fraction:
    return Fraction(round(rate * 1001 / 1000) * 1000, 1001)
