"""The desktop: open a file with the program that the user has chosen for its type."""

import os
import shutil
import subprocess
from pathlib import Path

from storyboard.model.errors import LocalFault

# Environment variables passed to the program; it gets no API key.
_PASSED_ON = {"PATH", "HOME", "USER", "LOGNAME", "LANG", "DISPLAY", "XAUTHORITY", "BROWSER", "SHELL", "TMPDIR"}
_PASSED_ON_FAMILIES = ("LC_", "XDG_", "DBUS_", "WAYLAND_", "DESKTOP_", "KDE_", "GNOME_", "QT_", "GTK_", "WSL")

_OPENERS = ("xdg-open", "wslview", "open")  # Linux, Windows Subsystem for Linux, macOS.

# Seconds in which an opener reports that it cannot open a file; afterwards the file is open.
_PATIENCE = 3


def open_file(path: Path) -> None:
    """Open a file with the program that the desktop has for it. Raise LocalFault if there is none."""
    opener = next((found for name in _OPENERS if (found := shutil.which(name))), None)
    if opener is None:
        raise LocalFault("no program to open files was found (xdg-open)", f"open it yourself: {path}")
    quiet = subprocess.DEVNULL
    try:
        child = subprocess.Popen(
            [opener, str(path)], stdin=quiet, stdout=quiet, stderr=quiet, env=_environment(), start_new_session=True
        )
        failed = child.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        return
    except OSError as error:
        raise LocalFault(f"{opener} does not start: {error.strerror}", f"open it yourself: {path}") from error
    if failed:
        raise LocalFault(f"{Path(opener).name} could not open the file", f"open it yourself: {path}")


def _environment() -> dict[str, str]:
    families = {name for name in os.environ if name.startswith(_PASSED_ON_FAMILIES)}
    return {name: os.environ[name] for name in (_PASSED_ON | families) & os.environ.keys()}
