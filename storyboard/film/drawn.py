"""Drawn clips of a film (stills, slates, effects): each is rendered once, as an MP4 like any other clip.

They are cached in ``scratch``, named by a hash of everything that determines their content.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from storyboard.media import workers
from storyboard.model.storyboard import LocalImage, Still
from storyboard.system.files import atomic_output, disk_errors, private_dir
from storyboard.timeline.model import Clip, EffectClip, Slate, Timeline

if TYPE_CHECKING:
    from storyboard.media.encode import Picture

_OURS = re.compile(r"\.?drawn-[0-9a-f]{32}\.mp4(\.[0-9a-f]{12})?")

# Returns the bytes of an image, verified to be the same as when the storyboard was read.
Read = Callable[[LocalImage], bytes]


def draw_clips(
    cut: Timeline,
    paths: Mapping[str, Path],
    read: Read,
    scratch: Path,
    report: Callable[[int], None] = lambda frames: None,
) -> dict[str, Path]:
    """Render the missing drawn clips; return the file of each digest of the timeline: ``paths`` and the drawn clips.

    ``scratch`` is a folder for this film alone. ``report`` is called in this thread several times a second with the
    frames drawn so far; an exception in it stops the work. Raise LocalFault, BadMedia, InputError.
    """
    private_dir(scratch)
    wanted = {clip.digest: clip for clip in _wanted(cut.clips)}
    files = {digest: scratch / f"drawn-{_name(digest)}.mp4" for digest in wanted}
    missing = {digest: clip for digest, clip in wanted.items() if not _made(files[digest])}
    jobs = {
        digest: workers.of_scene(_job(clip, cut, read, files[digest]), clip.scene)
        for digest, clip in missing.items()
        if not isinstance(clip.drawn, EffectClip)
    }
    workers.carry_out(jobs, lambda far: report(min(cut.frames, sum(far.values()))))
    for digest, clip in missing.items():
        if isinstance(clip.drawn, EffectClip):
            from storyboard.film import apply_effect

            source = {**paths, **files}[clip.drawn.clip.digest]
            make = partial(apply_effect.apply_effect, clip.drawn, clip.scene, cut, source, files[digest])
            workers.of_scene(make, clip.scene)(report)
    _prune(scratch, set(files.values()))
    return {**paths, **files}


def _wanted(clips: Iterable[Clip]) -> Iterator[Clip]:
    """The clips to draw, including drawn sources of effects, which come first."""
    for clip in clips:
        if isinstance(clip.drawn, EffectClip) and clip.drawn.clip.drawn:
            yield clip.drawn.clip
        if clip.drawn:
            yield clip


def _name(digest: str) -> str:
    from storyboard.media import encode

    return hashlib.sha256(f"{encode.version()} {digest}".encode()).hexdigest()[:32]


def _made(path: Path) -> bool:
    """Whether the file exists. A folder that came with a project may hold planted links: these do not count."""
    return path.is_file() and not path.is_symlink()


def _job(clip: Clip, cut: Timeline, read: Read, out: Path) -> Callable[[workers.Watch], None]:
    def make(watch: workers.Watch) -> None:
        from storyboard.media import encode

        def watched(pictures: "Iterable[Picture]") -> "Iterator[Picture]":
            for number, picture in enumerate(pictures):
                watch(number)
                yield picture

        assert isinstance(clip.drawn, Still | Slate)
        frames = max(1, round(clip.drawn.seconds * cut.fps))
        with atomic_output(out) as staging:
            pictures = watched(_pictures(clip.drawn, cut, read, frames))
            encode.mp4(staging, (cut.width, cut.height), cut.fps, pictures)

    return make


def _pictures(drawn: Still | Slate, cut: Timeline, read: Read, frames: int) -> "Iterable[Picture]":
    size = (cut.width, cut.height)
    if isinstance(drawn, Slate):
        from storyboard.graphics import slates

        return [slates.picture(drawn, size)] * frames
    from storyboard.graphics import stills

    return stills.pictures(drawn, read(drawn.image) if drawn.image else b"", size, cut.fps, frames, cut.fit)


def _prune(scratch: Path, kept: set[Path]) -> None:
    """Remove drawn clips that this film no longer uses, and temporary files of killed runs."""
    with disk_errors(scratch):
        for path in scratch.iterdir():
            if _OURS.fullmatch(path.name) and path not in kept:
                path.unlink()
