"""The label of a draft: from the storyboard to the card, as text that any client may send."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyboard.model.draft_label import DraftLabel

BAND = st.tuples(st.fractions(0, 1), st.fractions(0, 1)).map(lambda pair: (min(pair), max(pair)))


@given(st.lists(BAND, max_size=6), st.none() | st.integers(-8000, 10**7).map(lambda ms: Fraction(ms, 1000)))
@pytest.mark.ci
def test_a_label_is_read_as_it_was_written(bands, seconds):
    """What titles cover may only grow: by less than a hundredth at each edge."""
    written = DraftLabel("3/8 lamp", seconds, tuple(bands))
    read = DraftLabel.of(written.text)
    assert (read.heading, read.seconds, DraftLabel.of(read.text)) == ("3/8 lamp", seconds, read)
    for chained in ((), ("first",), ("last",), ("first", "last")):
        assert DraftLabel.of(replace(written, chained=chained).text) == replace(read, chained=chained)
    free = read.free(Fraction(5, 100), Fraction(95, 100))
    assert all(Fraction(5, 100) <= top < bottom <= Fraction(95, 100) for top, bottom in free)
    assert not any(max(top, one) < min(bottom, other) for top, bottom in free for one, other in bands)


@pytest.mark.parametrize("text", ["", "1/1 cat", "a\nb\nc", "a\n1e9\n0.5-0.1 2-3 -\nall", "a\n\n" + "0.1-0.2 " * 9999])
def test_what_another_client_sends_is_a_heading(text):
    """The emulator is a server: nothing that it is sent may stop it."""
    label = DraftLabel.of(text)
    assert label.heading == text.partition("\n")[0]
    assert label.seconds is None
