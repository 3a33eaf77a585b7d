"""The gain of a whole film: it brings the mix, measured as it will be heard, to the loudness that is wanted.

Levelled scenes alone do not make a film of that loudness: voices, music, ducking and fades change it.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from storyboard.film.audio import mixdown
from storyboard.film.audio.meter import measure_encoded, measure_samples
from storyboard.film.audio.mix_plan import ENCODING, MOST, PEAK, AudioMix, Loudness, plan_exact_mix
from storyboard.media import workers
from storyboard.model.fingerprint import fingerprint
from storyboard.system.files import disk_errors, read_checked, write_checked
from storyboard.timeline.model import Clip, Timeline

if TYPE_CHECKING:
    from storyboard.mp4.aac import Samples

# The most that peaks are lowered for the sake of loudness, in dB.
LIMITING = 6.0
# A film within this many LU of the wanted loudness is left as it is: most of its sound is then copied.
_NEAR = 0.2
# How near to the wanted loudness the measured one must come, in LU, and how often the gain is corrected for that.
_EXACT, _ROUNDS = 0.15, 4
# A difference to the wanted loudness above this, in LU, is reported.
_TOLD = 0.5
# Increase whenever the same mix would get another gain, or another reason for it.
_MAKING = 2
# The most excerpts of about a second that are encoded, to measure what that takes from their loudness.
_EXCERPTS = 20
_LARGEST = 200

Bound = Literal["quiet", "limiting", ""]
_BOUNDS: Mapping[str, Bound] = {"quiet": "quiet", "limiting": "limiting", "-": ""}


@dataclass(frozen=True, slots=True)
class FilmGain:
    """``decibels`` for the whole mix, in tenths; ``reached`` is the film's loudness with them, in LUFS.

    ``reached`` is None for a film too quiet to be measured. ``bound`` says what allows no higher gain: nearly silent
    sound, or the most that peaks may be lowered. ``limited``: they are lowered, so that ``reached`` is an estimate.
    """

    decibels: Fraction
    reached: float | None
    bound: Bound = ""
    limited: bool = False

    def shortfall(self, wanted: Fraction) -> str:
        """Return why the film does not measure ``wanted`` (LUFS); "" where it does, and where it is silent."""
        if self.reached is None or abs(self.reached - float(wanted)) <= _TOLD:
            return ""
        said = f"the film measures {self.reached:.1f} LUFS, not {float(wanted):g}"
        if self.reached > wanted:  # What is quiet is not measured at all once it is below -70 LUFS.
            return f"{said}: parts below -70 LUFS do not count"
        match self.bound:
            case "quiet":
                return f"{said}: sound is made at most {MOST:.0f} dB louder"
            case "limiting":
                return f"{said}: more would need over {LIMITING:.0f} dB of limiting"
            case "":
                return f"{said}: its true peak is kept below {PEAK:g} dBTP"


def find_film_gain(
    cut: Timeline,
    form: tuple[int, int],
    measured: Mapping[Clip, Loudness],
    paths: Mapping[str, Path],
    cache: Path,
    watch: workers.Watch,
) -> FilmGain:
    """Return the gain that gives the film its ``loudness``; ``form`` is hertz and channels of its sound.

    ``cache`` is a file that keeps the result. Raise LocalFault, BadMedia.
    """
    assert cut.loudness is not None
    plain = plan_exact_mix(cut, form, measured)
    key = fingerprint(_MAKING, cut.loudness, plain.recipe)
    if kept := _read(cache, key):
        return kept
    excerpts: list[Samples] = []
    pieces = _sampled(mixdown.add_samples(plain, paths), plain, excerpts)
    whole = measure_samples(pieces, plain.last, form, watch)
    lost = _lost_by_encoding(excerpts, form, cache.parent, watch)
    found = _found(
        float(cut.loudness) + lost,
        whole,
        _room(plain),
        lambda gain: _limited(plan_exact_mix(replace(cut, gain=gain), form, measured), paths, watch),
    )
    if found.reached is not None:
        found = replace(found, reached=found.reached - lost)
    write_checked(cache, f"{key} {found.decibels} {found.reached} {found.bound or '-'} {int(found.limited)}".encode())
    return found


def _sampled(pieces: Iterable["Samples"], mix: AudioMix, kept: list["Samples"]) -> Iterator["Samples"]:
    """The pieces; some of them, evenly distributed over the film, are put into ``kept`` too."""
    every = max(1, mix.last // (_EXCERPTS * mix.form[0]))
    for number, piece in enumerate(pieces):
        if number % every == 0:
            kept.append(piece)
        yield piece


def _lost_by_encoding(excerpts: list["Samples"], form: tuple[int, int], folder: Path, watch: workers.Watch) -> float:
    """How much softer excerpts are once they were encoded, in LU: broadband noise loses nearly one."""
    length = sum(piece.shape[1] for piece in excerpts)
    before = measure_samples(excerpts, length, form, watch).lufs
    with disk_errors(folder), TemporaryDirectory(dir=folder, prefix=".gain-") as scratch:
        encoded = Path(scratch, "excerpts.m4a")
        mixdown.write_aac(excerpts, form, encoded, watch)
        after = measure_encoded(encoded, 0, length, watch).lufs
    return 0.0 if before is None or after is None else before - after


def _room(plain: AudioMix) -> float:
    """How much louder the mix may be made, in dB: MOST, less what the least amplified sound in it has of that."""
    gains = [20 * math.log10(strand.gain) for strand in plain.strands if strand.gain > 0]
    return MOST - max(0.0, min(gains, default=0.0))


def _limited(mix: AudioMix, paths: Mapping[str, Path], watch: workers.Watch) -> float | None:
    return measure_samples(mixdown.mix_samples(mix, paths), mix.last, mix.form, watch).lufs


def _found(wanted: float, plain: Loudness, room: float, limited: Callable[[Fraction], float | None]) -> FilmGain:
    """The gain, given the ``plain`` mix, and a function that measures it with a gain and its peaks limited."""
    if plain.lufs is None:
        return FilmGain(Fraction(0), None)
    ceiling = PEAK - ENCODING
    peaks = ceiling + LIMITING - plain.peak
    most = min(room, peaks)

    def bound(gain: Fraction) -> Bound:
        return "" if gain < _tenths(most) else "quiet" if room < peaks else "limiting"

    gain, reached = _tenths(min(wanted - plain.lufs, most)), plain.lufs
    for _ in range(_ROUNDS):
        gain = gain if abs(gain) > _NEAR else Fraction(0)
        if plain.peak + float(gain) <= ceiling:
            return FilmGain(gain, plain.lufs + float(gain), bound(gain))
        reached = limited(gain) or plain.lufs
        missing = wanted - reached
        better = _tenths(min(float(gain) + missing, most))
        if abs(missing) <= _EXACT or better == gain:
            break
        gain = better
    return FilmGain(gain, reached, bound(gain), limited=True)


def _tenths(gain: float) -> Fraction:
    """The gain in whole tenths of a decibel, so that a small change of one scene does not change all sound."""
    return Fraction(round(gain * 10), 10)


def _read(cache: Path, key: str) -> FilmGain | None:
    """The gain that was found before. A folder that came with a project may hold any content."""
    kept, _, numbers = read_checked(cache, _LARGEST).decode("ascii", "replace").partition(" ")
    try:
        gain, reached, bound, limited = numbers.split(" ")
        kept_bound = _BOUNDS[bound]
        loud = None if reached == "None" else float(reached)
        found = FilmGain(Fraction(gain), loud, kept_bound, limited == "1")
    except (KeyError, ValueError, ZeroDivisionError):
        return None
    sane = abs(found.decibels) <= 80 and math.isfinite(found.reached or 0)
    return found if kept == key and sane else None
