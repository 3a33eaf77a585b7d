"""Setting text: every script that the font has, lines that fit, and honesty about the rest."""

import unicodedata

import pytest

from storyboard.graphics import fonts as setting


@pytest.mark.parametrize("script", ["LATIN", "GREEK", "CYRILLIC"])
def test_the_letters_of_three_scripts_are_there(script: str) -> None:
    """A prompt in Polish, Vietnamese, Greek or Ukrainian would be full of holes."""
    blocks = [range(0x20, 0x250), range(0x370, 0x530), range(0x1E00, 0x2000)]
    letters = [chr(code) for block in blocks for code in block if unicodedata.name(chr(code), "").startswith(script)]
    assert len(letters) > 100
    assert setting.missing_characters("".join(letters)) == ()


def test_what_is_lacking_is_named_once_and_replaced() -> None:
    """The sentence must let the author find the characters."""
    assert setting.missing_characters("a犬b犬c猫") == ("犬", "猫")
    assert setting.readable("a犬b") == "a�b"
    assert setting.missing_characters_sentence("plain") == ""
    many = "".join(map(chr, range(0x4E00, 0x4E09)))
    assert "lacks 9 characters: 一 (U+4E00)" in setting.missing_characters_sentence(many)
    assert "and 4 more" in setting.missing_characters_sentence(many)


def test_characters_without_a_picture_leave_no_trace() -> None:
    """Joiners, direction marks and selectors are not missing letters; newlines are spaces."""
    assert setting.readable(" a\u200d\u202e\ufe0fb\n\n c\x00\td ") == "ab c d"
    assert setting.missing_characters("\u200b\ufe0f\x07") == ()
    assert setting.readable("e\u0301") == "é"
    assert setting.readable("\ud800") == "�"


def test_lines_fit_and_keep_every_word() -> None:
    """A word would be lost or run out of the picture."""
    font = setting.face(30)
    text = "The keeper climbs a spiral staircase with a lantern in his hand"
    lines = list(setting.wrap(text, font, 300))
    assert " ".join(lines) == text
    assert all(setting.width(line, font) <= 300 for line in lines)


def test_a_word_too_long_is_broken_but_never_a_letter_from_its_mark() -> None:
    """An accent alone at the beginning of a line."""
    word = "x\u0331\u0323" * 60  # no composed form
    lines = list(setting.wrap(setting.readable(word), setting.face(30), 100))
    assert len(lines) > 3
    assert all(line.endswith("-") for line in lines[:-1])
    assert "".join(line.removesuffix("-") for line in lines) == setting.readable(word)
    assert not any(unicodedata.combining(line[0]) for line in lines)


def test_type_shrinks_before_it_is_cut() -> None:
    """Long prompts are set smaller; only what does not fit at the smallest size ends in an ellipsis."""
    sizes = (40, 30, 20)
    assert setting.fit("short", (600, 200), sizes).pixels == 40
    middle = setting.fit("word " * 60, (600, 200), sizes)
    assert (middle.pixels, middle.lines[-1].endswith("…")) == (20, False)
    cut = setting.fit("word " * 600, (600, 200), sizes)
    assert (cut.pixels, cut.lines[-1].endswith("…")) == (20, True)
    assert cut.height <= 200
    assert all(setting.width(line, setting.face(20)) <= 600 for line in cut.lines)


@pytest.mark.parametrize("text", ["", " ", "…", "\n"])
def test_next_to_nothing_is_set_as_well(text: str) -> None:
    """The edge of every rule above."""
    assert len(setting.fit(text, (300, 100), (20,)).lines) == 1
    assert setting.shorten(text, setting.face(20), 1) or text == ""
