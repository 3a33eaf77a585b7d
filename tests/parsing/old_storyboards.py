"""Storyboards over the features of the language that decide a key, drawn with a fixed seed, and their keys.

tests/parsing/old_keys.jsonl holds 200 of them with the keys that commit 8ae77f6 gave: what was bought then is found by
these. It was written by ``python tests/parsing/old_storyboards.py FILE`` with that commit's ``storyboard`` on the path,
and is never written again.
"""

import json
import random
import struct
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from storyboard.model.errors import Problems
from storyboard.model.lock import Lock
from storyboard.model.model_catalogue import Catalogue
from storyboard.model.storyboard import Generated
from storyboard.parsing.read import read_storyboard
from storyboard.planning.fallbacks import fallback_shots
from storyboard.planning.shots import scene_shots
from storyboard.providers.apikley.veo import CAPABILITIES
from storyboard.workflow.source_files import Project

CATALOGUE = Catalogue.of("apikley", CAPABILITIES)

COUNT, SEED = 200, 8_077

_PICTURES = ("art/lamp.png", "https://example.com/lamp.png")
_WORDS = (
    "A gull",
    "über dem Fjord",
    "夜の港",
    "{{ look }} {{ year }}",
    "{{ cast.keeper }}",
    "{{ scene.number }}/{{ scene.count }}",
)


def drawn(draw: random.Random) -> str:
    """One storyboard as JSON, which is YAML too."""
    scenes: list[dict[str, object]] = []
    for number in range(1, draw.randint(1, 5) + 1):
        scenes.append(_scene(draw, f"s{number}", [str(each["id"]) for each in scenes if "prompt" in each]))
    film: dict[str, object] = {
        "storyboard": 1,
        "vars": {"look": draw.choice(("35 mm, grain", "ink")), "year": draw.choice((1947, 1.5, "1.10"))},
        "cast": {"keeper": {"looks": "an old man, white beard", "images": [draw.choice(_PICTURES)]}},
        "scenes": scenes,
    }
    if draw.random() < 0.5:
        film["title"] = draw.choice(("The Keeper", "Ünder"))
    if draw.random() < 0.6:
        film["defaults"] = _some(draw, {"translate": False, "watermark": "Keeper", "takes": 2, "aspect": "16:9"})
    return json.dumps(film, ensure_ascii=False)


def _scene(draw: random.Random, name: str, before: list[str]) -> dict[str, object]:
    if draw.random() < 0.1:
        return {"id": name, "still": "#102030", "seconds": draw.randint(1, 9)}
    words = ", ".join(draw.sample(_WORDS, draw.randint(1, 4)))
    prompt: object = words if draw.random() < 0.85 else {"shot": words, "camera": {"move": "none", "lens": 35}}
    scene: dict[str, object] = {"id": name, "prompt": prompt}
    scene |= _some(draw, {"seed": draw.randint(10_000, 99_999), "translate": True, "watermark": "é", "takes": 3})
    scene |= _some(draw, {"note": "none", "say": draw.choice(("Nobody is coming.", {"who": "keeper", "line": "Go!"}))})
    scene |= _some(draw, {"trim": {"from": 1, "to": 6.5}, "transition": "fade", "title": "One", "frozen": False})
    kind = draw.random()
    if kind < 0.2:
        scene["references"] = draw.choice((["art/lamp.png", *_PICTURES], "cast", [_PICTURES[1]]))
    elif kind < 0.6:
        scene |= _frames(draw, before)
    elif kind < 0.8:
        scene |= {"model": "veo3", "aspect": draw.choice(("9:16", "16:9"))}
    else:
        scene |= {"resolution": "1080p", "if_refused": ["again", {"model": "veo3"}], "seconds": 8}
    return scene


def _frames(draw: random.Random, before: list[str]) -> dict[str, object]:
    picture = draw.choice(_PICTURES)
    if not before:
        fit = draw.choice(("crop", "pad", "blur"))
        return {"first_frame": picture, **_some(draw, {"last_frame": "art/lamp.png", "frame_fit": fit})}
    at = draw.choice(("first", "last", 1.5))
    found: dict[str, object] = {"first_frame": {"scene": draw.choice(before), "at": at}}
    return found | _some(draw, {"last_frame": picture, "if_refused": [{"without": "last_frame"}]})


def _some(draw: random.Random, words: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in words.items() if draw.random() < 0.3}


def keys(file: Path) -> dict[str, list[str]]:
    """The keys of each scene's takes, and of the fallbacks of the first."""
    film = read_storyboard(file.name, Project(file.parent), CATALOGUE)
    found = {}
    for scene, shots in scene_shots(film, CATALOGUE, Lock()).items():
        source = next(each.source for each in film.scenes if each.id == scene)
        assert isinstance(source, Generated)
        fallbacks = fallback_shots(source, shots.takes[0])
        found[scene] = [each.key for each in shots.takes] + [each.shot.own_key for each in fallbacks]
    return found


def draw_lamp(folder: Path) -> None:
    """Write the picture that the storyboards name: a PNG of the same bytes everywhere."""
    width, height = 640, 480
    head, rows = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0), zlib.compress(bytes((width + 1) * height), 0)
    chunks = ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    content = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    (folder / "art").mkdir()
    (folder / "art" / "lamp.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)


def _corpus(folder: Path) -> Iterator[str]:
    """The lines of the file. A drawn storyboard that is wrong is left out; of 1,000, more than 200 are right."""
    draw_lamp(folder)
    draw, found = random.Random(SEED), list[str]()
    for _ in range(1_000):
        text = drawn(draw)
        (folder / "film.yaml").write_text(text, "utf-8")
        try:
            made = keys(folder / "film.yaml")
        except Problems:
            continue
        found.append(json.dumps({"storyboard": text, "keys": made}, ensure_ascii=False) + "\n")
        if len(found) == COUNT:
            break
    yield from found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        Path(sys.argv[1]).write_text("".join(_corpus(Path(place))), "utf-8")
