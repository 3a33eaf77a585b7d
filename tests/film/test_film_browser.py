"""In a browser: it plays every kind of film that is cut here, and shows the right frame wherever it is sent."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import browser
import pytest
from browser import Browser
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from moving import BLUE, GREEN, GREY, RED, TAGS, Colour, Seen, clips_in_order, close, laid, look
from test_film_odd_clips import PATCH, patch

from storyboard.film import splice as hand
from storyboard.film.film_plan import plan_film, plan_reencoded_film
from storyboard.film.pieces import CopiedPiece, FilmPlan, RenderedPiece
from storyboard.media import frames
from storyboard.model.storyboard import Title, TransitionKind
from storyboard.mp4.metadata import Chapter, FilmMetadata
from storyboard.timeline.model import Clip, Overlay, TimedTransition, Timeline

pytestmark = [
    pytest.mark.ci,
    pytest.mark.skipif(not browser.PROGRAM, reason="needs a browser: apt-get install chromium"),
]

EVEN = Fraction(64, 24)
SIZE = (320, 180)
# On the left fifth of each frame is its number, modulo 6, as a grey.
STRIPS = 6
NUMBERED = (
    ",geq=lum='if(lt(X,W/5),40+32*mod(N,6),lum(X,Y))':cb='if(lt(X,W/5),128,cb(X,Y))':cr='if(lt(X,W/5),128,cr(X,Y))'"
)
MIDDLE, STRIP, WORDS = 0, 1, 2
POINTS = ((0.5, 0.5), (0.1, 0.5), (0.5, 0.8))
GROUPS = ("-c:v", "libx264", "-preset", "veryfast", "-g", "24", "-sc_threshold", "0", "-crf", "18", *TAGS)
CAVLC = ("-c:v", "libx264", "-coder", "0", "-bf", "0", "-g", "24", *TAGS)
OPEN = ("-c:v", "libx264", "-g", "12", "-x264-params", "open-gop=1:scenecut=0:bframes=3", *TAGS)
UNTAGGED = {"codec": GROUPS[: -len(TAGS)], "filters": NUMBERED + ",setparams=colorspace=unknown"}
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", *TAGS)
TITLE = Title("Sea", Fraction(0), None, "bottom", Fraction(18, 100), "#ffff00", "box")


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all films."""
    opened = Browser(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.fixture
def numbered(clips):
    """A clip of 64 frames in a colour, each with its number."""

    def clip(colour: Colour, **options) -> Path:
        wanted = {"seconds": float(EVEN), "size": SIZE, "filters": NUMBERED, "codec": GROUPS}
        return clips(colour, **{**wanted, **options})

    return clip


def made(cut: Timeline, paths: Mapping[str, Path], folder: Path, *, anew: bool = False) -> tuple[FilmPlan, Path]:
    """The film, with chapters, as every film has them."""
    known = hand.indexes(paths)
    plan = plan_reencoded_film(cut, known) if anew else plan_film(cut, known)
    assert isinstance(plan, FilmPlan), plan
    notes = FilmMetadata("Gulls", "storyboard", "", tuple(Chapter(clip.scene, clip.at) for clip in cut.clips))
    return plan, hand.splice(plan, known, paths, folder / "film.mp4", folder / "scratch", notes=notes).path


def asked(plan: FilmPlan) -> list[int]:
    """Both sides of every joint of two pieces or of two scenes, and the ends; far from each other, back and forth."""
    begins = {0, *accumulate(piece.length for piece in plan.pictures), *(clip.at for clip in plan.cut.clips)}
    begins |= {clip.at + clip.joint.frames for clip in plan.cut.clips if clip.joint}
    sides = {frame for begin in begins for frame in (begin - 1, begin) if 0 <= frame < plan.cut.frames}
    return sorted(sides, key=lambda frame: frame * 7919 % 1009)


def alone(cut: Timeline, frame: int) -> Clip | None:
    """The clip that is seen on a frame, where nothing else is."""
    seen = [clip for clip in cut.clips if clip.at <= frame < clip.until]
    coming = any(clip.joint and frame < clip.at + clip.joint.frames for clip in seen)
    leading = any(clip.lead_in and clip.at - clip.lead_in.frames <= frame < clip.at for clip in cut.clips)
    return seen[0] if len(seen) == 1 and not coming and not leading else None


def compared(
    chromium: Browser, plan: FilmPlan, film: Path, colours: Mapping[str, Colour], *, rate: int = 0, shapes: str = ""
) -> Seen:
    """It plays to its end without an error; on each frame is what ffmpeg decodes, and the colour and number due there.

    ``shapes`` names the clips on which the number is somewhere else.
    """
    cut, own = plan.cut, look(film)
    frames = asked(plan)
    viewed = chromium.look(film, frames, points=POINTS, rate=rate)
    assert viewed.error == ""
    assert (viewed.size, round(viewed.seconds * 1000)) == ((cut.width, cut.height), round(cut.frames / cut.fps * 1000))
    places = [(int(x * cut.width), int(y * cut.height)) for x, y in POINTS]
    for frame, seen in zip(frames, viewed.seen, strict=True):
        for place, colour in zip(places, seen, strict=True):
            assert close(colour, own.at(frame, *place), 12), (frame, place)
        if clip := alone(cut, frame):
            number = int(clip.start * cut.fps) + frame - clip.at
            assert close(seen[MIDDLE], (255, 255, 255) if number % 24 == 0 else colours[clip.digest], 16), frame
            if clip.digest not in shapes:
                grey = round((40 + 32 * (number % STRIPS) - 16) * 255 / 219)
                assert close(seen[STRIP], (grey,) * 3, 16), frame
    if rate:
        assert viewed.ended == pytest.approx(viewed.seconds)
        assert viewed.shown
    for time, (middle, *_) in viewed.shown:  # what is drawn may be some frames further than what was announced
        near = range(round(time), min(round(time) + 12, cut.frames))
        assert any(close(middle, own.colour(frame), 16) for frame in near), time
    lengths = (own.sound.shape[1], round(Fraction(cut.frames * plan.form[0], cut.fps)))
    # Chromium 150 rounds the length of an edit down: one sample less, of the same file, than releases before it.
    assert any(length - viewed.samples in (0, 1) for length in lengths)
    if rate:
        assert viewed.clicks == pytest.approx(own.clicks(), abs=0.001)
    return own


def test_equal_clips(chromium, numbered, tmp_path):
    """The film that everybody makes. Flash and click fall together for a browser, too."""
    colours = {"a": RED, "b": GREEN, "c": BLUE}
    paths = {name: numbered(colour) for name, colour in colours.items()}
    plan, film = made(laid(paths, size=SIZE), paths, tmp_path)
    assert all(isinstance(piece, CopiedPiece) for piece in plan.pictures)
    seen = compared(chromium, plan, film, colours, rate=8)
    assert seen.clicks() == pytest.approx([at / 24 for at in seen.flashes()], abs=0.001)


@pytest.mark.parametrize("name", ["matrix of BT.601", "full range"])
def test_a_copied_film_of_other_colours_looks_like_its_poster(chromium, tmp_path, name):
    """Such clips alone are copied with their tags: a browser goes by these, as posters and sheets do."""
    paths = {one: patch(tmp_path / f"{one}.mp4", name) for one in "ab"}
    plan, film = made(laid(paths, size=SIZE), paths, tmp_path)
    assert all(isinstance(piece, CopiedPiece) for piece in plan.pictures)
    seen = [colours[0] for colours in chromium.look(film, [5, 30]).seen]
    pictures = [frames.frame(paths["a"], 5), frames.thumbnail(paths["a"], 0, 24, SIZE)]
    seen += [picture.getpixel((picture.width // 2, picture.height // 2)) for picture in pictures]
    assert all(close(colour, PATCH, 6) for colour in seen), seen


def test_clips_of_several_encoders(chromium, numbered, tmp_path):
    """ffmpeg's own way ends here with PIPELINE_ERROR_DECODE, at the first joint."""
    colours = {"a": RED, "b": GREEN, "c": BLUE, "d": GREY, "e": RED}
    odd = {
        "a": {"sound": ""},
        "b": {"codec": CAVLC, "sound": "mono", "hertz": 44100},
        "c": {"codec": OPEN, "sound": ""},
        "d": {"codec": (*GROUPS, "-x264-params", "slices=3:ref=5"), "sound_seconds": 2.5},
    }
    paths = {name: numbered(colour, **odd.get(name, {})) for name, colour in colours.items()}
    paths["f"], colours["f"] = paths["a"], RED
    plan, film = made(laid(paths, size=SIZE), paths, tmp_path)
    assert [piece.sets for piece in plan.pictures if isinstance(piece, CopiedPiece)] == [0, 1, 2, 3, 0, 0]
    compared(chromium, plan, film, colours, rate=8)


def test_clips_of_as_many_encoders_as_fit(chromium, numbered, tmp_path):
    """The last numbers of parameter sets are the longest ones."""
    kinds = [("-c:v", "libx264", "-qp", str(14 + n), *TAGS) for n in range(17)]
    colours = {chr(97 + n): (40 + 10 * n, 120, 200 - 8 * n) for n in range(17)}
    paths = {
        name: numbered(colour, seconds=0.25, codec=kind)
        for (name, colour), kind in zip(colours.items(), kinds, strict=True)
    }
    plan, film = made(laid(paths, size=SIZE), paths, tmp_path)
    assert (len(plan.sets), sum(isinstance(piece, RenderedPiece) for piece in plan.pictures)) == (16, 1)
    compared(chromium, plan, film, colours, rate=8)


def test_clips_that_must_be_rendered(chromium, numbered, tmp_path):
    """A frame of ours beside copied ones has parameter sets of its own."""
    colours = {"a": RED, "b": GREEN, "c": BLUE, "d": GREY}
    odd = {"b": {"size": (180, 320)}, "c": {"codec": X265}, "d": {"size": (640, 360), "sound": "mono"}}
    paths = {name: numbered(colour, **odd.get(name, {})) for name, colour in colours.items()}
    parts = laid({**paths, "e": paths["a"]}, size=SIZE)
    parts = replace(parts, clips=(*parts.clips[:4], replace(parts.clips[4], digest="a")))
    plan, film = made(parts, paths, tmp_path)
    assert [type(piece) for piece in plan.pictures] == [
        CopiedPiece,
        RenderedPiece,
        RenderedPiece,
        RenderedPiece,
        CopiedPiece,
    ]
    compared(chromium, plan, film, colours, rate=8, shapes="b")


def test_transitions_trims_and_words(chromium, numbered, tmp_path):
    """Pieces of a few frames, each at the end or the beginning of a group."""
    colours = {"a": RED, "b": GREEN, "c": BLUE}
    paths = {"a": numbered(RED), "b": numbered(GREEN, codec=CAVLC), "c": numbered(BLUE, sound="")}

    def part(scene: str, digest: str, first: int, last: int, at: int, **joint: TimedTransition) -> Clip:
        return Clip(scene, digest, Fraction(first, 24), Fraction(last, 24), at, last - first, **joint)

    clips = (
        part("one", "a", 0, 64, 0, joint=TimedTransition("fade", 6)),
        part("two", "b", 0, 64, 64 - 10, joint=TimedTransition("dissolve", 10)),
        part("three", "c", 5, 60, 118, lead_in=TimedTransition("wipe-left", 8)),
        part("four", "a", 11, 50, 173),
        part("five", "a", 11, 50, 212),
        part("six", "b", 0, 64, 251 - 12, joint=TimedTransition("slide-up", 12)),
    )
    plan, film = made(Timeline(clips, *SIZE, 24, "pad", (Overlay(TITLE, 80, 20, 4),)), paths, tmp_path)
    assert sum(isinstance(piece, CopiedPiece) for piece in plan.pictures) >= 6
    assert sum(isinstance(piece, RenderedPiece) for piece in plan.pictures) >= 6
    seen = compared(chromium, plan, film, colours, rate=8)
    (words,) = chromium.look(
        film, [90], points=[(x / 100, y / 100) for y in range(60, 100, 2) for x in range(100)]
    ).seen
    assert any(close(colour, (255, 255, 0), 40) for colour in words)
    assert len(seen.frames) == 303


def test_large_pictures_that_do_not_say_their_colours(chromium, numbered, tmp_path):
    """Many services' clips do not. Between them and what we render, the colours must not jump."""
    colours = {"a": RED, "b": GREEN}
    hd = {**UNTAGGED, "size": (1280, 720), "seconds": 1.0}
    paths = {name: numbered(colour, **hd) for name, colour in colours.items()}
    cut = laid(paths, size=(1280, 720))
    cut = replace(cut, clips=(cut.clips[0], replace(cut.clips[1], at=18, joint=TimedTransition("dissolve", 6))))
    plan, film = made(cut, paths, tmp_path)
    assert {type(piece) for piece in plan.pictures} == {CopiedPiece, RenderedPiece}
    compared(chromium, plan, film, colours, rate=8)


def test_a_film_that_is_encoded_anew(chromium, numbered, tmp_path):
    """--reencode is there for players that want one encoder's work."""
    colours = {"a": RED, "b": GREEN}
    paths = {name: numbered(colour) for name, colour in colours.items()}
    cut = laid(paths, size=SIZE)
    cut = replace(cut, clips=(cut.clips[0], replace(cut.clips[1], at=58, joint=TimedTransition("dissolve", 6))))
    plan, film = made(cut, paths, tmp_path, anew=True)
    compared(chromium, plan, film, colours, rate=8)


KINDS: tuple[tuple[Colour, dict[str, object]], ...] = (
    (RED, {}),
    (GREEN, {"codec": CAVLC}),
    (BLUE, {"codec": OPEN, "sound": ""}),
    (GREY, {"size": (180, 320)}),
    ((180, 160, 40), {"sound": "mono"}),
)
JOINTS: tuple[TransitionKind, ...] = ("dissolve", "fade", "wipe-up", "slide-right")


@settings(
    max_examples=8,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(KINDS) - 1),
            st.integers(0, 40),
            st.integers(16, 64),
            st.sampled_from([None, *JOINTS]),
            st.integers(1, 8),
            st.booleans(),
        ),
        min_size=2,
        max_size=5,
    )
)
def test_any_film(chromium, numbered, tmp_path_factory, parts):
    """Whatever is laid together: sent to both sides of every joint, the browser shows what belongs there."""
    folder = tmp_path_factory.mktemp("any")
    clips = clips_in_order((str(kind), *rest) for kind, *rest in parts)
    used = {clip.digest for clip in clips}
    paths = {str(n): numbered(colour, **options) for n, (colour, options) in enumerate(KINDS) if str(n) in used}
    colours = {str(n): colour for n, (colour, _) in enumerate(KINDS)}
    cut = Timeline(clips, *SIZE, 24, "pad")
    planned = plan_film(cut, hand.indexes(paths))
    plan, film = made(cut, paths, folder, anew=isinstance(planned, str))
    compared(chromium, plan, film, colours, shapes="3")
