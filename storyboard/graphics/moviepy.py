"""Late import of moviepy, without API keys in the environment."""

import os
from threading import Lock
from typing import Any

_LOADING = Lock()
_SECRETS = ("APIKLEY_API_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def video_clip() -> Any:
    """Return moviepy's VideoClip. On import moviepy runs ffmpeg and ffplay, so the keys are removed meanwhile."""
    os.environ.setdefault("PYTHON_DOTENV_DISABLED", "1")  # otherwise moviepy loads any .env file near its code
    with _LOADING:
        kept = {name: os.environ.pop(name) for name in _SECRETS if name in os.environ}
        try:
            from moviepy import VideoClip
        finally:
            os.environ.update(kept)
    return VideoClip
