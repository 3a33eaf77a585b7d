"""Which file under the film's name is storyboard's own: by the project's record, or by the note in the film itself."""

import os
import shutil
from pathlib import Path

import pytest
from studio import Studio

from storyboard.film import provenance
from storyboard.model.errors import InputError


@pytest.fixture
def film(studio: Studio) -> Path:
    """A film of one bought scene."""
    studio.serve()
    studio.scenes("A gull")
    assert studio.render().exit == 0
    return studio.folder / "out" / "film.mp4"


@pytest.mark.parametrize("reencode", [False, pytest.param(True, marks=pytest.mark.ci)])
def test_a_film_is_known_by_its_note(studio: Studio, film: Path, reencode: bool) -> None:
    """Scratch may be deleted: the next render replaces the film, as it said it would."""
    before = studio.render(reencode=reencode).sha256
    shutil.rmtree(studio.folder / ".storyboard")
    done = studio.render(reencode=reencode)
    assert (done.exit, done.film, done.sha256) == (0, str(film), before)
    with film.open("rb") as file:
        assert provenance.kind_of(file) == "rehearsal"


@pytest.mark.ci
def test_a_draft_does_not_replace_a_bought_film_without_a_record(studio: Studio, film: Path) -> None:
    """The note says what the film is worth."""
    bought = film.read_bytes()
    shutil.rmtree(studio.folder / ".storyboard")
    assert studio.render(realm="draft").film == str(film.with_name("film.draft.mp4"))
    assert film.read_bytes() == bought


@pytest.mark.parametrize("at", [0.5, 0.999])
def test_a_film_that_was_changed_by_hand_is_not_replaced(studio: Studio, film: Path, at: float) -> None:
    """It still has our note, but not the bytes that the note is about."""
    content = bytearray(film.read_bytes())
    content[int(len(content) * at)] ^= 1
    film.write_bytes(content)
    shutil.rmtree(studio.folder / ".storyboard")
    with pytest.raises(InputError, match="was changed since"):
        studio.render()
    assert film.read_bytes() == content


@pytest.mark.parametrize("link", [False, True])
def test_a_file_that_appears_while_a_render_waits_is_not_replaced(studio: Studio, link: bool) -> None:
    """The finished film is kept beside it, and named; nothing is bought twice."""
    service = studio.serve()
    studio.scenes("A gull")
    film = studio.folder / "out" / "film.mp4"
    holiday = studio.folder / "holiday.mp4"
    holiday.write_text("holiday")

    def meanwhile(*_: object) -> None:
        film.parent.mkdir(exist_ok=True)
        os.symlink(holiday, film) if link else os.link(holiday, film)

    with pytest.raises(InputError, match="appeared meanwhile") as caught:
        studio.render(approve=meanwhile)
    kept = film.with_name("film-2.mp4")
    assert str(kept) in caught.value.hint
    assert film.read_text() == "holiday"
    with kept.open("rb") as file:
        assert provenance.kind_of(file) == "rehearsal"
    assert sorted(file.name for file in film.parent.iterdir()) == ["film-2.mp4", "film.mp4"]
    film.unlink()
    assert (studio.render().exit, service.posts) == (0, 1)
