"""Frame rates: what an author's number means, what a clip's measured one is, and what a film may have."""

from fractions import Fraction

import pytest

from storyboard.model.frame_rate import film_rate, nominal_rate, parse_frame_rate, rate_text

NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("24", 24),
        ("24.0", 24),
        ("23.976", Fraction(24000, 1001)),
        ("23.98", Fraction(24000, 1001)),
        ("29.97", NTSC),
        ("59.94", Fraction(60000, 1001)),
        ("30000/1001", NTSC),
        ("2997/100", NTSC),
        ("12.5", Fraction(25, 2)),
        ("24.3", None),
        ("29.9", None),
        ("30/0", None),
        ("1e3", None),
        ("-24", None),
    ],
)
def test_a_rate_means_the_exact_fraction(text, rate):
    """29.97 frames per second are 3.6 ms beside 30000/1001 after an hour: sound would drift."""
    assert parse_frame_rate(text) == rate


def test_a_measured_rate_is_rounded_only_where_nothing_can_be_seen_of_it():
    """A clip of 29.97 by its header would be another rate than one of 30000/1001; a long one would drift."""
    assert nominal_rate(Fraction(2997, 100), 240) == NTSC
    assert nominal_rate(Fraction(2997, 100), 108_000) == Fraction(2997, 100)
    assert nominal_rate(Fraction(90000, 3754), 1000) == Fraction(90000, 3754)
    assert nominal_rate(Fraction(2502, 100), 10) == Fraction(2502, 100)
    assert nominal_rate(NTSC, 10**6) == NTSC


def test_a_film_has_no_absurd_rate():
    """A clip with uneven frames, or with a broken header, would give the film a rate that no player knows."""
    assert film_rate(Fraction(293_457, 10_007)) == 29
    assert [film_rate(Fraction(rate)) for rate in ("1/1000", "25/2", "4294967295")] == [1, Fraction(25, 2), 240]
    assert [rate_text(rate) for rate in (Fraction(24), NTSC, Fraction(60000, 1001))] == ["24", "29.97", "59.94"]
