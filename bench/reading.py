"""Reading: how much CPU it takes to check a large storyboard.

Limits: 0.6 s for 1,000 scenes, and at most ten times that for 10,000.
"""

import random
import tempfile
from pathlib import Path

from bench.process import STORYBOARD, least
from bench.row import Row

LIMIT = 0.6

_HEAD = """storyboard: 1
title: The longest night
vars:
  hour: dawn
  look: "35mm film, muted palette, {{ hour }} light"
cast:
  keeper:
    looks: an old lighthouse keeper, white beard, yellow oilskin coat
defaults:
  model: veo3_fast
  aspect: 16:9
scenes:
"""
_WORDS = ("harbour", "gulls", "wheel", "above", "the", "old", "quay", "while", "a", "lantern", "swings", "in", "rain")


def rows() -> list[Row]:
    """Whole processes of `python -m storyboard validate`; of several runs the one with the least CPU."""
    return [
        Row("validate, 1,000 scenes, CPU", _cpu(1_000), "s", LIMIT),
        Row("validate, 10,000 scenes, CPU", _cpu(10_000), "s", 10 * LIMIT),
    ]


def _cpu(scenes: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        return least([*STORYBOARD, "validate", write(Path(folder), scenes)]).cpu


def write(folder: Path, scenes: int) -> Path:
    """A storyboard with prompts of their own; past 1,000 scenes in files of 1,000 each, for a file may have 1 MiB."""
    chance = random.Random(1)
    file = folder / "long.yaml"
    parts = [range(start, min(start + 1_000, scenes)) for start in range(0, scenes, 1_000)]
    if len(parts) == 1:
        file.write_text(_HEAD + "".join(_scene(number, chance, "  ") for number in parts[0]))
        return file
    for at, part in enumerate(parts):
        (folder / f"part-{at}.yaml").write_text("".join(_scene(number, chance, "") for number in part))
    file.write_text(_HEAD + "".join(f"  - include: part-{at}.yaml\n" for at in range(len(parts))))
    return file


def _scene(number: int, chance: random.Random, indent: str) -> str:
    words = " ".join(chance.choices(_WORDS, k=35))
    lines = (
        f"- id: scene-{number}",
        "  prompt: >",
        f"    {{{{ look }}}}. {{{{ cast.keeper }}}} waits. {words}.",
        f"    Take {number} of {{{{ scene.count }}}}.",
        "  model: veo3_fast",
        f"  seed: {10_000 + number}",
        "  translate: false",
        "  resolution: 1080p",
        "  trim: { from: 0.5, to: 6 }",
        f"  note: the keeper, number {number}",
    )
    return "".join(f"{indent}{line}\n" for line in lines)
