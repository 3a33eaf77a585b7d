"""Indexes that were kept: a film is the same with them, and no planted one harms anybody."""

import random
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from zlib import crc32

import pytest
from moving import BLUE, GREEN, RED, TAGS, laid

from storyboard.film import splice as hand
from storyboard.film.film_plan import plan_film
from storyboard.film.pieces import FilmPlan
from storyboard.model.errors import BadMedia, LocalFault
from storyboard.mp4 import index_cache, reader
from storyboard.mp4.samples import ClipIndex, VideoTrack

SIZE = (64, 36)
CODEC = ("-c:v", "libx264", "-bf", "2", "-g", "12", *TAGS)
ODD = {
    "usual": {},
    "no sound": {"sound": ""},
    "mono 44.1 kHz": {"sound": "mono", "hertz": 44_100},
    "index in front": {"extra": ("-movflags", "+faststart")},
}


@pytest.fixture
def paths(clips) -> dict[str, Path]:
    return {name: clips(colour, size=SIZE, codec=CODEC) for name, colour in (("a", RED), ("b", GREEN), ("c", BLUE))}


def film(paths: Mapping[str, Path], scratch: Path) -> bytes:
    """The film's bytes, made with what is kept in ``scratch``."""
    known = hand.indexes(paths, scratch)
    plan = plan_film(laid(paths, size=SIZE), known)
    assert isinstance(plan, FilmPlan), plan
    return hand.splice(plan, known, paths, scratch.parent / "film.mp4", scratch).path.read_bytes()


def prepare(paths: Mapping[str, Path], scratch: Path) -> list[Path]:
    """The files in which indexes are kept, once everything is prepared."""
    known = hand.indexes(paths)
    plan = plan_film(laid(paths, size=SIZE), known)
    assert isinstance(plan, FilmPlan), plan
    hand.prepare(plan, known, paths, scratch, lambda done: None)
    return sorted(scratch.glob("*.index"))


@pytest.mark.parametrize("odd", ODD)
def test_what_is_kept_is_what_was_read(clips, tmp_path, odd):
    """A number that came back changed would show other frames."""
    clip = clips(GREEN, size=SIZE, codec=CODEC, **ODD[odd])
    index = reader.read(clip)
    assert isinstance(index.frames, VideoTrack)
    index_cache.write(tmp_path / "it.index", index)
    assert index_cache.read(tmp_path / "it.index", clip) == index


def test_a_prepared_film_reads_no_index_again_and_is_the_same(paths, tmp_path, monkeypatch):
    """A hundred clips would be looked through while somebody waits for the film."""
    cold, warm = tmp_path / "cold" / "scratch", tmp_path / "warm" / "scratch"
    assert len(prepare(paths, warm)) == len(paths)
    assert film(paths, cold) == film(paths, warm)
    prepare(paths, warm)
    known = hand.indexes(paths)
    monkeypatch.delattr(reader, "read")
    assert hand.indexes(paths, warm) == known


def test_what_a_film_has_no_more_is_not_kept_for_ever(paths, tmp_path):
    """The scratch folder would grow with every clip that was ever tried."""
    prepare(paths, tmp_path / "scratch")
    fewer = {name: paths[name] for name in "ab"}
    film(fewer, tmp_path / "scratch")
    assert len(list((tmp_path / "scratch").glob("*.index"))) == 2


def test_what_has_to_be_explained_is_read_again(clips, tmp_path):
    """An author would not be told why a clip is encoded anew."""
    index_cache.write(tmp_path / "it.index", ClipIndex("it is turned or mirrored", None))
    assert not (tmp_path / "it.index").exists()


def test_another_file_under_that_name_is_read(paths, tmp_path):
    """A damaged note, a link out of the project, or one for a longer clip would be believed."""
    good, note = reader.read(paths["a"]), tmp_path / "it.index"
    index_cache.write(note, good)
    content = note.read_bytes()
    for planted in (b"", content[:3], content[:60], content[:-1], content[:4] + b"\1" + content[5:]):
        note.write_bytes(planted)
        assert index_cache.read(note, paths["a"]) is None
    (tmp_path / "real").write_bytes(content)
    note.unlink()
    note.symlink_to(tmp_path / "real")
    assert index_cache.read(note, paths["a"]) is None
    short = tmp_path / "short.mp4"
    short.write_bytes(paths["a"].read_bytes()[:900])
    assert index_cache.read(tmp_path / "real", short) is None
    assert index_cache.read(tmp_path / "nothing", paths["a"]) is None


@pytest.mark.ci
def test_no_planted_note_ends_a_cut(paths, tmp_path):
    """A project from elsewhere could end the program with a traceback, or have it read what is not in the clip."""
    scratch, chance, numbers = tmp_path / "scratch", random.Random(11), (0, 1, 2, 0x7FFFFFFF, 0xFFFFFFFF)
    note = prepare(paths, scratch)[0]
    content, saved = note.read_bytes()[4:], tmp_path / "saved"
    clip = next(path for path in paths.values() if index_cache.read(note, path) == reader.read(path))
    shutil.copytree(scratch, saved)
    believed = 0
    for _ in range(1500):
        changed = bytearray(content)
        for _ in range(chance.choice((1, 1, 2, 5))):
            at = chance.randrange(len(changed) if chance.random() < 0.8 else 120)
            changed[at : at + 4] = chance.choice((*numbers, chance.randrange(5000))).to_bytes(4)
        note.write_bytes(crc32(changed).to_bytes(4) + changed)
        if (index := index_cache.read(note, clip)) is None or index == reader.read(clip):
            continue
        believed += 1
        with suppress(LocalFault, BadMedia):
            known = hand.indexes(paths, scratch)
            plan = plan_film(laid(paths, size=SIZE), known)
            if isinstance(plan, FilmPlan):
                hand.splice(plan, known, paths, tmp_path / "film.mp4", scratch)
        shutil.rmtree(scratch)
        shutil.copytree(saved, scratch)
    assert believed > 50
