"""Late import of moviepy, without API keys in the environment."""

import os
import re
from threading import Lock
from typing import Any

_LOADING = Lock()
# Of whatever provider or bucket: a variable with such a word in its name is nobody else's business.
_SECRET = re.compile("KEY|SECRET|TOKEN|PASSWORD", re.IGNORECASE)


def video_clip() -> Any:
    """Return moviepy's VideoClip. On import moviepy runs ffmpeg and ffplay, so the keys are removed meanwhile."""
    os.environ.setdefault("PYTHON_DOTENV_DISABLED", "1")  # otherwise moviepy loads any .env file near its code
    with _LOADING:
        kept = {name: os.environ.pop(name) for name in list(os.environ) if _SECRET.search(name)}
        try:
            from moviepy import VideoClip
        finally:
            os.environ.update(kept)
    return VideoClip
