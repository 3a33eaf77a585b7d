"""Stills: every frame of a slow move is where it should be, and a film of nothing else needs nobody."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy
import pytest
from moving import close, look
from PIL import Image
from studio import Studio

from storyboard.film import drawn as film_drawn
from storyboard.film import splice as hand
from storyboard.film.film_plan import plan_film
from storyboard.film.pieces import CopiedPiece, FilmPlan
from storyboard.graphics import stills as graphics_stills
from storyboard.model.errors import InputError
from storyboard.model.problem import Place
from storyboard.model.storyboard import Fit, LocalImage, Move, Output, Scene, Still, Storyboard, Trim
from storyboard.mp4 import reader
from storyboard.mp4.samples import VideoTrack
from storyboard.timeline.build import build_timeline
from storyboard.timeline.model import Timeline
from storyboard.workflow.preflight import check

PLACE = Place("film.yaml", 3, 5)
SIZE = (160, 90)


def ramp(width: int, height: int) -> Image.Image:
    """A picture that says where one is: red grows to the right, green downwards, blue is 60 everywhere."""
    pixels = numpy.full((height, width, 3), 60, numpy.uint8)
    pixels[..., 0] = numpy.linspace(20, 235, width)[None, :].round()
    pixels[..., 1] = numpy.linspace(20, 235, height)[:, None].round()
    return Image.fromarray(pixels)


def film(folder: Path, *stills: Still, fit: Fit = "pad", fps: int = 24) -> tuple[Timeline, Path]:
    """The cut of some stills, and the file that the first was drawn into."""
    scenes = tuple(Scene(f"s{at}", at, one, Trim(), PLACE) for at, one in enumerate(stills, 1))
    story = Storyboard("film", "film", scenes, (), Output(Path("film.mp4"), SIZE, fps, fit))
    made = build_timeline(story, {})
    paths = film_drawn.draw_clips(made, {}, lambda image: (folder / image.path).read_bytes(), folder / "scratch")
    return made, paths[made.clips[0].digest]


def shown(folder: Path, picture: Image.Image, move: Move = "none", seconds: str = "1", name: str = "a.png") -> Still:
    picture.save(folder / name)
    kind = "jpeg" if name.endswith("jpg") else "png"
    digest = str(hash((folder / name).read_bytes()))
    image = LocalImage(Path(name), digest, 1, *picture.size, kind, PLACE)
    return Still(image, "#000000", Fraction(seconds), move, PLACE)


def card(color: str, seconds: str = "1") -> Still:
    return Still(None, color, Fraction(seconds), "none", PLACE)


@pytest.mark.parametrize(
    ("move", "pixel", "channel", "sign"),
    [
        ("right", (80, 45), 0, 1),
        ("left", (80, 45), 0, -1),
        ("down", (80, 45), 1, 1),
        ("up", (80, 45), 1, -1),
        ("in", (2, 45), 0, 1),
        ("in", (157, 45), 0, -1),
        ("out", (2, 45), 0, -1),
        ("out", (80, 87), 1, 1),
    ],
)
def test_the_camera_moves_evenly_from_its_first_frame_to_its_last(tmp_path, move, pixel, channel, sign):
    """A move that trembles, stops or goes the other way is what one sees first."""
    one = shown(tmp_path, ramp(1600, 900), move, "2")
    frames = graphics_stills.pictures(one, (tmp_path / "a.png").read_bytes(), SIZE, 24, 48, "pad")
    way = [sign * float(frame[pixel[1], pixel[0], channel]) for frame in frames]
    assert len(way) == 48
    assert way[-1] - way[0] >= 6
    assert all(later >= one for one, later in pairwise(way))
    assert max(later - one for one, later in pairwise(way)) <= 1
    halves = (way[23] - way[0], way[47] - way[24])
    assert abs(halves[0] - halves[1]) <= 2


@pytest.mark.parametrize(
    ("move", "first", "last"),
    [
        ("right", (0, 800), (800, 1600)),
        ("left", (800, 1600), (0, 800)),
        ("in", (400, 1200), (400 + 56, 1200 - 56)),
        ("out", (400 + 56, 1200 - 56), (400, 1200)),
    ],
)
def test_the_first_and_the_last_frame_are_the_ends_of_the_way(tmp_path, move, first, last):
    """Who pans over a map wants to begin at one border of it and end at the other."""
    _, path = film(tmp_path, shown(tmp_path, ramp(1600, 450), move, "1"))
    seen = look(path)
    for frame, (left, right) in ((0, first), (23, last)):
        for at, x in ((0, left), (159, right)):
            wanted = 20 + 215 * x / 1600
            assert abs(seen.at(frame, at, 45)[0] - wanted) <= 6, (frame, at)


def test_a_line_moves_by_less_than_a_pixel_at_a_time():
    """Whole pixels would be seen as trembling: eight seconds of a small move have many frames to one pixel."""
    pixels = numpy.zeros((900, 1600, 3), numpy.uint8)
    pixels[:, 790:810] = 255
    frames = graphics_stills._moving(
        graphics_stills.Camera((1600, 900), SIZE, "right"), Image.fromarray(pixels), 96, 24
    )
    middle = [float((frame[45, :, 0] * numpy.arange(160.0)).sum() / frame[45, :, 0].sum()) for frame in frames]
    steps = [later - one for one, later in pairwise(middle)]
    assert min(steps) > -0.35
    assert max(steps) < -0.15


@pytest.mark.parametrize("move", ["in", "out", "left", "right", "up", "down"])
@pytest.mark.parametrize("size", [(900, 1600), (1600, 900), (3000, 400), (90, 90), (1, 1)])
@pytest.mark.parametrize("way", [0.0, 0.37, 1.0])
def test_the_window_never_leaves_the_picture(move, size, way):
    left, top, right, bottom = graphics_stills.Camera(size, (1280, 720), move).window(way)
    assert 0 <= left < right <= size[0]
    assert 0 <= top < bottom <= size[1]
    assert (right - left) / (bottom - top) == pytest.approx(1280 / 720)


def test_a_picture_of_another_shape_is_fitted_as_the_film_says(tmp_path):
    """A portrait in a wide film: bars, cropped, or over itself. While it moves there are no bars."""
    picture = Image.new("RGB", (300, 600), (200, 80, 40))
    corner = {}
    for fit in ("pad", "crop", "blur"):
        _, path = film(tmp_path, shown(tmp_path, picture), fit=fit)
        corner[fit] = look(path).at(5, 4, 45)
        assert close(look(path).colour(5), (200, 80, 40), 4)
    assert close(corner["pad"], (0, 0, 0), 4)
    assert close(corner["crop"], (200, 80, 40), 4)
    assert close(corner["blur"], (120, 48, 24), 6)
    _, path = film(tmp_path, shown(tmp_path, picture, "down"))
    assert close(look(path).at(5, 4, 45), (200, 80, 40), 4)


def test_a_picture_is_seen_as_its_camera_meant_it(tmp_path):
    """Turned by a note in the file; transparent; with 16 bits; grey."""
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn to the right
    tall = ramp(160, 90)
    tall.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    image = LocalImage(Path("turned.jpg"), "turned", 1, 90, 160, "jpeg", PLACE)
    _, path = film(tmp_path, Still(image, "#000000", Fraction(1), "none", PLACE), fit="crop")
    seen = look(path)
    assert seen.at(0, 2, 45)[1] > seen.at(0, 157, 45)[1] + 100
    clear = Image.new("RGBA", SIZE, (255, 255, 255, 0))
    _, path = film(tmp_path, shown(tmp_path, clear, name="clear.png"))
    assert close(look(path).colour(0), (0, 0, 0), 3)
    deep = Image.fromarray(numpy.full((90, 160), 0x8000, numpy.uint16))
    _, path = film(tmp_path, shown(tmp_path, deep, name="deep.png"))
    assert close(look(path).colour(0), (128, 128, 128), 3)


def test_a_card_is_exactly_its_colour_and_its_frames(tmp_path):
    """It is spliced between takes, so it has to be what they are: High, BT.709, closed groups of two seconds."""
    made, path = film(tmp_path, card("#1e90ff", "5.04"), fps=25)
    seen = look(path)
    assert len(seen.frames) == made.frames == 126
    assert close(seen.colour(0), (0x1E, 0x90, 0xFF), 2)
    assert close(seen.colour(125), (0x1E, 0x90, 0xFF), 2)
    frames = reader.read(path).frames
    assert isinstance(frames, VideoTrack)
    assert frames.starts == (0, 50, 100)
    assert frames.look.colour == (1, 1, 1, False)
    with av.open(str(path)) as file:
        assert file.streams.video[0].profile == "High"


def test_stills_are_copied_into_the_film_like_any_other_clip(tmp_path):
    """Nothing is encoded twice, also where only a part of one is seen."""
    made, _ = film(tmp_path, card("#1e90ff", "2"), shown(tmp_path, ramp(320, 180), "in", "2"), card("#1e90ff", "2"))
    paths = film_drawn.draw_clips(made, {}, lambda image: (tmp_path / image.path).read_bytes(), tmp_path / "scratch")
    assert len(paths) == 2  # the same card twice is drawn once
    plan = plan_film(made, hand.indexes(paths))
    assert isinstance(plan, FilmPlan)
    assert all(isinstance(piece, CopiedPiece) for piece in plan.pictures)
    seen = look(hand.splice(plan, hand.indexes(paths), paths, tmp_path / "film.mp4", tmp_path / "scratch").path)
    assert len(seen.frames) == 144
    assert close(seen.colour(47), (0x1E, 0x90, 0xFF), 2)
    assert close(seen.colour(143), (0x1E, 0x90, 0xFF), 2)


FILM = """
storyboard: 1
scenes:
  - {id: card, still: "#1e90ff", seconds: 1}
  - {id: map, still: map.png, seconds: 1.5, move: right}
output: {size: 160x90}
"""


def test_a_film_of_stills_needs_no_key_and_no_network(studio: Studio, monkeypatch):
    """An author without an account can make a title sequence; nothing is asked, nothing is listened on."""
    monkeypatch.delenv("APIKLEY_API_KEY")
    monkeypatch.setattr("socket.socket.connect", None)
    studio.environ["APIKLEY_BASE_URL"] = "http://127.0.0.1:1"
    ramp(400, 200).save(studio.folder / "map.png")
    studio.write(FILM)
    done = studio.render(approve=lambda at, plan: check(at, plan) if plan.steps else None)
    assert (done.exit, done.frames, done.credits) == (0, 60, 0)
    assert len(look(Path(done.film)).frames) == 60


def test_a_picture_that_is_changed_is_drawn_anew_and_nothing_else(studio: Studio):
    """Drawing takes a second or two a scene: it is done once."""
    ramp(400, 200).save(studio.folder / "map.png")
    studio.write(FILM)
    first = studio.render()

    def drawn() -> dict[str, int]:
        folder = studio.folder / ".storyboard" / "segments" / "film"
        return {path.name: path.stat().st_mtime_ns for path in folder.glob("drawn-*")}

    before = drawn()
    assert len(before) == 2
    assert studio.render().sha256 == first.sha256
    assert drawn() == before
    Image.new("RGB", (400, 200), "red").save(studio.folder / "map.png")
    again = studio.render()
    assert again.sha256 != first.sha256
    assert len(drawn().items() & before.items()) == 1
    assert len(drawn()) == 2  # what no film has any more is gone
    assert close(look(Path(again.film)).colour(40), (255, 0, 0), 6)


def test_a_picture_that_is_changed_meanwhile_is_not_drawn(studio: Studio, monkeypatch):
    """What is drawn is what was read: else a film would lie there under another one's name."""
    ramp(400, 200).save(studio.folder / "map.png")
    studio.write(FILM)

    def change(at, plan):
        Image.new("RGB", (400, 200), "red").save(studio.folder / "map.png")

    with pytest.raises(InputError, match=r"map\.png has been changed meanwhile"):
        studio.render(approve=change)
