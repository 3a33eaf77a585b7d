"""A declaration in config.toml: what is wrong with it is told at its line and column."""

import copy
import re
import tomllib
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyboard.http.exchange import Reply
from storyboard.model.errors import InputError
from storyboard.model.shot import Shot
from storyboard.providers.base import Dispatch
from storyboard.providers.declared.catalogue import declare, shipped_table
from storyboard.providers.declared.interpreter import Declared
from storyboard.providers.declared.placeholders import fill
from storyboard.providers.declared.pointers import pointer
from storyboard.providers.declared.toml_places import toml_places
from storyboard.providers.installed import find, find_with_table
from storyboard.testing import provider_contract

MINE = """\
[providers.mine]
auth = "header X-Key"
submit = {path = "/make", job = "/id"}
look = {path = "/jobs/{job}", state = "/status", clip = "/url"}
states = {waiting = ["working"], done = ["done"], failed = ["failed"]}

[providers.mine.models.pencil]
body = {text = "{prompt}", size = "{resolution}", secs = "{seconds:text}"}
resolutions = ["720p", "1080p"]
seconds = [5, 10]
price = {clip = 2}
"""


def declared(folder: Path, text: str, name: str = "mine", base_url: str | None = "https://api.example.org") -> Declared:
    file = folder / "config.toml"
    file.write_text(text, "utf-8")
    found = find_with_table(name, tomllib.loads(text)["providers"][name], file, base_url)
    assert isinstance(found, Declared)
    return found


def test_one_of_the_users_own_keeps_the_contract(tmp_path: Path) -> None:
    for check in provider_contract(declared(tmp_path, MINE)):
        check()


@pytest.mark.parametrize(
    ("old", "new", "at", "said"),
    [
        ('auth = "header X-Key"', 'auht = "none"', "2:1", "unknown key 'auht'"),
        ('auth = "header X-Key"', 'auth = "basic"', "2:1", "auth must be bearer, key, none or 'header NAME'"),
        ('"header X-Key"', '"header Cookie"', "2:1", "the header Cookie cannot carry a key"),
        ('job = "/id"', 'job = "id"', "3:27", "submit.job must be a pointer"),
        ('"/jobs/{job}"', '"/jobs/{name}"', "4:9", "look.path: {name} is no placeholder of it"),
        ('"/jobs/{job}"', '"/jobs"', "4:1", "look: neither its path nor its query has {job}"),
        ('path = "/make"', 'path = "//evil.example/make"', "3:11", "submit.path must be a path"),
        ('path = "/make"', 'path = "/../make"', "3:11", "'.' and '..' are no parts of a path"),
        ('path = "/make"', 'path = "/make", origin = "https://else.example"', "3:27", "is not among 'hosts'"),
        ('done = ["done"]', 'done = ["working"]', "5:1", "'working' stands there twice"),
        ('done = ["done"], ', "", "5:1", "states: done is missing"),
        ('"{prompt}"', '"A {prompt}."', "8:1", "'A {prompt}.' is no placeholder"),
        (', size = "{resolution}"', "", "8:1", "has no {resolution}, although a scene can choose it"),
        ('text = "{prompt}"', 'at = 2026-01-01T00:00:00Z, text = "{prompt}"', "8:9", "cannot be sent as JSON"),
        ('["720p", "1080p"]', '["big", "1080p"]', "9:1", "nothing says how many pixels 'big' has"),
        ("[5, 10]", "[5.5, 10]", "10:1", "the usual length must be a whole number"),
        ("{clip = 2}", "{clip = -2}", "11:10", "price.clip must be a number"),
        ("{clip = 2}", "{}", "11:1", "price must be a table such as"),
        ("price = {clip = 2}", 'roles = ["text", "first_frame"]', "8:1", "has no {first_frame}"),
        ("[providers.mine.models.pencil]", '[providers.mine.models."a b"]', "7:24", "a model's name"),
        (
            '{text = "{prompt}"',
            "{deep = " + "[" * 99 + "]" * 99 + ', text = "{prompt}"',
            "8:9",
            "nested deeper than 40",
        ),
        ("price =", "headers = {}\nprice =", "11:1", "unknown key 'headers'"),
    ],
)
def test_faults_have_a_place(tmp_path: Path, old: str, new: str, at: str, said: str) -> None:
    """Whoever declares a service is told the line, also in a long file."""
    assert old in MINE
    with pytest.raises(InputError) as caught:
        declared(tmp_path, MINE.replace(old, new))
    assert caught.value.message.startswith(f"{tmp_path}/config.toml:{at}: ")
    assert said in caught.value.message


def test_a_key_never_travels_in_the_open(tmp_path: Path) -> None:
    """Plain http is for this machine, or for a service without a key."""
    with pytest.raises(InputError, match="not https"):
        declared(tmp_path, MINE, base_url="http://api.example.org")
    assert declared(tmp_path, MINE, base_url="http://127.0.0.1:8000").hosts == ()
    with pytest.raises(InputError, match="not https"):
        declared(tmp_path, MINE.replace("submit =", 'hosts = ["http://b.example"]\nsubmit ='))


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="base_url is missing"):
        declared(tmp_path, MINE, base_url=None)
    with pytest.raises(InputError, match=r"config.toml:1:12: look is missing \(and 2 more\)"):
        declared(tmp_path, '[providers.mine]\nsubmit = {path = "/make", job = "/id"}\n')


def test_the_user_changes_a_shipped_one(tmp_path: Path) -> None:
    """A price of one's own, one more model, another default; all else stays as shipped."""
    text = """\
[providers.fal]
default = "mine"
prices."minimax/h3" = {second = 0.01, currency = "USD"}
[providers.fal.models.mine]
paths = {text = "me/mine"}
body = {prompt = "{prompt}"}
resolutions = ["480p"]
price = {clip = 1, currency = "USD"}
[providers.fal.models."veo3.1/fast"]
ends = 2026-12-24
successor = "mine"
"""
    fal = declared(tmp_path, text, "fal", None)
    assert fal.capabilities.usual == "mine"
    assert fal.prices.tariffs["minimax/h3"].second["768p"] == Fraction(6, 100)  # In its unit the service charges.
    assert str(fal.capabilities.model("veo3.1/fast").ends) == "2026-12-24"
    assert len(fal.capabilities.model("veo3.1/fast").lengths.choices) == 3
    wrong = text.replace('prices."minimax/h3"', "prices.minimax")
    with pytest.raises(InputError, match=r"config.toml:3:8: prices.minimax: there is no such model"):
        declared(tmp_path, wrong, "fal", None)
    with pytest.raises(InputError, match="there is no model 'mien'"):
        declared(tmp_path, text.replace('"mine"', '"mien"', 1), "fal", None)


def test_second_hand_facts_have_to_be_accepted(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="second hand") as caught:
        find_with_table("ark", {}, tmp_path / "config.toml")
    assert caught.value.hint == "to use it: unconfirmed = true"
    assert declare("ark", {"unconfirmed": True}, tmp_path / "config.toml").name == "ark"
    assert find("ark").name == "ark"


def test_a_form_sends_an_image_as_a_file(tmp_path: Path) -> None:
    """The shape of Sora's API: a form, and the clip behind the key."""
    from storyboard.providers.base import Pending, Ready, SentImage

    text = MINE.replace(
        'submit = {path = "/make"', 'form = true\nimages = "bytes"\nclip_with_key = true\nsubmit = {path = "/make"'
    )
    text = text.replace('clip = "/url"', 'clip_path = "/jobs/{job}/content"').replace(
        'text = "{prompt}"', 'text = "{prompt}", pic = "{first_frame}", hd = true'
    )
    mine = declared(tmp_path, text.replace("price =", 'roles = ["text", "first_frame"]\nprice ='))
    shot = Shot("A cat.", "pencil", "16:9", None, None, (), None, True, None, 1, "mine")
    request = mine.submission(shot, [SentImage("first_frame", "", b"PNG", "image/png")], Dispatch("n"))
    assert {part.name: part.content for part in request.form} == {
        "text": "A cat.",
        "pic": b"PNG",
        "hd": "true",
        "size": "720p",
        "secs": "5",
    }
    assert request.body is None
    done = mine.read_status("a/b", Reply(200, {"status": "done"}))
    assert done == Ready("/jobs/a%2Fb/content", with_key=True)
    assert mine.read_status("a/b", Reply(200, {"status": "working"})) == Pending()
    for check in provider_contract(mine):
        check()


@pytest.mark.parametrize(
    ("text", "body", "found"),
    [
        ("/a/0/b~1c", {"a": [{"b/c": 1}]}, 1),
        ("/a|json/b", {"a": '{"b": [2]}'}, [2]),
        ("/a|json/b", {"a": "["}, None),
        ("/a|json/b", {"a": 5}, None),
        ("/a/01", {"a": [1, 2]}, None),
        ("/a/9", {"a": [1]}, None),
        ("/u|path", {"u": "https://h.example/a%20b/c?d=e"}, "a b/c"),
        ("/u|path", {"u": "/x/%2e%2e/y"}, None),
        ("/u|path", {"u": "x"}, None),
    ],
)
def test_pointers(text: str, body: object, found: object) -> None:
    place = pointer(text)
    assert place
    assert place.read(body) == found


def test_what_has_no_value_is_left_out() -> None:
    template = {
        "a": "{seed}",
        "b": {"c": "{seed}", "d": 1},
        "e": [{"f": "{negative}"}, 2],
        "g": {},
        "h": {"i": "{prompt}"},
    }
    assert fill(template, {"prompt": "x"}) == {"g": {}, "h": {"i": "x"}}


KEYS = st.text(st.sampled_from('ab-_."\\#]} é'), min_size=1, max_size=5)
VALUES = st.recursive(
    st.one_of(st.integers(-9, 9), st.booleans(), st.text(st.sampled_from("a\"'#,]}[{=\\"), max_size=6)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


def written(value: object) -> str:
    import json

    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {written(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[ # ]\n" + ",\n ".join(map(written, value)) + "]"
    return json.dumps(value)


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, min_size=1, max_size=3), min_size=1, max_size=3))
def test_each_key_is_found_where_it_stands(tables: dict[str, dict[str, object]]) -> None:
    """Another reader of TOML beside the library's: it finds each key that the library finds, and at its own place."""
    import json

    text = "".join(
        f"[t.{json.dumps(name)}] # [x]\n"
        + "".join(f"{json.dumps(key)} = {written(value)}\n" for key, value in table.items())
        for name, table in tables.items()
    )
    places, lines = toml_places(text), text.split("\n")
    paths = list(_paths(tomllib.loads(text)))
    assert {path for path in paths if not isinstance(path[-1], int)} == {
        p for p in places if not isinstance(p[-1], int)
    }
    for path in paths:
        line, column = places[path]
        if isinstance(path[-1], str):
            assert lines[line - 1][column - 1 :].startswith((json.dumps(path[-1]), path[-1]))


def _paths(value: object, above: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, part in parts for path in ((*above, key), *_paths(part, (*above, key)))]


ODD = st.one_of(
    st.none().map(lambda _: {}),
    st.sampled_from(
        [[], [[]], {}, "", "/", "//", "{", "{prompt}", "{job}{job}", "x" * 3000, "\x00", "é", "16:9", "0:0"]
    ),
    st.sampled_from([0, -1, 1, 10**30, -0.0, 1e300, 0.1, True, False]),
    st.recursive(st.text(max_size=3), lambda inner: st.dictionaries(st.text(max_size=3), inner, max_size=2)),
)


@given(st.data())
def test_no_table_is_a_fault_of_the_program(data: st.DataObject) -> None:
    """Whatever stands in a declaration: it is one, or what is wrong with it is said."""
    name = data.draw(st.sampled_from(["fal", "kie", "kling", "runway", "ark"]))
    table = copy.deepcopy(dict(shipped_table(name)))
    path = data.draw(st.sampled_from(_paths(table)))
    place: Any = table
    for step in path[:-1]:
        place = place[step]
    if data.draw(st.booleans()) and isinstance(path[-1], str):
        place[data.draw(st.text(max_size=4))] = place.pop(path[-1])
    else:
        place[path[-1]] = data.draw(ODD)
    try:
        found = declare(name, {**table, "unconfirmed": True}, Path("/nowhere/config.toml"))
    except InputError:
        return
    assert isinstance(found, Declared)
    shot = Shot("A cat.", found.capabilities.usual, "16:9", None, None, (), None, True, None, 1, name)
    found.submission(shot, [], Dispatch("n"))
    found.read_status("j", Reply(200, {"status": ["COMPLETED"], "id": "j"}))


@pytest.mark.ci
def test_the_declarations_of_the_page_are_right(tmp_path: Path) -> None:
    """Whoever copies an example of docs/declared.md has a service that keeps the contract."""
    page = (Path(__file__).parents[2] / "docs" / "declared.md").read_text("utf-8").partition("## Shipped services")[0]
    blocks = re.findall(r"```toml\n(.*?)```", page, flags=re.S)
    found = [(name, block) for block in blocks for name in tomllib.loads(block)["providers"]]
    assert [name for name, _ in found] == ["fal", "fal", "acme"]
    assert len(blocks[-1].splitlines()) <= 20
    for name, block in found:
        own = dict(tomllib.loads(block)["providers"][name])
        base_url = own.pop("base_url", None)
        provider = declare(name, {key: own[key] for key in own if key != "at_once"}, tmp_path / "config.toml", base_url)
        for check in provider_contract(provider):
            check()
