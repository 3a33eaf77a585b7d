"""Parallel media jobs: several at once, with progress, all stopped by the first failure."""

import os
import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

from storyboard.model.errors import BadMedia, LocalFault

# One job per processor; at least two, because jobs also wait for the disk; at most eight, to limit memory.
AT_ONCE = min(8, max(2, os.cpu_count() or 2))

Watch = Callable[[int], None]
K = TypeVar("K")


class _WorkStopped(Exception):
    """Another job has failed, or the caller has stopped the work."""


def carry_out(jobs: Mapping[K, Callable[[Watch], None]], report: Callable[[Mapping[K, int]], None]) -> None:
    """Run all jobs. Each gets a ``watch`` to report its progress, which raises an exception once the work must stop.

    ``report`` is called in this thread, several times a second and at the end, with the progress of each job; an
    exception in it stops the work, as one in a job does.
    """
    if not jobs:
        return
    from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

    from storyboard.media.ffmpeg import TICK

    stop = threading.Event()
    far: dict[K, int] = dict.fromkeys(jobs, 0)

    def start(name: K, job: Callable[[Watch], None]) -> None:
        def watch(done: int) -> None:
            if stop.is_set():
                raise _WorkStopped
            far[name] = done

        watch(0)
        job(watch)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            at_work = {pool.submit(start, name, job) for name, job in jobs.items()}
            while at_work:
                ended, at_work = wait(at_work, TICK, FIRST_EXCEPTION)
                for one in ended:
                    one.result()
                report(dict(far))
        finally:
            stop.set()


def of_scene(job: Callable[[Watch], None], *scenes: str) -> Callable[[Watch], None]:
    """Wrap the job so that the messages of its errors name its scenes."""
    quoted = " and ".join(f"'{scene}'" for scene in dict.fromkeys(scenes))
    what = f"scenes {quoted}" if " and " in quoted else f"scene {quoted}"

    def named(watch: Watch) -> None:
        from storyboard.media import ffmpeg

        try:
            job(watch)
        except ffmpeg.FfmpegFailed as failure:
            hint = failure.hint or "play the clip to see what is wrong with it, and replace it"
            raise LocalFault(f"{what}: {failure.message}", hint) from failure
        except BadMedia as failure:
            raise BadMedia(f"{what}: {failure.message}", failure.hint) from failure

    return named
