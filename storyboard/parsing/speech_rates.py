"""How long it takes to say a text: letters a second, by language."""

from fractions import Fraction
from unicodedata import east_asian_width

# Letters a minute of native speakers who read a text of a few sentences aloud: means of 25 speakers a language, white
# space not counted. Trauzettel-Klosinski & Dietz, "Standardized Assessment of Reading Performance: The New
# International Reading Speed Texts IReST", Invest. Ophthalmol. Vis. Sci. 53 (2012) 5452, table of the 17 languages;
# Greek: Gleni et al., Optom. Vis. Sci. 96 (2019). Reading aloud is about the fastest that a line is acted: 228 words
# a minute in English, where conversation has 150 to 180.
_PER_MINUTE = {
    "ar": 612,
    "de": 920,
    "el": 1049,
    "en": 987,
    "es": 1025,
    "fi": 1078,
    "fr": 998,
    "he": 833,
    "it": 950,
    "nl": 978,
    "pl": 916,
    "pt": 913,
    "ru": 986,
    "sl": 885,
    "sv": 917,
    "tr": 1054,
}
# The same, for scripts of wide characters: a Chinese character is a syllable, and Japanese mixes them with kana.
_WIDE_PER_MINUTE = {"ja": 357, "zh": 255}
# Of all other languages: 68 ms a letter, the mean of the 14 that are written with an alphabet (the same paper).
_USUAL = Fraction(1000, 68)
# Wide characters of a text in another language, or in one that is not known: the faster of the two; for the syllables
# of Korean, 370 a minute, the mean of all 17 languages.
_USUAL_WIDE, _HANGUL = Fraction(357, 60), Fraction(370, 60)


def letters(text: str) -> int:
    """How many letters and digits are spoken: white space and punctuation are not."""
    return sum(map(str.isalnum, text))


def speech_seconds(text: str, language: str = "") -> Fraction:
    """How many seconds it takes to say ``text``, without pauses. ``language`` is a tag such as "pt-BR", "" if unknown.

    Wide characters (Han, kana, Hangul) count by the character, in any language.
    """
    tag = language.partition("-")[0].lower()
    narrow = Fraction(_PER_MINUTE[tag], 60) if tag in _PER_MINUTE else _USUAL
    wide = Fraction(_WIDE_PER_MINUTE[tag], 60) if tag in _WIDE_PER_MINUTE else _USUAL_WIDE
    seconds = Fraction(0)
    for char in filter(str.isalnum, text):
        if east_asian_width(char) not in "WF":
            seconds += 1 / narrow
        else:
            seconds += 1 / (_HANGUL if "\uac00" <= char <= "\ud7a3" else wide)
    return seconds
