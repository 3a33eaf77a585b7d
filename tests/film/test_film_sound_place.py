"""Where sound lies beside its picture after a clip of an odd length; and what players do with an edit list for it."""

import struct
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest
from browser import PROGRAM, Browser
from moving import BLUE, GREEN, RED, laid, look
from test_film_splice import BFRAMES, SMALL, spliced

from storyboard.film.copy import land_anywhere
from storyboard.film.pieces import RenderedPiece
from storyboard.film.reencode import join
from storyboard.film.write import FilmOptions, FilmSources, write_film
from storyboard.mp4.metadata import FilmMetadata
from storyboard.mp4.samples import BLOCK
from storyboard.timeline.model import AudioLevel, TimedTransition

HERTZ = 48_000
# The first sample of a click is 0, and of a softer one the second is below what counts.
SAMPLE = 2.5 / HERTZ
HALF_BLOCK = BLOCK / 2 / HERTZ


def offsets(film, cut):
    """How many seconds after its flash each click is heard, but for those at the very beginning of a clip."""
    seen = look(film)
    due = [(clip.at + second * 24) / 24 for clip in cut.clips for second in (1, 2) if second * 24 < clip.frames]
    heard = [min(seen.clicks(), key=lambda click, at=at: abs(click - at)) for at in due]
    return [click - at for click, at in zip(heard, due, strict=True)]


@pytest.fixture
def three(clips):
    """Clips of 64 frames, a whole number of blocks, around one of ``frames``."""

    def made(frames):
        paths = {"a": clips(RED, seconds=64 / 24, size=SMALL, codec=BFRAMES)}
        paths["odd"] = clips(GREEN, seconds=frames / 24, size=SMALL, codec=BFRAMES)
        paths["b"] = clips(BLUE, seconds=64 / 24, size=SMALL, codec=BFRAMES)
        return paths, laid(paths, size=SMALL)

    return made


@pytest.mark.parametrize("frames", [31, *(pytest.param(n, marks=pytest.mark.ci) for n in (1, 29, 30, 47, 49, 53))])
@pytest.mark.ci
def test_copied_sound_lies_within_half_a_block(three, tmp_path, frames):
    """After a clip of an odd length, lips would be two or three frames off for the rest of the film."""
    paths, cut = three(frames)
    _, film = spliced(cut, paths, tmp_path)
    found = offsets(film, cut)
    assert max(map(abs, found)) <= HALF_BLOCK + SAMPLE
    encoded = offsets(join(cut, paths, tmp_path / "encoded.mp4", tmp_path / "again").path, cut)
    assert max(map(abs, encoded)) <= SAMPLE


def test_sound_of_which_nothing_is_copied_lies_exactly(three, tmp_path):
    """A gain costs an encoding of the scene's sound: it would be off by up to 11 ms all the same."""
    paths, cut = three(31)
    cut = replace(cut, clips=tuple(replace(clip, level=AudioLevel(Fraction(-3))) for clip in cut.clips))
    plan, film = spliced(cut, paths, tmp_path)
    assert all(isinstance(piece, RenderedPiece) for piece in plan.sound)
    assert max(map(abs, offsets(film, cut))) <= SAMPLE


@pytest.mark.ci
def test_a_reencoded_film_with_transitions_has_exact_sound(three, tmp_path):
    """`--reencode` would promise exact sound, and copy it in whole blocks where there is a transition."""
    paths, cut = three(31)
    last = replace(cut.clips[2], at=cut.clips[2].at - 6, joint=TimedTransition("dissolve", 6))
    cut = replace(cut, clips=(*cut.clips[:2], last))
    sources = FilmSources(cut, paths, {}, tmp_path / "scratch")
    options = FilmOptions(lambda event: None, reencode=True)
    film = write_film(sources, tmp_path / "film.mp4", FilmMetadata(), options, land_anywhere)
    assert max(map(abs, offsets(film.path, cut))) <= SAMPLE


def edited(content: bytes, edits: Callable[[int], list[tuple[int, int]]]) -> bytes:
    """The file with another edit list for its sound: ``edits`` has lengths and begins, given the movie's time scale."""
    tracks = 0
    scale = int.from_bytes(content[content.index(b"mvhd") + 16 :][:4])

    def walked(boxes: bytes) -> bytes:
        nonlocal tracks
        made, at = b"", 0
        while at < len(boxes):
            length, kind = struct.unpack_from(">I4s", boxes, at)
            inside = boxes[at + 8 : at + length]
            tracks += kind == b"tkhd"
            if kind in (b"moov", b"trak", b"edts"):
                inside = walked(inside)
            elif kind == b"elst" and tracks == 2:
                rows = edits(scale)
                inside = struct.pack(">II", 0, len(rows)) + b"".join(struct.pack(">IiI", *row, 65536) for row in rows)
            made += struct.pack(">I4s", len(inside) + 8, kind) + inside
            at += length
        return made

    return walked(content)


@pytest.mark.ci
@pytest.mark.skipif(not PROGRAM, reason="needs a browser: apt-get install chromium")
def test_players_do_not_cut_sound_inside_a_block(clips, tmp_path):
    """An edit list could say where in a block each clip's sound begins, if players believed it; then this would fail.

    The second edit leaves out half a block. ffmpeg leaves out a whole one, and Chromium does the same: as far off as a
    copy without an edit list.
    """
    plain = clips(RED, seconds=4, size=SMALL, codec=BFRAMES).read_bytes()
    film = tmp_path / "edits.mp4"
    film.write_bytes(edited(plain, lambda scale: [(2 * scale, 1024), (3 * scale // 2, 1024 + 2 * HERTZ + BLOCK // 2)]))
    due = [1, 3 - HALF_BLOCK]
    browser = Browser(tmp_path / "profile")
    try:
        shown = browser.look(film, []).clicks
    finally:
        browser.close()
    for heard in (look(film).clicks(), shown):
        near = [min(heard, key=lambda click, at=at: abs(click - at)) for at in due]
        assert abs(near[0] - due[0]) <= SAMPLE
        assert abs(near[1] - due[1]) > HALF_BLOCK - 2 * SAMPLE
