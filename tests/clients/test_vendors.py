"""The vendors' own clients against the emulator that the shipped declarations make: both speak the same API."""

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from client_environments import converse
from studio import Studio

from storyboard.emulator.api.service import FinishedJob
from storyboard.model.shot import Shot
from storyboard.providers.base import Dispatch, SentImage
from storyboard.providers.declared.catalogue import shipped_provider
from storyboard.providers.declared.interpreter import Declared

SHOT = Shot("it rains", "", "16:9", None, None, (), None, True, None, 1, "")
FRAME = [SentImage("first_frame", "https://images.example/a.png")]
FAL = {"model": "bytedance/seedance-2.0", "aspect": "9:16", "resolution": "480p", "seed": 7, "sound": False}


@pytest.mark.ci
@pytest.mark.parametrize(
    ("name", "shot", "images", "size", "refusal"),
    [
        ("fal", {**FAL, "seconds": Fraction(4)}, FRAME, (480, 854), "seconds must be whole seconds from 4 to 15 s"),
        ("replicate", {"model": "minimax/h3", "seconds": Fraction(5)}, [], (1366, 768), "/speed is not known"),
        (
            "runway",
            {"model": "gen4.5", "aspect": "9:16", "seconds": Fraction(3), "seed": 7},
            [],
            (720, 1280),
            "seconds must be whole seconds from 2 to 10 s, not 99",
        ),
        (
            "luma",
            {"model": "ray-2", "aspect": "1:1", "seconds": Fraction(9), "resolution": "540p"},
            FRAME,
            (540, 540),
            "seconds must be 5, 9 s, not 7s",
        ),
    ],
)
def test_a_vendor(
    studio: Studio, name: str, shot: dict[str, Any], images: list[SentImage], size: tuple[int, int], refusal: str
) -> None:
    """Submit, poll, result, a refusal; and for the same clip, the vendor's client and ours send the same body."""
    provider = shipped_provider(name)
    assert isinstance(provider, Declared)
    emulator = studio.serve(declared=provider.declaration, film="tiny").emulator
    told = json.loads(converse("vendors", "vendors_talk.py", name, emulator.url))
    assert told["begins"] == "ftyp"
    assert refusal in told["refusal"]
    (job,) = emulator.jobs
    wanted = replace(SHOT, **shot)
    assert job.request == provider.request(wanted, images, Dispatch("n"))
    outcome = emulator.outcome(job.id)
    assert isinstance(outcome, FinishedJob)
    assert outcome.brief.size == size
    assert all(seen.key for seen in emulator.requests if "/emulated-clips/" not in seen.path)
