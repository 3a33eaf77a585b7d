"""Lines: every line of some modules that runs in the main thread. At a chosen one the process is told to go.

One process for each would be too slow for so many: forks.py has the program do it in a child.
"""

import json
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

from storyboard.system import signals


class Lines:
    """Tells each line of ``modules`` that is reached, ``{line, late}`` in JSON; at the line ``at`` it sends signals.

    The first of ``numbers`` is sent at the line, the others at whatever is called or returns after it, over and over.
    ``late`` is whether the status was known before.
    """

    def __init__(self, tell: int, modules: Sequence[str], at: str, numbers: Sequence[int]) -> None:
        files = [str(import_module(name).__file__) for name in modules]
        self._files = {file: Path(file).name for file in files}
        self._tell, self._at, self._numbers = tell, at, numbers
        self._seen: set[str] = set()
        self._late = False

    def watch(self) -> None:
        sys.settrace(self._enter)

    def _enter(self, frame: FrameType, event: str, arg: object) -> Any:
        return self._reach if frame.f_code.co_filename in self._files else None

    def _reach(self, frame: FrameType, event: str, arg: object) -> Any:
        line = f"{self._files[frame.f_code.co_filename]}:{frame.f_lineno}"
        if event == "line" and line not in self._seen and signals._now.taken:
            self._seen.add(line)
            self._late |= frame.f_code is signals.ignore.__code__ and signals._now.leaving
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
