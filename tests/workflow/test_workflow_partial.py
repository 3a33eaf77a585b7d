"""A film can be looked at before all of it is there; what is missing says so, and nobody takes it for the whole."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from studio import Studio

from storyboard.cli.next_steps import done_event
from storyboard.graphics import slates
from storyboard.model import events
from storyboard.model.errors import Problems, SceneFailed
from storyboard.state.store import Store
from storyboard.timeline.model import Slate
from storyboard.workflow.cut import cut_only
from storyboard.workflow.partial import TolerantFiles, cut_partial
from storyboard.workflow.render_options import RenderOptions
from storyboard.workflow.source_files import Project
from storyboard.workflow.workspace import claimed_workspace

pytestmark = pytest.mark.ci


def partial(studio: Studio, name: str = "film.yaml", **order: Any) -> events.Done:
    files, realm = TolerantFiles(Project(studio.folder)), order.pop("realm", None)
    asked = RenderOptions(on_event=studio.seen.append, checksum=True, **order)
    with claimed_workspace(studio.folder / name, studio.settings, realm, files=files) as workspace:
        return done_event(cut_partial(workspace, asked, files.troubles))


def frames(path: str) -> int:
    with av.open(path) as film:
        return sum(1 for _ in film.decode(video=0))


def test_one_failed_scene_blocks_no_screening(studio: Studio):
    """The slate has the length and the place of the scene, so the film keeps its rhythm."""
    service = studio.serve("submit:code=422 @mouse")
    studio.scenes("a door", "a mouse", "a lamp")
    done = studio.render()
    assert done.exit == 3
    asked, spent = service.posts, service.charged
    seen = partial(studio)
    assert (seen.exit, Path(seen.film).name, seen.frames) == (3, "film.partial.mp4", 3 * 192)
    assert frames(seen.film) == 3 * 192
    assert next(note for note in seen.notes if "s2" in note).startswith("slate    s2: failed before: ")
    assert not (studio.folder / "out" / "film.mp4").exists()
    assert (service.posts, service.charged) == (asked, spent)


def test_without_the_flag_nothing_is_cut(studio: Studio):
    studio.scenes("a door")
    with (
        pytest.raises(SceneFailed, match="no take yet: s1"),
        claimed_workspace(studio.folder / "film.yaml", studio.settings) as workspace,
    ):
        cut_only(workspace, RenderOptions(on_event=studio.seen.append))


def test_a_partial_film_of_all_scenes_is_the_film(studio: Studio):
    """Where nothing is missing there is no slate, and it lies where the film lies."""
    studio.serve()
    studio.scenes("a door")
    whole = studio.render()
    seen = partial(studio)
    assert (seen.exit, seen.film, seen.sha256) == (0, whole.film, whole.sha256)


def test_a_slate_lasts_as_long_as_its_scene_would(studio: Studio):
    """A trim is that of a clip which is not there; titles would lie over the slate's own words."""
    studio.write(
        """
storyboard: 1
scenes:
  - {id: a, prompt: one, trim: {from: 1, to: 3.5}, title: {text: Over it}}
  - {id: b, prompt: two}
output: {size: 320x180}
"""
    )
    seen = partial(studio)
    assert seen.frames == 60 + 192


def test_a_clip_or_a_picture_of_ones_own_that_is_missing_or_damaged_gets_a_slate(studio: Studio):
    """A colleague has not pushed the logo yet; the rest of the film can be seen."""
    (studio.folder / "bad.mp4").write_bytes(b"\0\0\0\x20ftypisom" + bytes(100))
    (studio.folder / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    studio.write(
        """
storyboard: 1
scenes:
  - {id: gone, file: gone.mp4, trim: {from: 20, to: 21}}
  - {id: bad, file: bad.mp4}
  - {id: art, still: bad.png, seconds: 2}
  - {id: shot, prompt: Waves., first_frame: gone.png}
  - {id: card, still: "#123456", seconds: 1}
output: {size: 320x180}
"""
    )
    with pytest.raises(Problems) as refused, claimed_workspace(studio.folder / "film.yaml", studio.settings):
        pass
    assert len(refused.value.problems) == 4
    seen = partial(studio)
    assert (seen.exit, seen.frames) == (3, (1 + 8 + 2 + 8 + 1) * 24)
    told = {note.split(":")[0].split()[-1]: note for note in seen.notes}
    assert list(told) == ["gone", "bad", "art", "shot"]
    assert "there is no file 'gone.mp4'" in told["gone"]
    assert "there is no file 'gone.png'" in told["shot"]
    assert "is not a PNG, JPEG or WebP image" in told["art"]


def test_what_is_wrong_with_the_storyboard_itself_is_still_an_error(studio: Studio):
    studio.write("storyboard: 1\nscenes:\n  - {id: a, promt: x}\n")
    with pytest.raises(Problems):
        partial(studio)


def test_a_take_that_was_damaged_on_the_disk_gets_a_slate(studio: Studio):
    """It was bought; it is fetched again by the next render, and not by a screening."""
    service = studio.serve()
    studio.scenes("a door", "a mouse")
    studio.render()
    store = Store(studio.settings.realm_folder() / "takes")
    digest = next(event.sha256 for event in studio.seen if isinstance(event, events.Finished) and event.scene == "s2")
    path = store.path(digest)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    asked = service.posts
    seen = partial(studio)
    assert (seen.exit, seen.frames) == (3, 2 * 192)
    assert any("s2" in note and "damaged on this disk" in note for note in seen.notes)
    assert service.posts == asked


def test_the_partial_film_is_named_so_wherever_it_goes(studio: Studio):
    studio.scenes("a door", more="output: {file: cuts/night.mp4, size: 320x180}\n")
    assert Path(partial(studio).film) == studio.folder / "cuts" / "night.partial.mp4"
    assert Path(partial(studio, out=studio.folder / "a.mp4").film) == studio.folder / "a.partial.mp4"
    assert Path(partial(studio, out=studio.folder / "b.partial.mp4").film) == studio.folder / "b.partial.mp4"


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (640, 640), (64, 36), (16, 16)])
def test_a_slate_has_room_for_any_words_in_any_frame(size):
    """Nothing is drawn over the border, and what does not fit ends in an ellipsis."""
    words = Slate(7, 20_000, "x" * 64, "t" * 300, "a long prompt " * 400, "why " * 200, Fraction(8))
    picture = slates.picture(words, size)
    assert picture.shape == (size[1], size[0], 3)
    if min(size) >= 360:
        border = [picture[:, :8], picture[:, -8:], picture[:8], picture[-8:]]
        assert all(part.max() < 150 for part in border)
        assert picture.max() > 200


def test_the_verb_prints_the_path_and_ends_with_3(studio: Studio, monkeypatch):
    studio.scenes("a door", more="output: {size: 320x180}\n")
    command = [sys.executable, "-m", "storyboard", "cut", "--partial", "film.yaml"]
    ran = subprocess.run(command, cwd=studio.folder, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (3, "out/film.partial.mp4\n")
    assert "slate    s1: no take yet" in ran.stderr
    assert frames(str(studio.folder / "out" / "film.partial.mp4")) == 192


def test_slates_stills_and_effects_meet_in_transitions(studio: Studio):
    """What is drawn is a clip like any other: it dissolves, fades and carries titles, also in a partial film."""
    studio.write(
        """
storyboard: 1
scenes:
  - {id: card, still: "#000000", seconds: 2, title: {text: The End}}
  - {id: gone, prompt: Waves., trim: {to: 3}, transition: {kind: dissolve, seconds: 1}, title: {text: Over it}}
  - {id: blue, still: "#0000ff", seconds: 2, transition: {kind: wipe-left, seconds: 1}}
output: {size: 320x180}
"""
    )
    seen = partial(studio)
    assert (seen.exit, seen.frames) == (3, 48 + 72 + 48 - 48)
    with av.open(seen.film) as film:
        pictures = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(pictures) == 120
    assert pictures[12].max() > 200  # the card's title
    assert abs(pictures[119].reshape(-1, 3).mean(axis=0) - [0, 0, 255]).max() < 6
