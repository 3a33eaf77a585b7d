"""Handle SIGINT, SIGTERM and SIGHUP, for the whole life of the program and in no other module.

Outside an event loop, the first signal raises KeyboardInterrupt, once per process: the cleanup that follows is not
interrupted again. Within ``run``, signals are passed to the event loop; one that it did not handle is raised when it
has ended. The third Ctrl-C ends the process immediately.
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

# Seconds after which a lost KeyboardInterrupt is raised again; other code runs by then.
_AGAIN = 0.01


class _Now:
    """The signal state of this process.

    ``times`` counts the requests to stop: each SIGINT adds 1, SIGTERM and SIGHUP set it to at least 2. ``heeded`` is
    the count already acted on. ``taken``: the handlers are installed; ``looping``: ``run`` is in progress; ``leaving``:
    the exit status is decided. ``heed`` is the callback of ``interrupt_handler``.
    """

    times = 0
    heeded = 0
    taken = False
    looping = False
    leaving = False
    heed: Callable[[int], None] | None = None


_now = _Now()


def take() -> None:
    """Install the handlers. Signals that the parent process set to be ignored (nohup) stay ignored."""
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _told)
    signal.signal(signal.SIGALRM, _told)
    sys.unraisablehook = _lost
    _now.taken = True


def ignore() -> None:
    """Ignore all further signals: the exit status is decided, and no signal may change it."""
    _now.leaving = True
    for number in (*_SIGNALS, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)


def run(work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """The result of ``asyncio.run(work())``. A signal cancels it, or calls the callback of ``interrupt_handler``.

    Raise KeyboardInterrupt where it was cancelled, and for a signal that arrived after the loop stopped handling them.
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
    """Within ``run``: call ``heed`` with the number of requests to stop; 2 is two Ctrl-C, or SIGTERM or SIGHUP."""
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
        # Wakes the loop also where the signal was delivered to another thread.
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
    """Raise a KeyboardInterrupt again that Python dropped in a finalizer or weak reference callback, by SIGALRM."""
    if what.exc_type is KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, _AGAIN)
    else:
        sys.__unraisablehook__(what)
