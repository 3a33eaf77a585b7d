"""The home and what is in it are for one user: narrowed with a word, or refused; whatever the umask says."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from studio import Run, Studio

from storyboard.model import events
from storyboard.model.errors import LocalFault


@pytest.fixture
def open_umask() -> Iterator[None]:
    """A shell that gives everybody all rights on each new file."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
@pytest.mark.parametrize("realm", [None, pytest.param("draft", marks=pytest.mark.ci)])
def test_all_files_are_for_their_user_alone(studio: Studio, own_home: Path, realm: str | None) -> None:
    """Ledger, reserve, claims and scratch files are 0600, takes 0400, folders 0700; lock and film are the author's."""
    studio.serve()
    studio.scenes("A gull")
    assert studio.render(realm=realm).exit == 0
    rights: dict[int, set[str]] = {}
    for root in (own_home / "store", studio.folder / ".storyboard"):
        for path in (root, *root.rglob("*")):
            kind = "folder" if path.is_dir() else "take" if path.parent.parent.name == "takes" else "file"
            rights.setdefault(stat.S_IMODE(path.stat().st_mode), set()).add(kind)
    assert rights == {0o700: {"folder"}, 0o600: {"file"}, 0o400: {"take"}}
    assert stat.S_IMODE((studio.folder / "out").joinpath("film.mp4").stat().st_mode) == 0o666


def test_a_home_that_is_open_to_others_is_narrowed_with_a_word(studio: Studio, own_home: Path, run: Run) -> None:
    """Told once, by whatever looks first; `doctor` only looks."""
    studio.serve()
    studio.scenes("A gull")
    home = own_home / "store"
    home.mkdir(mode=0o755)
    key = own_home / "key"
    key.write_text("secret")
    key.chmod(0o644)
    studio.environ["APIKLEY_API_KEY_FILE"] = str(key)
    out = run("doctor", "--offline", "--json")[1]
    told = [one["said"] for one in json.loads(out)["findings"] if one["subject"] == "rights"]
    assert [str(home) in told[0], str(key) in told[1]] == [True, True]
    assert stat.S_IMODE(home.stat().st_mode) == 0o755
    assert studio.render().exit == 0
    warned = [event.why for event in studio.seen if isinstance(event, events.Warned)]
    assert [f"{home} was open to other users" in why for why in warned] == [True]
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert studio.render().exit == 0
    assert not [event for event in studio.seen if isinstance(event, events.Warned)]


def test_takes_of_a_release_before_are_named(studio: Studio, own_home: Path, run: Run) -> None:
    """They had mode 0444: a home that is opened later, or copied, would show them."""
    take = own_home / "store" / "rehearsals" / "takes" / "ab" / f"{'ab' * 32}.mp4"
    take.parent.mkdir(parents=True)
    take.write_bytes(b"x")
    take.chmod(0o444)

    def told() -> list[tuple[str, str]]:
        found = json.loads(run("doctor", "--offline", "--json")[1])["findings"]
        return [(one["said"].split(" in ")[0], one["hint"]) for one in found if one["subject"] == "rights"]

    (own_home / "store").chmod(0o700)
    ((said, hint),) = told()
    assert (said, hint) == ("1 take", f"chmod -R go= {take.parents[1]}")
    take.chmod(0o400)
    assert told() == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_home_of_another_user_is_refused(studio: Studio, own_home: Path, run: Run) -> None:
    """Nothing is asked for, and nothing is written into it."""
    service = studio.serve()
    studio.scenes("A gull")
    home = own_home / "store"
    home.mkdir(mode=0o777)
    os.chown(home, 12345, -1)
    with pytest.raises(LocalFault, match=r"belongs to another user \(12345\)"):
        studio.render()
    assert (service.posts, list(home.iterdir())) == (0, [])
    assert run("doctor", "--offline")[0] == 6
