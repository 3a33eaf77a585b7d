"""What a scene chooses of its model: length, resolution, sound, options, images; and what the model's rules exclude."""

from dataclasses import replace
from fractions import Fraction

import pytest
from author import Author

from storyboard.model.capabilities import Capabilities, Lengths, Model, ModelRule, Quality
from storyboard.model.shot import shot
from storyboard.model.storyboard import Generated, Scene
from storyboard.parsing.read import read_storyboard
from storyboard.providers.apikley.veo import CAPABILITIES
from storyboard.workflow.source_files import Project

PEN = Model(
    "pen",
    ("16:9", "9:16"),
    5,
    (Quality("720p", (1280, 720)), Quality("1080p", (1920, 1080))),
    None,
    500,
    lengths=Lengths((Fraction(5), Fraction(10))),
    last_frame=False,
    sound="switch",
    options=frozenset({"negative"}),
    rules=(
        ModelRule({"resolution": "1080p"}, {"seconds": (5,)}, "1080p clips last 5 s"),
        ModelRule({"sound": False}, {"seed": (None,), "sound": (False,), "aspect": ("16:9", "9:16")}, "never"),
        ModelRule({"aspect": "9:16"}, {"sound": (True, None)}, "upright clips have sound"),
        ModelRule({"first_frame": True}, {"aspect": ("16:9",)}, "a first frame is 16:9"),
        ModelRule({"seconds": 10}, {"first_frame": (False,)}, "10 s begin with no frame"),
    ),
)
TOWER = Model(
    "tower",
    ("9:16",),
    6,
    (Quality("720p", (1280, 720)),),
    (1, 9),
    500,
    first_frame=False,
    last_frame=False,
    lengths=Lengths(least=Fraction(2), most=Fraction(6)),
    sound="never",
    options=frozenset(),
    rules=(
        ModelRule({"aspect": "9:16", "seconds": 6}, {"first_frame": (True,), "seconds": (2, 3)}, "it never ends well"),
        ModelRule({"seconds": 5}, {"seed": (None,)}, "5 s take no seed"),
    ),
)
LONG = replace(PEN, name="long", lengths=Lengths(least=Fraction(2), most=Fraction(9), step=Fraction(7, 2)), rules=())


@pytest.fixture
def studio(author: Author) -> Author:
    author.capabilities = Capabilities((PEN, TOWER, LONG, *CAPABILITIES.models), usual="pen")
    return author


def scene(studio: Author, words: str) -> Scene:
    return studio.read(f"storyboard: 1\nscenes:\n  - {{id: a, prompt: A gull., {words}}}\n").scenes[0]


def told(studio: Author, words: str) -> list[str]:
    found = studio.check(f"storyboard: 1\nscenes:\n  - {{id: a, prompt: A gull., {words}}}\n")
    return [f"{problem.place.column} {problem.message}; {problem.hint}" for problem in found]


def test_a_choice_is_a_part_of_the_shot(studio: Author) -> None:
    """What the model offers is asked for, defaults too; the scene is as long as its clip."""
    chosen = scene(studio, "seconds: 10, sound: false, negative: text")
    usual = scene(studio, "aspect: '16:9'")
    assert isinstance(chosen.source, Generated)
    assert isinstance(usual.source, Generated)
    assert (chosen.clip_seconds, usual.clip_seconds) == (10, 5)
    asked = {"seconds": "10", "resolution": "720p", "sound": False, "negative": "text"}
    assert shot(chosen.source, "apikley").recipe == {"prompt": "A gull.", "model": "pen", **asked}
    assert shot(usual.source, "apikley").recipe["sound"] is True


def test_what_offers_no_choice_changes_no_key(studio: Author) -> None:
    """Beside the built-in models, the words that repeat what they do change nothing that was bought."""
    usual = scene(studio, "model: veo3").source
    said = scene(studio, "model: veo3, seconds: 8, sound: true, resolution: 1080p").source
    assert isinstance(usual, Generated)
    assert isinstance(said, Generated)
    assert shot(said, "apikley").key == shot(usual, "apikley").key


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("seconds: 7", "39 pen makes no clips of 7 s; it offers 5, 10 s"),
        ("model: tower, seconds: 7", "53 tower makes no clips of 7 s; it offers whole seconds from 2 to 6 s"),
        ("model: long, seconds: 3", "52 long makes no clips of 3 s; it offers lengths from 2 to 9 s in steps of 3.5 s"),
        (
            "model: veo3, sound: false",
            "50 veo3 makes all clips with sound; write 'audio: {mute: true}' to silence it in the film",
        ),
        (
            "watermark: Gulls",
            "30 pen has no option 'watermark'; it has negative; add a 'title' to the scene to show text",
        ),
        ("seed: 5", "36 this model takes no seed; remove it; each take differs all the same"),
        ("seconds: 10, resolution: 1080p", "39 1080p clips last 5 s; write 'seconds: 5'"),
        ("aspect: '9:16', sound: false", "53 upright clips have sound; write 'sound: true'"),
        (
            "first_frame: https://a.example/a.png, aspect: '9:16'",
            "76 a first frame is 16:9; write 'aspect: 16:9'",
        ),
        (
            "first_frame: https://a.example/a.png, seconds: 10",
            "43 10 s begin with no frame; leave 'first_frame' out",
        ),
    ],
)
def test_what_a_model_does_not_offer(studio: Author, words: str, problem: str) -> None:
    """Each error says what the model offers instead."""
    assert told(studio, words) == [problem]


def test_what_a_model_without_images_and_options_says(studio: Author) -> None:
    words = "model: tower, seconds: 5, sound: true, negative: text, seed: 5, first_frame: https://a.example/a.png"
    assert sorted(each.split(" ", 1)[1] for each in told(studio, words)) == [
        "5 s take no seed; leave 'seed' out",
        "tower has no option 'negative'; it has no such options; say in the prompt what the clip shows",
        "tower makes all clips without sound; take the key out",
        "tower takes no 'first_frame'; it takes no images: describe them in the prompt",
    ]
    assert "it never ends well; write 'seconds: 2', or 3" in " ".join(told(studio, "model: tower, seconds: 6"))
    frames = "first_frame: https://a.example/a.png, last_frame: https://a.example/b.png"
    assert "it takes 'first_frame'" in told(studio, frames)[0]
    assert "it never ends well; add 'first_frame'" in " ".join(told(studio, "model: tower"))


def test_what_a_model_that_takes_bytes_says(studio: Author) -> None:
    """An address is refused before anything is paid; a tag that the model knows is no slip."""
    taken = replace(PEN, images="bytes", web_images=False, references=2, reference_aspects=("16:9",), rules=())
    studio.capabilities = Capabilities((replace(taken, prompt_tags=frozenset({"REF_0"})),), usual="pen")
    refused = "pen takes no image by its address; save the image in the project, and name its file"
    assert told(studio, "first_frame: https://a.example/a.png") == [f"43 {refused}"]
    scenes = "{id: a, prompt: Of <REF_0> and <REF_1>, references: [https://a.example/a.png]}"
    found = [problem.message for problem in studio.check(f"storyboard: 1\nscenes:\n  - {scenes}\n")]
    assert found == ["'<REF_1>' means nothing to a model, which may print it", "pen takes no image by its address"]


def test_a_rule_without_a_word_to_blame_names_the_scene(studio: Author) -> None:
    """Where defaults alone break a rule, the problem is at the scene."""
    strict = replace(PEN, rules=(ModelRule({"aspect": "16:9"}, {"seconds": (10,)}, "it lasts 10 s"),))
    studio.capabilities = Capabilities((strict,), usual="pen")
    assert told(studio, "note: none") == ["10 it lasts 10 s; write 'seconds: 10'"]


def test_a_proof_leaves_out_what_its_model_does_not_offer(studio: Author) -> None:
    """--model of another model: a length, sound or option that it does not have is not asked for."""
    file = studio.write(
        "storyboard: 1\nscenes:\n  - {id: a, prompt: A gull., seconds: 10, sound: false, negative: text}\n"
        "  - {id: b, prompt: A gull., model: veo3, watermark: Gulls, seconds: 8}\n"
    )
    project = Project(studio.folder)
    found = {
        model: [each.source for each in read_storyboard(file.name, project, studio.catalogue, model=model).scenes]
        for model in ("veo3_fast", "long")
    }
    assert [getattr(each, "seconds", 0) for each in found["veo3_fast"]] == [None, None]
    assert [getattr(each, "sound", 0) for each in found["veo3_fast"]] == [None, None]
    assert [getattr(each, "seconds", 0) for each in found["long"]] == [5, 5]


def test_defaults_choose_for_every_scene(studio: Author) -> None:
    """A length in the defaults is that of each generated scene, and no warning says that it changes nothing."""
    film = studio.read("storyboard: 1\ndefaults: {seconds: 10}\nscenes:\n  - {id: a, prompt: A gull.}\n")
    assert (film.scenes[0].seconds, film.warnings) == (10, ())
