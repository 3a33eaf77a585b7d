"""Cutting: what `storyboard cut` takes as a whole, of a hundred takes or a hundred own clips, beside cat.

The splice's own figures are joining's. Around it the command reads the storyboard, the lock and the ledger, and then
every byte of every take (SHA-256): a damaged one must not get into the film. "Again" is with the joints of the cut
before; "changed nothing" finds the film there, and reads all of it. A figure is the median of the ratios of runs that
follow each other directly.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from statistics import median

from bench import clips
from bench.joining import cleared
from bench.process import STORYBOARD, Cost, cost
from bench.row import Row
from bench.service import author, storyboard

COUNT, PAIRS = 100, 5
FRAMES = clips.SECONDS * 24


def rows() -> list[Row]:
    """Whole processes of `python -m storyboard`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips.many(folder, COUNT)
        environ = author("http://127.0.0.1:1", folder / "home")
        taken, owned = _taken(folder, environ), _owned(folder)
        ways: dict[str, Callable[[], Cost]] = {
            "cat": lambda: cost(["sh", "-c", f"cat {folder}/[0-9]*.mp4 > {folder}/cat.film"]),
            "cold": lambda: _cold(taken, environ),
            "again": lambda: cost([*STORYBOARD, "cut", taken], environ),
            "owned": lambda: cost([*STORYBOARD, "cut", owned], environ),
        }
        runs = [{way: _cleared(folder, run) for way, run in ways.items()} for _ in range(PAIRS)]
        unchanged = median(cost([*STORYBOARD, "cut", owned], environ).wall for _ in range(PAIRS))
        checked = median(cost([*STORYBOARD, "validate", owned], environ).wall for _ in range(PAIRS))

    def ratio(way: str) -> float:
        return median(run[way].wall / run["cat"].wall for run in runs)

    return [
        Row(f"storyboard cut, {COUNT} takes, again, wall", median(run["again"].wall for run in runs), "s"),
        Row(f"storyboard cut, {COUNT} takes, again / cat, wall", ratio("again"), "x"),
        Row(f"storyboard cut, {COUNT} takes, cold / cat, wall", ratio("cold"), "x"),
        Row(f"storyboard cut, {COUNT} own clips / cat, wall", ratio("owned"), "x"),
        Row(f"storyboard cut, {COUNT} own clips, changed nothing, wall", unchanged, "s"),
        Row(f"storyboard validate, {COUNT} own clips, wall", checked, "s"),
    ]


def _cleared(folder: Path, run: Callable[[], Cost]) -> Cost:
    for film in folder.glob("*/out/*.mp4"):
        film.unlink()
    return cleared(folder, run)


def _cold(file: Path, environ: Mapping[str, str]) -> Cost:
    shutil.rmtree(file.parent / ".storyboard", ignore_errors=True)
    return cost([*STORYBOARD, "cut", file], environ)


def _owned(folder: Path) -> Path:
    """A storyboard of clips of the author's own."""
    project = folder / "owned"
    project.mkdir()
    for path in clips.named(folder, COUNT):
        (project / path.name).hardlink_to(path)
    scenes = (f"  - {{id: s{n}, file: {path.name}}}\n" for n, path in enumerate(clips.named(folder, COUNT)))
    file = project / "film.yaml"
    file.write_text("storyboard: 1\nscenes:\n" + "".join(scenes))
    return file


def _taken(folder: Path, environ: Mapping[str, str]) -> Path:
    """A storyboard whose lock pins takes that are all in the store, each with other bytes than the rest."""
    from storyboard.config.settings import settings
    from storyboard.model.lock import Lock, Pinned
    from storyboard.model.take import Measure, Take
    from storyboard.state.lockfile import format_lock
    from storyboard.workflow.workspace import open_workspace

    project = folder / "taken"
    project.mkdir()
    file, scenes = storyboard(project, COUNT), {}
    with open_workspace(file, settings(environ)) as workspace:
        for number, (scene, shot) in enumerate(workspace.shots.items()):
            content = clips.named(folder, COUNT)[number].read_bytes() + b"\0\0\0\x0cfree" + number.to_bytes(4)
            digest = hashlib.sha256(content).hexdigest()
            path = workspace.realm.store.path(digest)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            take = Take(digest, len(content), Measure(FRAMES, Fraction(24), 1280, 720, True))
            scenes[scene] = Pinned(shot.key, shot.take, {shot.take: {"720p": take}})
        workspace.lockfile.path.write_text(format_lock(Lock(scenes)))
    return file
