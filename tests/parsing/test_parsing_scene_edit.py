"""Numbers of scenes are set in the text of a file, and nothing else of it changes."""

import re
from pathlib import PurePosixPath

import pytest
import yaml as other_yaml
from author import Author
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from written_storyboards import Written, storyboards

from storyboard.model.errors import InputError, Problems
from storyboard.parsing import yaml
from storyboard.parsing.includes import MappingNode
from storyboard.parsing.scene_edit import SceneEdit, find_scene, set_value
from storyboard.parsing.source import SourceFile, format_problem
from storyboard.workflow.source_files import Project

BREAK = r"\r\n|\r|\n"


def edited(raw: bytes, scene: str, key: str, number: int) -> SceneEdit:
    """The edit of a scene in a file that is a storyboard, or a part of one."""
    return set_value(entry(raw, scene), key, number, raw)


def entry(raw: bytes, scene: str) -> MappingNode:
    page = SourceFile(PurePosixPath("film.yaml"), "film.yaml", yaml.read(raw))
    path, value = found_in(page.document.value, scene)
    assert isinstance(value, yaml.Map)
    return MappingNode(page, path, value)


def found_in(value: object, scene: str) -> tuple[tuple[str | int, ...], dict[str, object]]:
    """The path and the mapping of a scene: in a list of scenes, in a whole storyboard, or by itself."""
    if isinstance(value, dict) and value.get("id") == scene:
        return (), value
    if isinstance(value, dict):
        path, mapping = found_in(value["scenes"], scene)
        return ("scenes", *path), mapping
    assert isinstance(value, list)
    return next(((at,), each) for at, each in enumerate(value) if each["id"] == scene)


def check(written: Written, scene: str, key: str, number: int) -> None:
    """Only the number changes, or one line or one part of a flow mapping is new. Another YAML library agrees."""
    before = written.text()
    made = edited(before, scene, key, number)
    assert made.before == before
    if (scene, key) not in written.numbers:
        plain = before.decode().removeprefix("\ufeff")
        assert without(made, plain, written.styles[scene], key, number) == plain
    else:
        assert made.after == written.text(scene, key, str(number))
    told, found = other_yaml.safe_load(before), other_yaml.safe_load(made.after)
    found_in(told, scene)[1][key] = number
    assert found == told
    assert str(number) in yaml.lines(made.after.decode())[made.line - 1]


def without(made: SceneEdit, plain: str, style: str, key: str, number: int) -> str:
    """The text after the edit with what was added taken out: one whole line, or one part of a flow mapping."""
    after = made.after.decode().removeprefix("\ufeff")
    lines, breaks = re.split(BREAK, after), re.findall(BREAK, after)
    if style != "block":
        quote = '"' if style == "json" else ""
        lines[made.line - 1] = lines[made.line - 1].replace(f", {quote}{key}{quote}: {number}", "", 1)
        return "".join(line + end for line, end in zip(lines, [*breaks, ""], strict=True))
    assert re.fullmatch(rf" *{key}: {number}", lines.pop(made.line - 1))
    assert breaks.pop() in (re.findall(BREAK, plain) or ["\n"])
    return "".join(line + end for line, end in zip(lines, [*breaks, ""], strict=True))


@pytest.mark.parametrize(
    "count",
    [
        15,
        pytest.param(100, marks=pytest.mark.ci),
        pytest.param(1000, marks=pytest.mark.slow),
    ],
)
def test_nothing_else_changes(count: int) -> None:
    """A tool that reformats a file that people keep in git is used once."""

    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(storyboards(), st.data(), st.sampled_from(("pick", "takes")), st.integers(1, 300))
    def sweep(written: Written, data: st.DataObject, key: str, number: int) -> None:
        check(written, data.draw(st.sampled_from(written.ids)), key, number)

    sweep()


ROWS = {
    "a line behind takes": ("- id: a\n  takes: 3 # three\n", "pick", "- id: a\n  takes: 3 # three\n  pick: 2\n"),
    "a line behind the id": ("- prompt: x\n  id: a\n", "takes", "- prompt: x\n  id: a\n  takes: 2\n"),
    "no line break at all": ("id: a", "pick", "id: a\npick: 2"),
    "an id of several lines": ("- id: |-\n    a\n  prompt: x\n", "pick", "- pick: 2\n  id: |-\n    a\n  prompt: x\n"),
    "an id behind a question mark": ("- ? id\n  : a\n", "pick", "- ? id\n  : a\n  pick: 2\n"),
    "nothing behind the colon": ("- id: a\n  pick:  # which?\n", "pick", "- id: a\n  pick: 2  # which?\n"),
    "nothing in braces": ("- {id: a, pick: , x: 1}\n", "pick", "- {id: a, pick: 2, x: 1}\n"),
    "nothing behind an anchor": ("- id: a\n  pick: &p\n", "pick", "- id: a\n  pick: &p 2\n"),
    "a word": ("- id: a\n  pick: 'two' # ?\n", "pick", "- id: a\n  pick: 2 # ?\n"),
    "an alias of a number": ("- id: a\n  x: &t 3\n  pick: *t\n", "pick", "- id: a\n  x: &t 3\n  pick: 2\n"),
    "an id that is an alias": ("- {note: &n a, id: *n }\n", "pick", "- {note: &n a, id: *n, pick: 2 }\n"),
    "the same number": ("- id: a\n  pick: 2\n", "pick", "- id: a\n  pick: 2\n"),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_where_the_number_goes(row: str) -> None:
    before, key, after = ROWS[row]
    assert edited(before.encode(), "a", key, 2).after.decode() == after


REFUSED = {
    "an alias in the list": (
        "x: &a {id: a, prompt: x}\nscenes:\n  - *a\n",
        "film.yaml:3:5: the scene stands here as the alias '*a', and is written elsewhere",
    ),
    "an alias of the list": (
        "x: &all\n  - {id: a}\nscenes: *all\n",
        "film.yaml:3:9: the scene stands here as the alias '*all', and is written elsewhere",
    ),
    "an anchor that is used": (
        "scenes:\n  - &a {id: a, prompt: x}\nx: *a\n",
        "film.yaml:2:5: the scene is marked '&a': a change of it would change other parts of the file",
    ),
    "an anchor above a block": (
        "scenes:\n  - &a\n    id: a\n    takes: 2\nx: *a\n",
        "film.yaml:2:5: the scene is marked '&a': a change of it would change other parts of the file",
    ),
    "a number that is used elsewhere": (
        "- id: a\n  pick: &p 3\n- {id: b, pick: *p}\n",
        "film.yaml:2:9: 'pick' cannot be set here without changing something else",
    ),
    "a list": ("- id: a\n  pick: [3]\n", "film.yaml:2:9: 'pick' must be a whole number"),
    "a text of several lines": ("- id: a\n  pick: |\n    3\n", "film.yaml:2:9: 'pick' must be a whole number"),
    "a pair in brackets": ("[id: a]\n", "film.yaml:1:6: 'pick' cannot be set here without changing something else"),
    "a merge key": (
        "x: &x {pick: 3}\nscenes:\n  - {id: a, <<: *x}\n",
        "film.yaml:3:13: merge keys ('<<') are not part of the format",
    ),
    "a tag": ("- id: a\n  pick: !!int 3\n", "film.yaml:2:9: tags ('!') are not part of the format"),
}


@pytest.mark.parametrize("row", REFUSED)
def test_what_is_refused(row: str) -> None:
    """Rather no edit than a wrong one."""
    text, told = REFUSED[row]
    with pytest.raises(Problems) as refused:
        edited(text.encode(), "a", "pick", 2)
    assert format_problem(refused.value.problems[0]).partition("\n")[0] == told


def test_a_file_that_changed_meanwhile() -> None:
    with pytest.raises(InputError, match="changed while it was read"):
        set_value(entry(b"- {id: a}\n", "a"), "pick", 2, b"- {id: b}\n")


def test_a_scene_of_an_included_file(author: Author) -> None:
    """The file that is edited is the one that the scene lies in; ids are told where there is no such scene."""
    author.write("- {id: b, prompt: x}\n- id: c\n  prompt: x\n", "parts/more.yaml")
    author.write("storyboard: 1\nscenes:\n  - {id: a, prompt: x}\n  - include: parts/more.yaml\n")
    files, film = Project(author.folder), PurePosixPath("film.yaml")
    found = find_scene(film, "film.yaml", files, "c")
    made = set_value(found, "pick", 2, files.text(found.page.path))
    assert (str(made.path), made.name, made.line) == ("parts/more.yaml", "parts/more.yaml", 3)
    with pytest.raises(InputError, match="called 'bb'") as refused:
        find_scene(film, "film.yaml", files, "bb")
    assert refused.value.hint == "did you mean 'b'?"
    with pytest.raises(InputError) as refused:
        find_scene(film, "film.yaml", files, "zzzzzz")
    assert refused.value.hint == "scenes: a, b, c"


def test_a_scene_of_a_broken_file(author: Author) -> None:
    """Where the scene may lie in what cannot be read, that is said, and not that there is no such scene."""
    author.write("storyboard: 1\nscenes:\n  - include: parts/more.yaml\n")
    with pytest.raises(Problems):
        find_scene(PurePosixPath("film.yaml"), "film.yaml", Project(author.folder), "c")
