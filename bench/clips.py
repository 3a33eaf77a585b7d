"""Clips like those that are bought: 8 s, 1280x720, 24 frames a second, 7 Mbit/s, sound; moving and noisy."""

from pathlib import Path

SECONDS = 8
KINDS = 6

_PICTURES = (
    "testsrc2=s=1280x720:r=24:d={seconds},noise=alls=6:allf=t:all_seed={number}",
    "gradients=s=1280x720:r=24:d={seconds}:seed={number}:speed=0.02:nb_colors=6,noise=alls=10:allf=t:all_seed={number}",
    "mandelbrot=s=1280x720:r=24:start_scale=3:end_scale=0.3:end_pts=400,trim=duration={seconds},noise=alls=6:allf=t",
)
# No more than a stream has in its worst second: without it most of the bytes would lie in the first one.
_RATE = ("-b:v", "7M", "-maxrate", "10M", "-bufsize", "14M")
_TAGS = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")


def many(folder: Path, count: int, *, seconds: int = SECONDS, group: int = 48) -> None:
    """Files 000.mp4, 001.mp4 … of ``KINDS`` clips: a cut that knows them by their names takes them for as many.

    A key frame comes every ``group`` frames.
    """
    import shutil  # whoever only wants their names does without it

    for number in range(count):
        path = folder / f"{number:03d}.mp4"
        if number < KINDS:
            _clip(path, number, seconds, group)
        else:
            shutil.copyfile(folder / f"{number % KINDS:03d}.mp4", path)


def sparse(folder: Path, count: int = KINDS) -> None:
    """Clips with few key frames, as Veo makes them: at the beginning, and in every other one at frame 96.

    There are ``KINDS`` of them, under ``count`` names.
    """
    for number in range(count):
        path = folder / f"{number:03d}.mp4"
        if number < KINDS:
            _clip(path, number, SECONDS, (250, 96)[number % 2])
        else:
            path.hardlink_to(folder / f"{number % KINDS:03d}.mp4")


def named(folder: Path, count: int) -> list[Path]:
    """The first ``count`` of them."""
    return sorted(folder.glob("[0-9][0-9][0-9].mp4"))[:count]


def _clip(path: Path, number: int, seconds: int, group: int) -> None:
    picture = _PICTURES[number % len(_PICTURES)].format(seconds=seconds, number=number)
    tone = 300 + 20 * number
    sound = f"aevalsrc='0.1*sin(2*PI*{tone}*t)|0.1*sin(2*PI*{tone + 3}*t)':s=48000:d={seconds}"
    x264 = [
        "-c:v",
        "libx264",
        "-pix_fmt",
        "yuv420p",
        "-bf",
        "3",
        "-g",
        str(group),
        "-sc_threshold",
        "0",
        *_RATE,
        *_TAGS,
    ]
    from storyboard.media import ffmpeg

    output = [*x264, "-c:a", "aac", "-b:a", "192k", "-t", str(seconds), "-y", str(path)]
    ffmpeg.run(["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, *output], seconds=300)
