"""Words beside the film: captions in files that players read, chapters, and what the film says of itself."""

import html
import re
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import av
import pysubs2
import pytest
from canary import KEY
from hypothesis import given
from hypothesis import strategies as st
from studio import Studio

from storyboard import __version__
from storyboard.export.chapters import chapter_list
from storyboard.export.subtitles import srt, vtt
from storyboard.film import reencode as film_reencode
from storyboard.film import splice
from storyboard.film.film_plan import plan_film as laid_out
from storyboard.film.pieces import FilmPlan
from storyboard.mp4.metadata import Chapter, FilmMetadata
from storyboard.timeline.model import Clip, Cue, Timeline
from storyboard.workflow.cut import cut_only
from storyboard.workflow.render_options import RenderOptions
from storyboard.workflow.workspace import claimed_workspace

pytestmark = pytest.mark.ci

FILM = """
storyboard: 1
title: 'The keeper; "last" #night = 1'
scenes:
  - id: the-lamp
    prompt: A secret lamp
    caption:
      - {text: "He had not slept.", from: 0.5, for: 2}
      - {text: "Not for <i>three</i> nights & days.", from: 3, for: 1.25}
  - id: sea_at_night
    prompt: A secret sea
    trim: {to: 3}
    caption: "שלום, עולם!"
output: {captions: sidecar}
"""


def said(*cues: Cue, fps: int = 24) -> Timeline:
    return Timeline((Clip("a", "a", Fraction(0), Fraction(60), 0, 60 * fps),), 640, 360, fps, "pad", (), cues)


def shown(text: str) -> str:
    """What a reader sees of a text: signs without width are not seen."""
    return re.sub("[\u2060\u202b\u202c]", "", text)


def cues(text: str) -> list[tuple[str, str, str]]:
    """The cues of a file as a strict player reads them: a number, a line with times, lines up to an empty one."""
    blocks = re.split(r"\n\n", text.removeprefix("WEBVTT\n\n").rstrip("\n")) if text else []
    read = [re.fullmatch(r"\d+\n(\S+) --> (\S+)\n((?:.|\n)+)", block) for block in blocks]
    return [(each[1], each[2], each[3]) for each in read if each]


def test_captions_lie_beside_the_film(studio: Studio) -> None:
    """Two files that other programs read, with the times at which things are said in the film."""
    studio.serve()
    studio.write(FILM)
    film = Path(studio.render().film)
    for suffix in (".srt", ".vtt"):
        read = pysubs2.load(str(film.with_suffix(suffix)), keep_html_tags=True)
        assert [(cue.start, cue.end) for cue in read] == [(500, 2500), (3000, 4250), (8000, 11000)]
        assert shown(html.unescape(read[1].text)) == "Not for <i>three</i> nights & days."
        assert shown(read[2].text) == "שלום, עולם!"


def test_captions_go_when_nothing_is_said_any_more(studio: Studio) -> None:
    """A file that is left behind would be shown under another film; one that the author wrote is not ours to remove."""
    studio.serve()
    studio.write(FILM)
    film = Path(studio.render().film)
    film.with_suffix(".vtt").write_text("WEBVTT\n\nmine")
    studio.write(FILM.replace("sidecar", "burn"))
    studio.render()
    assert not film.with_suffix(".srt").exists()
    assert film.with_suffix(".vtt").read_text() == "WEBVTT\n\nmine"
    studio.write(FILM)
    studio.render()
    assert "He had not slept." in film.with_suffix(".srt").read_text("utf-8")
    studio.write(re.sub(r"    caption:(\n      .*|.*)*", "", FILM))
    studio.render()
    assert not film.with_suffix(".srt").exists()
    assert not film.with_suffix(".vtt").exists()


TEXTS = [
    "a\n\nb",
    "1\n00:00:01,000 --> 00:00:02,000\nx",
    "{\\p1}drawn",
    "\\N \\h",
    "<i",
    "&lt;",
    "7",
    "--> -->",
    "{a}\r\nb",
]


@given(st.lists(st.one_of(st.sampled_from(TEXTS), st.text(min_size=1, max_size=30)), max_size=5))
def test_no_text_becomes_a_command(texts: list[str]) -> None:
    """An arrow, a tag, a brace or an empty line would end a cue, move it, or vanish from it."""
    film = said(*(Cue(text, 24 * at, 12) for at, text in enumerate(texts)))
    lines = [
        [" ".join(re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", line).split()) for line in text.splitlines()] for text in texts
    ]
    wanted = ["\n".join(filter(None, some)) for some in lines]
    wanted = [shown(text) for text in wanted if text]
    plain, web = cues(srt(film)), cues(vtt(film))
    for found, unescaped in ((plain, str), (web, html.unescape)):
        read = ["\n".join(" ".join(line.split()) for line in shown(unescaped(text)).split("\n")) for *_, text in found]
        assert read == wanted
    assert not re.search(r"-->|[<{](?!\u2060)", "".join(text for *_, text in plain))
    assert not re.search(r"-->|<|>", "".join(text for *_, text in web))


@pytest.mark.parametrize("fps", [24, 25, 30, 60])
@pytest.mark.ci
def test_a_cue_is_seen_on_exactly_its_frames(fps: int) -> None:
    """Times have whole milliseconds, frames have not: rounded the wrong way a cue would come a frame late."""
    film = said(*(Cue(str(at), 7 * at, 5) for at in range(40)), fps=fps)
    read = pysubs2.SSAFile.from_string(srt(film))
    for cue, found in zip(film.cues, read, strict=True):
        seen = [frame for frame in range(60 * fps) if found.start <= Fraction(1000 * frame, fps) < found.end]
        assert seen == list(range(cue.first, cue.first + cue.frames))


@pytest.mark.parametrize("reencode", [False, True])
def test_a_film_says_what_it_is(studio: Studio, reencode: bool) -> None:
    """Chapters to jump to, its title, and the lock that it came of; nothing that was asked for, no key."""
    studio.serve()
    file = studio.write(FILM)
    studio.render(reencode=reencode)
    done = studio.render(reencode=reencode)
    lock = sha256((studio.folder / "film.lock.yaml").read_bytes()).hexdigest()
    with av.open(done.film) as film:
        assert film.metadata["title"] == 'The keeper; "last" #night = 1'
        assert film.metadata["encoder"] == f"storyboard {__version__}"
        assert film.metadata["comment"] == f"lock sha256:{lock}"
        found = [
            (
                chapter["metadata"]["title"],
                chapter["start"] * chapter["time_base"],
                chapter["end"] * chapter["time_base"],
            )
            for chapter in film.chapters()
        ]
    assert found == [("The lamp", 0, 8), ("Sea at night", 8, 11)]
    content = Path(done.film).read_bytes()
    assert not [word for word in (b"secret", KEY.encode(), str(file.parent).encode()) if word in content]


def test_the_same_film_has_the_same_bytes(studio: Studio) -> None:
    """Nothing of the day or of the machine is in it."""
    studio.serve()
    studio.write(FILM)
    first = studio.render()
    again = studio.render(out=studio.folder / "elsewhere" / "other.mp4")
    assert again.sha256 == first.sha256


def test_another_title_is_another_film(studio: Studio) -> None:
    studio.serve()
    studio.write(FILM)
    studio.render()
    studio.write(FILM.replace("The keeper", "The sea"))
    with av.open(studio.render().film) as film:
        assert film.metadata["title"].startswith("The sea")


def test_chapters_are_listed_for_those_who_ask(studio: Studio) -> None:
    """In the form that video sites take; once it is there, the list is kept right."""
    studio.serve()
    file = studio.write(FILM)
    film = Path(studio.render().film)
    listing = film.with_suffix(".chapters.txt")
    assert not listing.exists()
    with claimed_workspace(file, studio.settings) as workspace:
        cut_only(workspace, RenderOptions(on_event=studio.seen.append, chapters=True))
    assert listing.read_text() == "0:00 The lamp\n0:08 Sea at night\n"
    studio.write(FILM.replace("prompt: A secret lamp", "prompt: A secret lamp\n    trim: {to: 5}"))
    studio.render()
    assert listing.read_text() == "0:00 The lamp\n0:05 Sea at night\n"


def test_listed_chapters_have_whole_seconds_once() -> None:
    clips = [
        Clip(name, name, Fraction(0), Fraction(1), at, 1) for name, at in (("a", 0), ("b", 12), ("c-d", 24 * 3661))
    ]
    assert chapter_list(Timeline(tuple(clips), 64, 36, 24, "pad")) == "0:00 A\n1:01:01 C d\n"


def test_hundreds_of_chapters(tmp_path: Path) -> None:
    """Nero's list ends at 255, the track goes on; and a name of any script and length arrives whole or cut cleanly."""
    clip = tmp_path / "clip.mp4"
    with av.open(str(clip), "w") as out:
        video = out.add_stream("libx264", rate=24)
        video.width, video.height = 64, 36
        for _ in range(300):
            out.mux(video.encode(av.VideoFrame(64, 36, "yuv420p")))
        out.mux(video.encode())
    cut = Timeline((Clip("a", "a", Fraction(0), Fraction(300, 24), 0, 300),), 64, 36, 24, "pad")
    notes = FilmMetadata(chapters=tuple(Chapter("é" * 200 if at == 7 else f"Scène {at}", at) for at in range(300)))
    indexes = splice.indexes({"a": clip})
    plan = laid_out(cut, indexes)
    assert isinstance(plan, FilmPlan), plan
    film = splice.splice(plan, indexes, {"a": clip}, tmp_path / "f.mp4", tmp_path / "s", notes=notes)
    plain = film_reencode.join(cut, {"a": clip}, tmp_path / "g.mp4", tmp_path / "t", notes=notes)
    for path in (film.path, plain.path):
        with av.open(str(path)) as opened:
            found = [
                (chapter["metadata"]["title"], chapter["start"] * chapter["time_base"]) for chapter in opened.chapters()
            ]
            assert sum(1 for _ in opened.decode(video=0)) == 300
        assert len(found) == 300
        assert found[299] == ("Scène 299", Fraction(299, 24))
    assert found[8] == ("Scène 8", Fraction(8, 24))
