"""What can be made beside generation is made then: the cut finds its joints, dissolves and measurements there."""

from pathlib import Path

import pytest
from studio import Studio

from storyboard.planning.steps import Keep
from storyboard.workflow.cut import cut_only
from storyboard.workflow.facts import current_plan
from storyboard.workflow.prepare import BackgroundPreparation
from storyboard.workflow.render_options import RenderOptions
from storyboard.workflow.workspace import Workspace, claimed_workspace, open_workspace

FILM = """\
storyboard: 1
output: {loudness: -18}
scenes:
  - {id: sea, prompt: the sea}
  - {id: lamp, prompt: the lamp, transition: {kind: dissolve, seconds: 0.5}}
  - {id: shore, prompt: the shore}
  - {id: card, still: '#101820', seconds: 2}
"""


def taken(studio: Studio, film: str = FILM) -> None:
    studio.write(film)
    assert studio.render(cut=False).exit == 0


def prepared(at: Workspace) -> BackgroundPreparation:
    """As a render that begins with no take at all, and then gets one after the other."""
    plan = current_plan(at)
    preparing = BackgroundPreparation(at, plan)
    preparing._takes.clear()
    preparing._pictured.clear()
    for step in plan.steps:
        assert isinstance(step, Keep)
        preparing.take(step.scene, step.take)
    return preparing


def kept(studio: Studio, what: str) -> dict[str, int]:
    folder = studio.folder / ".storyboard" / what
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.mark.ci
def test_the_cut_finds_everything_there(studio: Studio) -> None:
    """After the last clip has come, a minute would pass in which nothing but what could be done before is done."""
    studio.serve()
    taken(studio)
    with open_workspace(studio.folder / "film.yaml", studio.settings) as at:
        prepared(at)
    before = {what: kept(studio, what) for what in ("segments", "loudness", "pictures")}
    assert [name for name in before["segments"] if name.endswith(".mp4")]
    assert "joints" not in before["segments"]  # With a loudness, all of the sound is mixed.
    assert len([name for name in before["segments"] if name.endswith(".index")]) == 3
    assert (len(before["loudness"]), len(before["pictures"])) == (3, 3)
    with claimed_workspace(studio.folder / "film.yaml", studio.settings) as workspace:
        cut_only(workspace, RenderOptions(on_event=studio.seen.append))
    after = kept(studio, "segments")
    made = {name for name in after if after[name] != before["segments"].get(name)}
    assert {name for name in made if name.endswith(".mp4")} == {name for name in made if name.startswith("drawn-")}
    assert kept(studio, "loudness") == before["loudness"]


@pytest.mark.ci
def test_copied_sound_finds_its_joints(studio: Studio) -> None:
    studio.serve()
    taken(studio, FILM.replace("output: {loudness: -18}\n", ""))
    with open_workspace(studio.folder / "film.yaml", studio.settings) as at:
        prepared(at)
    assert "joints" in kept(studio, "segments")


def test_a_damaged_take_is_the_cuts_to_tell(studio: Studio) -> None:
    """A render would end because of something that is only done early."""
    studio.serve()
    taken(studio)
    with open_workspace(studio.folder / "film.yaml", studio.settings) as at:
        for step in current_plan(at).steps:
            assert isinstance(step, Keep)
            path = Path(at.realm.store.path(step.take.digest))
            path.chmod(0o600)
            path.write_bytes(path.read_bytes()[:5000].ljust(step.take.bytes, b"\0"))
        prepared(at)


def test_a_render_that_is_over_prepares_nothing(studio: Studio) -> None:
    """Ctrl-C would wait until the dissolves are rendered."""
    studio.serve()
    taken(studio)
    with open_workspace(studio.folder / "film.yaml", studio.settings) as at:
        preparing = BackgroundPreparation(at, current_plan(at))
        preparing.stop()
        for step in current_plan(at).steps:
            assert isinstance(step, Keep)
            preparing.take(step.scene, step.take)
    assert not [name for name in kept(studio, "segments") if name.endswith((".mp4", "joints"))]
