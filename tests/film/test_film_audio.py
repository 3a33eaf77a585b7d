"""The film's sound: as loud as it was asked for, whole where nothing was asked for, and on the sample."""

import math
import re
import subprocess
import wave
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import av
import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moving import GREY, RED, TAGS, laid, look

from storyboard.film import splice as splicing
from storyboard.film.audio import loudness
from storyboard.film.audio import mixdown as hand
from storyboard.film.audio.film_gain import FilmGain
from storyboard.film.audio.mix_plan import (
    GIVE_WAY,
    MARGIN,
    AudioMix,
    Loudness,
    changed_spans,
    plan_mix,
    widest_difference,
)
from storyboard.film.copy import land_anywhere
from storyboard.film.film_plan import plan_film
from storyboard.film.pieces import CopiedPiece, FilmPlan, RenderedPiece
from storyboard.film.reencode import join
from storyboard.film.write import FilmOptions, FilmSources, write_film
from storyboard.media import ffmpeg
from storyboard.model.errors import BadMedia
from storyboard.model.events import Warned
from storyboard.mp4 import reader
from storyboard.mp4.metadata import FilmMetadata
from storyboard.mp4.samples import BLOCK, AudioTrack
from storyboard.system.files import write_checked
from storyboard.timeline.model import AudioLevel, Clip, MusicSpan, TimedTransition, Timeline, Voice

SMALL = (64, 36)
STEREO = (48_000, 2)
# 128 frames of 24 a second are exactly 250 blocks of sound.
FRAMES, BLOCKS = 128, 250
SECONDS = Fraction(FRAMES, 24)
SAMPLES = BLOCKS * BLOCK
CODEC = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "24", *TAGS, "-pix_fmt", "yuv420p")

Tone = Callable[..., Path]
Samples = numpy.ndarray


# Without noise that each decoder makes up for itself.
PLAIN = ("-b:a", "256k", "-aac_pns", "0")


@pytest.fixture(scope="module")
def tone(tmp_path_factory) -> Tone:
    """A clip with the sound of an expression of ffmpeg's aevalsrc; one that was made before is made once."""
    folder = tmp_path_factory.mktemp("tones")
    made: dict[object, Path] = {}

    def clip(expression: str, *, frames: int = FRAMES, extra: tuple[str, ...] = PLAIN, hertz: int = 48_000):
        wanted = (expression, frames, extra, hertz)
        if wanted not in made:
            out = folder / f"{len(made)}.mp4"
            picture = f"testsrc2=s=64x36:r=24:d={frames / 24}"
            sound = f"aevalsrc='{expression}|{expression}':s={hertz}:d={frames / 24}"
            command = [ffmpeg.binary(), "-v", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound]
            subprocess.run([*command, *CODEC, *extra, str(out)], check=True)
            made[wanted] = out
        return made[wanted]

    return clip


LOW, HIGH = "0.1*sin(2*PI*440*t)", "0.1*sin(2*PI*1760*t)"


def wav(path: Path, sound: Samples, hertz: int = 48_000) -> Path:
    """A sound file of 16 bits: (channels, samples), -1 to 1."""
    sound = numpy.atleast_2d(sound)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(sound.shape[0])
        file.setsampwidth(2)
        file.setframerate(hertz)
        file.writeframes((sound.T * 32767).round().astype("<i2").tobytes())
    return path


def sine(hertz: float, seconds: float, peak: float = 0.1, rate: int = 48_000) -> Samples:
    return peak * numpy.sin(2 * numpy.pi * hertz * numpy.arange(round(seconds * rate)) / rate)


def level(sound: Samples) -> float:
    """The peak, in dB, that a sine of this power has."""
    return float(10 * numpy.log10(2 * (sound.astype(float) ** 2).mean() + 1e-20))


def part(sound: Samples, hertz: float) -> float:
    """The peak in dB of that frequency in a sound of one channel."""
    window = numpy.hanning(len(sound))
    turned = (sound * window * numpy.exp(-2j * numpy.pi * hertz * numpy.arange(len(sound)) / 48_000)).sum()
    return float(20 * numpy.log10(2 * abs(turned) / window.sum() + 1e-20))


def spliced(
    cut: Timeline, paths: Mapping[str, Path], folder: Path, measured: Mapping[Clip, Loudness] | None = None
) -> tuple[FilmPlan, Path]:
    """The plan and the film; and what holds for every film."""
    known = splicing.indexes({clip.digest: paths[clip.digest] for clip in cut.clips})
    plan = plan_film(cut, known, measured or {})
    assert isinstance(plan, FilmPlan)
    film = splicing.splice(plan, known, paths, folder / "film.mp4", folder / "scratch").path
    exact(plan, film, paths)
    return plan, film


def exact(plan: FilmPlan, film: Path, paths: Mapping[str, Path]) -> None:
    """Samples are those of the frames, decoded in turn and by their times; what is copied has the source's bytes."""
    due = Fraction(plan.cut.frames * plan.form[0], plan.cut.fps)
    with av.open(str(film)) as opened:
        blocks = [(frame.pts, frame.samples) for frame in opened.decode(audio=0)]
        assert opened.streams.audio[0].start_time == 0
        assert opened.streams.audio[0].duration == pytest.approx(due, abs=0.5)
    assert sum(samples for _, samples in blocks) == -int(-due // BLOCK) * BLOCK
    assert all(later[0] == one[0] + one[1] for one, later in pairwise(blocks))
    content, sound = film.read_bytes(), reader.read(film).sound
    assert isinstance(sound, AudioTrack)
    at = 1
    for piece in plan.sound:
        if isinstance(piece, CopiedPiece):
            source, own = paths[piece.source].read_bytes(), reader.read(paths[piece.source]).sound
            for n in range(piece.first, piece.last - 1):  # the last one is the joint with what follows
                one, other = own.stored.offsets[n], sound.stored.offsets[at + n - piece.first]
                size = own.stored.sizes[n]
                assert source[one : one + size] == content[other : other + sound.stored.sizes[at + n - piece.first]]
        at += piece.length
    assert at - 1 == -int(-due // BLOCK)


def kinds(plan: FilmPlan) -> list[tuple[str, int]]:
    return [(type(piece).__name__, piece.length) for piece in plan.sound]


def pictures(film: Path) -> list[bytes]:
    """The bytes of the film's frames, in the order of decoding."""
    with av.open(str(film)) as opened:
        return [bytes(packet) for packet in opened.demux(video=0) if packet.size]


def louder(cut: Timeline, number: int, level: AudioLevel) -> Timeline:
    clips = [replace(clip, level=level) if at == number else clip for at, clip in enumerate(cut.clips)]
    return replace(cut, clips=tuple(clips))


@pytest.fixture
def paths(tone):
    return {"a": tone(LOW), "b": tone(HIGH)}


@pytest.fixture
def two(paths):
    return laid(paths, size=SMALL)


@pytest.mark.ci
def test_a_film_without_a_word_about_sound_is_copied(paths, two, tmp_path):
    """Sound that nobody touched would lose a little, and the film take longer."""
    plan, _ = spliced(two, paths, tmp_path)
    assert (
        plan.sound == (CopiedPiece("a", 0 + 1, 251), CopiedPiece("b", 1, 251))
        or kinds(plan) == [("CopiedPiece", BLOCKS)] * 2
    )


@pytest.mark.parametrize("gain", [-12, -3, 6])
@pytest.mark.ci
def test_a_gain_is_exact_and_is_of_its_scene_alone(paths, two, tmp_path, gain):
    """A scene made 6 dB softer would be 5 or 7 dB softer, or take its neighbour along."""
    plan, film = spliced(louder(two, 0, AudioLevel(Fraction(gain))), paths, tmp_path)
    assert kinds(plan) == [("RenderedPiece", BLOCKS), ("CopiedPiece", BLOCKS)]
    sound = look(film).sound
    assert level(sound[:, 4096 : SAMPLES - 4096]) == pytest.approx(-20 + gain, abs=0.1)
    assert level(sound[:, SAMPLES + 4096 : 2 * SAMPLES - 4096]) == pytest.approx(-20, abs=0.1)
    plain = look(spliced(two, paths, tmp_path / "plain")[1]).sound
    apart = plain[:, 2048 : SAMPLES - 2048] * 10 ** (gain / 20) - sound[:, 2048 : SAMPLES - 2048]
    assert level(apart) < -20 + gain - 40  # on the same samples: a shift by one would leave -25 dB


def test_a_muted_scene_is_silent(paths, two, tmp_path):
    """The traffic behind the narration would come back."""
    plan, film = spliced(louder(two, 1, AudioLevel(mute=True)), paths, tmp_path)
    assert kinds(plan) == [("CopiedPiece", BLOCKS), ("SilentPiece", BLOCKS)]
    assert not look(film).sound[:, SAMPLES + 1024 :].any()


def test_a_fade_leaves_the_middle_as_it_is(paths, two, tmp_path):
    """The whole scene would be encoded again for half a second at either end; or the sound jump where the fade ends."""
    plan, film = spliced(louder(two, 0, AudioLevel(fade=12)), paths, tmp_path)
    assert kinds(plan) == [("RenderedPiece", 23), ("CopiedPiece", 204), ("RenderedPiece", 23), ("CopiedPiece", BLOCKS)]
    sound, plain = look(film).sound[0], look(spliced(two, paths, tmp_path / "plain")[1]).sound[0]
    assert numpy.array_equal(sound[25 * BLOCK : 225 * BLOCK], plain[25 * BLOCK : 225 * BLOCK])
    for middle in (2400, 6000, 12_000, 18_000, 23_000):
        due = 20 * math.log10(math.sin(math.pi / 2 * middle / (23 * BLOCK)))
        for at in (middle, SAMPLES - middle):
            spot = slice(at - 545, at + 546)  # ten periods
            assert level(sound[spot]) - level(plain[spot]) == pytest.approx(due, abs=0.35)
    jumps = abs(numpy.diff(sound - plain))
    assert jumps[20 * BLOCK :][: 10 * BLOCK].max() < 0.003


def joined(cut: Timeline, kind: str, frames: int) -> Timeline:
    one, other = cut.clips
    return replace(cut, clips=(one, replace(other, at=FRAMES - frames, joint=TimedTransition(kind, frames))))


def row(cut: Timeline, paths: Mapping[str, Path]) -> tuple[FilmPlan, Samples]:
    """The plan of a film, and the samples of what is mixed in it."""
    plan = plan_film(cut, splicing.indexes(paths))
    assert isinstance(plan, FilmPlan)
    (mixed,) = [piece for piece in plan.sound if isinstance(piece, RenderedPiece)]
    assert isinstance(mixed.job, AudioMix)
    return plan, numpy.concatenate(list(hand.mix_samples(mixed.job, paths)), axis=1)[:, MARGIN:-MARGIN]


@pytest.mark.parametrize("kind", ["dissolve", "wipe-left", "slide-up"])
def test_sounds_cross_with_the_pictures_and_keep_their_power(paths, two, kind):
    """The film would dip at every dissolve, or swell, or cut the first scene off when the second begins."""
    plan, heard = row(joined(two, kind, 24), paths)
    assert kinds(plan) == [("CopiedPiece", 203), ("RenderedPiece", 47), ("CopiedPiece", 203), ("SilentPiece", 1)]
    assert heard.shape == (2, 47 * BLOCK)
    length = heard.shape[1]
    for share in (0.1, 0.25, 0.5, 0.75, 0.9):
        spot = heard[0, int(share * length) - 1200 :][:2400]
        assert level(spot) == pytest.approx(-20, abs=0.15)
        assert part(spot, 440) == pytest.approx(-20 + 20 * math.log10(math.cos(math.pi / 2 * share)), abs=0.3)
        assert part(spot, 1760) == pytest.approx(-20 + 20 * math.log10(math.sin(math.pi / 2 * share)), abs=0.3)


@pytest.mark.parametrize("kind", ["dissolve", "fade"])
@pytest.mark.ci
def test_a_film_with_a_transition_has_all_its_samples(paths, two, tmp_path, kind):
    """Pictures that overlap and sound that does not: everything behind the joint would be out of step."""
    _, film = spliced(joined(two, kind, 24), paths, tmp_path)
    sound = look(film).sound[0]
    assert part(sound[190_000:205_000], 440) == pytest.approx(-20, abs=0.1)
    assert part(sound[260_000:275_000], 1760) == pytest.approx(-20, abs=0.1)
    assert part(sound[190_000:205_000], 1760) < -80


def test_under_a_still_beginning_the_scene_before_goes_out(two):
    """Over its tail a scene would be cut off, or heard on under the next one."""
    one, other = two.clips
    cut = replace(two, clips=(one, replace(other, lead_in=TimedTransition("dissolve", 24))))
    whole = plan_mix(cut, STEREO, lambda frame: frame * 2000, dict.fromkeys(cut.clips, Fraction(0)), {})
    assert changed_spans(whole, 0) == [((FRAMES - 24) * 2000, FRAMES * 2000)]


def test_a_fade_through_black_goes_out_and_then_comes_in(paths, two):
    """Both scenes would be heard at once behind a black picture."""
    _, heard = row(joined(two, "fade", 24), paths)
    length = heard.shape[1]
    before, after = heard[0, : length // 2 - 600], heard[0, length // 2 + 600 :]
    assert part(before, 1760) < -80 < part(after, 1760)
    assert part(after, 440) < -80 < part(before, 440)
    assert level(heard[0, length // 2 - 300 : length // 2 + 300]) < -45


def test_the_first_scene_comes_in_out_of_silence(paths, two, tmp_path):
    """A fade from black would begin with full sound."""
    cut = replace(two, clips=(replace(two.clips[0], joint=TimedTransition("fade", 24)), two.clips[1]))
    plan, film = spliced(cut, paths, tmp_path)
    assert kinds(plan)[0] == ("RenderedPiece", 47)
    sound = look(film).sound[0]
    assert level(sound[:1000]) < -38
    assert level(sound[23_000:25_000]) == pytest.approx(-23, abs=0.3)


@pytest.mark.ci
def test_everything_gives_way_to_a_voice(paths, two, tmp_path):
    """Nobody would understand a word; or the film stay soft for ever after it."""
    voice = wav(tmp_path / "voice.wav", sine(3000, 1.5, 0.3, 44_100), 44_100)
    bed = wav(tmp_path / "bed.wav", sine(110, 8, 0.1))
    everything = {**paths, "v": voice, "m": bed}
    cut = replace(
        two, voices=(Voice("a", "v", 48, 36),), underlays=(MusicSpan("m", 0, 256, Fraction(0), 0, False, True),)
    )
    _, film = spliced(cut, everything, tmp_path)
    sound = look(film).sound[0]
    for hertz in (440, 110):
        seconds = {at: part(sound[int(at * 48_000) - 2400 :][:4800], hertz) for at in (1.6, 2.2, 2.7, 3.3, 4.15, 4.6)}
        assert [seconds[at] for at in (2.2, 2.7, 3.3)] == pytest.approx([-20 + GIVE_WAY] * 3, abs=0.15)
        assert [seconds[at] for at in (1.6, 4.15, 4.6)] == pytest.approx([-20] * 3, abs=0.15)
    assert part(sound[2 * 48_000 + 4800 :][:48_000], 3000) == pytest.approx(20 * math.log10(0.3), abs=0.1)
    spoken = [n / 100 for n in range(500) if part(sound[n * 480 :][:480], 3000) > -20]
    assert (spoken[0], spoken[-1]) == pytest.approx((2.0, 3.49), abs=0.025)
    ramp = [part(sound[int((1.8 + n / 40) * 48_000) - 600 :][:1200], 440) for n in range(9)]
    assert all(later < one + 0.1 for one, later in pairwise(ramp))
    assert max(one - later for one, later in pairwise(ramp)) < 3.2  # no step: evenly, in decibels


def test_a_voice_leaves_the_rest_of_the_scene_copied(paths, two, tmp_path):
    """The whole film would be encoded again for one sentence."""
    voice = wav(tmp_path / "voice.wav", sine(3000, 1.5, 0.2))
    plan, _ = spliced(replace(two, voices=(Voice("a", "v", 48, 36),)), {**paths, "v": voice}, tmp_path)
    assert [kind for kind, _ in kinds(plan)] == ["CopiedPiece", "RenderedPiece", "CopiedPiece", "CopiedPiece"]
    (mixed,) = [piece for piece in plan.sound if isinstance(piece, RenderedPiece)]
    assert mixed.length <= math.ceil((1.5 + 0.2 + 0.5) * 48_000 / BLOCK) + 2


def test_music_changes_no_picture(paths, two, tmp_path):
    """Every frame that was paid for would be encoded again for a song."""
    bed = wav(tmp_path / "bed.wav", sine(110, 3))
    music = MusicSpan("m", 24, 72, Fraction(-6), 12, False, False)
    plain = spliced(two, paths, tmp_path / "plain")[1]
    plan, film = spliced(replace(two, underlays=(music,)), {**paths, "m": bed}, tmp_path)
    assert pictures(film) == pictures(plain)
    assert kinds(plan)[0] == ("CopiedPiece", 46)
    sound = look(film).sound[0] - look(plain).sound[0]
    assert not sound[: 45 * BLOCK].any()
    assert not sound[190 * BLOCK :].any()
    assert level(sound[80_000:150_000]) == pytest.approx(-26, abs=0.1)
    assert level(sound[48_000:50_000]) < -42
    assert level(sound[60_000 - 1200 : 60_000 + 1200]) == pytest.approx(-29, abs=0.4)


def heard_of(stream, count: int) -> Samples:
    """The first samples of a stream."""
    pieces, length = [], 0
    for piece in stream:
        pieces.append(piece)
        length += piece.shape[1]
        if length >= count:
            break
    return numpy.concatenate(pieces, axis=1)[:, :count]


@pytest.mark.parametrize("seconds", [0.001, 0.05, 0.5, 3.003, 11.01])
def test_a_loop_does_not_click(tmp_path, seconds):
    """At each round of the music one would hear where the file ends."""
    bed = wav(tmp_path / "bed.wav", sine(110, seconds))
    sound = heard_of(hand.samples(bed, Fraction(0), STEREO, clip=False, loop=True), 24 * 48_000)
    steps = abs(numpy.diff(sound[0]))
    if seconds > 0.12:
        assert steps.max() < 2 * (2 * math.pi * 110 / 48_000 * 0.1)
        loud = [level(sound[0, at : at + 4364]) for at in range(0, sound.shape[1] - 5000, 4364)]
        assert min(loud) > -24
        assert max(loud) < -16.9
    assert sound.shape == (2, 24 * 48_000)


def test_silence_loops_to_silence(tmp_path, tone):
    """A file without a sample would be read for ever."""
    nothing = wav(tmp_path / "nothing.wav", numpy.zeros((1, 0)))
    assert list(islice(hand.samples(nothing, Fraction(0), STEREO, clip=False, loop=True), 3)) == []


@pytest.mark.parametrize(("hertz", "channels"), [(8000, 1), (44_100, 2), (96_000, 2), (22_050, 1), (48_000, 1)])
@pytest.mark.parametrize("form", [STEREO, (44_100, 1)])
def test_any_rate_is_heard_as_loud_and_as_long_as_it_is(tmp_path, hertz, channels, form):
    """Music at another rate would be too fast; one channel 3 dB too soft."""
    bed = wav(tmp_path / "bed.wav", numpy.repeat(sine(440, 1, 0.1, hertz)[None], channels, axis=0), hertz)
    sound = numpy.concatenate(list(hand.samples(bed, Fraction(0), form, clip=False)), axis=1)
    assert sound.shape == (form[1], form[0])
    assert [level(one[2000:-2000]) for one in sound] == pytest.approx([-20] * form[1], abs=0.05)


CODECS = {
    "mp3": ("-c:a", "libmp3lame", "-b:a", "192k"),
    "ogg": ("-c:a", "libvorbis", "-b:a", "192k"),
    "flac": ("-c:a", "flac"),
    "m4a": ("-c:a", "aac", "-b:a", "192k"),
}


@pytest.mark.parametrize("suffix", CODECS)
def test_a_voice_begins_when_it_begins(tmp_path, suffix):
    """An encoder's delay would make every voice 25 or 50 ms late."""
    source = wav(tmp_path / "source.wav", numpy.concatenate([numpy.zeros(12_000), sine(2000, 0.5, 0.5)]))
    out = tmp_path / f"voice.{suffix}"
    subprocess.run([ffmpeg.binary(), "-v", "error", "-i", str(source), *CODECS[suffix], str(out)], check=True)
    sound = heard_of(hand.samples(out, Fraction(0), STEREO, clip=False), 30_000)
    assert numpy.flatnonzero(abs(sound[0]) > 0.1)[0] == pytest.approx(12_000, abs=48)


def test_surround_is_mixed_down(tone, tmp_path):
    """The voice in the middle of a film of 5.1 would be lost."""
    out = tmp_path / "surround.mp4"
    sound = "aevalsrc='0|0|0.2*sin(2*PI*440*t)|0|0|0':s=44100:d=2:c=5.1"
    command = [ffmpeg.binary(), "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=64x36:r=24:d=2", "-f", "lavfi"]
    subprocess.run([*command, "-i", sound, *CODEC, "-b:a", "384k", str(out)], check=True)
    heard = heard_of(hand.samples(out, Fraction(0), STEREO, clip=True), 90_000)
    assert [level(one[4800:80_000]) for one in heard] == pytest.approx([level(heard[0, 4800:80_000])] * 2, abs=0.01)
    assert -17.5 < level(heard[0, 4800:80_000]) < -16.5  # 0.2 in the middle: 3 dB softer on both sides


@pytest.mark.ci
def test_memory_does_not_depend_on_the_length(tmp_path):
    """Music of ten hours under a film of a minute would fill the memory: only what is heard of it is read."""
    bed = wav(tmp_path / "bed.wav", sine(110, 400))
    read = []
    for piece in hand.samples(bed, Fraction(0), STEREO, clip=False):
        read.append(piece.shape[1])
        if sum(read) > 48_000:
            break
    assert max(read) <= 48 * BLOCK
    with bed.open("r+b") as file:
        file.truncate(1_000_000)  # nothing behind the first seconds is asked for
    one = AudioMix(STEREO, 0, 48_000, plan_mix(bed_only(), STEREO, lambda frame: frame * 2000, {}, {}).strands)
    assert sum(piece.shape[1] for piece in hand.mix_samples(one, {"m": bed})) == 48_000


def bed_only() -> Timeline:
    clip = Clip("a", "a", Fraction(0), Fraction(1), 0, 24)
    return Timeline((clip,), *SMALL, 24, "pad", underlays=(MusicSpan("m", 0, 24, Fraction(0), 0, False, False),))


def test_a_damaged_voice_is_named(paths, two, tmp_path):
    """Nobody would know which of a hundred files is at fault."""
    broken = tmp_path / "voice.mp3"
    broken.write_bytes(b"ID3" + bytes(500))
    with pytest.raises(BadMedia, match="the voice of scene 'a'"):
        spliced(replace(two, voices=(Voice("a", "v", 0, 24),)), {**paths, "v": broken}, tmp_path)


def ebur128(film: Path, begin: float, end: float) -> tuple[float, float]:
    """Integrated loudness and true peak of a part of a film, by the ffmpeg program."""
    command = [ffmpeg.binary(), "-hide_banner", "-i", str(film), "-af", f"atrim={begin}:{end},ebur128=peak=true"]
    said = subprocess.run([*command, "-f", "null", "-"], capture_output=True, text=True, check=True).stderr
    summary = said[said.rindex("Summary:") :]
    found = [re.search(pattern, summary) for pattern in (r"I:\s+(-?[\d.]+|-inf) LUFS", r"Peak:\s+(-?[\d.]+|-inf) dBFS")]
    return float(found[0][1]), float(found[1][1])


MURMUR = "0.03*sin(2*PI*300*t)*(1+0.5*sin(2*PI*2*t))+0.02*sin(2*PI*1100*t)+0.002*(random(1)*2-1)"
PEAKY = "0.02*sin(2*PI*500*t)+0.9*sin(2*PI*2000*t)*lt(mod(t\\,1.3)\\,0.002)"


@pytest.mark.ci
def test_each_scene_reaches_the_loudness(tone, tmp_path):
    """One scene would whisper and the next one shout."""
    paths = {"a": tone(MURMUR), "b": tone(HIGH), "c": tone("0.5*sin(2*PI*330*t)")}
    cut = replace(laid(paths, size=SMALL), loudness=Fraction(-16))
    measured = loudness.Known(tmp_path / "known").all(cut.clips, paths)
    plan, film = spliced(cut, paths, tmp_path, measured)
    assert sum(piece.length for piece in plan.sound if isinstance(piece, RenderedPiece)) == 3 * BLOCKS
    for n in range(3):
        reached, peak = ebur128(film, n * float(SECONDS) + 0.05, (n + 1) * float(SECONDS) - 0.05)
        assert reached == pytest.approx(-16, abs=0.5)
        assert peak <= -1
    assert pictures(film) == pictures(spliced(laid(paths, size=SMALL), paths, tmp_path / "plain")[1])


@pytest.mark.ci
def test_a_peak_bounds_the_loudness(tone, tmp_path):
    """A scene with one bang would be clipped for the sake of the rest."""
    paths = {"a": tone(PEAKY), "b": tone(HIGH)}
    cut = replace(laid(paths, size=SMALL), loudness=Fraction(-14))
    measured = loudness.Known(tmp_path / "known").all(cut.clips, paths)
    _, film = spliced(cut, paths, tmp_path, measured)
    reached, peak = ebur128(film, 0.05, float(SECONDS) - 0.05)
    assert peak <= -1
    assert reached < -20
    quiet = 20 * math.log10(0.02)  # as a whole, and not by softening the bang alone
    assert part(look(film).sound[0, 12_000:60_000], 500) == pytest.approx(quiet - 1, abs=0.75)
    assert ebur128(film, float(SECONDS) + 0.05, 2 * float(SECONDS))[0] == pytest.approx(-14, abs=0.5)


def written(
    cut: Timeline, paths: Mapping[str, Path], folder: Path, *, reencode: bool = False
) -> tuple[Path, list[str]]:
    """The film as a cut writes it, and its warnings."""
    said: list[str] = []
    known = loudness.Known(folder / "known")
    options = FilmOptions(lambda event: said.append(event.why) if isinstance(event, Warned) else None, reencode)
    sources = FilmSources(cut, paths, known.all(cut.clips, paths), folder / "scratch")
    film = write_film(sources, folder / "film.mp4", FilmMetadata(), options, land_anywhere)
    return film.path, said


SPEECH = "0.2*sin(2*PI*220*t)*(1+sin(2*PI*3*t))/2+0.1*sin(2*PI*700*t)*between(mod(t\\,1)\\,0\\,0.7)"


@pytest.mark.ci
@pytest.mark.parametrize("reencode", [False, True])
def test_the_whole_film_has_the_loudness(tone, clips, tmp_path, reencode):
    """A film for phones would be refused for being 1.4 LU too soft, though each scene of it is right."""
    paths = {"a": tone(MURMUR), "still": clips(GREY, sound="", seconds=3, size=SMALL), "b": tone(SPEECH)}
    paths["voice"] = wav(tmp_path / "voice.wav", sine(300, 3, 0.15) * (1 + sine(3, 3, 1)) / 2)
    cut = laid({name: paths[name] for name in ("a", "still", "b")}, size=SMALL)
    for number in (0, 2):
        cut = louder(cut, number, AudioLevel(fade=24))
    cut = replace(cut, loudness=Fraction(-16), voices=(Voice("a", "voice", 12, 72),))
    film, said = written(cut, paths, tmp_path, reencode=reencode)
    reached, peak = ebur128(film, 0, 60)
    assert reached == pytest.approx(-16, abs=0.5)
    assert peak <= -1
    assert [why for why in said if "re-encoding" not in why] == []
    assert not look(film).sound[:, SAMPLES + 4096 : SAMPLES + 96_000].any()  # silence is left alone


@pytest.mark.ci
def test_peaks_are_limited_by_six_decibels_at_most(tone, tmp_path):
    """A bang would be crushed for the sake of loudness, and nobody told why the film is soft."""
    paths = {"a": tone(PEAKY)}
    film, said = written(replace(laid(paths, size=SMALL), loudness=Fraction(-16)), paths, tmp_path)
    reached, peak = ebur128(film, 0, 60)
    assert reached < -17
    assert peak <= -1
    (why,) = said
    assert float(why.split()[3]) == pytest.approx(reached, abs=0.3)
    assert why.endswith("not -16: more would need over 6 dB of limiting")


@pytest.mark.ci
@pytest.mark.parametrize("expression", ["0", "0.0004*sin(2*PI*440*t)"], ids=["silence", "nearly silent"])
def test_silence_stays_silence(tone, tmp_path, expression):
    """Room tone would become a roar."""
    paths = {"a": tone(expression)}
    film, said = written(replace(laid(paths, size=SMALL), loudness=Fraction(-16)), paths, tmp_path)
    assert level(look(film).sound) < -45
    assert ["at most 20 dB louder" in why for why in said] == ([True] if expression != "0" else [])


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (FilmGain(Fraction(6), -18.0, "limiting"), "-18.0 LUFS, not -16: more would need over 6 dB of limiting"),
        (FilmGain(Fraction(20), -30.0, "quiet"), "-30.0 LUFS, not -16: sound is made at most 20 dB louder"),
        (FilmGain(Fraction(3), -17.0, limited=True), "-17.0 LUFS, not -16: its true peak is kept below -1 dBTP"),
        (FilmGain(Fraction(-9), -15.0), "-15.0 LUFS, not -16: parts below -70 LUFS do not count"),
        (FilmGain(Fraction(-9), -15.6), ""),
        (FilmGain(Fraction(0), None), ""),
    ],
)
def test_the_right_cause_is_blamed(found, why):
    """An author would look for peaks in a film whose gain they did not bound."""
    assert found.shortfall(Fraction(-16)).removeprefix("the film measures ") == why


@pytest.mark.ci
def test_the_gain_of_the_film_is_kept(tone, tmp_path):
    """Each cut would listen to the whole film again; or believe what a stranger's folder says."""
    paths = {"a": tone(MURMUR), "b": tone(HIGH)}
    cut = replace(laid(paths, size=SMALL), loudness=Fraction(-16))
    one = written(cut, paths, tmp_path)[0].read_bytes()
    kept = tmp_path / "scratch" / "film-gain"
    before = kept.read_bytes()
    assert written(cut, paths, tmp_path)[0].read_bytes() == one
    assert kept.read_bytes() == before
    key = before[4:].split()[0].decode()
    for planted in ("", f"{key} 1/0 None - 0", f"{key} 1 nan - 0", f"{key} 9999 -16 - 0", f"{key} 1 -16 loud 0"):
        write_checked(kept, planted.encode())
        assert written(cut, paths, tmp_path)[0].read_bytes() == one
        assert kept.read_bytes() == before


def test_what_is_as_loud_as_wanted_is_copied(tone, tmp_path):
    """A film that is right already would be encoded again."""
    paths = {"a": tone(MURMUR), "b": tone(MURMUR, extra=("-b:a", "192k"))}
    known = loudness.Known(tmp_path / "known")
    cut = laid(paths, size=SMALL)
    measured = known.all(cut.clips, paths)
    cut = replace(cut, loudness=Fraction(str(measured[cut.clips[0]].lufs)))
    assert kinds(spliced(cut, paths, tmp_path, measured)[0])[0] == ("CopiedPiece", BLOCKS)


@pytest.mark.ci
def test_many_loud_sounds_are_kept_from_clipping(tone, tmp_path):
    """Music on top of a loud scene would crackle."""
    paths = {"a": tone("0.7*sin(2*PI*330*t)"), "b": tone(LOW)}
    bed = wav(tmp_path / "bed.wav", sine(331, 8, 0.8))
    cut = replace(laid(paths, size=SMALL), underlays=(MusicSpan("m", 0, 256, Fraction(0), 0, False, True),))
    _, film = spliced(cut, {**paths, "m": bed}, tmp_path)
    assert ebur128(film, 0, 2 * float(SECONDS))[1] <= -1
    assert level(look(film).sound[:, SAMPLES + 4096 : -4096]) > -4  # where nothing is too loud, nothing is softened


@pytest.mark.ci
def test_music_gives_way_while_a_scene_is_heard(tone, tmp_path):
    """Music would drown what is said; or never come back in the pauses."""
    spoken = "0.2*sin(2*PI*1760*t)*between(t\\,2\\,3)"
    paths = {"a": tone(spoken), "b": tone("0")}
    bed = wav(tmp_path / "bed.wav", sine(110, 30))
    music = MusicSpan("m", 0, 256, Fraction(0), 0, True, True)
    cut = replace(laid(paths, size=SMALL), underlays=(music,))
    measured = loudness.Known(tmp_path / "known").all(cut.clips, paths)
    _, film = spliced(cut, {**paths, "m": bed}, tmp_path, measured)
    sound = look(film).sound[0]
    levels = {at: part(sound[int(at * 48_000) - 2400 :][:4800], 110) for at in (1.5, 2.1, 2.5, 2.9, 3.9, 6, 9)}
    assert [levels[at] for at in (2.1, 2.5, 2.9)] == pytest.approx([-20 + GIVE_WAY] * 3, abs=0.2)
    assert [levels[at] for at in (1.5, 3.9, 6, 9)] == pytest.approx([-20] * 4, abs=0.2)


def test_what_was_measured_is_kept(tone, tmp_path, monkeypatch):
    """Each cut would listen to the whole film again."""
    paths = {"a": tone(MURMUR), "b": tone(HIGH)}
    cut, known = laid(paths, size=SMALL), loudness.Known(tmp_path / "known")
    first = known.all(cut.clips, paths)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "known/.storyboard/loudness").iterdir()}
    assert known.all(cut.clips, {}) == first  # no file of the clips is needed any more
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "known/.storyboard/loudness").iterdir()} == before
    for file in before:
        file.write_bytes(b'{"lufs": NaN, "peak": 1e999, "moments": [null]}')
    assert known.of(cut.clips[0]) is None
    assert known.all(cut.clips, paths) == first


def test_a_clip_without_sound_has_no_loudness(clips, tmp_path):
    """Silence made louder is hiss."""
    found = loudness.measure(clips(RED, sound=""), Fraction(0), Fraction(1))
    assert (found.lufs, found.moments) == (None, ())
    assert loudness.measure(clips(GREY, sound="mono"), Fraction(0), Fraction(1)).lufs is not None


@pytest.mark.ci
def test_reencoding_gives_the_same_sound(paths, two, tmp_path):
    """The way a film is written would decide how it sounds."""
    voice = wav(tmp_path / "voice.wav", sine(3000, 1.5, 0.2))
    bed = wav(tmp_path / "bed.wav", sine(110, 3))
    everything = {**paths, "v": voice, "m": bed}
    cut = louder(two, 1, AudioLevel(Fraction(-6), fade=12))
    cut = replace(
        cut, voices=(Voice("a", "v", 48, 36),), underlays=(MusicSpan("m", 24, 200, Fraction(-6), 12, True, True),)
    )
    measured = loudness.Known(tmp_path / "known").all(cut.clips, paths)
    one = look(spliced(cut, everything, tmp_path, measured)[1]).sound
    film = join(cut, everything, tmp_path / "again.mp4", tmp_path / "segments", measured=measured)
    other = look(film.path).sound
    assert one.shape == other.shape
    assert level(one - other) < level(one) - 25


@pytest.mark.ci
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_film_has_exactly_its_samples(tone, tmp_path_factory, data):
    """Some film of odd lengths would end before its picture, or drift."""
    tmp_path = tmp_path_factory.mktemp("any")
    sources = {"a": tone(LOW), "b": tone(HIGH), "n": tone(MURMUR, hertz=44_100), "s": tone(LOW, extra=("-an",))}
    clips, at = [], 0
    for n in range(data.draw(st.integers(1, 4))):
        frames = data.draw(st.integers(24, 60))
        start = 24 * data.draw(st.integers(0, 2))
        gain = Fraction(data.draw(st.sampled_from([0, 0, 0, -6])))
        level = AudioLevel(gain, data.draw(st.booleans()) and n == 1, data.draw(st.sampled_from([0, 0, 5])))
        digest = data.draw(st.sampled_from([name for name in "abns" if not clips or name != clips[-1].digest]))
        span = Fraction(start, 24), Fraction(start + frames, 24)
        clips.append(Clip(str(n), digest, *span, at, frames, level=level))
        at += frames
    voice = wav(tmp_path / "voice.wav", sine(3000, 0.5, 0.2))
    voices = tuple(Voice(clip.scene, "v", clip.at, 12) for clip in clips if data.draw(st.booleans()))
    first = data.draw(st.integers(0, at - 1))
    beds = (MusicSpan("v", first, at - first, Fraction(-3), 6, False, True),) if data.draw(st.booleans()) else ()
    cut = Timeline(tuple(clips), *SMALL, 24, "pad", voices=voices, underlays=beds)
    plan, _ = spliced(cut, {**sources, "v": voice}, tmp_path)
    lengths = sum(piece.length for piece in plan.sound)
    assert lengths == -int(-Fraction(at * plan.form[0], 24 * BLOCK) // 1)


@pytest.mark.ci
def test_changing_one_scene_mixes_that_one_again(tone, tmp_path):
    """Every small change would cost the whole film again."""
    names = "abcdef"
    paths = {name: tone(f"0.1*sin(2*PI*{300 + 100 * n}*t)") for n, name in enumerate(names)}
    cut = laid(paths, size=SMALL)
    soft = replace(cut, clips=tuple(replace(clip, level=AudioLevel(fade=8)) for clip in cut.clips))
    plan, _ = spliced(soft, paths, tmp_path)
    keys = [piece.key for piece in plan.sound if isinstance(piece, RenderedPiece)]
    assert len(keys) == len(set(keys)) == 12
    clips = (replace(soft.clips[0], frames=64, end=Fraction(64, 24)),)
    clips += tuple(replace(clip, at=clip.at - 64) for clip in soft.clips[1:])
    plan, _ = spliced(replace(soft, clips=clips), paths, tmp_path)
    assert len(set(keys) - {piece.key for piece in plan.sound if isinstance(piece, RenderedPiece)}) <= 2


def test_scenes_far_apart_are_told():
    """The author would find out in the cinema."""
    known = {"a": -20.0, "b": -27.0, "c": -23.0}
    assert widest_difference(known) == ("b", "a", 7.0)
    assert widest_difference({**known, "b": -25.9}) is None
    assert widest_difference({}) is None


def test_what_nobody_touches_is_not_altered():
    """A ramp that has ended would make the rest of the film be encoded."""
    clips = tuple(Clip(name, name, Fraction(0), Fraction(1), 24 * n, 24) for n, name in enumerate("abc"))
    cut = louder(Timeline(clips, *SMALL, 24, "pad"), 1, AudioLevel(fade=4))
    whole = plan_mix(cut, STEREO, lambda frame: frame * 2000, dict.fromkeys(cut.clips, Fraction(0)), {})
    assert changed_spans(whole, 0) == [(48_000, 56_000), (88_000, 96_000)]
