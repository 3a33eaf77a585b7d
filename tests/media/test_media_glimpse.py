"""What the decoder sees of real clips on the way: enough to tell a fault from a shot that is dark, still or quiet."""

import io
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance, ImageOps
from tiers import chosen

from storyboard.checks.examined import Examined
from storyboard.checks.judge import AskedFor, FrameLikeness, judge
from storyboard.media import ffmpeg
from storyboard.media.sent_image import likeness
from storyboard.media.verify import examine, verify
from storyboard.model.errors import BadMedia

FRAMES = Path(__file__).parents[2] / "examples" / "keeper" / "frames"
LIT = FRAMES / "lamp-lit.jpg"
STILL = f"-loop 1 -framerate 24 -i {LIT}"
WIDE = "scale=640:360:force_original_aspect_ratio=increase,crop=640:360"
TONE, ROOM = "sine=300:r=48000", "anoisesrc=a=0.005:r=48000:c=brown"
BREATH = "scale=1280:720:force_original_aspect_ratio=increase,crop=1280:720,zoompan=d=1:s=640x360:fps=24:"
BREATH += "x='iw/2-iw/zoom/2':y='ih/2-ih/zoom/2':z='1+0.01*(1-cos(2*PI*on/96))/2'"
CLIPS = {
    "black": ("-f lavfi -i color=black:s=640x360:r=24", "noise=alls=6:allf=t", TONE, ["black"]),
    "flat": ("-f lavfi -i color=gray:s=640x360:r=24", "noise=alls=8:allf=t", TONE, ["flat"]),
    "frozen": (STILL, WIDE, TONE, ["frozen"]),
    "frozen under film grain": (STILL, f"{WIDE},noise=alls=6:allf=t", TONE, ["frozen"]),
    "silent": ("-f lavfi -i testsrc2=s=640x360:r=24", "null", "anullsrc=r=48000", ["no-sound"]),
    "without sound": ("-f lavfi -i testsrc2=s=640x360:r=24", "null", "", ["no-sound"]),
    "portrait": ("-f lavfi -i testsrc2=s=360x640:r=24", "null", TONE, ["wrong-shape"]),
    "a still shot that breathes": (STILL, BREATH, TONE, []),
    "a dark night": (STILL, f"{BREATH},lutyuv=y='16+(val-16)*0.12',noise=alls=3:allf=t", TONE, []),
    "a quiet room": ("-f lavfi -i testsrc2=s=640x360:r=24", "null", ROOM, []),
}


def clip(path: Path, source: str, filters: str, sound: str, *more: str) -> Path:
    """Make a clip of 4 s."""
    heard = ["-f", "lavfi", "-i", sound, "-c:a", "aac"] if sound else []
    command = [ffmpeg.binary(), "-nostdin", "-v", "error", "-y", *source.split(), *heard, "-vf", filters, "-t", "4"]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", *more, str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


def names(seen: Examined) -> list[str]:
    assert seen.levels
    return [remark.name for remark in judge(AskedFor(Fraction(4), "16:9", "720p"), seen.measure, seen.levels)]


@pytest.mark.parametrize("name", chosen({"frozen", "a dark night"}, CLIPS))
def test_a_fault_is_seen_and_a_likeness_of_one_is_not(tmp_path: Path, name: str) -> None:
    """A fault that nobody sees is in the film; a remark on a good clip buys another."""
    source, filters, sound, wanted = CLIPS[name]
    assert names(examine(clip(tmp_path / "clip.mp4", source, filters, sound))) == wanted


def test_the_measures_are_those_of_the_verification(tmp_path: Path) -> None:
    """The same pass of the decoder gives both: it must not judge a clip otherwise than before."""
    path = clip(tmp_path / "clip.mp4", "-f lavfi -i testsrc2=s=640x360:r=24", "null", TONE)
    seen = examine(path)
    assert seen.measure == verify(path, 4)
    assert seen.levels
    assert len(seen.levels.tops) == len(seen.levels.moves) == seen.measure.frames == 96
    assert seen.levels.peak == pytest.approx(-20.5, abs=1)  # the tone of lavfi
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(BadMedia):
        examine(path)


@pytest.mark.ci
def test_a_clip_is_verified_where_nothing_can_be_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk for temporary files would refuse each clip that was bought."""
    path = clip(tmp_path / "clip.mp4", "-f lavfi -i testsrc2=s=640x360:r=24", "null", TONE)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    assert examine(path) == Examined(verify(path, 4))


def sent(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return file.getvalue()


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Examined:
    """A clip that begins with the lamp, and ends with something else."""
    path = tmp_path_factory.mktemp("sent") / "clip.mp4"
    end = "drawbox=c=gray:t=fill:enable='gt(t,1)',drawbox=x=40*t:y=100:w=200:h=90:c=white:t=fill:enable='gt(t,1)'"
    return examine(clip(path, STILL, f"{WIDE},{end}", TONE, "-crf", "30"))


@pytest.mark.ci
def test_the_first_frame_is_known_however_it_was_changed(seen: Examined) -> None:
    """The service crops, scales and encodes what it is sent: none of it is a fault."""
    lit = Image.open(LIT).convert("RGB")
    ratio, first, last = Fraction(16, 9), *(seen.ends or ())
    ways = {
        "as it is": lit,
        "small": lit.resize((320, 180)),
        "lighter": ImageEnhance.Brightness(lit).enhance(1.15),
        "cropped": ImageOps.fit(lit, (lit.width * 96 // 100, lit.height * 96 // 100)),
        "wider, and cropped by the service": ImageOps.pad(lit, (lit.width * 5 // 4, lit.height), color="navy"),
    }
    found = {name: likeness(sent(picture), first, ratio) for name, picture in ways.items()}
    assert {name: value for name, value in found.items() if value is None or value < 0.9} == {}
    others = (ImageOps.flip(lit), lit.rotate(90), Image.new("RGB", (640, 360), "gray"))
    assert [value for other in others if (value := likeness(sent(other), first, ratio) or 0) >= 0.8] == []
    end = likeness(sent(lit), last, ratio)
    assert end is not None
    assert [
        remark.name
        for remark in judge(
            AskedFor(Fraction(4), "16:9", "720p"), seen.measure, None, FrameLikeness(found["small"], end)
        )
    ] == ["last-frame"]


def test_an_image_that_cannot_be_read_is_not_judged(seen: Examined) -> None:
    """It was checked when the storyboard was read; what has become of it since is no fault of the clip."""
    first, _ = seen.ends or ()
    assert likeness(b"not an image", first, Fraction(16, 9)) is None
    assert likeness(LIT.read_bytes()[:900], first, Fraction(16, 9)) is None


@pytest.mark.ci
def test_bars_are_no_fault(tmp_path: Path) -> None:
    """A service that does not crop puts bars beside an image of another shape."""
    square = Image.open(LIT).convert("RGB").resize((480, 480))
    square.save(tmp_path / "square.png")
    source = f"-loop 1 -framerate 24 -i {tmp_path / 'square.png'}"
    seen = examine(clip(tmp_path / "clip.mp4", source, "scale=360:360,pad=640:360:140:0", TONE))
    assert seen.ends
    assert (likeness(sent(square), seen.ends[0], Fraction(16, 9)) or 0) > 0.9
