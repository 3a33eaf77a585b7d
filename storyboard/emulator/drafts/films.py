"""Draft clips, rendered in threads: one per core at a time, each clip once. The emulator deletes their folder."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from threading import Event

from storyboard.emulator.api.behaviour import Film
from storyboard.emulator.drafts.brief import RATE, Brief
from storyboard.model.errors import LocalFault
from storyboard.model.text import one_line

# The divisor of width and height of a flat clip, and the most of its seconds: plain clips are 128x72, 72x128, and
# 192x108 for HD.
_FLAT = {"plain": (10, 60), "tiny": (20, 1)}


class DraftFilms:
    """Renders the clip for a brief, or returns the one rendered before."""

    def __init__(self, kind: Film, folder: Path) -> None:
        self._kind = kind
        self._folder = folder
        self._made: dict[str, asyncio.Future[Path]] = {}
        self._stop = Event()
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="draft")

    async def clip(self, brief: Brief) -> Path:
        """The complete clip for ``brief``. Raise LocalFault where it cannot be rendered."""
        version = f"{'-hd' if brief.hd else ''}{'-original' if brief.original else ''}"
        return await self._once(f"{brief.digest}{version}", lambda path: self._make(path, brief))

    async def spoilt(self, brief: Brief, fault: str) -> Path:
        """The clip with a fault of its picture or sound: silent, black, frozen; else as it is. Raise LocalFault."""
        whole = await self.clip(brief)
        if fault not in ("silent", "black", "frozen"):
            return whole
        return await self._once(f"{whole.stem}-{fault}", lambda path: _spoil(whole, path, fault))

    async def close(self) -> None:
        """Abandon unfinished clips and wait for all threads to end."""
        self._stop.set()
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        await asyncio.gather(*self._made.values(), return_exceptions=True)

    async def _once(self, name: str, make: Callable[[Path], None]) -> Path:
        if name not in self._made:
            path = self._folder / f"{name}.mp4"
            self._made[name] = asyncio.get_running_loop().run_in_executor(self._threads, _told, make, path)
        return await asyncio.shield(self._made[name])

    def _make(self, path: Path, brief: Brief) -> None:
        if self._kind == "animatic":
            from storyboard.emulator.drafts import animatic

            animatic.film(path, brief, self._stop)
        else:
            from storyboard.emulator.drafts import flat
            from storyboard.emulator.drafts.given_frames import given_frames

            part, most = _FLAT[self._kind]
            form = brief.order.clip
            size = brief.size[0] // part // 2 * 2, brief.size[1] // part // 2 * 2
            seconds = min(form.seconds, Fraction(most))
            given = given_frames(brief, size, max(1, round(seconds * RATE)))
            flat.film(path, size, flat.colour(brief.digest), seconds, given, sound=form.sound)


def _told(make: Callable[[Path], None], path: Path) -> Path:
    """``path`` once ``make`` has written it. Raise LocalFault for errors of the disk or of a library."""
    from av.error import FFmpegError

    try:
        make(path)
    except (FFmpegError, OSError, RuntimeError, ValueError, SyntaxError) as error:
        path.unlink(missing_ok=True)
        raise LocalFault(f"the draft could not be made: {one_line(str(error), 200)}") from error
    return path


def _spoil(whole: Path, path: Path, fault: str) -> None:
    from storyboard.emulator.drafts.clip_writer import with_one_picture, without_sound

    if fault == "silent":
        without_sound(whole, path)
    else:
        with_one_picture(whole, path, black=fault == "black")
