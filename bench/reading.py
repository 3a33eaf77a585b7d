"""How much CPU it takes to check a large storyboard: whole processes of `python -m storyboard validate`.

Run it: .venv/bin/python bench/reading.py. The limits are the project's: 0.6 s of CPU for 1,000 scenes, and ten times
as many scenes in at most ten times that.
"""

import random
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

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
_WORDS = "harbour gulls wheel above the old stone quay while a lantern swings in slow wind and rain".split()


def main() -> int:
    """Measure and print; the exit status is 1 where a limit is passed."""
    thousand, ten = cpu(1_000), cpu(10_000)
    print(f"reading   1,000 scenes: {thousand:.2f} s of CPU, whole process (limit {LIMIT:.2f})")
    print(f"reading  10,000 scenes: {ten:.2f} s of CPU, whole process (limit {10 * LIMIT:.2f})")
    return 0 if thousand <= LIMIT and ten <= 10 * LIMIT else 1


def cpu(scenes: int, tries: int = 3) -> float:
    """The least CPU, in seconds, of ``tries`` runs over a storyboard of so many scenes."""
    with tempfile.TemporaryDirectory() as folder:
        file = write(Path(folder), scenes)
        return min(_run(file) for _ in range(tries))


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


def _run(file: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "storyboard", "validate", str(file)], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


if __name__ == "__main__":
    sys.exit(main())
