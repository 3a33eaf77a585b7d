"""Frames as pictures: the very frame that was asked for, upright and in its colours, whatever the clip is."""

from pathlib import Path

import av
import numpy
import pytest
from moving import BLUE, GREEN, H264, RED, TAGS, close
from PIL import Image
from tiers import every

from storyboard.media import frames
from storyboard.model.errors import BadMedia

# Every frame another one: noise that moves.
NOISE = ",noise=c0s=40:c0f=t:all_seed=3"
GROUPS = ("-c:v", "libx264", "-preset", "veryfast", "-g", "12", "-bf", "3", "-sc_threshold", "0", "-crf", "18", *TAGS)
ONE_GROUP = ("-c:v", "libx264", "-g", "500", "-bf", "3", "-crf", "18", *TAGS)
OPEN = ("-c:v", "libx264", "-g", "12", "-x264-params", "open-gop=1:scenecut=0:bframes=3", *TAGS)
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", *TAGS)
KINDS = [GROUPS, ONE_GROUP, OPEN, X265]


def decoded(path: Path) -> list[numpy.ndarray]:
    """Every frame in the order of being seen, by decoding all of it."""
    with av.open(str(path)) as clip:
        return [frame.to_ndarray(format="rgb24").astype(int) for frame in clip.decode(video=0)]


def nearest(picture: Image.Image, among: list[numpy.ndarray]) -> int:
    """Which of these frames a picture is."""
    seen = numpy.asarray(picture).astype(int)
    far = [abs(frame - seen).mean() for frame in among]
    assert min(far) < sorted(far)[1] / 4
    return far.index(min(far))


@pytest.mark.parametrize("codec", KINDS, ids=["groups", "one group", "open groups", "hevc"])
@pytest.mark.parametrize("suffix", every(2, ["mp4", "mkv"]))
@pytest.mark.ci
def test_the_very_frame(clips, codec: tuple[str, ...], suffix: str) -> None:
    """A chained scene begins with the last frame of another: the one before it would be seen to jump."""
    path = clips(seconds=1.5, filters=NOISE, codec=codec, suffix=suffix)
    every = decoded(path)
    assert nearest(frames.last_frame(path), every) == len(every) - 1 == 35
    assert [nearest(frames.frame(path, number), every) for number in (0, 1, 11, 12, 13, 34)] == [0, 1, 11, 12, 13, 34]
    with pytest.raises(BadMedia, match="has no frame 36"):
        frames.frame(path, 36)


def test_a_thumbnail_is_one_sample(clips) -> None:
    """Of a part of a clip it is a frame that is seen; one that decoding can begin with, if there is one."""
    path = clips(seconds=2, filters=NOISE, codec=GROUPS)
    every = decoded(path)
    box = (320, 180)
    found = [nearest(frames.thumbnail(path, *part, box), every) for part in ((0, 48), (0, 30), (13, 23), (20, 30))]
    assert found == [24, 12, 17, 24]
    assert frames.thumbnail(path, 0, 48, (100, 100)).size == (100, 56)


def test_a_turned_clip_stands_upright(clips, tmp_path: Path) -> None:
    """Telephones write turned pictures and a note which way is up."""
    halves = ",drawbox=x=0:y=0:w=iw/2:h=ih:c=red:t=fill"
    path = clips(BLUE, filters=halves, extra=("-metadata:s:v:0", "rotate=90"))
    turned = tmp_path / "turned.mp4"
    with av.open(str(path)) as source, av.open(str(turned), "w") as out:
        track = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = track
                out.mux(packet)
    _turn(turned)
    for picture in (frames.frame(turned, 3), frames.last_frame(turned), frames.thumbnail(turned, 0, 24, (180, 320))):
        assert picture.size == (180, 320)
        assert close(picture.getpixel((90, 20)), (255, 0, 0), 30)
        assert close(picture.getpixel((90, 300)), BLUE, 30)


def _turn(path: Path) -> None:
    """Write a quarter turn clockwise into the header of the track (tkhd's matrix)."""
    content = path.read_bytes()
    upright = bytes.fromhex("00010000 00000000 00000000 00000000 00010000 00000000 00000000 00000000 40000000")
    at = content.index(upright, content.index(b"tkhd"))
    quarter = bytes.fromhex("00000000 00010000 00000000 ffff0000 00000000 00000000 00b40000 00000000 40000000")
    path.write_bytes(content[:at] + quarter + content[at + len(upright) :])


@pytest.mark.parametrize("tags", [TAGS, ()], ids=["tagged", "untagged"])
def test_colours_are_those_of_a_player(clips, tags: tuple[str, ...]) -> None:
    """Red that has become orange would be found on every sheet."""
    size = (320, 180) if tags else (1280, 720)
    for colour in (RED, GREEN, BLUE):
        path = clips(colour, size=size, codec=(*H264[:6], *tags))
        for picture in (frames.frame(path, 5), frames.thumbnail(path, 1, 24, (160, 90))):
            assert close(picture.getpixel((picture.width // 2, picture.height // 2)), colour, 4)


def test_oblong_pixels_are_shown_square(clips) -> None:
    path = clips(filters=",setsar=2")
    assert frames.frame(path, 0).size == (640, 180)
    assert frames.thumbnail(path, 0, 24, (160, 90)).size == (160, 45)


def test_a_damaged_clip_is_told(clips, tmp_path: Path) -> None:
    path = clips(codec=GROUPS, filters=NOISE)
    broken = tmp_path / "broken.mp4"
    content = bytearray(path.read_bytes())
    begin = content.index(b"mdat") + 4
    content[begin : begin + 40_000] = bytes(40_000)
    broken.write_bytes(content)
    with pytest.raises(BadMedia):
        frames.frame(broken, 3)
    with pytest.raises(BadMedia):
        frames.thumbnail(broken, 0, 24, (320, 180))
