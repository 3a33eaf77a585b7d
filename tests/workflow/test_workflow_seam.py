"""Seams at the prompt: the cut shows their frame once, and says where the picture jumps."""

from dataclasses import replace
from pathlib import Path

import pytest
from filming import clips
from moving import GREY, RED, look
from studio import Studio

from storyboard.media import probe
from storyboard.model import events
from storyboard.workflow.facts import current_plan
from storyboard.workflow.seam_remarks import LEAST_LIKENESS, SeamMeasure, measure_seam
from storyboard.workflow.workspace import open_workspace

__all__ = ["clips"]

CHAIN = """
storyboard: 1
scenes:
  - id: stairs
    prompt: A staircase.
  - id: lamp
    prompt: The lamp.
    first_frame: {scene: stairs}
  - id: tide
    prompt: The tide.
    first_frame: {scene: lamp}
"""
SHARED = """
storyboard: 1
scenes:
  - id: stairs
    prompt: A staircase.
    first_frame: https://images.example/a.png
    last_frame: https://images.example/b.png
  - id: lamp
    prompt: The lamp.
    first_frame: https://images.example/b.png
    seam: drop
"""


def warned(studio: Studio) -> list[str]:
    return [event.why for event in studio.seen if isinstance(event, events.Warned)]


def test_a_chain_is_a_frame_shorter_at_each_cut(studio: Studio) -> None:
    """The same frame would be bought, sent and shown twice; a good chain would be blamed."""
    studio.serve()
    studio.write(CHAIN)
    done = studio.render()
    assert (done.exit, done.made, done.frames) == (0, 3, 3 * 192 - 2)
    assert warned(studio) == []
    seen = look(Path(done.film))
    assert len(seen.frames) == 574
    for cut in (191, 382):  # the next clip begins with what the one before would have ended with
        assert all(abs(a - b) < 8 for a, b in zip(seen.colour(cut - 1), seen.colour(cut), strict=True))
    studio.write(CHAIN.replace("    first_frame: {scene: lamp}\n", "    first_frame: {scene: lamp}\n    seam: keep\n"))
    again = studio.render()
    assert (again.exit, again.made, again.frames) == (0, 0, 3 * 192 - 1)


@pytest.mark.ci
def test_other_colours_at_a_seam_are_told(studio: Studio) -> None:
    """The author would look for the flicker in the whole film, and not find the key that mends it."""
    studio.serve()
    studio.write(SHARED)
    assert studio.render().exit == 0
    (said,) = warned(studio)
    assert said.startswith("scene 'lamp' begins in other colours than 'stairs' ends in: ")
    assert said.endswith("of 255; write 'seam: match' in it, or pick another take")
    assert len(list((studio.folder / ".storyboard" / "seams").glob("*.json"))) == 1
    for cache in (studio.folder / ".storyboard" / "seams").glob("*.json"):
        cache.write_text('{"likeness": NaN, "light": 1, "tint": 1, "contrast": 1}')
    studio.write(SHARED.replace("drop", "match"))
    done = studio.render()
    assert (done.exit, done.made, warned(studio)) == (0, 0, [])


def test_what_is_said_of_a_seam() -> None:
    """A threshold that nothing passes, or everything."""
    good = SeamMeasure(0.98, 0.3, 0.2, -0.3)
    assert good.sentence("a", "b", matched=False) == ("", "")
    jump = replace(good, likeness=LEAST_LIKENESS - 0.01)
    message, hint = jump.sentence("a", "b", matched=True)
    assert message == "scene 'b' does not begin with the frame that 'a' ends with (likeness 0.49 of 1)"
    assert hint == "pick another take, or write a 'transition'"
    dark = replace(good, light=-6.2, tint=3.4, contrast=4.4)
    said = "scene 'b' begins in other colours than 'a' ends in: light -6, contrast +4, tint 3 of 255"
    assert dark.sentence("a", "b", matched=False)[0] == said
    assert dark.sentence("a", "b", matched=True) == ("", "")


@pytest.mark.ci
def test_a_seam_is_measured_on_the_frames_themselves(clips, tmp_path: Path) -> None:
    """Another frame than the one that was handed on would be compared."""
    moving = ",drawgrid=w=24:h=18:t=3:c=white@0.3,scroll=h=0.02:v=0.01"
    one, other = clips(RED, filters=moving), clips(GREY, filters=moving)
    last = probe.measure(one).frames - 1
    assert measure_seam((one, last), (one, last)) == SeamMeasure(1, 0, 0, 0)
    assert measure_seam((one, last), (one, 5)).likeness < LEAST_LIKENESS
    assert abs(measure_seam((one, 5), (other, 5)).tint) > 20


REFERS = """
storyboard: 1
defaults: {references: {scene: stairs}}
scenes:
  - id: lamp
    prompt: The lamp.
  - id: stairs
    prompt: A staircase.
    trim: {from: 1}
  - id: tide
    prompt: The tide.
"""


def test_a_scene_refers_to_the_frames_of_another(studio: Studio) -> None:
    """The sheet would be of another take, be sent twice, or a change of that scene go unsaid."""
    service = studio.serve()
    studio.write(REFERS)
    assert studio.render(cut=False).exit == 0
    first, *rest = [event.scene for event in studio.seen if isinstance(event, events.Submitting)]
    assert (first, sorted(rest)) == ("stairs", ["lamp", "tide"])
    assert sum(seen.path.endswith("/file-base64-upload") for seen in service.emulator.requests) == 1
    modes = {str(job.request["prompt"]): job.request.get("generationType") for job in service.emulator.jobs}
    assert modes["The lamp."] == "REFERENCE_2_VIDEO"
    assert "imageUrls" not in next(job.request for job in service.emulator.jobs if job.prompt == "A staircase.")
    for text, why in (
        (REFERS, "unchanged"),
        (REFERS.replace("from: 1", "from: 2"), "refers to another frame of stairs: its trim has changed"),
        (REFERS.replace("A stair", "A long stair"), "refers to a frame of stairs, which has changed"),
        (REFERS.replace("staircase.\n", "staircase.\n    takes: 2\n    pick: 2\n"), "refers to another take"),
    ):
        studio.write(text)
        with open_workspace(studio.folder / "film.yaml", studio.settings) as workspace:
            assert current_plan(workspace).film_steps["tide"].why.startswith(why)
