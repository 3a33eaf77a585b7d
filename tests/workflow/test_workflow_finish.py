"""A film with transitions and words, through the whole program: what is rendered for it, and what is said of it."""

import json
from pathlib import Path

import av
import numpy
import pysubs2
import pytest
from studio import Studio

from storyboard.cli.main import status
from storyboard.emulator.drafts import clip_writer
from storyboard.model import events
from storyboard.mp4 import reader
from storyboard.mp4.samples import VideoTrack

FILM = """storyboard: 1
output: {file: film.mp4, captions: CAPTIONS}
scenes:
  - {id: one, prompt: A gull., transition: {kind: fade}, title: {text: "The Gull", from: 3, for: 1}}
  - {id: two, prompt: A tern., transition: {kind: OTHER}, caption: "It came back. \\u732b"}
"""


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clips in which decoding can begin every two seconds; a draft's can every half second."""
    monkeypatch.setitem(clip_writer._X264, "g", "48")


def film(studio: Studio, captions: str = "sidecar", other: str = "dissolve") -> Path:
    return studio.write(FILM.replace("CAPTIONS", captions).replace("OTHER", other))


def made(studio: Studio) -> dict[str, int]:
    """What was rendered, piece by piece, and how many frames each has."""
    found = {}
    for path in studio.folder.rglob("segments/*/*.mp4"):
        frames = reader.read(path).frames
        assert isinstance(frames, VideoTrack)
        found[path.name] = len(frames.shown)
    return found


@pytest.mark.ci
@pytest.mark.usefixtures("groups")
def test_only_what_is_touched_is_rendered(studio: Studio) -> None:
    """A fade, a title and a dissolve in 16 s: three groups, and none again for another kind of the last."""
    film(studio)
    done = studio.render(realm="draft")
    assert (done.exit, done.frames) == (0, 384 - 12)
    first = made(studio)
    assert len(first) == 3
    assert sum(first.values()) <= 3 * (48 + 3)
    film(studio, other="wipe-left")
    assert studio.render(realm="draft").frames == 384 - 12
    assert len(first.keys() & made(studio).keys()) == 2
    film(studio, other="dissolve, over: tail")
    assert studio.render(realm="draft").frames == 384


@pytest.mark.ci
def test_burnt_captions_are_told_of_what_the_font_lacks(studio: Studio) -> None:
    """A box in place of a word is seen by everybody but the author."""
    film(studio, captions="burn")
    assert studio.render(realm="draft").exit == 0
    warned = [event.why for event in studio.seen if isinstance(event, events.Warned)]
    assert [why for why in warned if "titles and captions lacks 1 character: 猫 (U+732B)" in why]
    assert sum(made(studio).values()) > 192 - 12


@pytest.mark.ci
def test_encoding_all_of_it_has_the_same_frames(studio: Studio) -> None:
    """--reencode must not leave out the transitions."""
    film(studio)
    studio.render(realm="draft")
    done = studio.render(realm="draft", reencode=True)
    assert done.frames == 384 - 12
    frames = reader.read(Path(done.film)).frames
    assert isinstance(frames, VideoTrack)
    assert frames.sets.ids == ((31,), (31,))


@pytest.mark.ci
def test_a_plan_says_where_a_whole_clip_is_encoded(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It takes minutes for a film of a hundred scenes, and one word would spare them."""
    monkeypatch.setitem(clip_writer._X264, "g", "250")  # as few key frames as bought clips have
    film(studio)
    studio.render(realm="draft")
    monkeypatch.chdir(studio.folder)
    assert status(["plan", "film.yaml", "--draft"]) == 0
    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("note")]
    assert len(notes) == 1
    assert "all of scene 'two' is re-encoded" in notes[0]
    assert status(["plan", "film.yaml", "--draft", "--json"]) == 0
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert (problem["path"], problem["severity"]) == ("scenes[1].transition", "warning")
    film(studio, other="dissolve, over: tail")
    assert status(["plan", "film.yaml", "--draft"]) == 0
    assert "note" not in capsys.readouterr().out


UPRIGHT = """storyboard: 1
defaults: {aspect: 9:16}
output: {captions: both, language: de}
scenes:
  - id: one
    prompt: A gull.
    caption: Eine Möwe, die über die Straßenbahnhaltestellenüberdachung hinweg auf das Meer hinausfliegt, ohne Eile.
"""


@pytest.mark.ci
def test_captions_of_an_upright_film_keep_out_of_the_buttons(studio: Studio) -> None:
    """Seven lines over half the picture, the last ones under what a phone lays over it."""
    studio.write(UPRIGHT)
    film = Path(studio.render(realm="draft").film)
    read = pysubs2.load(str(film.with_suffix(".srt")))
    assert len(read) > 1
    assert all(cue.text.count("\\N") <= 1 for cue in read)
    plain = studio.folder / "plain.mp4"
    studio.write(UPRIGHT.replace("both", "sidecar"))
    studio.render(realm="draft", out=plain)
    seen = [picture(path, at=read[0].start / 1000 + 0.5) for path in (film, plain)]
    rows = numpy.flatnonzero((abs(seen[0] - seen[1]) > 60).any(axis=1))
    assert 1280 * 0.7 < rows[0] < rows[-1] < 1280 * 0.85
    assert read[0].end == read[1].start


def picture(path: Path, at: float) -> numpy.ndarray:
    """The luma of a frame."""
    with av.open(str(path)) as film:
        frame = next(frame for frame in film.decode(video=0) if frame.time >= at)
        return frame.to_ndarray(format="gray").astype(int)
