"""What an author means, as far as money hangs on it."""

from fractions import Fraction

from studio import Studio

from storyboard.planning.steps import Keep, Make
from storyboard.workflow.facts import current_plan
from storyboard.workflow.workspace import open_workspace

NUMBER = "storyboard: 1\nvars: {v: 1.10}\nscenes:\n  - {id: s1, prompt: 'A label reads {{ v }}.'}\n"


def test_a_take_of_the_former_spelling_is_kept(studio: Studio) -> None:
    """Numbers in vars used to reach prompts as Python spells them: films of then are not bought again."""
    service = studio.serve()
    studio.scenes("A label reads 1.1.")  # What 0.1 sent for the storyboard below.
    assert studio.render().exit == 0
    file = studio.write(NUMBER)
    for _ in range(2):
        with open_workspace(file, studio.settings) as workspace:
            (step,) = current_plan(workspace).steps
        assert isinstance(step, Keep)
        assert step.why == "unchanged; its take was made with numbers as they were spelt before"
        assert studio.render().exit == 0
    assert service.posts == 1
    lock = (studio.folder / "film.lock.yaml").read_text()
    assert step.shot.key in lock, "the lock pins what was bought"


def test_a_new_scene_is_sent_as_it_is_written(studio: Studio) -> None:
    """Only where a take of the former spelling exists is it looked for."""
    studio.serve()
    with open_workspace(studio.write(NUMBER), studio.settings) as workspace:
        (step,) = current_plan(workspace).steps
    assert isinstance(step, Make)
    assert step.shot.prompt == "A label reads 1.10."
    assert studio.render().exit == 0
    assert [charge.credits for charge in studio.service.emulator.charges] == [Fraction(60)]
