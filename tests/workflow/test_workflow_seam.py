"""Seams at the prompt: the cut shows their frame once, and says where the picture jumps."""

from dataclasses import replace
from pathlib import Path

import pytest
from filming import clips
from moving import GREY, RED, look
from studio import Run, Service, Studio, png

from storyboard.emulator.api.service import FinishedJob
from storyboard.emulator.drafts.frame_images import Photo
from storyboard.media import probe
from storyboard.model import events
from storyboard.model.shot import Shot
from storyboard.workflow.facts import current_plan
from storyboard.workflow.seam_remarks import LEAST_LIKENESS, SeamMeasure, measure_seam
from storyboard.workflow.workspace import open_workspace

pytestmark = pytest.mark.ci

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


TALL = """
storyboard: 1
output: {fit: crop}
scenes:
  - id: door
    prompt: A door.
    first_frame: tall.png
    last_frame: wide.png
  - id: hall
    prompt: A hall.
    aspect: 9:16
    first_frame: {scene: door}
"""


def planned(studio: Studio) -> tuple[dict[str, Shot], int]:
    """The shot of each scene, and the number of warnings."""
    with open_workspace(studio.folder / "film.yaml", studio.settings) as workspace:
        steps = current_plan(workspace).film_steps
        return {name: step.shot for name, step in steps.items()}, len(workspace.storyboard.warnings)


def test_a_frame_is_brought_into_the_shape_of_its_scene(studio: Studio, run: Run) -> None:
    """The provider would stretch or cut it as it likes; and fitting would buy again what needs none."""
    service = studio.serve()
    png(studio.folder / "tall.png", "red", (600, 800))
    png(studio.folder / "wide.png", "navy", (1280, 720))
    studio.write(TALL)
    before, warnings = planned(studio)
    assert warnings == 2
    fitted = TALL.replace("scenes:", "defaults: {frame_fit: crop}\nscenes:")
    studio.write(fitted)
    after, warnings = planned(studio)
    assert warnings == 0
    assert after["door"].recipe["first_frame"] == f"{before['door'].recipe['first_frame']} crop"
    assert after["door"].recipe["last_frame"] == before["door"].recipe["last_frame"]
    assert after["hall"].recipe["first_frame"]["fit"] == "crop"
    studio.write(fitted.replace("aspect: 9:16", "aspect: 16:9"))
    assert "fit" not in planned(studio)[0]["hall"].recipe["first_frame"]
    studio.write(fitted)
    assert "kB, cropped to 16:9), wide.png (" in run("plan", "film.yaml")[1]
    assert "tall.png, cropped to 16:9, wide.png" in run("prompts", "film.yaml")[1]
    assert studio.render(cut=False).exit == 0
    assert sizes(service) == {(1080, 1920), (1280, 720), (1920, 1080)}
    studio.environ["STORYBOARD_UPLOADS"] = "https://example.com/film"
    studio.write(fitted.replace("A door", "A red door").replace("\n    first_frame: {scene: door}", ""))
    assert "tall.png would be cropped to 16:9, and a public folder serves it as it is" in run("plan", "film.yaml")[2]


def sizes(service: Service) -> set[tuple[int, int]]:
    """Width and height of the images that the service was given."""
    outcomes = [service.emulator.outcome(job.id) for job in service.emulator.jobs]
    briefs = [outcome.brief for outcome in outcomes if isinstance(outcome, FinishedJob)]
    return {(still.width, still.height) for brief in briefs for still in brief.stills if isinstance(still, Photo)}
