"""Hostile words: whatever a storyboard, a file's name or a service says steers neither a terminal nor a CI log."""

import ast
import json
from pathlib import Path

import pytest
from answers import ASK, RECORD, body, line, response
from studio import Studio
from targets import printable

from storyboard.cli.events_json import as_json
from storyboard.cli.events_text import line as told_line
from storyboard.cli.main import status
from storyboard.costs.price_book import PriceBook
from storyboard.emulator.faults.faults import CODES
from storyboard.model import events
from storyboard.model.errors import StoryboardError
from storyboard.model.text import one_line, safe_text, to_json

PACKAGE = Path(__file__).resolve().parents[2] / "storyboard"

WORDS = (
    *(
        "\x1b[2J",
        "\x1b]0;title\x07",
        "\x1b]52;c;ZXZpbA==\x07",
        "\x1b]8;;http://x\x07x\x1b]8;;\x07",
        "\x1bP1$r\x1b\\",
        "\x1bc",
    ),
    *(
        "\x9b31m",
        "\x9d0;x\x9c",
        "\x90x\x9c",
        "\x85",
        "\x00",
        "\x07",
        "\x08\x08",
        "\x0b",
        "\x0c",
        "\x0e",
        "\x7f",
        "\x1a",
    ),
    *(
        "a\rb",
        "a\r\nb",
        "a\nb",
        "a\u2028b",
        "a\u2029b",
        "\u202eexe.4pm",
        "\u202dx",
        "\u2066x\u2069",
        "\u2067x",
        "\u200e",
    ),
    *(
        "\u200b",
        "\u200c",
        "\u200d",
        "\u2060",
        "\ufeff",
        "\u061c",
        "\u180e",
        "\u00ad",
        "\u206a",
        "\ufff9x\ufffb",
        "\ufffe",
    ),
    *("\U000e0041", "\U000e0001", "\ue000", "\U0010ffff", "\u0378", "\ud800", "\udcff"),
    *("::error::x", " ::error file=a,line=1::x", "\t::add-mask::x", "::stop-commands::x", "a\n::set-output name=b::c"),
    *("##[error]x", "a ##[group]x", "###[x]", "##vso[task.setvariable variable=a]b", "a##vso[build.x]"),
    *("\n::debug::x", "\u2028::x::y", "\u00a0::error::x", "\x1b[?1049h"),
)


def harmless(text: str) -> bool:
    """Only what is seen, and line feeds; no line that a CI runner obeys."""
    orders = any(said.lstrip().startswith("::") for said in text.split("\n")) or "##[" in text or "##vso[" in text
    return printable(text) and not orders


def test_there_are_enough() -> None:
    assert len(set(WORDS)) >= 60


@pytest.mark.parametrize("word", WORDS, ids=ascii)
def test_no_word_is_obeyed(word: str) -> None:
    """A clip's error message would clear the screen, write into the clipboard or end a CI job's masking of secrets."""
    assert "\n" not in one_line(word)
    error = StoryboardError(f"it says {word}", word)
    failed = events.Failed("a", 1, 500, word, word)
    told: list[str] = []
    as_json(told.append, PriceBook("apikley"))(failed)
    for text in (
        one_line(word),
        safe_text(word),
        error.message,
        error.hint,
        str(error),
        told_line(failed),
        *told,
        to_json([word]),
    ):
        assert text
        assert harmless(text), text
    assert json.loads(to_json([word])) == [word]
    assert one_line(one_line(word)) == one_line(word)


@pytest.mark.parametrize("part", range(4))
@pytest.mark.ci
def test_no_storyboard_is_obeyed(
    part: int, studio: Studio, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every field that an author writes comes back in a message; each verb is asked for each."""
    monkeypatch.chdir(studio.folder)
    for word in WORDS[part::4]:
        said = json.dumps(word)
        studio.write(
            f"storyboard: 1\ntitle: {said}\n{said}: 1\nvars: {{ {said}: x }}\noutput: {{ file: {said} }}\nscenes:\n"
            f"  - {{ id: {said}, prompt: {said}, model: {said}, first_frame: {said}, note: {said} }}\n"
            f"  - {{ id: b, prompt: {json.dumps('{{ x }} ' + word)}, seed: {said}, include: {said} }}\n"
        )
        for verb in (
            ["validate"],
            ["validate", "--json"],
            ["plan"],
            ["plan", "--json"],
            ["prompts"],
            ["render", "--yes"],
        ):
            assert status([*verb, "film.yaml"]) == 2
            out, err = capsys.readouterr()
            assert harmless(out + err), (word, verb, out, err)


LONG = "\x1b[2J::error::x" + " it went wrong" * 70_000  # 1 MB, the most that is read


@pytest.mark.parametrize("call", ASK)
@pytest.mark.ci
async def test_no_message_of_a_call_is_obeyed(call: str) -> None:
    """A service says why, and its words are shown: whichever call it was, and however long they are."""
    told: list[str] = []
    async with line() as (here, wire):
        for word in (*WORDS, LONG):
            said = f"{word} it said: rejected by Flow"  # words that end a job at once
            failed = {**RECORD, "successFlag": 3, "response": None, "errorMessage": said}
            for code, data in ((422, None), (501, None), (402, said), (200, failed)):
                here.waiting[:] = [response(body(code, data, said))]
                try:
                    await ASK[call](wire)
                except StoryboardError as error:
                    told.append(error.message + "\n" + error.hint)
    assert [text for text in told if not harmless(text) or len(text) > 2_000] == []
    # A balance that is refused is no error: it is not known then.
    assert sum("it said" in text for text in told) >= (0 if call == "balance" else len(WORDS))


@pytest.mark.parametrize("place", ["submit:code", "job:fail"])
def test_no_service_is_obeyed(
    place: str, studio: Studio, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it says of a scene is shown by the run that asked, kept in the ledger, and told again by status."""
    says = ["\n".join(WORDS[at : at + 6]) for at in range(0, len(WORDS), 6)]
    codes = {code: f"said the service {word}" for code, word in enumerate((*says, LONG), 600)}
    for code, word in codes.items():
        monkeypatch.setitem(CODES, code, word)
    service = studio.serve(*(f"{place}={code} @bird{code}" for code in codes), "credit:code=600")
    monkeypatch.chdir(studio.folder)
    for name, value in studio.environ.items():
        monkeypatch.setenv(name, value)
    studio.scenes(*(f"A bird{code}" for code in codes))
    told = ""
    for verb in (
        ["render", "film.yaml", "--yes"],
        ["status", "film.yaml"],
        ["status", "film.yaml", "--json"],
        ["status", "film.yaml", "--costs", "--json"],
        ["plan", "film.yaml"],
        ["doctor"],
        ["doctor", "--json"],
    ):
        status(verb)
        out, err = capsys.readouterr()
        assert out + err
        assert harmless(out + err), (verb, out, err)
        told += out + err
    assert service.posts >= len(codes)
    assert told.count("said the service") >= len(codes)


def test_json_is_written_by_the_one_who_escapes() -> None:
    """json.dumps lets ESC's eight-bit twin and signs of direction through; `to_json` does not."""
    for room in sorted((PACKAGE / "cli").glob("*.py")):
        for node in ast.walk(ast.parse(room.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "click.echo":
                assert "json.dumps" not in ast.unparse(node), f"{room.name}:{node.lineno}"
