"""Every example in examples/ renders as it stands, without a key: it is the first thing that people try."""

import shutil
from pathlib import Path

import av
import pytest
from studio import Studio
from tiers import chosen

from storyboard.model import events

EXAMPLES = Path(__file__).parents[2] / "examples"
FRAMES = {"chain": 371, "dialogue": 504, "ferry": 426, "hello": 192, "includes": 384, "keeper": 1008, "takes": 180}
# Not for the usual provider: packages, which tests/film/test_film_effects.py and tests/workflow/test_workflow_checks.py
# use; and other services, which tests/emulator/test_emulator_comfy.py and tests/workflow/test_workflow_four_services.py
# render.
PACKAGES = {"checks", "comfy", "effects", "services"}


def test_none_is_forgotten() -> None:
    """A new example is rendered by the tests, or it is not one."""
    assert {folder.name for folder in EXAMPLES.iterdir()} == set(FRAMES) | PACKAGES


@pytest.mark.parametrize("name", chosen({"hello"}, sorted(FRAMES)))
def test_an_example(studio: Studio, name: str) -> None:
    """The film has exactly the frames of its plan, at the size it asks for, with sound to its end."""
    shutil.rmtree(studio.folder)
    shutil.copytree(EXAMPLES / name, studio.folder, ignore=shutil.ignore_patterns("out", ".storyboard"))
    done = studio.render(f"{name}.yaml", realm="draft")
    assert (done.exit, done.frames, done.size) == (0, FRAMES[name], (1280, 720))
    with av.open(done.film, format="mp4") as film:
        video, audio = film.streams.video[0], film.streams.audio[0]
        assert (video.frames, video.average_rate, audio.rate) == (FRAMES[name], 24, 48000)
        assert audio.duration is not None
        assert audio.time_base is not None
        assert abs(float(audio.duration * audio.time_base) - FRAMES[name] / 24) <= 1024 / 48000


@pytest.mark.ci
@pytest.mark.parametrize("name", sorted(FRAMES))
def test_the_clips_of_an_example_have_no_remark(studio: Studio, name: str) -> None:
    """A rehearsal that finds fault with each clip teaches to read no remark."""
    shutil.rmtree(studio.folder)
    shutil.copytree(EXAMPLES / name, studio.folder, ignore=shutil.ignore_patterns("out", ".storyboard"))
    studio.serve(film="animatic")
    done = studio.render(f"{name}.yaml", cut=False)
    assert (done.exit, done.failed) == (0, 0)
    assert [event for event in studio.seen if isinstance(event, events.Warned) and event.remarks] == []
