"""The pages hold together: links lead somewhere, flags and names are those of the program."""

import re
import tomllib
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import click
import pytest

from storyboard.cli.main import VERBS
from storyboard.config.settings import settings
from storyboard.model.errors import InputError
from storyboard.providers.apikley.answers import TABLE
from storyboard.providers.apikley.profile import Profile

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def headings(page: Path) -> set[str]:
    """The anchors of a page, as GitHub and MyST make them."""
    text = re.sub(r"^(```|~~~).*?^\1\s*$", "", page.read_text("utf-8"), flags=re.M | re.S)
    titles = re.findall(r"^#+ (.+)$", text, flags=re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """A reader who follows a link finds what it promised."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert file.is_relative_to(ROOT), target
        assert not anchor or anchor in headings(file), target


def verbs() -> dict[str, click.Command]:
    """Each verb, and each verb of a group, by the heading it has in commands.md."""
    found = {}
    for name in VERBS:
        command = import_module(f"storyboard.cli.{name.replace('-', '_')}").command
        if isinstance(command, click.Group):
            found |= {f"{name} {word}": part for word, part in command.commands.items()}
        else:
            found[name] = command
    return found


@pytest.mark.parametrize("name", sorted(verbs()))
def test_every_flag_is_documented(name: str) -> None:
    """commands.md has each flag that --help has, and no other."""
    text = (ROOT / "docs" / "commands.md").read_text("utf-8")
    section = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", text, flags=re.M | re.S)
    assert section, name
    rows = re.findall(r"^\| (`-.*?) \|", section[1], flags=re.M)
    documented = {flag for row in rows for flag in re.findall(r"(?<![\w-])-{1,2}[a-z][a-z-]*", row)}
    options = [part for part in verbs()[name].params if isinstance(part, click.Option)]
    assert documented == {flag for option in options for flag in option.opts}


def test_configuration_keys_are_known(tmp_path: Path) -> None:
    """Each key of config.toml that the page lists is read, and its example is valid."""
    text = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    table = text.split("## config.toml")[1].split("## Environment")[0]
    keys = re.findall(r"^\| `(\w+)` \|", table, flags=re.M)
    assert len(keys) == 12
    home = Path(settings().file)
    home.parent.mkdir(parents=True, exist_ok=True)
    values = {
        "at_once": "3",
        "prices": "{ hd = 4 }",
        "budget": "{ per_run = 4 }",
        "rates": "{ EUR = 2 }",
        "profile": "{}",
    }
    values |= {"originals": "false", "providers": "{}"}
    home.write_text("".join(f"{key} = {values.get(key, repr('x'))}\n" for key in keys), "utf-8")
    found = settings({})
    assert (found.provider, found.base_url, found.uploads, found.key_file, found.at_once) == ("x", "x", "x", "x", 3)
    home.write_text("api_key = 'secret'\n", "utf-8")
    with pytest.raises(InputError):
        settings({})
    for example in re.findall(r"```toml\n(.*?)```", text, flags=re.S):
        home.write_text(example, "utf-8")
        Profile.of(settings({}).profile)
        assert tomllib.loads(example)


def test_profile_names_are_complete() -> None:
    """Whoever configures another service sees every name that can be changed."""
    text = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    part = text.split("<!-- names of the profile -->")[1].split("<!-- end -->")[0]
    assert set(re.findall(r"`(\w+)`", part)) == {field.name for field in fields(Profile)}


def test_every_documented_code_is_in_the_matrix() -> None:
    """No code of the API document is without its row, and no row is about a code that is not handled."""
    text = (ROOT / "docs" / "errors.md").read_text("utf-8").split("## Codes of the service")[1]
    codes = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", text, flags=re.M) for code in row.split(",")}
    assert {400, 401, 402, 404, 422, 429, 455, 500, 501, 505} <= codes <= set(TABLE.codes)
