"""What becomes of a storyboard that is right: every default filled in, every unit parsed, every file found."""

import hashlib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path, PurePosixPath

import pytest
from author import Author, clip

from storyboard.cli.exit_status import error_status
from storyboard.model.errors import InputError, Problems
from storyboard.model.problem import Place, Problem
from storyboard.model.storyboard import Generated, LocalImage, Output, OwnClip, SceneFrame, Trim, WebImage
from storyboard.parsing import schema
from storyboard.parsing.read import check_storyboard, read_storyboard
from storyboard.parsing.source import format_problem
from storyboard.parsing.yaml import load
from storyboard.providers.apikley.veo import CAPABILITIES
from storyboard.workflow.source_files import Project

ONE = "storyboard: 1\nscenes:\n  - id: a\n    prompt: One.\n"


def generated(author: Author, text: str) -> Generated:
    source = author.read(text).scenes[0].source
    assert isinstance(source, Generated)
    return source


def test_the_smallest(author: Author) -> None:
    """Two keys make a film: all else has a default."""
    film = author.read(ONE)
    assert (film.name, film.title, film.skipped, film.warnings) == ("film", "film", (), ())
    assert film.output == Output(PurePosixPath("out/film.mp4"), None, None, "pad")
    (scene,) = film.scenes
    assert (scene.id, scene.number, scene.trim, scene.note) == ("a", 1, Trim(), "")
    assert scene.place == Place("film.yaml", 3, 5)
    assert scene.source == Generated(
        prompt="One.",
        provider="apikley",
        model="veo3_fast",
        aspect="16:9",
        first_frame=None,
        last_frame=None,
        references=(),
        seed=None,
        translate=True,
        watermark=None,
        resolution="720p",
    )


def test_the_largest(author: Author) -> None:
    """Everything that can be said arrives, with its own type."""
    image = author.draw("frames/a.png")
    film = author.read("""storyboard: 1
title: The Keeper
description: For people.
x-tool: { any: thing }
scenes:
  - id: a
    prompt: |

      Two lines,
      the second one here.

    model: veo3
    aspect: 16:9
    first_frame: frames/a.png
    last_frame: https://example.com/b.png?x=1
    seed: 41203.0
    translate: false
    watermark: Keeper
    resolution: 1080p
    takes: 3.0
    pick: 2
    frozen: true
    trim: { from: 0.1, to: 7.96 }
    note: For people.
    skip: false
    x-mine: [1]
  - id: b
    prompt: Two.
    skip: true
  - id: c
    prompt: Three.
    trim: {}
output: { file: films/keeper.MP4, size: 1080x1920, fps: 30, fit: crop, x-o: 1 }
""")
    assert [(scene.id, scene.number) for scene in film.scenes] == [("a", 1), ("c", 3)]
    assert film.skipped == ("b",)
    assert film.output == Output(PurePosixPath("films/keeper.MP4"), (1080, 1920), 30, "crop")
    scene = film.scenes[0]
    assert scene.trim == Trim(Fraction(1, 10), Fraction(199, 25))
    assert scene.note == "For people."
    content = image.read_bytes()
    assert scene.source == Generated(
        prompt="Two lines,\nthe second one here.",
        provider="apikley",
        model="veo3",
        aspect="16:9",
        first_frame=LocalImage(
            path=PurePosixPath("frames/a.png"),
            digest=hashlib.sha256(content).hexdigest(),
            bytes=len(content),
            width=160,
            height=90,
            kind="png",
            place=Place("film.yaml", 14, 18),
        ),
        last_frame=WebImage("https://example.com/b.png?x=1", Place("film.yaml", 15, 17)),
        references=(),
        seed=41203,
        translate=False,
        watermark="Keeper",
        resolution="1080p",
        takes=3,
        pick=2,
        frozen=True,
    )


def test_the_name_is_the_files(author: Author) -> None:
    """keeper.storyboard.yaml is the film 'keeper', as its lock and its output are."""
    author.write(ONE, "keeper.storyboard.yaml")
    film = read_storyboard("keeper.storyboard.yaml", Project(author.folder), author.catalogue)
    assert (film.name, str(film.output.file)) == ("keeper", "out/keeper.mp4")


def test_the_scenes_own_word_wins(author: Author) -> None:
    """Defaults speak only where a scene is silent, and never against what it says."""
    author.draw("a.png")
    text = """storyboard: 1
defaults:
  model: veo3
  aspect: 9:16
  seed: 10001
  note: all
  {default}
scenes:
  - id: a
    prompt: One.
    model: veo3_fast
    aspect: 16:9
    {own}
"""
    plain = generated(author, text.format(default="x-a: 1", own="x-a: 1"))
    assert (plain.model, plain.aspect, plain.seed) == ("veo3_fast", "16:9", 10001)
    frames = generated(author, text.format(default="references: [a.png]", own="first_frame: a.png"))
    assert (bool(frames.first_frame), frames.references) == (True, ())
    references = generated(author, text.format(default="first_frame: a.png", own="references: [a.png]"))
    assert (references.first_frame, len(references.references)) == (None, 1)
    both = text.format(default="first_frame: a.png\n  references: [a.png]", own="x-a: 1")
    assert author.told(both) == ["8:3 a scene has frames or references, not both"]


def test_defaults_of_a_shot_do_not_trip_a_clip(author: Author) -> None:
    """'defaults: model' is for the shots; an own clip among them is none."""
    clip(author.folder / "stings/logo.mp4")
    text = """storyboard: 1
defaults: { model: veo3, seed: 10001, references: cast, prompt: Same words. }
scenes:
  - id: logo
    file: stings/logo.mp4
    trim: { from: 0.5 }
  - id: a
"""
    film = author.read(text)
    assert film.scenes[0].source == OwnClip(PurePosixPath("stings/logo.mp4"), Place("film.yaml", 5, 11))
    assert film.scenes[0].trim == Trim(Fraction(1, 2), None)
    assert getattr(film.scenes[1].source, "prompt", "") == "Same words."
    long = text.replace("{ from: 0.5 }", "{ from: 2, to: 2.5 }")
    assert author.told(long) == [
        "6:19 'from' is 2 s, and the clip is only 2 s long",
        "6:26 'to' is 2.5 s, and the clip is only 2 s long",
    ]
    other = "storyboard: 1\ndefaults: { file: stings/logo.mp4 }\nscenes:\n  - id: a\n  - id: b\n    prompt: Two.\n"
    assert [type(scene.source) for scene in author.read(other).scenes] == [OwnClip, Generated]


def test_the_scene_that_all_refer_to_refers_to_none(author: Author) -> None:
    """A sheet of its own frames would have to be there before its clip."""
    text = "storyboard: 1\ndefaults: {references: {scene: a}}\nscenes:\n"
    film = author.read(text + "  - {id: a, prompt: A stair}\n  - {id: b, prompt: Its foot}\n")
    found = [scene.source.references for scene in film.scenes if isinstance(scene.source, Generated)]
    assert [len(references) for references in found] == [0, 1]


def test_the_cast_brings_its_images(author: Author) -> None:
    """'references: cast' sends those whom the prompt names, in its order, and each image once."""
    for name in ("face", "coat", "wing", "unused"):
        author.draw(f"refs/{name}.png")
    text = """storyboard: 1
cast:
  x-note: { any: thing }
  keeper: { looks: an old man, images: [refs/face.png, refs/coat.png] }
  gull: { looks: a gull, images: [refs/wing.png, refs/face.png] }
  sea: { looks: the sea }
  ghost: { looks: a ghost, images: [refs/gone.png] }
defaults:
  references: cast
scenes:
  - id: a
    prompt: "{{ cast['gull'] }} and {{ cast.sea }} {% if false %}{{ cast.keeper }}{% endif %}{{ cast.gull }}"
  - id: b
    prompt: Nobody.
"""
    film = author.read(text)
    first, second = (scene.source for scene in film.scenes)
    assert isinstance(first, Generated)
    assert isinstance(second, Generated)
    names = [image.path.name for image in first.references if isinstance(image, LocalImage)]
    assert names == ["wing.png", "face.png"], "a branch that does not run names nobody"
    assert second.references == ()
    assert author.told(text.replace("Nobody.", "'{{ cast.ghost }}'")) == ["7:37 there is no file 'refs/gone.png'"]
    assert author.told(text.replace("Nobody.", "'{{ cast.ghost() }}'")) == [
        "14:13 a call such as name(…) cannot be used in a template"
    ]


def test_an_included_file_speaks_for_itself(author: Author) -> None:
    """Scenes in files of their own: paths relative to them, problems under their names."""
    author.draw("scenes/frames/a.png")
    author.draw("pictures/b.png")
    author.write(
        "id: b\nprompt: '{{ hour }}'\nfirst_frame: frames/a.png\nlast_frame: ../pictures/b.png\n", "scenes/b.yaml"
    )
    author.write("- include: deep/d.yml\n- id: c\n  prompt: Three.\n", "scenes/more.yaml")
    author.write("id: d\nprompt: '{{ scene.number }} of {{ scene.count }}'\n", "scenes/deep/d.yml")
    text = "storyboard: 1\nvars: { hour: dawn }\nscenes:\n  - id: a\n    prompt: One.\n"
    text += "  - include: scenes/b.yaml\n    x-a: 1\n  - include: scenes/more.yaml\n"
    film = author.read(text)
    assert [scene.id for scene in film.scenes] == ["a", "b", "d", "c"]
    assert [scene.number for scene in film.scenes] == [1, 2, 3, 4]
    source = film.scenes[1].source
    assert isinstance(source, Generated)
    assert isinstance(source.first_frame, LocalImage)
    assert isinstance(source.last_frame, LocalImage)
    assert (str(source.first_frame.path), str(source.last_frame.path)) == ("scenes/frames/a.png", "pictures/b.png")
    assert source.first_frame.place == Place("scenes/b.yaml", 3, 14)
    assert getattr(film.scenes[2].source, "prompt", "") == "3 of 4"
    author.write("id: b\nmodle: x\nprompt: Two.\n", "scenes/b.yaml")
    shown = check_storyboard("film.yaml", Project(author.folder), author.catalogue, shown="../films/film.yaml")
    assert [str(problem.place) for problem in shown] == ["../films/scenes/b.yaml:2:1"]


def test_includes_are_bounded(author: Author) -> None:
    """Files that include files end somewhere, however many there are."""
    for number in range(13):
        author.write(f"- include: {number + 1}.yaml\n- id: s{number}\n  prompt: x\n", f"{number}.yaml")
    told_ = author.told("storyboard: 1\nscenes:\n  - include: 0.yaml\n")
    assert told_ == ["1:12 files include files more than 10 deep"]


def test_a_film_has_an_end(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    """A storyboard that somebody generated by mistake is said to be too large, once."""
    monkeypatch.setattr("storyboard.parsing.includes.MAX_SCENES", 2)
    scenes = "".join(f"  - id: s{number}\n    prompt: One.\n" for number in range(5))
    assert author.told(f"storyboard: 1\nscenes:\n{scenes}") == ["7:5 a film has at most 2 scenes"]
    monkeypatch.setattr("storyboard.parsing.includes.MAX_BYTES", 60)
    author.write("id: x\nprompt: One.\n", "x.yaml")
    text = "storyboard: 1\nscenes:\n  - id: long\n    prompt: A long line.\n  - include: x.yaml\n"
    assert author.told(text) == ["5:14 the storyboard is larger than 0 MiB"]


def test_warnings_stop_nothing(author: Author) -> None:
    """A film with an odd image is made, and its author knows."""
    author.draw("tall.png", 90, 160)
    text = ONE + "    first_frame: tall.png\n  - id: b\n    prompt: Two.\n    aspect: auto\n    first_frame: tall.png\n"
    film = author.read(text)
    assert [problem.severity for problem in film.warnings] == ["warning", "warning"]
    assert format_problem(film.warnings[0]).startswith("film.yaml:5:18: warning: this image is 90x160")
    hidden = author.read("storyboard: 1\nvars:\n  colour: #fff\n  list: [a, ]\n  empty:\n" + ONE[14:])
    assert [problem.message[:17] for problem in hidden.warnings] == ["this is a comment"]


def test_all_is_said_at_once_and_once(author: Author) -> None:
    """One run names every mistake, in the order of the lines, and none twice."""
    text = """storyboard: 1
defaults: { prompt: "{{ nobody }}", model: vevo }
scenes:
  - id: a
  - id: b
    seed: 1
output: { fps: 0 }
"""
    with pytest.raises(Problems) as caught:
        author.read(text)
    places = [(problem.place.line, problem.path) for problem in caught.value.problems]
    assert places == [(2, "defaults.prompt"), (2, "defaults.model"), (6, "scenes[1].seed"), (7, "output.fps")]
    assert error_status(caught.value) == 2


@pytest.mark.parametrize("key", ["vars", "cast", "defaults", "output"])
def test_what_is_no_mapping_hides_nothing_else(author: Author, key: str) -> None:
    """A list where a mapping belongs is one mistake, not one a prompt."""
    text = f"storyboard: 1\n{key}: [1]\nscenes:\n  - id: a\n    prompt: '{{{{ x }}}}'\n    seed: 1\n"
    if key in ("defaults", "output"):
        text = text.replace("{{ x }}", "One.")
    assert author.told(text, {}) == [
        f"2:{len(key) + 3} '{key}' must be a mapping, this is a list",
        *author.told(text)[1:],
    ]
    assert author.told(text)[1:] == ["6:11 a seed is a number from 10000 to 99999"]


def test_odd_paths_and_values_have_words(author: Author) -> None:
    """Blank paths, empty choices, a text where a list belongs."""
    clip(author.folder / "own.mp4")
    text = """storyboard: 1
cast:
  keeper: { looks: an old man, images: face.png }
scenes:
  - id: a
    prompt: One.
    first_frame: "  "
    aspect:
  - id: b
    file: ../own.mp4
    trim: { to: 1 }
  - id: c
    file: own.mp4
  - id: d
    file: ./own.mp4
  - id: e
    file: 5
"""
    assert author.told(text) == [
        "3:40 'images' must be a list, this is text",
        "7:18 '  ' cannot be a path",
        "8:12 'aspect' has no value",
        "10:11 '../own.mp4' is outside the project folder",
        "17:11 'file' must be text, this is a number",
    ]


@pytest.mark.ci
def test_a_flood_of_mistakes_ends(author: Author) -> None:
    """Somebody's generated file with everything wrong is told of in reasonable time."""
    scenes = "".join(f"  - id: S{number}\n    promt: x\n" for number in range(2_000))
    assert 1_000 <= len(author.check(f"storyboard: 1\nscenes:\n{scenes}")) <= 1_020
    scenes = "".join(f"  - id: s{number}\n    prompt: x\n    seed: 1\n" for number in range(2_000))
    assert 1_000 <= len(author.check(f"storyboard: 1\nscenes:\n{scenes}")) <= 1_020
    keys = "".join(f"    k{number}: x\n" for number in range(3_000))
    assert len(author.check(f"storyboard: 1\nscenes:\n  - id: s\n    prompt: x\n{keys}")) == 20


def test_the_collector_is_left_as_it_was(author: Author) -> None:
    """Reading a long film switches it off for a while, and nobody notices."""
    import gc

    gc.disable()
    try:
        author.read(ONE)
        assert not gc.isenabled()
    finally:
        gc.enable()
    author.read(ONE)
    assert gc.isenabled()


def test_another_provider_says_what_it_offers(author: Author) -> None:
    """Models, shapes and limits are the provider's, not the format's."""
    from dataclasses import replace

    from storyboard.model.capabilities import Capabilities

    slow = replace(author.capabilities.models[0], name="slow", aspects=("16:9",), seconds=5)
    author.capabilities = Capabilities((slow, replace(slow, name="quick")), usual="slow")
    assert generated(author, ONE).model == "slow"
    wrong = ONE + "    model: veo3\n    aspect: 9:16\n    trim: { to: 6 }\n"
    assert author.told(wrong) == [
        "5:12 'veo3' is not a model",
        "6:13 9:16 is no shape of slow",
        "7:17 'to' is 6 s, and the clip is only 5 s long",
    ]


def test_the_main_file_must_be_there(author: Author) -> None:
    """Nothing to point at: the file itself is missing."""
    with pytest.raises(InputError, match=r"there is no file 'gone\.yaml'"):
        read_storyboard("gone.yaml", Project(author.folder), author.catalogue)


def test_a_problem_is_shown_in_its_line() -> None:
    """The caret stands under the mistake, behind tabs, wide signs and long lines too."""
    place = Place("a.yaml", 7, 9)
    assert format_problem(Problem(place, "x", "wrong", "better", source='\té: "狐狐" x', width=2)) == (
        'a.yaml:7:9: wrong\n    7 |  é: "狐狐" x\n      |           ^^\n  hint: better'
    )
    long = Problem(Place("a.yaml", 1, 150), "", "wrong", source="x" * 149 + "HERE" + "y" * 200, width=4)
    line, carets = format_problem(long).splitlines()[1:]
    assert line[carets.index("^") :].startswith("HERE")
    assert len(line) < 120
    assert format_problem(Problem(Place("a\x1b.yaml", 1, 1), "", "wrong")) == "a\\u001b.yaml:1:1: wrong"
    escaped = format_problem(Problem(Place("a.yaml", 1, 3), "", "wrong", source="a\x1b:\u202e", width=1))
    assert "\x1b" not in escaped
    assert "\u202e" not in escaped


def test_the_schema_speaks_to_editors() -> None:
    """Every key has hover text and an example, and the schema is one that every tool can read."""
    import json

    from jsonschema import Draft202012Validator

    whole = json.loads(schema.text())
    Draft202012Validator.check_schema(whole)
    bare = []
    for name, rule in [("", whole), *whole["$defs"].items()]:
        for key, found in [
            (name, rule),
            *((f"{name}.{key}", inner) for key, inner in rule.get("properties", {}).items()),
        ]:
            if "$ref" not in found and not {"description"} <= found.keys():
                bare.append(key)
            if "$ref" not in found and "examples" not in found and key:
                bare.append(key)
    assert bare == []


def test_the_published_schema_agrees(author: Author) -> None:
    """What an editor accepts by the schema alone is what the command accepts, as far as a schema can say it."""
    import json

    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource

    folder = Path(schema.__file__).parents[1] / "schemas"
    files = {file.name: json.loads(file.read_text()) for file in folder.glob("s*.schema.json")}
    registry: Registry[object] = Registry().with_resources(
        [(name, Resource.from_contents(content)) for name, content in files.items()]
    )
    examples = Path(__file__).parents[2] / "examples"
    for file in examples.rglob("*.yaml"):
        if ".lock." in file.name:
            continue
        which = "scenes" if file.parent.name == "scenes" else "storyboard"
        # PyYAML's own loader reads an unquoted 16:9 as a number: editors do not, and neither do we.
        value = load(file.read_bytes(), file.name)
        rules = files[f"{which}.schema.json"]
        errors = list(Draft202012Validator(rules, registry=registry).iter_errors(value))
        assert errors == [], file


@pytest.mark.ci
def test_when_not_all_was_looked_at_that_is_said(author: Author) -> None:
    """Whoever mends a thousand problems should not be surprised by a thousand more."""
    for wrong in ("promt: x", "prompt: '{{ nobody }}'"):
        scenes = "".join(f"  - {{id: s{number}, {wrong}}}\n" for number in range(2_500))
        told = author.told(f"storyboard: 1\nscenes:\n{scenes}")
        assert 1_000 < len(told) < 2_500
        enough = [line for line in told if "the scenes from here on were not checked" in line]
        assert enough == told[-1:]


def test_a_resolution_is_one_of_the_model(author: Author) -> None:
    """Another provider would be asked, and paid, for a size that it does not make."""
    plain = replace(CAPABILITIES.models[0], resolutions=CAPABILITIES.models[0].resolutions[:1])
    author.capabilities = replace(CAPABILITIES, models=(plain,), usual=plain.name)
    scene = f"storyboard: 1\nscenes:\n  - {{id: a, prompt: A gull, model: {plain.name}, resolution: 1080p}}\n"
    assert author.told(scene) == [f"3:{scene.splitlines()[2].index('1080p') + 1} 1080p is no resolution of veo3"]
    assert author.told(scene.replace("1080p", "720p")) == []


def test_frames_of_scenes_and_keyframes(author: Author) -> None:
    """What a shot begins and ends with: an image, a frame of a scene, or either by a name; the default is the join."""
    text = (
        "storyboard: 1\nkeyframes:\n  porch: a.png\n  dusk: https://example.com/a.png\n  door: {scene: a, at: 2.5}\n"
        "  tower: {scene: b}\nscenes:\n  - id: b\n    prompt: B.\n    first_frame: {scene: a}\n"
        "    last_frame: {scene: c}\n  - {id: a, prompt: A., first_frame: {keyframe: porch}}\n"
        "  - {id: c, prompt: C., aspect: auto, first_frame: {keyframe: door}, last_frame: {keyframe: dusk}}\n"
    )
    author.draw("a.png")
    film = author.read(text)
    b, a, c = (scene.source for scene in film.scenes if isinstance(scene.source, Generated))
    assert (b.first_frame, b.last_frame) == (
        SceneFrame("a", "last", Place("film.yaml", 10, 18)), SceneFrame("c", "first", Place("film.yaml", 11, 17)),
    )  # fmt: skip
    assert isinstance(a.first_frame, LocalImage)
    assert a.first_frame.place == Place("film.yaml", 3, 10)
    assert c.first_frame == SceneFrame("a", Fraction(5, 2), Place("film.yaml", 5, 9))
    assert isinstance(c.last_frame, WebImage)
    assert [str(frame) for frame in (*b.scene_frames, *c.scene_frames)] == [
        "the last frame of a", "the first frame of c", "the frame at 2.5 s of a",
    ]  # fmt: skip


def test_a_frame_of_a_scene_that_is_wrong_is_told_once(author: Author) -> None:
    """The scene has its error; whoever begins with its frame has none."""
    scenes = "  - {id: a, prompt: ''}\n  - {id: b, prompt: B., first_frame: {scene: a}, last_frame: {scene: zzz}}\n"
    problems = author.check("storyboard: 1\nscenes:\n" + scenes)
    assert [(problem.message, problem.hint) for problem in problems] == [
        ("'prompt' is empty", ""),
        ("there is no scene 'zzz'", "there are: a, b"),
    ]
