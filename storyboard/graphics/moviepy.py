"""The door to moviepy, which composes pictures over time: imported late, and not trusted with a key."""

import os
import re
from threading import Lock
from typing import Any

_LOADING = Lock()
# Of whatever provider or bucket: a variable with such a word in its name is nobody else's business.
_SECRET = re.compile("KEY|SECRET|TOKEN|PASSWORD", re.IGNORECASE)


def video_clip() -> Any:
    """moviepy's VideoClip. While it loads it runs ffmpeg and ffplay in our environment: without the keys."""
    os.environ.setdefault("PYTHON_DOTENV_DISABLED", "1")  # it would take a .env near it for its own
    with _LOADING:
        kept = {name: os.environ.pop(name) for name in list(os.environ) if _SECRET.search(name)}
        try:
            from moviepy import VideoClip
        finally:
            os.environ.update(kept)
    return VideoClip
