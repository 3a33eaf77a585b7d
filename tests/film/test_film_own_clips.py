"""Clips of the author's own, as cameras and editors write them: brought to the film's shape, in its colours."""

import shutil
import subprocess
from pathlib import Path

import pytest
from moving import GREEN, RED, TAGS, close, decibels, look, planes
from studio import Studio
from test_film_splice import pictures

from storyboard.media import ffmpeg, probe
from storyboard.model.errors import BadMedia

X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none")
JPEG = ",scale=in_color_matrix=bt709:in_range=tv:out_color_matrix=bt601:out_range=pc,format=yuvj420p"
AV1 = ("-c:v", "libsvtav1", "-preset", "12", *TAGS)


def film(studio: Studio, clips, *paths: Path) -> Path:
    """Two clips of the usual kind, and then the odd ones."""
    shutil.copy(clips(RED), studio.folder / "usual.mp4")
    names = ["usual.mp4"] * 2
    for number, path in enumerate(paths):
        names.append(f"odd-{number}{path.suffix}")
        shutil.copy(path, studio.folder / names[-1])
    lines = "".join(f"  - {{id: s{at}, file: {name}}}\n" for at, name in enumerate(names))
    studio.write(f"storyboard: 1\nscenes:\n{lines}")
    done = studio.render()
    assert done.exit == 0
    return Path(done.film)


def test_a_film_of_films(studio: Studio, clips):
    """Acts are cut by themselves and then laid together: what this program has written is a clip like any other."""
    plain = shutil.copy(film(studio, clips), studio.folder / "plain.mp4")
    mixed = shutil.copy(film(studio, clips, clips(GREEN, size=(180, 320))), studio.folder / "mixed.mp4")
    acts = (plain, plain, mixed)
    scenes = "".join(f"  - {{id: s{at}, file: {Path(act).name}}}\n" for at, act in enumerate(acts))
    studio.write(f"storyboard: 1\nscenes:\n{scenes}", "whole.yaml")
    done = studio.render("whole.yaml")
    assert (done.exit, done.frames) == (0, 48 + 48 + 72)
    assert [event for event in studio.seen if "Warned" in type(event).__name__] == []
    assert pictures(Path(done.film))[:96] == pictures(plain) * 2
    rendered = planes(Path(done.film))[96:]  # it has two encoders' parameter sets, and copied ones have one
    assert min(decibels(*both) for both in zip(rendered, planes(mixed), strict=True)) >= 36


def old_quicktime(path: Path, out: Path) -> Path:
    """The same clip as QuickTime 6 wrote it: without ``ftyp``, beginning with ``wide``, its offsets moved by that."""
    content = path.read_bytes()
    first = int.from_bytes(content[:4])
    assert content[4:8] == b"ftyp"
    pad = first - 8
    head = (8).to_bytes(4) + b"wide"
    out.write_bytes(head + pad.to_bytes(4) + b"free" + bytes(pad - 8) + content[first:])
    return out


@pytest.mark.ci
def test_codecs_and_containers_beside_takes(studio: Studio, clips, tmp_path):
    """What phones, editors and browsers save: each with its frames and its colours, without a word."""
    odd = (
        clips(GREEN, suffix="mkv", codec=AV1, sound_codec=("-c:a", "libopus")),
        clips(GREEN, suffix="mov", codec=(*X265, "-tag:v", "hvc1", *TAGS), fps=30),
        clips(GREEN, suffix="mov", codec=("-c:v", "mjpeg"), sound_codec=("-c:a", "pcm_s16le"), filters=JPEG),
        old_quicktime(clips(GREEN, suffix="mov"), tmp_path / "old.mov"),
    )
    seen = look(film(studio, clips, *odd))
    assert len(seen.frames) == 24 * (2 + len(odd))
    for number in range(len(odd)):
        assert close(seen.colour(48 + 24 * number + 12), GREEN, 10), number
    assert [event for event in studio.seen if "Warned" in type(event).__name__] == []


def test_a_file_that_merely_begins_like_quicktime_is_no_clip(tmp_path):
    """The size of its first box has to fit into it."""
    path = tmp_path / "a.mov"
    path.write_bytes(b"\x7f\xff\xff\xffmoov" + bytes(100))
    with pytest.raises(BadMedia, match="not a video file"):
        probe.measure(path)
    path.write_bytes(b"\0\0\0\x08wide" + bytes(100))
    with pytest.raises(BadMedia, match="damaged"):
        probe.measure(path)


def hdr(path: Path, luma: int, transfer: str) -> Path:
    """A flat grey of ten bits, as a camera for HDR writes it."""
    picture = f"color=c=black:s=320x180:r=24:d=1,format=yuv420p10le,lutyuv=y={luma}:u=512:v=512"
    tags = f"log-level=none:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc:range=limited"
    command = [ffmpeg.binary(), "-v", "error", "-f", "lavfi", "-i", picture, "-c:v", "libx265", "-x265-params", tags]
    said = ["-color_primaries", "bt2020", "-color_trc", transfer, "-colorspace", "bt2020nc", "-color_range", "tv"]
    subprocess.run([*command, *said, str(path)], check=True, env={})
    return path


# Luma of PQ for 203 and 1,000 cd/m2 (BT.2408 table 1: 58 and 75 percent), of HLG for white (75 percent); and mid-grey.
@pytest.mark.parametrize(
    ("transfer", "luma", "low", "high"),
    [
        ("smpte2084", 64 + round(0.58 * 876), 190, 240),
        ("smpte2084", 64 + round(0.75 * 876), 245, 255),
        ("smpte2084", 64 + round(0.38 * 876), 70, 130),
        ("smpte2084", 64, 0, 4),
        ("arib-std-b67", 64 + round(0.75 * 876), 190, 250),
    ],
)
@pytest.mark.ci
def test_hdr_is_seen_as_a_common_screen_can_show_it(studio: Studio, clips, tmp_path, transfer, luma, low, high):
    """Shown as it is, it would be flat and grey: white at 148 of 255."""
    seen = look(film(studio, clips, hdr(tmp_path / "hdr.mov", luma, transfer)))
    colour = seen.colour(60)
    assert max(colour) - min(colour) <= 3
    assert low <= colour[0] <= high


def test_colours_of_bt2020_become_those_of_the_film(studio: Studio, clips, tmp_path):
    """Green of a wide screen, taken for that of a common one, would be pale."""
    picture = (
        "color=c=0x5FB060:s=320x180:r=24:d=1,format=gbrp,zscale=pin=709:tin=709:min=gbr:p=2020:t=2020_10:m=2020_ncl"
    )
    tags = "log-level=none:colorprim=bt2020:transfer=bt2020-10:colormatrix=bt2020nc"
    out = tmp_path / "wide.mov"
    command = [ffmpeg.binary(), "-v", "error", "-f", "lavfi", "-i", f"{picture},format=yuv420p10le", "-c:v", "libx265"]
    subprocess.run([*command, "-x265-params", tags, str(out)], check=True, env={})
    seen = look(film(studio, clips, out))
    assert close(seen.colour(60), (0x5F, 0xB0, 0x60), 6)
