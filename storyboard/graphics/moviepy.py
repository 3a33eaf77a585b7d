"""The door to moviepy, which composes pictures over time: imported late, and not trusted with a key."""

import os
from threading import Lock
from typing import Any

_LOADING = Lock()
_SECRETS = ("APIKLEY_API_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def video_clip() -> Any:
    """moviepy's VideoClip. While it loads it runs ffmpeg and ffplay in our environment: without the keys."""
    os.environ.setdefault("PYTHON_DOTENV_DISABLED", "1")  # it would take a .env near it for its own
    with _LOADING:
        kept = {name: os.environ.pop(name) for name in _SECRETS if name in os.environ}
        try:
            from moviepy import VideoClip
        finally:
            os.environ.update(kept)
    return VideoClip
