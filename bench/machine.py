"""Machine: what the figures were measured on, in words. Figures of two machines are compared by their ratios only."""

import os
import platform
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from storyboard.media import ffmpeg


def described() -> Mapping[str, str]:
    """Each thing that a figure may depend on, and when it was."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "processor": f"{_said('/proc/cpuinfo', 'model name') or platform.machine()}, {os.cpu_count()} cores",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1024**3:.1f} GiB",
        "load before": f"{os.getloadavg()[0]:.2f} over the last minute",
        "system": f"{_said('/etc/os-release', 'PRETTY_NAME') or platform.system()}, kernel {platform.release()}",
        "Python": platform.python_version(),
        "ffmpeg": ffmpeg.version().removeprefix("ffmpeg version "),
        "command": " ".join(["./dev bench", *sys.argv[1:]]),
    }


def _said(path: str, name: str) -> str:
    """What a file of `name = value` or `name: value` lines says under ``name``; "" where there is none."""
    file = Path(path)
    lines = file.read_text().splitlines() if file.exists() else []
    found = (line.removeprefix(name).strip(" \t:=\"'") for line in lines if line.startswith(name))
    return next(found, "")
