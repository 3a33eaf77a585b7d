"""Seams at the prompt: the cut shows their frame once, and says where the picture jumps."""

from dataclasses import replace
from pathlib import Path

import pytest
from filming import clips
from moving import GREY, RED
from studio import Studio

from storyboard.media import probe
from storyboard.model import events
from storyboard.workflow.seam_remarks import LEAST_LIKENESS, SeamMeasure, measure_seam

__all__ = ["clips"]

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
