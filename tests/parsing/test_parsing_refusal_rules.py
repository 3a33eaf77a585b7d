"""Which models can stand in for a scene's own one: what they cannot do is told before anything is paid."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from storyboard.model.capabilities import Lengths, Model, Quality
from storyboard.model.problem import Place
from storyboard.model.storyboard import Generated, WebImage
from storyboard.parsing.refusal_rules import obstacle

HD = Quality("1080p", (1920, 1080), upgrade=True)
OWN = Model("own", ("16:9", "9:16"), 8, (Quality("720p", (1280, 720)), HD), (1, 9), 100, 3, ("16:9",), ("16:9",))
SCENE = Generated(
    "A gull",
    "own",
    "16:9",
    None,
    None,
    (WebImage("https://a.example/b.png", Place("film.yaml", 1, 1)),) * 2,
    5,
    True,
    None,
    "1080p",
)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({}, ""),
        ({"references": 0}, "it takes no references"),
        ({"references": 1}, "it takes at most 1 references"),
        ({"reference_aspects": ("9:16",)}, "it takes no references in 16:9"),
        ({"aspects": ("9:16",)}, "16:9 is no shape of it"),
        ({"resolutions": OWN.resolutions[:1]}, "1080p is no resolution of it"),
        ({"resolutions": (OWN.resolutions[0], replace(HD, upgrade=False))}, "1080p is no resolution of it"),
        ({"upgrade_aspects": ()}, "it has no 1080p in 16:9"),
        ({"prompt_limit": 5}, "it takes prompts of at most 5 characters"),
        ({"seeds": (1, 99)}, "its seeds are from 1 to 99"),
        ({"lengths": Lengths((Fraction(8),))}, "it offers other lengths, resolutions or sound to choose from"),
        ({"sound": "switch"}, "it offers other lengths, resolutions or sound to choose from"),
    ],
)
def test_what_another_model_cannot_do(other: dict[str, Any], why: str) -> None:
    """A fallback that the provider cannot generate would fail when it is needed."""
    assert obstacle(OWN, replace(OWN, name="other", **other), SCENE) == why
