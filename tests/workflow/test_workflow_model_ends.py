"""Models that their services switch off: said 60 days before, and an error once they have gone."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import PurePosixPath

import pytest

from storyboard.model.model_catalogue import Catalogue
from storyboard.model.problem import Place
from storyboard.model.storyboard import Generated, Output, Scene, Storyboard, Trim
from storyboard.providers.apikley.veo import CAPABILITIES
from storyboard.workflow.model_ends import ending_models

END = date(2026, 12, 3)
OLD = replace(CAPABILITIES.models[0], name="old", ends=END, successor="veo3_fast")
CATALOGUE = Catalogue.of("apikley", replace(CAPABILITIES, models=(OLD, *CAPABILITIES.models)))


def film(model: str) -> Storyboard:
    source = Generated("A gull", model, "16:9", None, None, (), None, True, None, "720p", provider="apikley")
    scene = Scene("gull", 1, source, Trim(), Place("film.yaml", 3, 5))
    return Storyboard("film", "", (scene,), (), Output(PurePosixPath("film.mp4"), None, None, "pad"))


@pytest.mark.parametrize(
    ("days", "severity", "said"),
    [(61, "", ""), (60, "warning", "ends on"), (0, "warning", "ends on"), (-1, "error", "ended on")],
)
def test_the_end_of_a_model(days: int, severity: str, said: str) -> None:
    found = ending_models(film("old"), CATALOGUE, END - timedelta(days=days))
    assert [each.severity for each in found] == ([severity] if severity else [])
    assert all(f"scene 'gull': old {said} 2026-12-03" == each.message for each in found)
    assert all(each.hint == "use its successor: model: veo3_fast" for each in found)


def test_a_model_without_an_end() -> None:
    assert ending_models(film("veo3"), CATALOGUE, END) == ()
