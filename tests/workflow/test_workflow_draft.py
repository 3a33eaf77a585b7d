"""A draft that can be read: what lies where, and under which name."""

from fractions import Fraction

import av
import numpy
import pytest
from studio import Studio

from storyboard.model.draft_label import DraftLabel
from storyboard.workflow.footage import build_footage
from storyboard.workflow.sheet_words import unshared_words
from storyboard.workflow.workspace import open_workspace

FILM = """storyboard: 1
scenes:
  - {id: gull, prompt: A gull., trim: {from: 1, to: 5}, title: {text: The Gull, at: top}}
  - {id: card, still: "#204060", seconds: 2}
  - {id: tern, prompt: A tern., transition: {kind: dissolve}, caption: It came back.}
"""


def labels(studio: Studio) -> dict[str, DraftLabel]:
    with open_workspace(studio.folder / "film.yaml", studio.settings, "draft") as workspace:
        return {scene: DraftLabel.of(shot.label or "") for scene, shot in workspace.shots.items()}


def test_a_draft_knows_its_place_and_what_covers_it(studio: Studio) -> None:
    """The film's time of a clip's first frame, even if that is trimmed away; captions of any length are one band."""
    studio.write(FILM)
    found = labels(studio)
    assert found["gull"].heading == "1/3 gull"
    assert (found["gull"].seconds, found["tern"].seconds) == (-1, Fraction("5.5"))
    ((top, bottom),) = found["gull"].covered
    assert Fraction("0.03") < top < bottom < Fraction("0.2")
    ((top, bottom),) = found["tern"].covered
    assert Fraction("0.7") < top < bottom < Fraction("0.97")
    studio.write(FILM.replace("It came back.", "'It came back, and with it all the others that had left in autumn.'"))
    assert labels(studio) == found
    with open_workspace(studio.folder / "film.yaml", studio.settings) as workspace:
        assert all(shot.label is None for shot in workspace.shots.values())


def test_stills_have_their_names_in_a_draft_alone(studio: Studio) -> None:
    """Nobody could say which card is meant; in the film that is paid for there is no such name."""
    studio.write('storyboard: 1\nscenes:\n  - {id: card, still: "#204060", seconds: 1}\n')
    for realm, names in (("draft", ["1/1 card"]), (None, [])):
        with open_workspace(studio.folder / "film.yaml", studio.settings, realm) as workspace:
            timeline, _ = build_footage(workspace, {})
        assert [overlay.title.text for overlay in timeline.overlays] == names
    done = studio.render(realm="draft")
    with av.open(done.film) as film:
        luma = next(film.decode(video=0)).to_ndarray(format="gray").astype(int)
    rows = numpy.flatnonzero((abs(luma - luma[500, 640]) > 60).any(axis=1))
    assert len(rows) > 10
    assert rows[-1] <= 36


@pytest.mark.ci
def test_a_title_moves_the_prompt_of_its_draft(studio: Studio) -> None:
    """Another place of the title makes another draft, says why, and costs nothing; another colour makes none."""
    studio.write(FILM)
    studio.render(realm="draft")
    studio.write(FILM.replace("at: top", "at: center"))
    assert studio.render(realm="draft").made == 1
    studio.write(FILM.replace("at: top", "at: center, color: yellow"))
    assert studio.render(realm="draft").made == 0


LOOK = "35 mm, muted colours."


@pytest.mark.parametrize(
    ("prompts", "words"),
    [
        ({"a": f"{LOOK} A gull.", "b": f"{LOOK} A tern."}, {"a": "… gull.", "b": "… tern."}),
        (
            {"a": f"A gull. {LOOK} Slow.", "b": f"One tern. {LOOK} Fast."},
            {"a": "A gull. Slow.", "b": "One tern. Fast."},
        ),
        (
            {"a": "The keeper climbs, in fog", "b": "The keeper sleeps, in fog"},
            {"a": "… climbs, …", "b": "… sleeps, …"},
        ),
        ({"a": LOOK, "b": f"{LOOK} A tern."}, {"a": LOOK, "b": "A tern."}),
        ({"a": "A gull", "b": "A gull"}, {"a": "A gull", "b": "A gull"}),
        ({"a": "A gull"}, {"a": "A gull"}),
        ({"a": "A gull", "b": "A gull at night"}, {"a": "A gull", "b": "A gull at night"}),
        ({}, {}),
    ],
)
def test_a_sheet_shows_what_tells_scenes_apart(prompts: dict[str, str], words: dict[str, str]) -> None:
    """Thirty times the same look, and none of what is seen."""
    assert unshared_words(prompts) == words
