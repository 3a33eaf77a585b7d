"""How the film of a render is cut: by copying, unless that cannot be or is not wanted."""

import os
from pathlib import Path

import pytest
from studio import Studio

from storyboard.emulator.drafts import clip_writer
from storyboard.model import events
from storyboard.mp4 import reader
from storyboard.mp4.samples import VideoTrack
from storyboard.workflow import preflight
from storyboard.workflow.facts import current_plan
from storyboard.workflow.render_options import takes_of
from storyboard.workflow.workspace import open_workspace


def kinds(film: str) -> int:
    """How many encoders' parameter sets are in a film, and so whether it is the clips' or ours."""
    frames = reader.read(Path(film)).frames
    assert isinstance(frames, VideoTrack)
    return frames.sets.ids[0][0]


def test_a_film_is_copied_and_encoded_only_when_asked(studio: Studio) -> None:
    """What was paid for would lose quality on its way into the film; or the flag would be without effect."""
    studio.serve()
    studio.scenes("A gull", "A tern")
    copied = studio.render()
    assert (copied.frames, kinds(copied.film)) == (384, 0)
    content = Path(copied.film).read_bytes()
    encoded = studio.render(reencode=True)
    assert (encoded.frames, kinds(encoded.film)) == (384, 31)
    again = studio.render()
    assert Path(again.film).read_bytes() == content
    assert not [event for event in studio.seen if isinstance(event, events.Warned)]


def test_a_film_that_cannot_be_copied_says_so(studio: Studio) -> None:
    """It takes minutes then, and the author would not know which line of the storyboard is the reason."""
    studio.serve()
    studio.scenes("A gull", more="output: {file: film.mp4, fps: 25}\n")
    done = studio.render()
    assert (done.frames, kinds(done.film)) == (200, 31)
    (warned,) = [event for event in studio.seen if isinstance(event, events.Warned)]
    assert warned.why.startswith("re-encoding the film: no clip can be copied: scene s1: it has 24 frames a second")
    Path(done.film).unlink()
    assert studio.render().sha256 == done.sha256
    assert not [event for event in studio.seen if isinstance(event, events.Warned)]  # Its pieces are kept.


def test_a_film_that_lost_bytes_is_cut_again(studio: Studio) -> None:
    """A failing disk may leave a file of the right length and date, and not of the right content."""
    studio.serve()
    studio.scenes("A gull")
    film = Path(studio.render().film)
    content, times = film.read_bytes(), film.stat()
    film.write_bytes(content[:-5000] + bytes(5000))
    os.utime(film, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert Path(studio.render().film).read_bytes() == content


def test_the_plan_notes_what_a_trim_reencodes(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trim of half a second would cost an encoding of nearly the whole scene, and nobody told the author."""
    monkeypatch.setitem(clip_writer._X264, "g", "250")  # as few key frames as bought clips have
    studio.serve()
    studio.scenes("A gull")
    studio.render()
    studio.write("storyboard: 1\nscenes:\n  - {id: s1, prompt: A gull, trim: {from: 6.5, to: 7.5}}\n")
    with open_workspace(studio.folder / "film.yaml", studio.settings) as workspace:
        plan = current_plan(workspace)
        said = [problem.message for problem in preflight.warnings(workspace, plan)]
        keys = reader.read(workspace.realm.store.path(takes_of(plan)["s1"].digest)).frames
    assert isinstance(keys, VideoTrack)
    assert (
        f"24 of the 24 frames of scene 's1' are re-encoded for its trim: its clip has {len(keys.starts)} key" in said[0]
    )
