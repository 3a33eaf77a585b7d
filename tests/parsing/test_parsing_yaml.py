"""YAML as the format means it: 1.2 scalars, exact places, bounded work; with libyaml and without it."""

from pathlib import Path

import pytest
from author import Author
from hypothesis import given, settings
from hypothesis import strategies as st

from storyboard.model.errors import Problems
from storyboard.parsing import yaml

INVALID = Path(__file__).parents[1] / "invalid"
SCENES = "scenes:\n  - id: a\n    prompt: One.\n"


@pytest.fixture(params=["libyaml", "python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both parsers that PyYAML may come with."""
    if request.param == "python":
        monkeypatch.setattr(yaml, "FAST", None)
    return str(request.param)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("16:9", "16:9"),
        ("9:16", "9:16"),
        ("12:30:45", "12:30:45"),
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("Off", "Off"),
        ("0123", "0123"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        ("2024-02-30", "2024-02-30"),
        ("2024-11-22", "2024-11-22"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("9" * 19, "9" * 19),
        ("-a", "-a"),
        ("+", "+"),
        (".", "."),
        ("1e", "1e"),
        ("=", "="),
        ("1e3", 1000.0),
        ("0.1", 0.1),
        (".5", 0.5),
        ("5.", 5.0),
        ("-7", -7),
        ("+7", 7),
        ("0", 0),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("null", None),
        ("", None),
        ('"5"', "5"),
        ("'true'", "true"),
        ("'#fff'", "#fff"),
    ],
)
def test_a_word_is_what_it_looks_like(parser: str, text: str, value: object) -> None:
    """YAML 1.1 would make 969 of 16:9 and false of no, and an author would pay for that."""
    found = yaml.read(f"key: {text}\n".encode()).value
    assert found == {"key": value}
    assert isinstance(found, dict)
    assert isinstance(found["key"], type(value))


@pytest.mark.parametrize("key", ["no", "1", "true", "16:9", "null", "2024-02-30"])
def test_a_key_is_text(parser: str, key: str) -> None:
    """A var called 'no' is called 'no'."""
    assert yaml.read(f"{key}: x\n".encode()).value == {key: "x"}


def test_the_schema_survives_aliases(parser: str) -> None:
    """An anchor is a way to say something twice; it stays one."""
    read = yaml.read(b"a: &a [1, two]\nb: *a\n? &k key\n: &v 5\nc: *v\n")
    assert read.value == {"a": [1, "two"], "b": [1, "two"], "key": 5, "c": 5}
    assert read.faults == ()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("storyboard: 1\r\nscenes:\r\n  - id: a\r\n    prompt: One.\r\n    modle: x\r\n", "5:5"),
        ("\ufeffstoryboard: 1\nmodle: x\n" + SCENES, "2:1"),
        ("\ufeffmodle: x\nstoryboard: 1\n" + SCENES, "1:1"),
        ("storyboard: 1\n" + SCENES + "    note: {🦊: 1, modle: x}\n", "5:11"),
        ('storyboard: 1\nscenes: [{id: a, prompt: "🦊🌊 é", modle: x}]\n', "2:34"),
        ('storyboard: 1\nscenes:\n- {id: a, prompt: "\ta\tb", modle: x}\n', "3:27"),
        ("storyboard: 1\rscenes:\r  - {id: a, prompt: One., modle: x}\r", "3:27"),
    ],
    ids=["crlf", "bom", "bom-first", "emoji-key", "emoji", "tabs", "cr"],
)
def test_a_column_counts_characters(parser: str, author: Author, text: str, place: str) -> None:
    """An editor jumps to line:column, whatever stands before it."""
    assert author.told(text)[0].split()[0] == place


def test_bytes_that_are_no_text_have_a_place(author: Author) -> None:
    """A file saved as Latin-1 is said to be one, at its first strange letter."""
    assert author.told("storyboard: 1\ntitle: é".encode() + b"\xe9t\xe9\n") == [
        "2:9 the file is not UTF-8 from here on"
    ]
    assert author.told(b"\xff\xfes\x00t\x00") == ["1:1 this file is UTF-16"]
    assert author.told(b"\xef\xbb\xbf\xff") == ["1:1 the file is not UTF-8 from here on"]


def test_controls_are_seen(author: Author) -> None:
    """What nobody can see in a diff does not get past one."""
    assert author.told(b"storyboard: 1\ntitle: a\x1b[31m\n") == ["2:9 an invisible character (U+001B)"]
    assert author.told("storyboard: 1\ntitle: a\u0085b\n") == ["2:9 an invisible character (U+0085)"]


@pytest.mark.parametrize("stem", sorted(file.stem for file in INVALID.glob("yaml-*.yaml")))
def test_both_parsers_find_the_same_line(stem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where libyaml is missing, an author is sent to the same line with the same words."""
    raw = (INVALID / f"{stem}.yaml").read_bytes()
    fast = yaml.read(raw).faults
    monkeypatch.setattr(yaml, "FAST", None)
    slow = yaml.read(raw).faults
    assert [(fault.line, fault.message) for fault in slow] == [(fault.line, fault.message) for fault in fast]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1, 2]]", "the list ends at this bracket, and more follows"),
        ("- a\nb: c", "inconsistent indentation"),
        ("a: - b", "a list cannot begin here"),
        ("%YAML 3.0\n---\na: b", "this is not YAML: found incompatible YAML document"),
        ("a: [,]", "a value is missing here"),
        ("? a\n? [b]\n", "a key must be text"),
        ("? *a\n: b\n", "a key must be text"),
        ('"": b', "a key is missing before this ':'"),
        ("a: " + "x" * 70_000, "this text is longer than 64 KiB"),
        ("'a\n--- b'", "this quote is never closed"),
        ("[a] b", "this does not belong to what is above it"),
        ("{a: b, {c: d}: e}", "a key must be text"),
        ("&a b: c\nd: *a\n? !!int 5\n: x", "tags ('!') are not part of the format"),
        ("a: ! b\nc: !!map {}", "tags ('!') are not part of the format"),
        ("x: {a: b : c}", "a ':' inside a value"),
        ("- [{{ a }}]", "a value that begins with '{{' needs quotes"),
    ],
)
def test_broken_yaml_has_words(text: str, message: str) -> None:
    """A parser's own words help whoever wrote the parser."""
    assert yaml.read(text.encode()).faults[0].message == message


def test_a_second_document_is_not_the_first_ones_end() -> None:
    """'---' at the top and '...' at the end are YAML; a second document is a mistake."""
    assert yaml.read(b"---\na: b\n...\n").value == {"a": "b"}
    assert yaml.read(b"a: b\n---\nc: d\n").faults[0].message == "a second document begins here"


@pytest.mark.parametrize(
    "bomb",
    [
        "[" * 50_000,
        "{a: " * 50_000,
        "- " * 50_000,
        "? " * 50_000,
        "a: &a [x, x]\n" + "".join(f"b{n}: &a [*a, *a]\n" for n in range(60)),
        "a: &a {"
        + ", ".join(f"k{n}: v" for n in range(30))
        + "}\n"
        + "".join(f"b{n}: {{<<: *a}}\n" for n in range(900)),
        "59:" * 200_000 + "59",
        "[" + "a," * 400_000 + "]",
        "a: '" + "\n" * 900_000,
        "x" * (1 << 20) + "x",
        "&a " * 300_000,
        "! " * 300_000,
        "{" + "a, " * 300_000,
        "%TAG ! x\n" * 80_000,
        "\t" * 900_000,
        "#" * 1_000_000,
    ],
    ids=range(16),
)
def test_a_bomb_is_refused(bomb: str) -> None:
    """A storyboard comes from anybody: none may hang the run, or end the interpreter."""
    read = yaml.read(bomb.encode())
    assert read.faults or read.value is None or bomb.startswith("a: &a {")


@pytest.mark.parametrize(
    "bomb", ["[" + "a," * 400_000 + "]", "".join(f"? {n}\n" for n in range(120_000)), "-\n" * 400_000]
)
def test_too_many_values_are_counted_before_they_are_read(bomb: str) -> None:
    """The parser would take a third of a second a file to come to the same end."""
    fault = yaml.read(bomb.encode()).faults[0]
    assert "too many values to read" in fault.message
    assert (fault.line, fault.column) == (0, 0)


@pytest.mark.ci
def test_ten_thousand_scenes_are_read() -> None:
    """However many commas are in them, the largest film that a file may hold is no bomb."""
    scene = "  - {{id: s{0}, prompt: 'A gull, a tern, fog: {0}', seed: 1{0:04}, note: a}}\n"
    film = yaml.read(("scenes:\n" + "".join(scene.format(number) for number in range(10_000))).encode())
    assert film.faults == ()
    assert isinstance(film.value, dict)
    assert len(film.value["scenes"]) == 10_000


@pytest.mark.ci
def test_files_of_our_own_may_be_larger() -> None:
    """The lock of a film of many thousand scenes is still read."""
    lock = "".join(f"scene-{n}: {{ key: {n:064} }}\n" for n in range(15_000)).encode()
    assert len(lock) > yaml.MAX_BYTES
    assert yaml.read(lock).faults[0].message == "the file is larger than 1 MiB"
    value = yaml.load(lock, "film.lock.yaml")
    assert isinstance(value, dict)
    assert len(value) == 15_000
    with pytest.raises(Problems) as caught:
        yaml.load(b"a: [", "film.lock.yaml")
    assert str(caught.value.problems[0].place) == "film.lock.yaml:1:5"


_PIECES = st.sampled_from(
    [
        *"{}[]:,-?&*!|>'\"%@`#~ \n\t\r",
        "a",
        "1",
        "- ",
        ": ",
        "{{",
        "}}",
        "{%",
        "&a",
        "*a",
        "<<",
        "---\n",
        "é",
        "🦊",
        "\\x",
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=60), st.lists(_PIECES, max_size=25).map(lambda parts: "".join(parts).encode())))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """Nothing but a value or a fault comes of a file, by either parser."""
    fast = yaml.FAST
    try:
        for parser in (fast, None):
            yaml.FAST = parser
            read = yaml.read(raw)
            assert read.whole or read.faults
            for fault in read.faults:
                yaml.problem(fault, "x.yaml", read.lines)
    finally:
        yaml.FAST = fast
