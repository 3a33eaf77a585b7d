"""What joints and titles cost: only what they touch is rendered; beside moviepy's and ffmpeg's own cross-fades.

The clips are like those that are bought: 8 s, 1280x720, 24 frames a second, 7 Mbit/s, sound, a key frame every 1 s or
every 2 s (groups of 24 or 48 frames). A dissolve takes 0.5 s. All encode with x264 veryfast, crf 17. Each way is a
process of its own, one after the other in one run: ratios can be compared between machines, seconds cannot.
"""

import sys
import tempfile
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

from bench import clips
from bench.process import Cost, cost, least
from bench.row import Row
from bench.ways import encoded_by_moviepy
from storyboard.media import ffmpeg

FEW, MANY, FRAMES, FADE = 10, 100, 192, 12


def rows() -> list[Row]:
    """Dissolves in ten clips and in a hundred, one scene changed, one title."""
    found: list[Row] = []
    for group, moviepys, ffmpegs in ((24, 12, 6), (48, 8, 4)):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            clips.many(folder, FEW, group=group)
            ours, xfade, moviepy = (_cost(way, folder, FEW) for way in ("dissolves", "xfade", "moviepy"))
            what = f"10 dissolves, groups of {group}"
            found += [
                Row(f"{what}, wall", ours.wall, "s"),
                Row(f"{what} / moviepy, wall", ours.wall / moviepy.wall, "x", 1 / moviepys),
                Row(f"{what} / ffmpeg xfade, wall", ours.wall / xfade.wall, "x", 1 / ffmpegs),
                Row(f"{what} / ffmpeg xfade, CPU", ours.cpu / xfade.cpu, "x"),
                Row(f"{what}, frames encoded of {FEW * FRAMES}", float(ours.out), ""),
            ]
            if group == 48:
                found += [*_pieces(folder), *_hundred(folder)]
    return found


def _hundred(folder: Path) -> list[Row]:
    whole = _cost("dissolves", folder, MANY, watch=True)
    changed = _cost("changed", folder, MANY)
    plain = _cost("plain", folder, MANY)
    again, title = _cost("plain", folder, MANY), _cost("title", folder, MANY)
    return [
        Row("100 clips with dissolves, memory with children", whole.memory, "MiB", 500),
        Row("the same, one scene changed, wall", changed.wall, "s", 3),
        Row("the same, one scene changed, frames encoded", float(changed.out), ""),
        Row(
            "a title of 2 s on one of 100 clips, wall more than without",
            title.wall - min(again.wall, plain.wall),
            "s",
            1,
        ),
        Row("a title of 2 s on one of 100 clips, frames encoded", float(title.out), ""),
    ]


def _pieces(folder: Path) -> list[Row]:
    """What the settings for pieces are worth, beside those for whole clips: on the frames of a dissolve."""
    from storyboard.film import segment

    one, other = clips.named(folder, 2)
    frames, shape = folder / "dissolve.yuv", ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "1280x720", "-r", "24"]
    graph = "[0:v]trim=start_frame=180,setpts=PTS-STARTPTS[a];[1:v]trim=end_frame=24[b];[a][b]xfade=duration=0.5"
    ffmpeg.run(["-i", str(one), "-i", str(other), "-filter_complex", graph, *shape, "-y", str(frames)], seconds=60)
    costs, sizes, noises = [], [], []
    for settings in ((*segment.ENCODER, "-threads", "1"), (*segment.ENCODER, *segment.PIECE)):
        made, said = folder / "piece.mp4", folder / "psnr.txt"
        command = [ffmpeg.binary(), "-v", "error", *shape, "-i", frames, *settings, "-y", made]
        costs.append(least(command).cpu)
        sizes.append(made.stat().st_size)
        compare = f"psnr=stats_file={said}"
        ffmpeg.run([*shape, "-i", str(frames), "-i", str(made), "-lavfi", compare, "-f", "null", "-"], seconds=60)
        found = [float(word[9:]) for word in said.read_text().split() if word.startswith("psnr_avg:")]
        noises.append(sum(found) / len(found))
    return [
        Row("a rendered piece / the same as a whole clip's settings encode it, CPU", costs[1] / costs[0], "x"),
        Row("the same, size", sizes[1] / sizes[0], "x"),
        Row("a rendered piece, PSNR", noises[1], "dB"),
        Row("the same as a whole clip's settings encode it, PSNR", noises[0], "dB"),
    ]


def dissolves(folder: Path, count: int) -> None:
    """Every scene dissolves into the next."""
    _spliced(folder, map(str, range(count)), "dissolves")


def changed(folder: Path, count: int) -> None:
    """The film of ``dissolves`` with another clip in its middle."""
    names = [str(number) for number in range(count)]
    _spliced(folder, [*names[: count // 2], "other", *names[count // 2 + 1 :]], "dissolves")


def plain(folder: Path, count: int) -> None:
    """Hard cuts."""
    _spliced(folder, map(str, range(count)), "plain", fade=0)


def title(folder: Path, count: int) -> None:
    """Hard cuts, and words on two seconds of a clip."""
    _spliced(folder, map(str, range(count)), "plain", fade=0, titled=count // 2)


def _spliced(folder: Path, names: Iterable[str], scratch: str, fade: int = FADE, titled: int = -1) -> None:
    """Write the film and print how many frames were encoded for it; what is rendered stays for the next."""
    from storyboard.film import splice as hand
    from storyboard.film.film_plan import plan_film as laid_out
    from storyboard.film.pieces import FilmPlan, RenderedPiece
    from storyboard.model.storyboard import Title
    from storyboard.timeline.model import Clip, Overlay, TimedTransition, Timeline

    shots: list[Clip] = []
    for name in names:
        at = shots[-1].until - fade if shots else 0
        shots.append(
            Clip(
                name,
                name,
                Fraction(0),
                Fraction(8),
                at,
                FRAMES,
                TimedTransition("dissolve", fade) if at and fade else None,
            )
        )
    files = clips.named(folder, FEW)
    paths = {clip.digest: files[_which(clip.digest) % len(files)] for clip in shots}
    said = Title("The lamp room", Fraction(2), Fraction(2), "lower-third", Fraction(8, 100), "#ffffff", "box")
    words = (Overlay(said, shots[titled].at + 48, 48, 7),) if titled >= 0 else ()
    known = hand.indexes(paths)
    plan = laid_out(Timeline(tuple(shots), 1280, 720, 24, "pad", words), known)
    assert isinstance(plan, FilmPlan), plan
    before = {path.name for path in (folder / scratch).glob("*.mp4")}
    hand.splice(plan, known, paths, folder / "ours.film", folder / scratch)
    lengths = {path.name: _length(path) for path in (folder / scratch).glob("*.mp4")}
    assert sum(lengths.values()) == sum(piece.length for piece in plan.pictures if isinstance(piece, RenderedPiece))
    print(sum(length for name, length in lengths.items() if name not in before))


def _which(name: str) -> int:
    """Which of the files a clip is: neighbours differ."""
    return int(name) if name.isdigit() else 3


def _length(path: Path) -> int:
    from storyboard.mp4 import reader
    from storyboard.mp4.samples import VideoTrack

    frames = reader.read(path).frames
    assert isinstance(frames, VideoTrack)
    return len(frames.shown)


def xfade(folder: Path, count: int) -> None:
    """ffmpeg's own cross-fades of picture and sound, every frame encoded."""
    files = clips.named(folder, count)
    inputs = [word for path in files for word in ("-i", str(path))]
    graph, picture, sound = [], "0:v", "0:a"
    for number in range(1, count):
        offset = number * (8 - FADE / 24)
        graph.append(f"[{picture}][{number}:v]xfade=duration={FADE / 24}:offset={offset}[v{number}]")
        graph.append(f"[{sound}][{number}:a]acrossfade=d={FADE / 24}[a{number}]")
        picture, sound = f"v{number}", f"a{number}"
    output = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "17", "-c:a", "aac", "-b:a", "192k"]
    arguments = ["-filter_complex", ";".join(graph), "-map", f"[{picture}]", "-map", f"[{sound}]", *output]
    ffmpeg.run([*inputs, *arguments, "-f", "mp4", "-y", str(folder / "xfade.film")], seconds=3000)


def moviepy(folder: Path, count: int) -> None:
    """As its documentation shows it."""
    from moviepy import CompositeVideoClip, VideoFileClip, vfx
    from moviepy.audio.fx import AudioFadeIn, AudioFadeOut

    fade, shown = FADE / 24, []
    for number, path in enumerate(clips.named(folder, count)):
        clip = VideoFileClip(str(path)).with_start(number * (8 - fade))
        effects = [vfx.CrossFadeIn(fade), AudioFadeIn(fade)] if number else []
        shown.append(clip.with_effects([*effects, AudioFadeOut(fade)]))
    encoded_by_moviepy(CompositeVideoClip(shown), folder)


def _cost(job: str, folder: Path, count: int, *, watch: bool = False) -> Cost:
    return cost([sys.executable, "-m", "bench.composing", job, folder, str(count)], watch=watch)


if __name__ == "__main__":
    ways = (dissolves, changed, plain, title, xfade, moviepy)
    {way.__name__: way for way in ways}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
