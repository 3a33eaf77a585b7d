"""validate, prompts and schema at the prompt, and the page that describes the format."""

import importlib.util
import json
import re
from pathlib import Path

import pytest
from author import Author, clip
from jsonschema import Draft202012Validator

from storyboard.cli.main import status
from storyboard.parsing import schema, yaml

ROOT = Path(__file__).parents[2]
EXAMPLES = ["ferry/ferry.yaml", "hello/hello.yaml", "includes/includes.yaml", "keeper/keeper.yaml"]
Streams = pytest.CaptureFixture[str]


def described(name: str, document: object) -> None:
    rules = json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(rules)
    Draft202012Validator(rules).validate(document)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_are_right(name: str, capsys: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    """What people copy from has no problem and no warning."""
    monkeypatch.chdir(ROOT / "examples")
    assert status(["validate", name]) == 0
    assert capsys.readouterr().err.endswith(", no problems\n")


def test_several_files_are_checked_at_once(author: Author, capsys: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pre-commit hook names all files that have changed."""
    monkeypatch.chdir(author.folder)
    author.write("storyboard: 1\nscenes:\n  - id: a\n    prompt: One.\n", "good.yaml")
    author.write("storyboard: 1\nscenes:\n  - id: a\n    promt: One.\n", "bad.yaml")
    assert status(["validate", "good.yaml", "./bad.yaml"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert [line for line in told.err.splitlines() if "yaml" in line] == [
        "good.yaml: 1 scene, no problems",
        "./bad.yaml:4:5: unknown key 'promt'",
        "./bad.yaml: 1 error",
    ]


def test_problems_for_other_tools(author: Author, capsys: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    """--json prints one document, described by a schema, also where nothing is wrong."""
    monkeypatch.chdir(author.folder)
    author.draw("tall.png", 9, 16)
    text = "storyboard: 1\nvars:\n  hour:\nscenes:\n  - id: a\n    prompt: '{{ hour }}'\n    first_frame: tall.png\n"
    author.write(text, "storyboard.yaml")
    assert status(["validate", "--json"]) == 2
    document = json.loads(capsys.readouterr().out)
    described("problems", document)
    assert document["problems"][0] == {
        "file": "storyboard.yaml",
        "line": 6,
        "column": 17,
        "path": "scenes[0].prompt",
        "message": "'hour' has no value",
        "hint": "give it one in the storyboard, or with --var hour=…",
        "severity": "error",
    }
    assert status(["validate", "--json", "--var", "hour=dusk"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [problem["severity"] for problem in document["problems"]] == ["warning"]
    assert status(["validate"]) == 2
    assert capsys.readouterr().err.endswith("storyboard.yaml: 1 error, 1 warning\n")


def test_what_is_not_there(author: Author, capsys: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file is the author's business too."""
    monkeypatch.chdir(author.folder)
    assert status(["validate", "film.yaml"]) == 2
    assert status(["prompts"]) == 2
    assert capsys.readouterr().err.startswith("storyboard: there is no file 'film.yaml'\n")


def test_prompts_are_shown_as_sent(author: Author, capsys: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    """An author reads the very words that the money is for, with nothing sent."""
    monkeypatch.chdir(author.folder)
    author.draw("a.png", 16, 9)
    author.write("""storyboard: 1
vars: { hour: dawn }
scenes:
  - id: a
    prompt: |
      {{ hour }},
      and "rain".
    first_frame: a.png
    last_frame: https://example.com/b.png
    seed: 10001
  - id: b
    prompt: Two.
    skip: true
  - id: c
    prompt: Three.
    translate: false
""")
    assert status(["prompts", "film.yaml", "--var", "hour=dusk"]) == 0
    assert (
        capsys.readouterr().out
        == """a
  prompt            dusk,
                    and "rain".
  imageUrls         a.png, https://example.com/b.png
  model             veo3_fast
  generationType    FIRST_AND_LAST_FRAMES_2_VIDEO
  aspectRatio       16:9
  seeds             10001
  enableTranslation true

c
  prompt            Three.
  model             veo3_fast
  generationType    TEXT_2_VIDEO
  aspectRatio       16:9
  enableTranslation false
"""
    )
    assert status(["prompts", "film.yaml", "c", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    described("prompts", document)
    assert [scene["scene"] for scene in document["scenes"]] == ["c"]
    assert document["scenes"][0]["request"]["prompt"] == "Three."


def test_prompts_say_what_differs_in_further_takes(
    author: Author, capsys: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever checks the requests before paying sees the seed of each, and where it counts on from the first again."""
    monkeypatch.chdir(author.folder)
    scenes = "[{id: a, prompt: One., seed: 99998, takes: 3}, {id: b, prompt: Two., takes: 2}, {id: c, prompt: Three.}]"
    author.write(f"storyboard: 1\nscenes: {scenes}\n")
    assert status(["prompts", "film.yaml"]) == 0
    further = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  take")]
    assert further == [
        "  takes 2 to 3      the same, with seed 99999, 10000",
        "  take 2            the same, without a seed",
    ]
    assert status(["prompts", "film.yaml", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    described("prompts", document)
    assert [scene["seeds"] for scene in document["scenes"]] == [[99998, 99999, 10000], [None, None], [None]]


def test_prompts_of_scenes_that_are_not(author: Author, capsys: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scene's name is answered with the one that was meant."""
    monkeypatch.chdir(author.folder)
    author.write("storyboard: 1\nscenes:\n  - id: stairs\n    prompt: x\n  - id: lamp\n    prompt: y\n    skip: true\n")
    for name, words in [("stars", "there is no scene 'stars'"), ("lamp", "the scene 'lamp' is skipped")]:
        assert status(["prompts", "film.yaml", name]) == 2
        assert words in capsys.readouterr().err
    author.write("storyboard: 1\nscenes:\n  - id: stairs\n    prompt: ''\n")
    assert status(["prompts", "film.yaml"]) == 2
    assert "film.yaml:4:13: 'prompt' is empty" in capsys.readouterr().err


def test_a_clip_of_ones_own_is_not_sent(capsys: Streams, author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the prompts an author sees what asks for nothing."""
    monkeypatch.chdir(author.folder)
    clip(author.folder / "logo.mp4")
    author.write("storyboard: 1\nscenes:\n  - id: logo\n    file: logo.mp4\n")
    assert status(["prompts", "film.yaml"]) == 0
    assert capsys.readouterr().out == "logo\n  file              logo.mp4: your own clip, nothing is sent\n"
    assert status(["prompts", "film.yaml", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    described("prompts", document)
    assert document == {"scenes": [{"scene": "logo", "request": None}]}


def test_the_schema_is_printed(tmp_path: Path, capsys: Streams) -> None:
    """Teams without a network keep a copy beside their storyboards."""
    assert status(["schema"]) == 0
    assert capsys.readouterr().out == schema.text()
    assert status(["schema", "--output", str(tmp_path / "s.json")]) == 0
    assert (tmp_path / "s.json").read_text() == schema.text()


def test_the_page_has_the_schemas_words() -> None:
    """docs/format.md says what the schema says: python docs/make_format.py brings it up to date."""
    spec = importlib.util.spec_from_file_location("make_format", ROOT / "docs" / "make_format.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = module.PAGE.read_text()
    assert module.filled(page) == page


def test_the_pages_examples_are_right() -> None:
    """What the page shows is what the schema takes."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "format.md").read_text(), re.DOTALL)
    assert len(blocks) == 8
    for block in blocks:
        document = yaml.read(block.encode())
        assert document.faults == ()
        assert schema.faults(document.value, "storyboard") == []
        assert isinstance(document.value, dict)
        for scene in document.value["scenes"]:
            assert schema.faults(scene, "include" if "include" in scene else "scene") == []
