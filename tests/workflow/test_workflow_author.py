"""What an author means, as far as money hangs on it."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest
from studio import Run, Studio, png

from storyboard.model import events
from storyboard.model.errors import InputError
from storyboard.model.remark import Remark
from storyboard.model.take import Measure, Take
from storyboard.planning.steps import Keep, Make
from storyboard.workflow.facts import current_plan
from storyboard.workflow.shapes import misshapen_clips
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


def test_a_take_with_the_references_of_before_is_kept(studio: Studio) -> None:
    """Cast members in branches that do not run used to be sent: films of then are not bought again."""
    service = studio.serve()
    for name in ("keeper", "gull"):
        png(studio.folder / f"{name}.png")
    cast = "cast:\n  keeper: {looks: a man, images: [keeper.png]}\n  gull: {looks: a gull, images: [gull.png]}\n"
    scene = "storyboard: 1\n" + cast + "scenes:\n  - {id: s1, prompt: %s, references: %s}\n"
    studio.write(scene % ("a man", "[keeper.png, gull.png]"))  # What was sent for the storyboard below.
    assert studio.render().exit == 0
    file = studio.write(scene % ("'{{ cast.keeper }}{% if false %}{{ cast.gull }}{% endif %}'", "cast"))
    with open_workspace(file, studio.settings) as workspace:
        (step,) = current_plan(workspace).steps
    assert isinstance(step, Keep)
    assert step.why == "unchanged; its take was made with images of cast members that are not named any more"
    assert service.posts == 1


def test_a_new_scene_is_sent_as_it_is_written(studio: Studio) -> None:
    """Only where a take of the former spelling exists is it looked for."""
    studio.serve()
    with open_workspace(studio.write(NUMBER), studio.settings) as workspace:
        (step,) = current_plan(workspace).steps
    assert isinstance(step, Make)
    assert step.shot.prompt == "A label reads 1.10."
    assert studio.render().exit == 0
    assert [charge.credits for charge in studio.service.emulator.charges] == [Fraction(60)]


def test_prompts_prints_what_render_sends(studio: Studio, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reviews the requests reviews those that are paid for, whatever the service calls its fields."""
    service = studio.serve()
    text = (
        "storyboard: 1\nvars: {v: 1.10}\nscenes:\n  - {id: s1, prompt: {lens: 2.80, label: 'v{{ v }}'}, seed: 41203}\n"
    )
    studio.write(text)
    monkeypatch.chdir(studio.folder)
    code, told, _ = run("prompts", "film.yaml", "--json")
    assert code == 0
    assert studio.render().exit == 0
    (job,) = service.emulator.jobs
    assert json.loads(told)["scenes"] == [{"scene": "s1", "request": job.request, "seeds": [41203]}]
    assert job.request["prompt"] == '{"lens": 2.80, "label": "v1.10"}'


def test_prompts_speaks_the_profile(studio: Studio, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service of another dialect is sent other names, and a callback's address where callbacks are wanted."""
    studio.serve()
    studio.scenes("A gull.")
    config = studio.settings.file
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text('[profile]\nprompt = "text"\nmode = ""\n')
    monkeypatch.chdir(studio.folder)
    monkeypatch.setenv("STORYBOARD_CALLBACK_URL", "https://example.com/hook/")
    request = json.loads(run("prompts", "film.yaml", "--json")[1])["scenes"][0]["request"]
    assert request["text"] == "A gull."
    assert request["callBackUrl"] == "https://example.com/hook/cb/NONCE"
    assert not {"prompt", "generationType"} & request.keys()


def test_a_clip_of_another_shape_is_told(studio: Studio) -> None:
    """`aspect: auto` is known when the clip is there; a film without black bars is still one word away."""
    storyboard = studio.write("storyboard: 1\nscenes:\n  - {id: s1, prompt: A.}\n  - {id: s2, prompt: B.}\n")
    with open_workspace(storyboard, studio.settings) as workspace:
        board = workspace.storyboard
    wide = Take("0" * 64, 1, Measure(192, Fraction(24), 1280, 720, True))
    tall = Take("1" * 64, 1, Measure(192, Fraction(24), 720, 1280, True))
    assert list(misshapen_clips(board, {"s1": wide, "s2": wide})) == []
    told = list(misshapen_clips(board, {"s1": wide, "s2": tall}))
    assert told == [("s2", "its clip came as 720x1280, the film is 1280x720: it gets black bars")]
    remarked = replace(tall, remarks=(Remark("wrong-shape", "asked for 16:9, and 720x1280 came"),))
    told = list(misshapen_clips(board, {"s1": wide, "s2": remarked}))
    assert told == [("s2", "the film is 1280x720: it gets black bars")]
    cropped = replace(board, output=replace(board.output, fit="crop"))
    assert list(misshapen_clips(cropped, {"s1": wide, "s2": tall})) == []


def test_warnings_are_told_before_paying(studio: Studio) -> None:
    """With what to do: at the prompt that asks, not only by validate."""
    studio.serve()
    studio.write("storyboard: 1\nscenes: [{id: s1, prompt: One.}]\noutput: {size: 72x128}\n")
    studio.render()
    told = [event.why for event in studio.seen if isinstance(event, events.Warned)]
    message = "the film is 72x128, and 1 scene is 16:9 by default: black bars; write 'defaults: {aspect: 9:16}'"
    assert told[0].endswith(f"film.yaml:3:16: {message}")


def test_a_refusal_of_a_saved_plan_is_short(studio: Studio) -> None:
    """One summary line and ten others, however much differs."""
    studio.serve()
    file = studio.scenes(*(f"Shot {number}." for number in range(30)))
    with pytest.raises(InputError) as refused:
        studio.render(saved_plan={"steps": [], "provider": "other"})
    lines = refused.value.message.splitlines()
    assert lines[0] == "the saved plan is out of date: 31 differences"
    assert len(lines[1:]) + len(refused.value.hint.splitlines()) == 10
    assert lines[-1] == "  and 23 more"
    assert file.exists()
