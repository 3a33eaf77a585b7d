"""The words for models: of the usual provider, of others, and a storyboard's own; and the schema that knows them."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from author import Author
from jsonschema import Draft202012Validator

from storyboard.model.capabilities import Capabilities, Lengths
from storyboard.model.errors import InputError
from storyboard.model.model_catalogue import Catalogue, ModelName
from storyboard.model.storyboard import Generated
from storyboard.parsing import schema
from storyboard.parsing.configured_schema import configured_text
from storyboard.parsing.read import check_storyboard, read_storyboard
from storyboard.providers.apikley.veo import CAPABILITIES
from storyboard.workflow.source_files import Project

PEN = replace(CAPABILITIES.models[0], name="ink/pen", seeds=None, lengths=Lengths((Fraction(5), Fraction(15, 2))))
CHALK = replace(PEN, name="chalk", seeds=(1, 9), lengths=Lengths(least=Fraction(2), most=Fraction(9)))
SLATE = replace(PEN, name="slate", lengths=Lengths(least=Fraction(3, 2), most=Fraction(9), step=Fraction(1)))
MANY = tuple(replace(PEN, name=f"pen-{number}", lengths=Lengths()) for number in range(14))
BOTH = Catalogue(
    {
        "apikley": replace(CAPABILITIES, models=(*CAPABILITIES.models, PEN)),
        "desk": Capabilities((PEN, CHALK, SLATE, *MANY), usual="chalk"),
    },
    "apikley",
    faults={"shed": ("the table is wrong", "mend it")},
)


def film(author: Author, model: str, top: str = "") -> Path:
    return author.write(f"storyboard: 1\n{top}scenes:\n  - {{id: a, prompt: A gull, model: {model}}}\n")


def named(author: Author, model: str, top: str = "") -> ModelName:
    board = read_storyboard(film(author, model, top).name, Project(author.folder), BOTH)
    source = board.scenes[0].source
    assert isinstance(source, Generated)
    return ModelName(source.provider, source.model)


def told(author: Author, model: str, top: str = "") -> list[str]:
    found = check_storyboard(film(author, model, top).name, Project(author.folder), BOTH)
    return [f"{problem.place.line}:{problem.place.column} {problem.message}; {problem.hint}" for problem in found]


@pytest.mark.parametrize(
    ("word", "top", "name"),
    [
        ("veo3", "", ("apikley", "veo3")),
        ("apikley/veo3", "", ("apikley", "veo3")),
        ("apikley/ink/pen", "", ("apikley", "ink/pen")),
        ("desk/chalk", "", ("desk", "chalk")),
        ("desk/ink/pen", "", ("desk", "ink/pen")),
        ("hero", "models: {hero: desk/chalk}\n", ("desk", "chalk")),
        ("hero", "models: {hero: veo3, rest: desk/chalk}\n", ("apikley", "veo3")),
    ],
)
def test_a_word_names_one_model(author: Author, word: str, top: str, name: tuple[str, str]) -> None:
    assert named(author, word, top) == name
    assert BOTH.find(BOTH.word(ModelName(*name))) == name


@pytest.mark.parametrize(
    ("word", "top", "said"),
    [
        ("ink/pen", "", "3:36 'ink/pen' is not a model; write 'apikley/ink/pen': its own name has a '/', so its"),
        ("desk/chalc", "", "'desk/chalc' is not a model; did you mean 'desk/chalk'?"),
        ("desk/zzzzzz", "", "desk has: desk/ink/pen, desk/chalk, desk/slate, desk/pen-0"),
        ("desk/zzzzzz", "", "desk/pen-8 and 5 more"),
        ("shed/tool", "", "'shed/tool' is not a model: the table is wrong; mend it"),
        ("fal/h3", "", "no provider 'fal' is configured: add [providers.fal] to config.toml"),
        ("veo4", "", "'veo4' is not a model; did you mean 'veo3'?"),
        ("qqqqqq", "", "there are: veo3, veo3_fast, apikley/ink/pen, desk/ink/pen"),
        ("hero", "models: {hero: desk/none}\n", "2:16 'desk/none' is not a model"),
        ("veo3", "models: {veo3: desk/chalk}\n", "2:10 'veo3' is the name of a model; choose another word for it"),
        ("veo3", "models: {desk: desk/chalk}\n", "2:10 'desk' is the name of a provider; choose another word for it"),
        ("veo3", "models: {hero: 3}\n", "2:"),
    ],
)
def test_what_names_no_model(author: Author, word: str, top: str, said: str) -> None:
    found = told(author, word, top)
    assert said in "\n".join(found), found


def test_the_word_of_the_command_line(author: Author) -> None:
    file = film(author, "veo3", "models: {hero: desk/chalk}\n")
    board = read_storyboard(file.name, Project(author.folder), BOTH, model="hero")
    assert isinstance(board.scenes[0].source, Generated)
    assert board.scenes[0].source.provider == "desk"
    with pytest.raises(InputError, match="--model: 'her' is not a model"):
        read_storyboard(file.name, Project(author.folder), BOTH, model="her")


def test_a_fallback_of_another_provider(author: Author) -> None:
    rules = "if_refused: [{model: desk/pen-0}]"
    file = author.write(f"storyboard: 1\nscenes:\n  - {{id: a, prompt: A gull, {rules}}}\n")
    source = read_storyboard(file.name, Project(author.folder), BOTH).scenes[0].source
    assert isinstance(source, Generated)
    assert [(rule.provider, rule.model) for rule in source.if_refused] == [("desk", "pen-0")]


def test_the_schema_of_one_provider_is_the_published_one() -> None:
    assert configured_text(Catalogue.of("apikley", CAPABILITIES)) == schema.text()


@pytest.mark.parametrize(
    ("choice", "right"),
    [
        ({"model": "desk/ink/pen", "seconds": 7.5}, True),
        ({"model": "desk/ink/pen", "seconds": 6}, False),
        ({"model": "desk/chalk", "seconds": 9, "seed": 9}, True),
        ({"model": "desk/chalk", "seconds": 2.5}, False),
        ({"model": "desk/chalk", "seed": 10}, False),
        ({"model": "desk/slate", "seconds": 2.5}, True),
        ({"model": "desk/slate", "aspect": "4:3"}, False),
        ({"model": "a word of the file's own", "aspect": "4:3"}, True),
    ],
)
def test_the_schema_knows_what_each_model_offers(choice: dict[str, object], right: bool) -> None:
    document = json.loads(configured_text(BOTH))
    Draft202012Validator.check_schema(document)
    check = Draft202012Validator({"$defs": document["$defs"], "$ref": "#/$defs/scene"})
    assert (not [*check.iter_errors({"id": "a", "prompt": "A gull", **choice})]) is right
