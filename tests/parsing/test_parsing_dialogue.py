"""What is said in a scene: in the prompt as it is sent, in the caption as it is read, and no longer than the shot."""

from fractions import Fraction
from pathlib import PurePosixPath

import pytest
from author import Author

from storyboard.model.shot import shot
from storyboard.model.storyboard import Caption, Generated, LocalImage, Scene
from storyboard.parsing.speech_rates import letters, speech_seconds

CAST = """cast:
  keeper: {looks: an old keeper, images: [keeper.png]}
  gull: {looks: a gull, images: [gull.png]}
  sea: {looks: the sea}
"""
NOBODY = "Nobody is coming."


def film(say: str, *, more: str = "", top: str = "", prompt: str = "One.") -> str:
    return f"storyboard: 1\n{top}scenes:\n  - id: a\n    prompt: {prompt}\n    say: {say}\n{more}"


def scene(author: Author, say: str, **words: str) -> Scene:
    (only,) = author.read(film(say, **words)).scenes
    return only


def sent(author: Author, say: str, **words: str) -> str:
    source = scene(author, say, **words).source
    assert isinstance(source, Generated)
    return source.prompt


def pictured(author: Author, text: str, **given: str) -> list[str]:
    """The images that are sent for the first scene."""
    for name in ("keeper", "gull"):
        author.draw(f"{name}.png")
    source = author.read(text, given).scenes[0].source
    assert isinstance(source, Generated)
    return [image.path.stem for image in source.references if isinstance(image, LocalImage)]


def test_a_line_is_sent_below_the_prompt(author: Author) -> None:
    """Whoever writes dialogue does not write it twice, and a model is told who speaks by what can be seen."""
    assert sent(author, NOBODY) == f'One.\nWords spoken in the shot: "{NOBODY}"'
    assert sent(author, f"{{line: {NOBODY}, how: whispering}}").endswith('in the shot, whispering: "Nobody is coming."')
    both = f"[{{who: keeper, line: {NOBODY}, how: in a tired voice}}, {{who: 'a voice on the radio', line: Hm.}}]"
    assert sent(author, both, top=CAST) == (
        'One.\nAn old keeper says, in a tired voice: "Nobody is coming."\nA voice on the radio says: "Hm."'
    )


def test_words_are_templates(author: Author) -> None:
    """A film in two languages has one storyboard."""
    top = f"vars: {{who: gull, night: cold}}\n{CAST}"
    say = "{who: '{{ who }}', how: '{{ night }}', line: 'In {{ scene.id }},\n      {{ night }}.'}"
    assert sent(author, say, top=top) == 'One.\nA gull says, cold: "In a, cold."'


def test_quotes_inside_a_line_do_not_end_it(author: Author) -> None:
    """A model would speak a part of it only; readers see what the author wrote."""
    made = scene(author, "'He said \"no\".'")
    assert isinstance(made.source, Generated)
    assert made.source.prompt.endswith("\"He said 'no'.\"")
    assert made.finish.captions[0].text == 'He said "no".'


def test_the_template_is_the_authors(author: Author) -> None:
    """Other models want other words; a template without the line would pay for silence."""
    top = 'say_template: "- {{ who or title }}{% if how %} ({{ how }}){% endif %}: {{ line | upper }}"\n'
    assert sent(author, "[{line: Hm.}, {who: he, how: low, line: No.}]", top=top) == (
        "One.\n- film: HM.\n- he (low): NO."
    )
    assert author.told(film("Hm.", top='say_template: "{{ who }} speaks"\n')) == [
        "2:15 'say_template' leaves out what is said"
    ]
    assert author.told(film("Hm.", top='say_template: "{{ whom }}: {{ line }}"\n')) == ["2:19 'whom' is not defined"]


def test_a_structured_prompt_has_a_key_for_it(author: Author) -> None:
    """JSON stays JSON; a key that the author has is not written over."""
    made = sent(author, "['a', 'b']".replace("'a'", "{line: é}").replace("'b'", "{line: No.}"), prompt="{shot: wide}")
    assert made == (
        '{"shot": "wide", "dialogue": ["Words spoken in the shot: \\"é\\"", "Words spoken in the shot: \\"No.\\""]}'
    )
    assert author.told(film("Hm.", prompt="{dialogue: Hm.}")) == [
        "4:14 'say' is sent as 'dialogue', and this prompt has one"
    ]


def test_nothing_changes_without_it(author: Author) -> None:
    """A film that was bought before there was dialogue is not bought again."""
    text = film(NOBODY).replace(f"    say: {NOBODY}\n", "") + "  - {id: b, prompt: Two., say: Hm.}\n"
    source = author.read(text).scenes[0].source
    assert isinstance(source, Generated)
    assert shot(source, "apikley").recipe == {"prompt": "One."}


def test_lines_are_captions_in_turn(author: Author) -> None:
    """Each for its share of the scene as it is shown, unless the scene has a caption or wants none."""
    lines = "[{line: abcdef}, {line: ab}]"
    assert scene(author, lines).finish.captions == (
        Caption("abcdef", Fraction(0), None),
        Caption("ab", Fraction(6), None),
    )
    trimmed = scene(author, lines, more="    trim: {from: 1, to: 5}\n").finish.captions
    assert [caption.start for caption in trimmed] == [0, 3]
    assert scene(author, lines, more="    caption: Other.\n").finish.captions[0].text == "Other."
    assert scene(author, lines, more='    caption: ""\n').finish.captions == ()


@pytest.mark.parametrize(
    ("language", "text", "seconds"),
    [
        ("en", "a" * 987, 60),
        ("pt-BR", "a b, " * 913, 120),
        ("", "a" * 1000, 68),
        ("xx", "a" * 1000, 68),
        ("zh", "字" * 255, 60),
        ("ja", "か" * 357, 60),
        ("en", "字" * 357 + "a" * 987, 120),
        ("ko", "가" * 370, 60),
        ("en", "... ?", 0),
    ],
)
def test_how_long_it_takes(language: str, text: str, seconds: int) -> None:
    """Letters a minute as measured for the language; wide characters by the character in any of them."""
    assert speech_seconds(text, language) == seconds


def test_letters_are_what_is_spoken() -> None:
    """Spaces and signs take no breath."""
    assert letters("No, 12 a.m. — é!") == 7


@pytest.mark.parametrize(("tag", "most"), [("en", 131), ("de", 122), ("zh", 34), ("", 117)])
def test_what_cannot_be_said_in_the_shot_is_an_error(author: Author, tag: str, most: int) -> None:
    """The service would cut it off in silence, after it was paid for."""
    output = f"    translate: false\noutput: {{language: {tag}}}\n" if tag else ""
    letter = "字" if tag == "zh" else "a"
    assert author.told(film(letter * most, more=output)) == []
    (told,) = author.told(film(letter * (most + 1), more=output))
    assert (
        told
        == f"5:10 this takes {8.3 if tag == 'zh' else 8.1} s to say, and the clip is 8 s long: 1 character too many"
    )


def test_what_the_trim_cuts_off_is_a_warning(author: Author) -> None:
    """It costs nothing to show more of the clip."""
    told = author.told(film("a" * 100, more="    trim: {to: 5}\n"))
    assert told == ["5:10 this takes 6.8 s to say, and 'trim' shows 5 s: 27 characters too many"]
    assert author.read(film("a" * 100, more="    trim: {to: 5}\n")).scenes


def test_words_that_would_be_translated(author: Author) -> None:
    """A German line in English is paid for as well."""
    german = "output: {language: de}\n"
    told = ["5:10 the provider translates the prompt to English, and what is said with it"]
    assert author.told(film("Niemand kommt.", more=german)) == told
    assert author.told(film("Niemand kommt.", more="    translate: true\n" + german)) == []
    assert author.told(film(NOBODY, more="output: {language: en-GB}\n")) == []


def test_checks_of_prompts_hold_for_lines(author: Author) -> None:
    """At the line, not at the prompt."""
    assert author.told(film("'“Hm.”'")) == ["5:11 a curly quote (“): a model may print the quoted words"]
    assert author.told(film("{who: he <i>, line: Hm.}")) == ["5:19 '<i>' means nothing to a model, which may print it"]
    assert author.told(film("Take #3")) == ["5:15 ' #' begins a comment: the rest of this line is left out"]
    assert author.told(film("'{{ nix }}'", top="")) == ["5:14 'nix' is not defined"]
    top = f"defaults: {{prompt: '{'a ' * 990}'}}\n"
    text = film(NOBODY, top=top).replace("    prompt: One.\n", "")
    assert author.told(text) == ["2:20 the prompt has 2,025 characters: of more than 2,000 a model leaves parts out"]


def test_a_line_that_is_empty(author: Author) -> None:
    """Known only once it is filled in."""
    assert author.told(film("'{{ x }}'", top="vars: {x: ' '}\n")) == ["6:10 the line is empty"]


def test_a_name_that_is_nearly_one_of_the_cast(author: Author) -> None:
    """Other words are sent as they are, so a slip of the pen would be as well."""
    cast = "cast: {keeper: {looks: an old man}}\n"
    told = ["6:16 no member of the cast is called 'Keepr': it is sent as it is"]
    assert author.told(film("{who: Keepr, line: Hm.}", top=cast)) == told
    assert author.told(film("{who: the keeper, line: Hm.}", top=cast)) == []


def test_a_speaker_is_named_by_the_scene(author: Author) -> None:
    """Their images are sent, as if the prompt named them."""
    more = "    references: cast\n"
    assert pictured(author, film("{who: keeper, line: Hm.}", top=CAST, more=more)) == ["keeper"]
    named = film("{who: keeper, line: 'Is it {{ cast.gull }}?'}", top=CAST, more=more, prompt='"{{ cast.sea }}"')
    assert pictured(author, named) == ["keeper", "gull"]


@pytest.mark.parametrize(
    ("prompt", "images"),
    [
        ("'{{ hero }}'", ["keeper"]),
        ("'{{ cast[name] }}'", ["gull"]),
        ("'{{ people.first | upper }}, {{ hero }}'", ["gull", "keeper"]),
        ("'{% for each in all %}{{ each }}{% endfor %}'", ["gull", "keeper"]),
        ("'{{ cast.gull if night else cast.keeper }}'", ["keeper"]),
        ("'{{ nobody | default(cast.gull) }}'", ["gull"]),
    ],
)
def test_the_cast_is_found_when_a_prompt_is_rendered(author: Author, prompt: str, images: list[str]) -> None:
    """Through vars, through names that come from outside, and not in branches that do not run."""
    top = (
        CAST + "vars:\n  hero: '{{ cast.keeper }}'\n  name: keeper\n  night: false\n"
        "  people: {first: '{{ cast.gull }}', last: '{{ cast.keeper }}'}\n"
        "  all: ['{{ cast.gull }}', '{{ hero }}']\n"
    )
    text = film(NOBODY, top=top, prompt=prompt, more="    references: cast\n").replace(f"    say: {NOBODY}\n", "")
    assert pictured(author, text, name="gull") == images


def test_the_references_of_before_are_known(author: Author) -> None:
    """A take that was made with the images of each branch is found by them; where one is missing there was none."""
    for name in ("keeper", "gull"):
        author.draw(f"{name}.png")
    prompt = "'{{ cast.keeper }}{% if false %}{{ cast.gull }}{% endif %}'"
    text = f"storyboard: 1\n{CAST}scenes:\n  - {{id: a, prompt: {prompt}, references: cast}}\n"
    source = author.read(text).scenes[0].source
    assert isinstance(source, Generated)
    assert source.former_references is not None
    assert [getattr(image, "path", None) for image in source.former_references] == [
        PurePosixPath("keeper.png"),
        PurePosixPath("gull.png"),
    ]
    (author.folder / "gull.png").unlink()
    again = author.read(text).scenes[0].source
    assert isinstance(again, Generated)
    assert again.former_references is None


def test_a_prompt_in_error_names_nobody_twice(author: Author) -> None:
    """One mistake is told once, although nobody was found in the rest."""
    top = f"vars: {{x: '{{{{ nix }}}}'}}\n{CAST}"
    text = film(NOBODY, prompt="'{{ cast.nix }}'", top=CAST, more="    references: cast\n")
    assert author.told(text) == ["8:22 'cast.nix' is not defined"]
    assert author.told(film(NOBODY, prompt="'{{ cast.sea }}'", top=top)) == ["2:15 'nix' is not defined"]
    refused = film(NOBODY, prompt="'{{ cast.keeper '", top="vars: [1]\n")
    assert len(author.told(refused)) == 1


def test_a_local_clip_says_nothing(author: Author) -> None:
    """Nothing is generated that could speak; dialogue of the defaults does not trouble it."""
    text = "storyboard: 1\ndefaults: {say: Hm.}\nscenes:\n  - {id: a, still: '#000000'}\n"
    assert author.read(text).scenes[0].finish.captions == ()
    own = "storyboard: 1\nscenes:\n  - {id: a, still: '#000000', say: Hm.}\n"
    assert author.told(own) == ["3:31 a local picture has no 'say': nothing is generated"]
