"""The sound of a film from its storyboard on: music and voices of the author's own, and a word about loudness."""

import json
import subprocess
from pathlib import Path

import pytest
from studio import Studio

from storyboard.cli.main import status
from storyboard.media import ffmpeg

STORY = """storyboard: 1
scenes:
  - {id: lamp, prompt: A lighthouse, voice: voice.wav}
  - {id: storm, prompt: Waves, audio: {gain: -12}}
music: {file: music.wav, gain: -6, duck: true, loop: true, fade: 1}
"""


def tone(path: Path, hertz: int, seconds: float) -> Path:
    source = ["-f", "lavfi", "-i", f"sine={hertz}:d={seconds}"]
    subprocess.run([ffmpeg.binary(), "-v", "error", "-y", *source, str(path)], check=True, env={})
    return path


@pytest.fixture
def film(studio: Studio) -> Path:
    tone(studio.folder / "voice.wav", 900, 2)
    tone(studio.folder / "music.wav", 200, 3)
    return studio.write(STORY)


@pytest.mark.ci
def test_another_voice_is_another_film_and_buys_nothing(studio: Studio, film: Path) -> None:
    """A voice spoken anew would not be heard, or each rehearsal of it be paid for."""
    service = studio.serve()
    first = studio.render()
    assert first.film
    before = Path(first.film).read_bytes()
    studio.render()
    assert Path(first.film).read_bytes() == before
    tone(studio.folder / "voice.wav", 1000, 2)
    studio.render()
    assert Path(first.film).read_bytes() != before
    assert service.posts == 2


def test_scenes_far_apart_are_told_where_takes_are(
    studio: Studio, film: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One would find out in the cinema that one scene whispers."""
    studio.serve()
    monkeypatch.chdir(studio.folder)

    def told(*words: str) -> str:
        for name, value in studio.environ.items():
            monkeypatch.setenv(name, value)
        assert status([*words]) == 0
        return capsys.readouterr().out

    assert "louder" not in told("plan", "film.yaml")
    studio.render(cut=False)
    assert len(list((studio.folder / ".storyboard/loudness").iterdir())) == 2  # measured when they came
    for verb in ("plan", "status"):
        assert "note     scene 'lamp' is 12 LU louder than scene 'storm': write `loudness: -16`" in " ".join(
            told(verb, "film.yaml").split("\n         ")
        )
        (problem,) = json.loads(told(verb, "film.yaml", "--json"))["problems"]
        assert (problem["severity"], problem["path"]) == ("warning", "output.loudness")
    studio.write(STORY + "output: {loudness: -16}\n")
    assert "louder" not in told("plan", "film.yaml") + told("status", "film.yaml")


def test_a_film_is_not_written_over_its_music(studio: Studio, film: Path) -> None:
    """The author's only recording would be gone."""
    from storyboard.model.errors import InputError

    studio.serve()
    (studio.folder / "voice.wav").rename(studio.folder / "song.mp4")
    studio.write(STORY.replace("voice: voice.wav", "voice: song.mp4"))
    sound = ["-f", "lavfi", "-i", "sine=300:d=1"]
    subprocess.run([ffmpeg.binary(), "-v", "error", "-y", *sound, str(studio.folder / "song.mp4")], check=True, env={})
    with pytest.raises(InputError, match="clip of this storyboard"):
        studio.render(out=studio.folder / "song.mp4")
