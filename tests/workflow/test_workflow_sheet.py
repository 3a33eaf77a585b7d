"""The contact sheet and the poster: what is shown is what is in the film, and what is missing is said."""

import shutil
from pathlib import Path

import numpy
import pytest
from moving import close, look
from PIL import Image, ImageCms
from studio import Studio, png

from storyboard.graphics import contact_sheet
from storyboard.graphics.contact_sheet import Tile
from storyboard.media import frames
from storyboard.model.errors import InputError, SceneFailed
from storyboard.state.store import Store
from storyboard.workflow import sheet as room

PAPER, EMPTY = (0x16, 0x18, 0x1D), (0x1F, 0x22, 0x29)


pytestmark = pytest.mark.ci


def wanted(studio: Studio, out: Path | None = None) -> room.SheetOptions:
    return room.SheetOptions(studio.folder / "film.yaml", None, {}, out, lambda text: None)


def sheet(studio: Studio, out: Path | None = None) -> list[Path]:
    return room.sheet(wanted(studio, out), studio.settings)


def poster(studio: Studio, scene: str = "", out: Path | None = None) -> Path:
    return room.poster(wanted(studio, out), scene, studio.settings)


def takes(studio: Studio) -> dict[str, Path]:
    """Where the bytes of each scene's take lie, in the film's order."""
    store = Store(studio.settings.realm_folder() / "takes")
    return {each.scene: store.path(each.sha256) for each in studio.seen if type(each).__name__ == "Finished"}


def tile(page: Image.Image, number: int, columns: int, frame: tuple[int, int]) -> numpy.ndarray:
    """What lies in the frame of a tile (contact.py lays them out from these figures)."""
    left = 40 + number % columns * (max(frame[0], 180) + 24)
    top = 104 + number // columns * (frame[1] + 10 + 30 + 48 + 24)
    return numpy.asarray(page)[top : top + frame[1], left : left + frame[0]].astype(int)


def test_each_scene_in_its_place(studio: Studio) -> None:
    """A frame of each take, in the film's order; an empty frame where none has come yet."""
    studio.serve()
    studio.scenes("A gull", "A tern", "A heron")
    studio.render(only=("s1", "s3"))
    had = takes(studio)
    [path] = sheet(studio)
    assert path == studio.folder / "out" / "film.sheet.png"
    page, frame = Image.open(path).convert("RGB"), contact_sheet.box(3, (128, 72))
    for number, scene in ((0, "s1"), (2, "s3")):
        shown = numpy.asarray(frames.thumbnail(had[scene], 0, 192, frame)).astype(int)
        assert abs(tile(page, number, 2, frame) - shown).max() == 0
    assert tuple(tile(page, 1, 2, frame)[2, 2]) == EMPTY


def test_a_still_has_the_films_colours(studio: Studio) -> None:
    """A phone's picture in Display P3 would be paler on the sheet. This profile swaps red and green."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")
    Image.new("RGB", (320, 180), (200, 40, 40)).save(studio.folder / "a.png", icc_profile=swapped)
    studio.write("storyboard: 1\nscenes:\n  - {id: a, still: a.png, seconds: 1, move: none}\noutput: {size: 320x180}\n")
    seen = look(Path(studio.render().film)).colour(3)
    assert close(seen, (40, 200, 40))
    with Image.open(poster(studio)) as picture:
        assert close(picture.getpixel((160, 90)), seen, 6)
    [path] = sheet(studio)
    frame = contact_sheet.box(1, (320, 180))
    shown = tile(Image.open(path).convert("RGB"), 0, 1, frame)[frame[1] // 2, frame[0] // 2]
    assert close(tuple(shown), seen, 6)


def test_the_same_sheet_has_the_same_bytes(studio: Studio) -> None:
    """And the second time no clip is decoded: it is still right when what was kept is damaged or planted."""
    studio.serve()
    studio.scenes("A gull", "A tern")
    studio.render()
    [path] = sheet(studio)
    first, kept = path.read_bytes(), sorted((studio.folder / ".storyboard/pictures/film").iterdir())
    made = [file.stat().st_ino for file in kept]
    assert len(kept) == 2
    sheet(studio)
    assert path.read_bytes() == first
    assert [file.stat().st_ino for file in kept] == made
    kept[0].write_bytes(b"damaged")
    kept[1].unlink()
    kept[1].symlink_to(png(studio.folder / "planted.png", "red", (320, 180)))
    sheet(studio)
    assert path.read_bytes() == first
    studio.scenes("A gull")
    sheet(studio)
    assert len(list((studio.folder / ".storyboard/pictures/film").iterdir())) == 1


CARDS = "storyboard: 1\nscenes:\n" + "".join(f"  - {{id: s{at}, still: '#80{at:02x}30'}}\n" for at in range(40))


def test_many_scenes_take_pages(studio: Studio) -> None:
    """And pages that a shorter film does not have any more are not left lying beside it."""
    studio.write(CARDS)
    pages = sheet(studio)
    assert [path.name for path in pages] == ["film.sheet.png", "film.sheet-2.png"]
    frame = contact_sheet.box(40, (1280, 720))
    assert tuple(tile(Image.open(pages[1]).convert("RGB"), 9, 5, frame)[90, 90]) == (0x80, 39, 0x30)
    studio.write(CARDS[: CARDS.index("  - {id: s30")])
    assert [path.name for path in sheet(studio)] == ["film.sheet.png"]
    assert not pages[1].exists()


def test_own_pictures_and_clips(studio: Studio) -> None:
    """An upright picture stands whole in a wide film; an own clip shows the part that is seen."""
    studio.serve()
    studio.scenes("A gull")
    film = Path(studio.render().film)
    shutil.copy(film, studio.folder / "own.mp4")
    png(studio.folder / "upright.png", "red", (360, 640))
    studio.write(
        "storyboard: 1\noutput: {size: 1280x720}\nscenes:\n"
        "  - {id: a, still: upright.png}\n  - {id: b, file: own.mp4, trim: {from: 1, to: 2}}\n"
    )
    [path] = sheet(studio)
    page, frame = Image.open(path).convert("RGB"), contact_sheet.box(2, (1280, 720))
    own = numpy.asarray(frames.thumbnail(studio.folder / "own.mp4", 24, 48, frame)).astype(int)
    assert abs(tile(page, 1, 2, frame) - own).max() == 0
    upright = tile(page, 0, 2, frame)
    assert tuple(upright[frame[1] // 2, frame[0] // 2]) == (255, 0, 0)
    assert tuple(upright[frame[1] // 2, 10]) == (0, 0, 0)


@pytest.mark.parametrize("count", [1, 2, 5, 17, pytest.param(200, marks=pytest.mark.ci)])
@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (1000, 1000)])
def test_no_word_leaves_its_tile(count: int, size: tuple[int, int]) -> None:
    """However long, in whatever script: what runs into the next tile can be read in neither."""
    words = "Wörter, слова, λέξεις, 言葉, שלום " * 30
    frame = contact_sheet.box(count, size)
    tiles = [Tile("a" * 64, "1:00:00 · 8 s", words, None, words) for _ in range(count)]
    pages = list(contact_sheet.pages("A title " * 40, f"{count} scenes, 3:00:00", tiles, frame))
    assert sum(_tiles(page, frame) for page in pages) == count
    for page in pages:
        seen = numpy.asarray(page)
        edges = (seen[:, :40], seen[:, -40:], seen[:40], seen[-40:])
        assert all((edge == PAPER).all() for edge in edges)
        step = max(frame[0], 180) + 24
        for left in range(40 + step, page.width - 40, step):
            assert (seen[104:, left - 24 : left] == PAPER).all()


def _tiles(page: Image.Image, frame: tuple[int, int]) -> int:
    """How many frames are drawn on a page."""
    seen, step = numpy.asarray(page), (max(frame[0], 180) + 24, frame[1] + 112)
    places = [
        (top, left) for top in range(104, page.height - 40, step[1]) for left in range(40, page.width - 40, step[0])
    ]
    return sum(tuple(map(int, seen[top + 3, left + 3])) == EMPTY for top, left in places)


def test_a_poster_is_a_frame_of_the_film(studio: Studio) -> None:
    """The first that is seen alone; where there is none, it is said what to type."""
    studio.serve()
    studio.scenes("A gull", "A tern")
    studio.render(only=("s1",))
    [gull] = takes(studio).values()
    assert poster(studio) == studio.folder / "out" / "film.jpg"
    path = poster(studio, "s1", studio.folder / "p.png")
    assert abs(numpy.asarray(Image.open(path)).astype(int) - numpy.asarray(frames.frame(gull, 0))).max() == 0
    with pytest.raises(SceneFailed, match="scene s2: no take yet") as caught:
        poster(studio, "s2")
    assert "--scene s2" in caught.value.hint
    with pytest.raises(InputError, match="no scene of the film is called 's9'"):
        poster(studio, "s9")


def test_a_poster_waits_for_the_transition(studio: Studio) -> None:
    """A frame of a fade in from black would be black."""
    studio.serve()
    scene = "storyboard: 1\nscenes:\n  - id: gull\n    prompt: A gull\n"
    studio.write(scene)
    studio.render(cut=False)
    [gull] = takes(studio).values()
    studio.write(scene + "    trim: {from: 1}\n    transition: {kind: fade, seconds: 0.5}\n")
    picture = Image.open(poster(studio, out=studio.folder / "p.png"))
    assert abs(numpy.asarray(picture).astype(int) - numpy.asarray(frames.frame(gull, 36))).max() == 0


def test_no_picture_of_the_author_is_written_over(studio: Studio) -> None:
    png(studio.folder / "mine.png")
    studio.write("storyboard: 1\nscenes:\n  - {id: a, still: mine.png}\n")
    with pytest.raises(InputError, match="is a picture of this storyboard"):
        sheet(studio, studio.folder / "mine.png")
    with pytest.raises(InputError, match="no name for this picture"):
        sheet(studio, studio.folder / "sheet.jpg")
