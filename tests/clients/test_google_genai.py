"""Google's own client against the emulator's dialect: what storyboard is tested with is what others speak, too."""

import json
from base64 import b64decode
from fractions import Fraction
from pathlib import Path

import pytest
from client_environments import converse
from studio import Studio, png

from storyboard.model.problem import Place
from storyboard.model.shot import Shot
from storyboard.model.storyboard import WebImage
from storyboard.providers.base import Dispatch, SentImage
from storyboard.providers.gemini import Gemini

IMAGE = WebImage("https://images.example/a.png", Place("film.yaml", 1, 1))
SHOT = Shot("it rains", "omni-1.2-flash", "9:16", IMAGE, IMAGE, (), None, True, None, 1, "gemini", seconds=Fraction(5))


@pytest.mark.ci
def test_google_genai(studio: Studio, tmp_path: Path) -> None:
    """Submit, poll, result, a refusal; and for the same clip, Google's client and ours send the same body."""
    emulator = studio.serve(dialect="gemini", film="tiny").emulator
    image = png(tmp_path / "a.png", size=(90, 160))
    told = json.loads(converse("google-genai", "google_genai_talk.py", emulator.url, image))
    assert (told["status"], told["states"]) == ("completed", ["PROCESSING", "ACTIVE"])
    assert told["video_tokens"] == 5 * 5792
    assert told["refusal"]["kind"] == "BadRequestError"
    assert told["refusal"]["words"] == "response_format.duration must be from 3s to 15s"
    assert "models/gemini-omni-1.2-flash" in told["models"]
    assert all(b64decode(told[part])[4:8] == b"ftyp" for part in ("clip", "inline"))
    content = image.read_bytes()
    images = [SentImage(role, content=content, kind="image/png") for role in ("first_frame", "last_frame")]
    assert emulator.jobs[0].request == Gemini().request(SHOT, images, Dispatch("n"))
    assert all(seen.key and not seen.query.startswith("key") for seen in emulator.requests)
