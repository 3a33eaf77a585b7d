"""Drafts are what they should be to the frame and the sample, say what they should say, and cost what they may."""

import json
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from threading import Event

import av
import numpy as np
import pytest
from PIL import Image
from talking import Start, picture
from tiers import every

from storyboard.emulator.api.orders import GenerationOrder, read_order
from storyboard.emulator.drafts import animatic, bed, flat
from storyboard.emulator.drafts.brief import Brief
from storyboard.emulator.drafts.frame_images import Elsewhere, Photo, photo

FRAMES = 192  # of a clip whose length nobody chose: 8 s

Pixels = np.ndarray
IMAGE = "https://images.example/lamp.png"
LONG = "The keeper climbs the stairs of the lighthouse with a lantern in his hand. " * 60


def order(**fields: object) -> GenerationOrder:
    found = read_order(json.dumps({"prompt": "a lamp catches fire", "storyboardLabel": "3/8 lamp", **fields}).encode())
    assert isinstance(found, GenerationOrder)
    return found


def image(folder: Path, width: int, height: int, colour: tuple[int, int, int]) -> Photo:
    path = folder / f"{colour}.png"
    path.write_bytes(picture(width, height, colour))
    return photo(path)


def filmed(folder: Path, brief: Brief, name: str = "clip.mp4") -> Path:
    path = folder / name
    animatic.film(path, brief, Event())
    return path


def frames(path: Path) -> list[Pixels]:
    """Every frame, decoded with errors fatal, in RGB."""
    with av.open(str(path), options={"err_detect": "explode"}) as clip:
        return [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]


def sound(path: Path) -> Pixels:
    with av.open(str(path)) as clip:
        return np.concatenate([frame.to_ndarray() for frame in clip.decode(audio=0)], axis=1)


@pytest.mark.parametrize(
    ("fields", "hd", "size"),
    every(3, [({}, False, (1280, 720)), ({"aspectRatio": "9:16"}, False, (720, 1280)), ({}, True, (1920, 1080))]),
)
def test_a_draft_is_what_the_service_delivers(
    tmp_path: Path, fields: dict[str, object], hd: bool, size: tuple[int, int]
) -> None:
    """A cut of drafts would not be the cut of the film: another length, rate, size, colour or sound."""
    path = filmed(tmp_path, Brief(order(**fields), hd=hd))
    with av.open(str(path)) as clip:
        video, audio = clip.streams.video[0], clip.streams.audio[0]
        assert (video.width, video.height) == size
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (video.average_rate, video.frames) == (Fraction(24), FRAMES)
        tags = (video.codec_context.colorspace, video.codec_context.color_primaries, video.codec_context.color_trc)
        assert tags == (1, 1, 1)  # BT.709
        assert video.codec_context.color_range == 1  # limited, as broadcast
        assert (audio.codec_context.name, audio.rate, audio.channels) == ("aac", 48000, 2)
        assert clip.duration == 8_000_000
        assert dict(clip.metadata).keys() == {"major_brand", "minor_version", "compatible_brands"}
    assert len(frames(path)) == FRAMES
    assert abs(sound(path).shape[1] - 8 * 48000) <= 2048
    assert b"moov" in path.read_bytes()[:4096]


@pytest.mark.ci
def test_equal_requests_give_equal_bytes(tmp_path: Path) -> None:
    """A draft made again would be another take, and the film another file."""
    brief = Brief(order(imageUrls=[IMAGE]), (image(tmp_path, 320, 180, (90, 120, 160)),))
    first, second = filmed(tmp_path, brief, "a.mp4"), filmed(tmp_path, brief, "b.mp4")
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.ci
def test_the_camera_moves_over_the_image_and_the_last_frame_comes_in(tmp_path: Path) -> None:
    """First and last frame are what such a scene is about: a draft must begin with one and end with the other."""
    red, blue = image(tmp_path, 1280, 720, (180, 40, 40)), image(tmp_path, 900, 900, (40, 40, 180))
    seen = frames(filmed(tmp_path, Brief(order(imageUrls=[IMAGE] * 2), (red, blue))))
    middle = [tuple(int(channel) for channel in frame[300:380, 600:680].mean(axis=(0, 1))) for frame in seen]
    assert np.allclose(middle[0], (180, 40, 40), atol=4)
    assert np.allclose(middle[-1], (40, 40, 180), atol=4)
    assert np.allclose(middle[FRAMES // 2], (110, 40, 110), atol=8)
    stripes = np.zeros((720, 1280, 3), np.uint8)
    stripes[:, ::80] = 255
    Image.fromarray(stripes).save(tmp_path / "stripes.png")
    stage = animatic.set_stage(Brief(order(imageUrls=[IMAGE]), (photo(tmp_path / "stripes.png"),)))
    one, next_one = (stage.frame(number).planes[0][360].astype(int) for number in (50, 51))
    moved = [abs(np.roll(one, step) - next_one)[5:-5].max() for step in (-1, 1)]
    assert min(moved) == 0  # by exactly one pixel, to the left or to the right


def test_auto_takes_the_shape_of_its_image(tmp_path: Path) -> None:
    """A portrait photo would be cropped to a landscape strip."""
    tall = image(tmp_path, 300, 500, (9, 9, 9))
    assert Brief(order(aspectRatio="Auto", imageUrls=[IMAGE]), (tall,)).size == (720, 1280)
    assert Brief(order(aspectRatio="Auto", imageUrls=[IMAGE]), (image(tmp_path, 500, 300, (8, 8, 8)),)).size == (
        1280,
        720,
    )
    assert Brief(order(aspectRatio="Auto", imageUrls=[IMAGE]), (Elsewhere("a.png"),)).size == (1280, 720)
    assert Brief(order(aspectRatio="Auto")).size == (1280, 720)


def test_a_photo_lying_on_its_side_is_turned_upright(tmp_path: Path) -> None:
    """Cameras write the turn beside the picture."""
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (400, 300)).save(tmp_path / "a.jpg", exif=turned)
    assert (photo(tmp_path / "a.jpg").width, photo(tmp_path / "a.jpg").height) == (300, 400)


@pytest.mark.parametrize("prompt", ["A cat.", LONG, "W" * 3000, "Старый маяк. " * 90, "\u0301" * 500, "犬猫" * 999])
@pytest.mark.parametrize("shape", [{}, {"aspectRatio": "9:16"}, {"imageUrls": [IMAGE]}])
@pytest.mark.ci
def test_words_stay_inside_the_margins(prompt: str, shape: dict[str, object]) -> None:
    """Long prompts would be cut off at the edge or run over the progress line."""
    label = "120/999 " + "a-very-long-name-" * 8
    stills = (Elsewhere("lamp.png"),) if "imageUrls" in shape else ()
    brief = Brief(order(prompt=prompt, storyboardLabel=label, watermark="W" * 300, **shape), stills)
    lettering = animatic.set_stage(brief).lettering
    width, height = brief.size
    edge, strip = lettering.margin - 8, lettering.strip
    for ink in lettering.inks():
        if ink.size[1] * ink.size[0] > 2000 and ink.size[1] < height and ink.size[0] < width:
            top, bottom = ink.top, ink.top + ink.size[1]
            assert ink.left >= edge
            assert ink.left + ink.size[0] <= width - edge
            assert 0 < bottom <= strip or strip < top < bottom <= height - strip or height - strip < top < height


@pytest.mark.parametrize("shape", [{}, {"aspectRatio": "9:16"}, {"imageUrls": [IMAGE]}])
@pytest.mark.parametrize("covered", ["0.05-0.12 0.79-0.95", "0.40-0.60", "0.05-0.93"])
def test_the_prompt_yields_to_titles(covered: str, shape: dict[str, object]) -> None:
    """A title across the prompt, and neither can be read."""
    stills = (Elsewhere("lamp.png"),) if "imageUrls" in shape else ()
    brief = Brief(order(prompt=LONG, storyboardLabel=f"3/8 lamp\n16\n{covered}", **shape), stills)
    lettering = animatic.set_stage(brief).lettering
    height = brief.size[1]
    bands = [[float(part) * height for part in band.split("-")] for band in covered.split()]
    words = [ink for ink in lettering.inks() if ink.size[1] > 8 and 60 < ink.size[0] < brief.size[0] - 2]
    for ink in words:
        assert all(ink.top + ink.size[1] <= top + 2 or ink.top >= bottom - 2 for top, bottom in bands)
    prompts = [ink for ink in words if lettering.strip < ink.top < height - lettering.strip]
    assert bool(prompts) == (covered != "0.05-0.93")


def test_a_draft_says_where_it_lies_in_the_film(tmp_path: Path) -> None:
    """A note about 1:12 leads to a scene; and moving the scene changes neither its colour nor its sound."""
    there, elsewhere = (Brief(order(storyboardLabel=f"3/8 lamp\n{at}")) for at in (16, 24.5))
    assert there.digest != elsewhere.digest
    assert there.mood == elsewhere.mood
    assert there.order.seed == elsewhere.order.seed
    stages = [animatic.set_stage(brief) for brief in (there, elsewhere)]
    luma = [stage.frame(50).planes[0] for stage in stages]
    assert (luma[0][200:600] == luma[1][200:600]).all()
    assert (luma[0][680:] != luma[1][680:]).any()
    alone = animatic.set_stage(Brief(order()))
    assert len(alone.lettering.clock(50)) < len(stages[0].lettering.clock(50))


def test_time_runs_over_the_picture() -> None:
    """One could not tell from a frame where in the clip it stands."""
    stage = animatic.set_stage(Brief(order()))
    left, top, width, _ = stage.lettering.line
    for number, share in ((0, 1 / 192), (95, 0.5), (191, 1.0)):
        row = stage.frame(number).planes[0][top, left : left + width]
        assert abs((row > 216).sum() - share * width) <= 2
    words = [stage.lettering.clock(number) for number in range(FRAMES)]
    clocks = {b"".join(word.colour[0].tobytes() for word in each) for each in words}
    assert len(clocks) == FRAMES


@pytest.mark.ci
def test_scenes_look_and_sound_different() -> None:
    """A draft of a film would be one colour and one tone from beginning to end."""
    briefs = [Brief(order(prompt=f"scene {number}")) for number in range(12)]
    frames = [animatic.set_stage(brief).frame(0) for brief in briefs]
    colours = {(y[100, 640], u[50, 320], v[50, 320]) for y, u, v in (frame.planes for frame in frames)}
    assert len(colours) >= 11
    assert len({bed.bed(brief.digest, Fraction(8)).tobytes() for brief in briefs}) == 12
    flats = [flat.colour(brief.digest) for brief in briefs]
    assert len(set(flats)) == 12


def test_the_sound_is_quiet_and_fades() -> None:
    """The bed of a draft would click at every cut, or get on one's nerves."""
    for number in range(6):
        heard = bed.bed(sha256(bytes([number])).hexdigest(), Fraction(8))
        level = 20 * np.log10(np.sqrt((heard**2).mean()))
        assert -40 < level < -28
        assert np.abs(heard).max() < 0.2
        assert np.abs(heard[:48]).max() < 0.001
        assert np.abs(heard[-48:]).max() < 0.001


async def test_what_the_font_lacks_is_said(start: Start) -> None:
    """The author would find boxes in the picture, and no word about them."""
    said: list[tuple[str, str]] = []
    at = await start(warned=lambda label, why: said.append((label, why)))
    job = await at.accepted(prompt="Η γάτα, кошка, 猫 and 😀", storyboardLabel="1/1 cat")
    why = "the draft font lacks 2 characters: 猫 (U+732B), 😀 (U+1F600); the picture shows � instead"
    assert said == [("1/1 cat", why)]
    assert (await at.ended(job))["data"]["warning"] == why
    assert (await at.ended(await at.accepted(prompt="Ёлка, ψυχή, Łódź, Việt Nam")))["data"]["warning"] is None


@pytest.mark.ci
async def test_a_draft_comes_over_the_api_at_full_size(start: Start, tmp_path: Path) -> None:
    """The whole way of --draft, with an uploaded frame."""
    at = await start(film="animatic")
    url = await at.uploaded(picture(1280, 720, (30, 160, 90)))
    path = tmp_path / "clip.mp4"
    path.write_bytes(await at.bytes(await at.clip(imageUrls=[url], storyboardLabel="1/1 field")))
    seen = frames(path)
    assert len(seen) == FRAMES
    assert seen[0].shape == (720, 1280, 3)
    assert np.allclose(seen[100][300:380, 600:680].mean(axis=(0, 1)), (30, 160, 90), atol=4)


@pytest.mark.ci
async def test_plain_clips_are_told_apart_by_their_colour(start: Start, tmp_path: Path) -> None:
    """Tests of the cut could not see which scene a frame comes from."""
    at = await start()
    for prompt in ("one", "two", "three"):
        job = await at.accepted(prompt=prompt)
        path = tmp_path / f"{prompt}.mp4"
        path.write_bytes(await at.bytes((await at.ended(job))["data"]["response"]["resultUrls"][0]))
        seen = frames(path)
        assert (len(seen), seen[0].shape) == (FRAMES, (72, 128, 3))
        assert np.allclose(seen[96].mean(axis=(0, 1)), at.emulator.colour(job), atol=3)


def test_a_frame_of_another_draft_is_not_shown_behind_the_prompt(tmp_path: Path) -> None:
    """Two prompts would stand over each other for the whole clip, and neither could be read."""
    red, blue = image(tmp_path, 1280, 720, (180, 40, 40)), image(tmp_path, 1280, 720, (40, 40, 180))
    for label, shown in (("", (red, blue)), ("\n\n\nfirst", (blue,)), ("\n\n\nfirst last", ())):
        brief = Brief(order(imageUrls=[IMAGE] * 2, storyboardLabel=f"3/8 lamp{label}"), (red, blue))
        assert brief.pictures == shown
    stage = animatic.set_stage(brief)
    for number in (0, FRAMES - 1):  # bare: one colour from edge to edge
        assert all(plane.min() == plane.max() for plane in stage.frame(number).planes)
    assert not all(plane.min() == plane.max() for plane in stage.frame(FRAMES // 2).planes)
    mode = {"generationType": "REFERENCE_2_VIDEO"}
    references = Brief(order(imageUrls=[IMAGE], storyboardLabel="a\n\n\nfirst", **mode), (red,))
    assert references.pictures == (red,)


@pytest.mark.parametrize("film", ["plain", pytest.param("animatic", marks=pytest.mark.ci)])
async def test_a_draft_continues_the_frame_that_it_is_given(start: Start, tmp_path: Path, film: str) -> None:
    """A chain of drafts would jump at each cut: the given frames are its first and its last frame, without words."""
    at = await start(film=film)
    grain = np.random.default_rng(3).integers(40, 200, (9, 16, 3), dtype=np.uint8)
    sent = [Image.fromarray(turned).resize((1280, 720), Image.Resampling.BICUBIC) for turned in (grain, grain[::-1])]
    urls = []
    for number, one in enumerate(sent):
        one.save(tmp_path / f"{number}.png")
        urls.append(await at.uploaded((tmp_path / f"{number}.png").read_bytes(), f"{number}.png"))
    path = tmp_path / "clip.mp4"
    path.write_bytes(await at.bytes(await at.clip(imageUrls=urls)))
    seen = frames(path)
    size = seen[0].shape[1::-1]
    for frame, one in ((seen[0], sent[0]), (seen[-1], sent[1])):
        wanted = np.asarray(one.resize(size, Image.Resampling.LANCZOS)).astype(int)
        assert np.abs(frame - wanted).mean() < 8  # another image is 40 away
    with av.open(str(path)) as clip:
        keys = [packet.pts for packet in clip.demux(video=0) if packet.is_keyframe]
    assert len(seen) == FRAMES
    assert FRAMES // 2 in (at * 24 // 12288 for at in keys)  # a thumbnail must not be the frame of another clip
