"""Lines: every line of the rooms that signals go through, and of asyncio's runner. At a chosen one we are told to go.

`python lines.py` would be too slow for so many: forks.py has the program do it in a child.
"""

import asyncio.runners
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import storyboard.__main__
import storyboard.commands.render
import storyboard.render
import storyboard.session
import storyboard.signals
from storyboard import cli

_ROOMS = (
    storyboard.__main__,
    cli,
    storyboard.signals,
    storyboard.session,
    storyboard.commands.render,
    storyboard.render,
    asyncio.runners,
)
_FILES = {str(room.__file__): Path(str(room.__file__)).name for room in _ROOMS}


class Lines:
    """Tells each line when it is first reached, ``{line, late}`` in JSON; at the line ``at`` sends the signals.

    The first of ``numbers`` is sent at the line, the others at whatever is called or returns after it, over and over.
    ``late`` is whether the status was known before.
    """

    def __init__(self, tell: int, at: str, numbers: Sequence[int]) -> None:
        self._tell, self._at, self._numbers = tell, at, numbers
        self._seen: set[str] = set()
        self._late = False

    def watch(self) -> None:
        sys.settrace(self._enter)

    def _enter(self, frame: FrameType, event: str, arg: object) -> Any:
        return self._reach if frame.f_code.co_filename in _FILES else None

    def _reach(self, frame: FrameType, event: str, arg: object) -> Any:
        line = f"{_FILES[frame.f_code.co_filename]}:{frame.f_lineno}"
        if event == "line" and line not in self._seen and storyboard.signals._now.taken:
            self._seen.add(line)
            self._late |= frame.f_code is storyboard.signals.ignore.__code__ and storyboard.signals._now.looping
            if not self._at:
                self._say(line)
            elif line == self._at:
                self._say(line)
                sys.setprofile(self._flood if self._numbers[1:] else None)
                signal.raise_signal(self._numbers[0])
        return self._reach

    def _flood(self, frame: FrameType, event: str, arg: object) -> None:
        for number in self._numbers[1:]:
            signal.raise_signal(number)

    def _say(self, line: str) -> None:
        os.write(self._tell, json.dumps({"line": line, "late": self._late}).encode() + b"\n")
