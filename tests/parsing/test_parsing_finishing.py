"""How a scene is shown and heard: what the author's words about it become."""

from fractions import Fraction
from pathlib import PurePosixPath

import av
import numpy
import pytest
from author import Author

from storyboard.model.errors import Problems
from storyboard.model.problem import Place
from storyboard.model.storyboard import Audio, Caption, Finish, LocalImage, MusicBed, OwnSound, Still, Title, Transition


def speak(author: Author, name: str, codec: str, kind: str, seconds: int = 2) -> None:
    """A real sound file of a hum, at 48 kHz."""
    file = author.folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    with av.open(file, "w", format=kind) as out:
        stream = out.add_stream(codec, rate=48_000, layout="mono")
        wave = (numpy.sin(numpy.arange(48_000 * seconds) / 20) * 8_000).astype(numpy.int16)
        frame = av.AudioFrame.from_ndarray(wave[None], format="s16", layout="mono")
        frame.sample_rate = 48_000
        resampler = av.AudioResampler(stream.codec_context.format, "mono", 48_000, stream.codec_context.frame_size)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))


def finish(author: Author, words: str) -> Finish:
    """What becomes of a second scene with these words."""
    return (
        author.read(f"storyboard: 1\nscenes:\n  - {{id: a, prompt: One.}}\n  - {{id: b, prompt: Two., {words}}}\n")
        .scenes[1]
        .finish
    )


def test_a_silent_scene_is_cut_and_left_as_it_is(author: Author) -> None:
    """Who writes nothing of it gets nothing of it."""
    assert finish(author, "note: x") == Finish()
    assert finish(author, "transition: {kind: cut}") == Finish()


def test_a_transition(author: Author) -> None:
    """Half a second, where nobody says how long."""
    assert finish(author, "transition: {kind: wipe-left}").transition == Transition("wipe-left", Fraction(1, 2))
    assert finish(author, "transition: {kind: fade, seconds: 0.8}").transition == Transition("fade", Fraction(4, 5))


def test_a_transition_over_the_tail(author: Author) -> None:
    """It takes nothing from its own scene, so that may be shorter than it is."""
    words = "transition: {kind: dissolve, seconds: 2, over: tail}, trim: {from: 0, to: 1}"
    assert finish(author, words).transition == Transition("dissolve", Fraction(2), "tail")
    with pytest.raises(Problems):
        finish(author, words.replace("tail", "both"))


def test_a_transition_of_the_defaults_does_not_trouble_the_first_scene(author: Author) -> None:
    """Whoever dissolves everywhere need not write that the film begins with a cut."""
    film = author.read(
        "storyboard: 1\ndefaults: {transition: {kind: dissolve}}\n"
        "scenes:\n  - {id: a, prompt: One.}\n  - {id: b, prompt: Two.}\n"
    )
    assert [scene.finish.transition for scene in film.scenes] == [None, Transition("dissolve", Fraction(1, 2))]


def test_the_first_scene_may_fade_in(author: Author) -> None:
    """From black there is always something to come from."""
    film = author.read("storyboard: 1\nscenes:\n  - {id: a, prompt: One., transition: {kind: fade, seconds: 1}}\n")
    assert film.scenes[0].finish.transition == Transition("fade", Fraction(1))


def test_titles(author: Author) -> None:
    """Every default filled in; a template as a prompt is."""
    (title,) = finish(author, 'title: {text: "{{ title }}, {{ scene.number }}"}').titles
    assert title == Title("film, 2", Fraction(0), None, "center", Fraction(8, 100), "#ffffff", "outline")
    first, second = finish(
        author,
        'title: [{text: One, from: 1, for: 2.5, at: lower-third, size: 5, color: "#FFD27f", legibility: box},'
        " {text: Two, color: yellow}]",
    ).titles
    assert first == Title("One", Fraction(1), Fraction(5, 2), "lower-third", Fraction(5, 100), "#ffd27f", "box")
    assert second.color == "#ffff00"


def test_captions(author: Author) -> None:
    """A text is there for the whole scene; lines have their own times."""
    assert finish(author, "caption: He had not slept.").captions == (Caption("He had not slept.", Fraction(0), None),)
    lines = finish(author, "caption: [{text: One}, {text: Two, from: 4, for: 1.5}]").captions
    assert lines == (Caption("One", Fraction(0), None), Caption("Two", Fraction(4), Fraction(3, 2)))


@pytest.mark.parametrize(
    ("name", "codec", "kind"),
    [
        ("a.wav", "pcm_s16le", "wav"),
        ("a.mp3", "libmp3lame", "mp3"),
        ("a.flac", "flac", "flac"),
        ("a.m4a", "aac", "mp4"),
        ("a.ogg", "libopus", "ogg"),
    ],
)
def test_a_voice(author: Author, name: str, codec: str, kind: str) -> None:
    """Sound files of every usual kind, told by their bytes."""
    speak(author, f"voices/{name}", codec, kind)
    audio = finish(author, f"audio: {{gain: -6, fade: 0.5}}, voice: voices/{name}").audio
    assert (audio.gain, audio.mute, audio.fade) == (-6, False, Fraction(1, 2))
    assert audio.voice
    assert audio.voice.path == PurePosixPath(f"voices/{name}")
    assert abs(audio.voice.seconds - 2) < Fraction(6, 100)


def test_a_voice_longer_than_its_scene_is_told(author: Author) -> None:
    """The last words would be missing from the film, which nobody hears at the prompt."""
    speak(author, "a.wav", "pcm_s16le", "wav", 3)
    told = author.told("storyboard: 1\nscenes:\n  - {id: a, prompt: One., trim: {to: 2}, voice: a.wav}\n")
    assert told == ["3:49 the scene ends 1 s before this voice does, which is cut off there"]


def test_muted(author: Author) -> None:
    """Nothing else changes with it."""
    assert finish(author, "audio: {mute: true}").audio == Audio(mute=True)


def test_an_effect(author: Author) -> None:
    """One that is not installed is told at its line, long before the film is cut."""
    told = author.told("storyboard: 1\nscenes:\n  - {id: a, prompt: One., effect: grain}\n")
    assert told == ["3:35 no effect is called 'grain'"]


def test_a_still(author: Author) -> None:
    """A picture is a scene, with a slow move over it."""
    author.draw("art/map.png", 320, 200)
    film = author.read("storyboard: 1\nscenes:\n  - {id: a, still: art/map.png, seconds: 2.5, move: left}\n")
    still = film.scenes[0].source
    assert isinstance(still, Still)
    assert isinstance(still.image, LocalImage)
    assert (still.image.width, still.seconds, still.move) == (320, Fraction(5, 2), "left")


def test_a_card(author: Author) -> None:
    """A colour is enough to put a title on."""
    film = author.read('storyboard: 1\nscenes:\n  - {id: a, still: "#10182A", title: {text: The Keeper}}\n')
    assert film.scenes[0].source == Still(None, "#10182a", Fraction(4), "none", Place("film.yaml", 3, 20))


def test_music(author: Author) -> None:
    """One bed or several."""
    speak(author, "audio/bed.wav", "pcm_s16le", "wav")
    head = "storyboard: 1\nscenes:\n  - {id: a, prompt: One.}\n"
    sound = OwnSound(PurePosixPath("audio/bed.wav"), Fraction(2), Place("film.yaml", 4, 15))
    film = author.read(head + "music: {file: audio/bed.wav, gain: -14, duck: true}\n")
    assert film.music == (MusicBed(sound, Fraction(-14), True, False, Fraction(0), Fraction(0)),)
    film = author.read(head + "music: [{file: audio/bed.wav, loop: true, from: 4, fade: 2}, {file: audio/bed.wav}]\n")
    assert [(bed.loop, bed.start, bed.fade) for bed in film.music] == [(True, 4, 2), (False, 0, 0)]


def test_the_films_sound_and_captions(author: Author) -> None:
    """As they are, beside the film, where nobody says otherwise."""
    head = "storyboard: 1\nscenes:\n  - {id: a, prompt: One.}\n"
    assert (author.read(head).output.loudness, author.read(head).output.captions) == (None, "sidecar")
    output = author.read(head + "output: {loudness: -16, captions: burn}\n").output
    assert (output.loudness, output.captions, output.language) == (-16, "burn", "")
    assert author.read(head + "output: {language: pt-BR}\n").output.language == "pt-BR"


@pytest.mark.parametrize(
    "bytes_", [b"", b"RIFF....WAVE", b"ID3" + bytes(100), b"fLaC" + bytes(40), b"OggS", b"\xff\xfb\x90" * 9]
)
def test_a_sound_that_is_none(author: Author, bytes_: bytes) -> None:
    """Whatever a file is called, its bytes are looked at."""
    (author.folder / "a.wav").write_bytes(bytes_)
    with pytest.raises(Problems):
        finish(author, "voice: a.wav")
