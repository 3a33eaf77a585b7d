"""What an author means: numbers as written, short forms, structured prompts, templates in the film's name."""

import json
from fractions import Fraction
from pathlib import PurePosixPath
from typing import cast

import pytest
from author import Author, clip

from storyboard.model.film_length import film_seconds
from storyboard.model.storyboard import Generated, Title, Transition
from storyboard.parsing.former_spelling import FormerSpelling
from storyboard.parsing.source import SourceFile, position_of_text
from storyboard.parsing.structured_prompt import prompt_texts
from storyboard.parsing.text_checks import LONG_PROMPT
from storyboard.parsing.yaml import read


def prompt(author: Author, words: str, top: str = "") -> Generated:
    """The first scene of a storyboard, whose prompt is written like this."""
    source = author.read(f"storyboard: 1\n{top}scenes:\n  - id: a\n    prompt: {words}\n").scenes[0].source
    assert isinstance(source, Generated)
    return source


NUMBERS = "vars: {v: 1.10, far: 1e3, plus: +5, half: .5, many: [2.80, 3], both: 'f/{{ v }}'}\n"


def test_numbers_are_sent_as_they_are_written(author: Author) -> None:
    """A label that reads 1.10 must not be bought as 1.1."""
    words = "{{ v }} {{ far }} {{ plus }} {{ half }} {{ many[0] }} {{ many | join('/') }} {{ both }} {{ v ~ '!' }}"
    assert prompt(author, f'"{words}"', NUMBERS).prompt == "1.10 1e3 +5 .5 2.80 2.80/3 f/1.10 1.10!"


def test_comparisons_see_numbers(author: Author) -> None:
    """1.10 is 1.1, and over 1, also where it is written out."""
    words = (
        "{{ 'same' if v == 1.1 else 'other' }} {{ 'over' if v > 1 else 'under' }} {{ many | sort | first }} {{ -v }}"
    )
    assert prompt(author, f'"{words}"', NUMBERS).prompt == "same over 2.80 -1.1"


def test_the_former_spelling_is_known(author: Author) -> None:
    """Takes of before are found by it; where nothing is spelt differently there is none."""
    assert prompt(author, '"{{ v }} {{ both }} {{ far }}"', NUMBERS).former_prompt == "1.1 f/1.1 1000.0"
    assert prompt(author, "A gull.", NUMBERS).former_prompt is None
    assert prompt(author, '"{{ v }}"', "vars: {v: 1.5}\n").former_prompt is None


def test_a_structured_prompt_is_json(author: Author) -> None:
    """In the author's order, its texts filled in, its numbers as written: what is sent is what is reviewed."""
    words = '{zoom: 2.80, shot: {lens: "{{ look }} 35mm", b: [true, null, +5, .5]}, sound: "a \\"hum\\" – é\\n"}'
    sent = prompt(author, words, "vars: {look: noir}\n").prompt
    wanted = '{"zoom": 2.80, "shot": {"lens": "noir 35mm", "b": [true, null, 5, 0.5]}, "sound": "a \\"hum\\" – é"}'
    assert sent == wanted
    assert list(json.loads(sent)) == ["zoom", "shot", "sound"]


def test_the_cast_of_a_structured_prompt_is_sent(author: Author) -> None:
    """The images are those of whom any text in the mapping names."""
    author.draw("face.png")
    cast = "cast: {keeper: {looks: an old man, images: [face.png]}}\n"
    made = prompt(author, '{who: ["{{ cast.keeper }}"]}\n    references: cast', cast)
    assert len(made.references) == 1


def test_short_forms(author: Author) -> None:
    """One word where one word says it all."""
    film = author.read(
        "storyboard: 1\nvars: {name: The Keeper}\nscenes:\n  - {id: a, prompt: One.}\n"
        '  - {id: b, prompt: Two., title: "{{ name }}", transition: dissolve}\n'
        "  - {id: c, prompt: Three., transition: cut}\n"
    )
    (title,) = film.scenes[1].finish.titles
    assert title == Title("The Keeper", Fraction(0), None, "center", Fraction(8, 100), "#ffffff", "outline")
    assert film.scenes[1].finish.transition == Transition("dissolve", Fraction(1, 2))
    assert film.scenes[2].finish.transition is None


@pytest.mark.parametrize("given", [{}, {"lang": "fr"}])
def test_the_film_is_named_after_vars(author: Author, given: dict[str, str]) -> None:
    """One storyboard, a film for each language."""
    text = (
        'storyboard: 1\nvars: {lang: de}\nscenes:\n  - {id: a, prompt: A.}\noutput: {file: "out/ad-{{ lang }}.mp4"}\n'
    )
    assert author.read(text, given).output.file == PurePosixPath(f"out/ad-{given.get('lang', 'de')}.mp4")


@pytest.mark.parametrize("lang", ["../../x", "/etc/x", "a\nb", "a\\b", "~"])
def test_a_var_cannot_lead_the_film_astray(author: Author, lang: str) -> None:
    """A var may come from outside."""
    text = 'storyboard: 1\nvars: {lang: de}\nscenes:\n  - {id: a, prompt: A.}\noutput: {file: "{{ lang }}.mp4"}\n'
    assert len(author.told(text, {"lang": lang})) == 1


def test_a_long_prompt_is_told(author: Author) -> None:
    """What a model will not read should not be paid for."""
    text = f"storyboard: 1\nscenes:\n  - {{id: a, prompt: {'a ' * (LONG_PROMPT // 2)}b}}\n"
    assert author.told(text) == ["3:21 the prompt has 2,001 characters: of more than 2,000 a model leaves parts out"]
    assert author.told(text.replace(" b}", "}")) == []


def test_music_after_the_end_is_told(author: Author) -> None:
    """It would be mixed into nothing."""
    author.write(wave(), "bed.wav")
    text = "storyboard: 1\nscenes: [{id: a, prompt: One.}]\nmusic: {file: bed.wav, from: 8}\n"
    assert author.told(text) == ["3:30 the film ends at 8 s, before this music begins: it is not heard"]
    assert author.told(text.replace("from: 8", "from: 7.5")) == []
    assert author.read("storyboard: 1\nscenes: [{id: a, prompt: One.}]\nmusic: bed.wav\n").music[0].gain == 0


def wave() -> bytes:
    """A quarter of a second of silence."""
    import io
    import wave

    with io.BytesIO() as file:
        with wave.open(file, "wb") as out:
            out.setparams((1, 2, 8_000, 0, "NONE", ""))
            out.writeframes(bytes(4_000))
        return file.getvalue()


@pytest.mark.ci
def test_a_warning_of_the_defaults_is_told_once(author: Author) -> None:
    """A thousand warnings are no reason to stop reading."""
    scenes = "".join(f"  - {{id: s{number}}}\n" for number in range(1_100))
    assert len(author.told(f"storyboard: 1\ndefaults: {{prompt: “One”}}\nscenes:\n{scenes}")) == 1
    scenes = "".join(f"  - {{id: s{number}, prompt: “One”}}\n" for number in range(1_100))
    assert len(author.told(f"storyboard: 1\nscenes:\n{scenes}")) == 1_100


def test_a_chosen_fit_needs_no_warning(author: Author) -> None:
    """Whoever says how the clip is fitted has seen that it must be."""
    text = "storyboard: 1\nscenes: [{id: a, prompt: One., aspect: 16:9}]\noutput: {size: 720x1280}\n"
    assert len(author.told(text)) == 1
    assert author.told(text.replace("1280}", "1280, fit: blur}")) == []


def test_auto_has_the_shape_of_its_first_frame(author: Author) -> None:
    """As far as it can be told before the clip is there."""
    author.draw("tall.png", 90, 160)
    scene = "{id: a, prompt: One., aspect: auto, first_frame: tall.png}"
    text = f"storyboard: 1\nscenes: [{scene}]\noutput: {{size: 1280x720}}\n"
    assert [line.partition(" ")[2] for line in author.told(text)] == [
        "this scene is auto (9:16), the film is 1280x720: it gets black bars"
    ]


def test_how_long_a_film_is(author: Author) -> None:
    """Transitions take from it what both scenes share; a clip of one's own counts as it is."""
    clip(author.folder / "own.mp4", 10)
    film = author.read(
        "storyboard: 1\nscenes:\n  - {id: a, prompt: One., trim: {from: 1, to: 6.5}}\n"
        "  - {id: b, prompt: Two., transition: {kind: dissolve, seconds: 1}}\n"
        "  - {id: c, still: '#102030', seconds: 3, transition: {kind: fade, seconds: 1, over: tail}}\n"
        "  - {id: d, file: own.mp4}\noutput: {length: 17.5}\n"
    )
    assert [scene.seconds for scene in film.scenes] == [Fraction(11, 2), 8, 3, 2]
    assert film_seconds(film.scenes) == Fraction(35, 2)


def test_the_former_spelling_of_values_in_values() -> None:
    """A number in a list or a mapping of the vars was spelt by Python, too; what cannot be rendered stays as it is."""
    values = cast(dict[str, object], read(b"sizes: [1.10, 7]\ncar: {length: 2.80}\n").value)
    former = FormerSpelling(values, {}, {})
    assert former.prompt("{{ sizes | join(' and ') }}, {{ car.length }}", {}) == "1.1 and 7, 2.8"
    assert former.prompt("{% nothing %} of it", {}) == "{% nothing %} of it"


def test_a_text_that_is_not_found_as_written_has_the_place_of_its_value() -> None:
    """A folded text is broken where its value has a space."""
    page = SourceFile(PurePosixPath("film.yaml"), "film.yaml", read(b"note: >\n  a <long\n  name> here\n"))
    assert position_of_text(page, ("note",), "<long name>")[:2] == (1, 7)


def test_texts_of_a_structured_prompt() -> None:
    assert list(prompt_texts({"shot": ["wide", {"lens": 35}], "loop": True})) == ["wide"]


def test_most_scenes_say_the_shape_of_the_film(author: Author) -> None:
    """No line says it: the warning stands at the first scene that has another one."""
    scenes = "[{id: a, prompt: One., aspect: 9:16}, {id: b, prompt: Two., aspect: 9:16}, {id: c, prompt: Three.}]"
    (told,) = author.told(f"storyboard: 1\nscenes: {scenes}\n")
    assert told.endswith("the film is 9:16, and 1 scene is 16:9 by default: black bars")
