"""Captions as they are read: two lines at a time, inside the safe area, no word broken without a hyphen."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storyboard.graphics.caption_cues import caption_cues
from storyboard.graphics.titles import ink, safe_area
from storyboard.timeline.captions import burnt_caption
from storyboard.timeline.model import Cue

TALL, WIDE = (720, 1280), (1280, 720)
SENTENCE = (
    "Ein gewöhnlicher deutscher Untertitel, in dem die Straßenbahnhaltestellenüberdachungsverordnung vorkommt, "
    "und der danach noch lange nicht zu Ende ist."
)


@pytest.mark.ci
def test_a_long_caption_is_shown_two_lines_at_a_time():
    """Seven lines over half the picture, and a word that is broken without a sign."""
    cues = caption_cues(SENTENCE, TALL, "de")
    assert len(cues) > 2
    assert all(len(cue.splitlines()) <= 2 for cue in cues)
    broken = " ".join(" ".join(cue.split("\n")) for cue in cues)
    assert "Straßenbahnhaltestellenüberda- chungsverordnung" in broken
    assert broken.replace("- ", "") == SENTENCE


def test_a_wide_film_has_lines_that_are_read_at_a_glance():
    """Across the whole frame there would be room for sixty characters."""
    cues = caption_cues(SENTENCE, WIDE)
    assert max(len(line) for cue in cues for line in cue.splitlines()) <= 46


@pytest.mark.parametrize(
    ("text", "cues"),
    [
        ("He had not slept.", ("He had not slept.",)),
        ("– Are you there?\n– No.", ("– Are you there?\n– No.",)),
        ("One\nTwo\nThree", ("One\nTwo", "Three")),
        ("  A  gull \n\n", ("A gull",)),
    ],
)
def test_line_breaks_of_the_author_stay(text, cues):
    """Who breaks a dialogue in two has a reason; a third line waits for its turn."""
    assert caption_cues(text, TALL) == cues


def test_scripts_without_spaces_are_broken_between_characters():
    """A Chinese sentence is no word: it gets no hyphens."""
    text = "他在灯塔里住了二十年。每天晚上他都点亮灯，看着大海，等待船只经过这里，然后写下他所看到的一切。"
    cues = caption_cues(text, TALL)
    assert "".join(cues).replace("\n", "") == text
    assert not re.search(r"(^|\n)[，。]", "\n".join(cues))


WORD = st.text("abcdefgijklmopqyäßjÉ,.WM-", min_size=1, max_size=50)


@settings(max_examples=30, deadline=None)
@given(st.lists(WORD, min_size=1, max_size=30), st.sampled_from([TALL, WIDE, (64, 64), (96, 54), (1080, 1350)]))
def test_what_is_broken_fits_as_it_is_drawn(words, size):
    """The picture would break it once more, and have three lines; or lose a word."""
    text = " ".join(words)
    cues = caption_cues(text, size)
    kept = re.sub(r"[\s-]", "", "".join(cues))
    assert kept == re.sub(r"[\s-]", "", text)
    area, one = safe_area(*size), ink(burnt_caption(Cue("Ég", 0, 1)).title, *size).box
    for cue in cues:
        box = ink(burnt_caption(Cue(cue, 0, 1)).title, *size).box
        assert area[0] <= box[0] < box[2] <= area[2]
        assert box[3] - box[1] <= 2 * (one[3] - one[1]) + 2
