"""Told to go: SIGINT, SIGTERM and SIGHUP are taken here and nowhere else, from the program's first line to its last.

Outside of an event loop the first of them raises KeyboardInterrupt, once in the life of the program: what tidies up
after it is not interrupted again. Within ``run`` nothing is raised, the loop is told; what it has not heard is raised
when it has ended. The third Ctrl-C ends the program where it stands.
"""

import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

Result = TypeVar("Result")

_INTERRUPTED = 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# Seconds after which an exception that was lost is raised again: somewhere else by then.
_AGAIN = 0.01


class _Now:
    """How it stands in this process, which is what a signal is sent to.

    ``times`` is how often we were told: Ctrl-C is once more, told to end is twice. ``heeded`` is for how much of it
    something was done. ``leaving`` is whether the exit status is known.
    """

    times = 0
    heeded = 0
    taken = False
    looping = False
    leaving = False
    heed: Callable[[int], None] | None = None


_now = _Now()


def take() -> None:
    """Take the signals from here on. What whoever started us has us ignore (nohup) stays ignored."""
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _told)
    signal.signal(signal.SIGALRM, _told)
    sys.unraisablehook = _lost
    _now.taken = True


def ignore() -> None:
    """We are going, and the status is known: being told so once more, or three times, must not change it."""
    _now.leaving = True
    for number in (*_SIGNALS, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)


def run(work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """What ``asyncio.run(work())`` gives. Told to go, it is cancelled, or ``heeding`` says what is done instead.

    Raises KeyboardInterrupt where it was cancelled, and where we were told when nobody listened any more.
    """
    import asyncio

    _now.looping = _now.taken
    try:
        return asyncio.run(_hearing(work) if _now.taken else work())
    except asyncio.CancelledError:
        _now.heeded = 2
        raise KeyboardInterrupt from None
    finally:
        _now.looping = False
        _raise()


@contextmanager
def interrupt_handler(heed: Callable[[int], None]) -> Iterator[None]:
    """Within ``run``: have ``heed`` called with how often we were told; 2 is twice, or told to end."""
    _now.heed = heed
    try:
        yield
    finally:
        _now.heed = None


async def _hearing(work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    import asyncio
    import socket

    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    ear, mouth = socket.socketpair()

    def listen() -> None:
        with suppress(BlockingIOError):
            ear.recv(4096)
        if _now.times > _now.heeded:
            _now.heeded = _now.times
            (_now.heed or task.cancel)(_now.times)

    with ear, mouth:
        ear.setblocking(False)
        mouth.setblocking(False)
        loop.add_reader(ear, listen)
        # Also where another thread was given the signal: the loop would sleep on.
        signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
        listen()
        try:
            return await work()
        finally:
            signal.set_wakeup_fd(-1)
            loop.remove_reader(ear)


def _told(number: int, frame: object) -> None:
    if _now.leaving:
        return
    if number == signal.SIGALRM:
        _now.heeded = 0
    elif number == signal.SIGINT:
        _now.times += 1
    else:
        _now.times = max(_now.times, 2)
    if _now.times > 2:
        os._exit(_INTERRUPTED)
    if not _now.looping:
        _raise()


def _raise() -> None:
    if _now.times > _now.heeded:
        _now.heeded = 2
        raise KeyboardInterrupt


def _lost(what: "sys.UnraisableHookArgs") -> None:
    """Python drops what is raised in a finalizer or in a weak reference's callback: raise it once more, elsewhere."""
    if what.exc_type is KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, _AGAIN)
    else:
        sys.__unraisablehook__(what)
