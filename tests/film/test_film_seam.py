"""Seams in real files: a frame less of the clip before, the next as it was bought; a match changes twelve frames."""

from fractions import Fraction

import numpy
import pytest
from moving import BLUE, GREEN, GREY, RED, decibels, planes
from test_film_compose import GROUPS, MOVING, ONE_GROUP, SIZE, moving
from test_film_splice import check, spliced

from storyboard.film import splice as hand
from storyboard.film.film_plan import plan_reencoded_film
from storyboard.film.pieces import Composed, CopiedPiece, PictureExcerpt, RenderedPiece
from storyboard.graphics.colour_match import ColourMatch
from storyboard.graphics.transitions import YuvPicture
from storyboard.timeline.model import Clip, Timeline

__all__ = ["moving"]

# As Veo's encoder and ours do: frames between others are decoded later than those that they need.
BFRAMES = (*ONE_GROUP[:2], "-preset", "medium", "-bf", "3", *ONE_GROUP[4:])

# Without the flash in the first frame.
UNFLASHED = "trim=start_frame=1,setpts=PTS-STARTPTS"


def chained(names: str, length: int = 64, match: int = 0) -> Timeline:
    """Clips of so many frames, each without its last one but the last."""
    clips = []
    for name in names:
        frames = length - (name != names[-1])
        at = clips[-1].until if clips else 0
        matched = match if clips else 0
        clips.append(Clip(name, name, Fraction(0), Fraction(frames, 24), at, frames, match=matched))
    return Timeline(tuple(clips), *SIZE, Fraction(24), "pad")


@pytest.mark.parametrize("codec", [BFRAMES, pytest.param(ONE_GROUP, marks=pytest.mark.ci)])
def test_a_seam_costs_three_frames_and_keeps_the_next_clip(moving, tmp_path, codec):
    """Every scene of a chain would be encoded, or a frame be seen twice, or the sound drift by a frame a cut."""
    paths = {name: moving(colour, codec=codec) for name, colour in zip("abc", (RED, GREEN, BLUE), strict=True)}
    cut = chained("abc")
    plan, film = spliced(cut, paths, tmp_path)
    check(plan, film, paths)
    rendered = [piece for piece in plan.pictures if isinstance(piece, RenderedPiece)]
    assert all(piece.length <= 3 and isinstance(piece.job, PictureExcerpt) for piece in rendered)
    assert len(rendered) == 2
    copied = [piece for piece in plan.pictures if isinstance(piece, CopiedPiece)]
    assert [piece.first for piece in copied] == [0, 0, 0]
    assert copied[-1] == CopiedPiece("c", 0, 64, 0)
    shown = [frame for name in "ab" for frame in planes(paths[name])[:-1]] + planes(paths["c"])
    for number, (frame, due) in enumerate(zip(planes(film), shown, strict=True)):
        assert decibels(frame, due) >= 36, number


def corrected(before, picture, frames: int = 12):
    """The first frames of a clip by mean and standard deviation of another picture, worked out in full."""
    for number, whole in enumerate(picture[:frames]):
        share = 1 - number / frames
        made = []
        for plane, first, wanted in zip(whole, picture[0], before, strict=True):
            gain = wanted.std() / first.std() if min(wanted.std(), first.std()) >= 1 else 1
            aim = (plane.astype(float) - first.mean()) * gain + wanted.mean()
            made.append((1 - share) * plane + share * aim)
        yield tuple(made)


@pytest.mark.ci
@pytest.mark.parametrize("codec", [GROUPS, ONE_GROUP])
def test_a_matched_seam_fades_from_the_colours_before(moving, tmp_path, codec):
    """The second clip would jump in light and colour; or all of it be encoded for half a second."""
    darker = f"{MOVING},eq=brightness=-0.06:contrast=0.85:saturation=0.8,{UNFLASHED}"
    paths = {"a": moving(RED, codec=codec), "b": moving(RED, codec=codec, filters=darker, seconds=65 / 24)}
    cut = chained("ab", match=12)
    plan, film = spliced(cut, paths, tmp_path)
    check(plan, film, paths)
    seen, one, other = planes(film), planes(paths["a"]), planes(paths["b"])
    for number, due in enumerate(corrected(one[62], other)):
        assert decibels(seen[63 + number], due) >= 36, number
    for number in range(12, 64):
        assert decibels(seen[63 + number], other[number]) >= 36
    jump = abs(other[0][0].mean() - one[62][0].mean())
    assert jump > 8
    assert abs(seen[63][0].mean() - seen[62][0].mean()) < 1
    composed = [
        piece for piece in plan.pictures if isinstance(piece, RenderedPiece) and isinstance(piece.job, Composed)
    ]
    assert sum(piece.length for piece in composed) <= (24 + 3 if codec == GROUPS else 64 + 3)
    whole = plan_reencoded_film(cut, known := hand.indexes(paths))
    again = hand.splice(whole, known, paths, tmp_path / "again.mp4", tmp_path / "scratch").path
    assert all(decibels(frame, due) >= 36 for frame, due in zip(planes(again), seen, strict=True))


@pytest.mark.ci
def test_a_match_is_made_again_when_the_clip_before_is_another(moving, tmp_path):
    """After another take was picked, the head of the next scene would keep the colours of the one before."""
    paths = {"a": moving(GREY), "b": moving(GREY, filters=f"{MOVING},eq=brightness=-0.06"), "c": moving(RED)}
    one, _ = spliced(chained("ab", match=12), paths, tmp_path)
    other, _ = spliced(chained("cb", match=12), paths, tmp_path)
    keys = [{piece.key for piece in plan.pictures if isinstance(piece, RenderedPiece)} for plan in (one, other)]
    assert not keys[0] & keys[1]


def test_a_match_moves_flat_pictures_and_makes_no_noise():
    """A grey card beside a busy picture would become noise, or a picture of two values."""
    flat = YuvPicture(numpy.full(16 * 8 * 3 // 2, 90, numpy.uint8), 16, 8)
    busy = YuvPicture(numpy.random.default_rng(1).integers(20, 235, 16 * 8 * 3 // 2).astype(numpy.uint8), 16, 8)
    for picture, wanted in ((flat, busy), (busy, flat)):
        match = ColourMatch.between(picture, wanted)
        assert match.gains == (1.0, 1.0, 1.0)
        assert abs(float(match.apply(flat, Fraction(1)).content.mean()) - 90 - sum(match.offsets[:1])) < 40
    assert (ColourMatch.between(flat, busy).apply(flat, Fraction(0)).content == flat.content).all()
