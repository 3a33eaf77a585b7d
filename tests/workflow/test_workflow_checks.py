"""Checks of what came, as the author meets them: told when a clip comes, and wherever its take is shown."""

import importlib
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from PIL import Image, ImageDraw
from studio import Run, Studio
from tiers import every

from storyboard.model import events
from storyboard.model.remark import Remark

SCHEMAS = Path(__file__).parents[2] / "schemas"


def document(run: Run, *command: str) -> dict[str, Any]:
    status, out, err = run(*command, "--json")
    assert (status, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    return found


def valid(name: str, found: object) -> None:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(found)


def remarks(studio: Studio) -> list[tuple[str, str]]:
    """The remarks that the render told: scene and name."""
    warned = [event for event in studio.seen if isinstance(event, events.Warned)]
    return [(event.scene, remark.name) for event in warned for remark in event.remarks]


def lock(studio: Studio, name: str = "film") -> str:
    return (studio.folder / f"{name}.lock.yaml").read_text("utf-8")


def picture(path: Path) -> None:
    """An image in which something is to be seen."""
    image = Image.new("RGB", (1280, 720), "navy")
    draw = ImageDraw.Draw(image)
    draw.ellipse((100, 80, 600, 500), fill="gold")
    draw.rectangle((700, 400, 1200, 700), fill="teal")
    image.save(path)


def test_each_fault_is_told_and_stands_wherever_the_take_is_shown(studio: Studio, run: Run) -> None:
    """A black, frozen or silent clip is found in the cinema, or here."""
    studio.serve("clip:black @night", "clip:frozen @stone", "clip:silent @moon")
    studio.scenes("A gull.", "A night.", "A stone.", "The moon.")
    done = studio.render(cut=False)
    assert (done.exit, done.made) == (0, 4)
    wanted = [("s2", "black"), ("s3", "frozen"), ("s4", "no-sound")]
    assert sorted(remarks(studio)) == wanted

    plan, status, takes = (document(run, verb, "film.yaml") for verb in ("plan", "status", "takes"))
    valid("plan", plan)
    valid("takes", takes)
    rows = [takes["scenes"][number]["takes"][0] for number in range(4)]
    for steps in (plan["steps"], status["scenes"], rows):
        assert isinstance(steps, list)
        assert [[remark["name"] for remark in step["remarks"]] for step in steps] == [
            [],
            ["black"],
            ["frozen"],
            ["no-sound"],
        ]

    for verb in ("plan", "status"):
        lines = [line.split(maxsplit=2) for line in run(verb, "film.yaml")[1].splitlines() if line.startswith("remark")]
        assert lines == [
            ["remark", "s2", "its picture is black"],
            ["remark", "s3", "its picture does not move"],
            ["remark", "s4", "the take has no sound: the cut adds silence"],
        ]
    assert (
        'remarks: [{"name": "black", "numbers": {"from": 0.0, "seconds": 8.0}, "says": "its picture is black"}]'
        in lock(studio)
    )
    studio.render()
    assert remarks(studio) == []  # told once: the takes are here


def test_remarks_travel_with_the_lock(studio: Studio, run: Run) -> None:
    """A colleague who downloads the takes by the lock is told what was found, and a lock of before still reads."""
    studio.serve("clip:silent @moon")
    studio.scenes("The moon.")
    studio.render()
    before = lock(studio)
    (studio.folder / "film.lock.yaml").write_text(before.replace('"no-sound"', '"No Sound"'))
    status, _, err = run("plan", "film.yaml")
    assert (status, "film.lock.yaml: the entry of scene 's1' is damaged" in err) == (2, True)
    (studio.folder / "film.lock.yaml").write_text(
        "".join(line for line in before.splitlines(True) if "remarks" not in line)
    )
    assert run("plan", "film.yaml")[0] == 0


@pytest.mark.ci
def test_events_tell_the_remark_as_a_value(studio: Studio, run: Run) -> None:
    """A pipeline decides by the name, not by the sentence."""
    studio.serve("clip:silent @moon")
    studio.scenes("The moon.", "A gull.")
    _, out, _ = run("render", "film.yaml", "--yes", "--json")
    told = [json.loads(line) for line in out.splitlines()]
    for event in told:
        valid("events", event)
    found = [event["remarks"] for event in told if event["event"] == "warning"]
    assert found == [[{"name": "no-sound", "says": "the take has no sound: the cut adds silence"}]]


def test_a_clip_begins_with_its_first_frame_or_is_told(studio: Studio) -> None:
    """A shot that begins with another picture than the approved one is found when it is bought."""
    picture(studio.folder / "first.png")
    studio.serve("clip:black @night")
    studio.write(
        "storyboard: 1\nscenes:\n"
        "  - {id: good, prompt: A gull., first_frame: first.png}\n"
        "  - {id: bad, prompt: A night., first_frame: first.png, last_frame: first.png}\n"
    )
    assert studio.render(cut=False).exit == 0
    assert sorted(remarks(studio)) == [("bad", "black"), ("bad", "first-frame"), ("bad", "last-frame")]


@pytest.mark.ci
def test_a_chained_clip_begins_with_the_frame_of_the_other_scene(studio: Studio) -> None:
    """A chain is judged by the frame that was sent, which is no file of the author."""
    studio.serve("clip:black @night")
    studio.write(
        "storyboard: 1\nscenes:\n"
        "  - {id: sea, prompt: A gull.}\n"
        "  - {id: good, prompt: Another., first_frame: {scene: sea}}\n"
    )
    assert studio.render().exit == 0
    assert remarks(studio) == []


Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs a package with one check called `grain`, as pip would."""
    target = tmp_path / "site"
    target.mkdir()
    monkeypatch.syspath_prepend(str(target))

    def installed(code: str) -> None:
        (target / "own_checks_of_a_test.py").write_text(f"from storyboard import Remark\n{code}")
        info = target / "own_checks_of_a_test-1.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own-checks-of-a-test\nVersion: 1\n")
        (info / "entry_points.txt").write_text("[storyboard.checks]\ngrain = own_checks_of_a_test:check\n")
        sys.modules.pop("own_checks_of_a_test", None)
        importlib.invalidate_caches()

    return installed


def test_a_check_of_ones_own(studio: Studio, run: Run, install: Install) -> None:
    """What a studio looks for is its own; it stands beside ours."""
    install(
        "def check(path, facts):\n"
        "    assert path.stat().st_size and facts.measure.frames == 192 and facts.remarks[0].name == 'no-sound'\n"
        "    yield Remark('grain', f'{facts.scene} is too grainy', (('grain', 0.5),))\n"
    )
    studio.serve("clip:silent @moon")
    studio.scenes("The moon.")
    assert studio.render().exit == 0
    assert remarks(studio) == [("s1", "no-sound"), ("s1", "grain")]
    assert "s1 is too grainy" in run("plan", "film.yaml")[1]
    assert '"grain": 0.5' in lock(studio)


@pytest.mark.parametrize(
    ("code", "why"),
    every(
        4,
        [
            ("def check(path, facts):\n    raise OSError('no such model')\n", "OSError: no such model"),
            ("def check(path, facts):\n    return ['grainy']\n", "TypeError: it returned str, and no Remark"),
            (
                "def check(path, facts):\n    return [Remark('black', 'x')]\n",
                "ValueError: 'black' is a remark of storyboard's own",
            ),
            ("import nothing_of_that_name\n", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ],
    ),
    ids=["raises", "no remark", "a name of ours", "does not import"],
)
def test_a_check_that_fails_is_a_warning_and_no_loss(studio: Studio, install: Install, code: str, why: str) -> None:
    """The take is paid for: it is in the film, whatever the check says."""
    install(code)
    studio.serve()
    studio.scenes("A gull.")
    done = studio.render()
    assert (done.exit, done.made) == (0, 1)
    warned = [event.why for event in studio.seen if isinstance(event, events.Warned)]
    assert len(warned) == 1
    assert warned[0].startswith(f"the check 'grain' failed: {why}")


@pytest.mark.ci
def test_the_example_is_a_package_whose_check_runs(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the page shows is built, installed and used."""
    source = tmp_path / "source"
    shutil.copytree(Path(__file__).parents[2] / "examples" / "checks", source)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    with zipfile.ZipFile(next((tmp_path / "dist").glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    importlib.invalidate_caches()
    studio.serve()  # clips of 128x72, whose sound alone has more bits than the check wants
    studio.scenes("A gull.")
    assert studio.render().exit == 0
    assert remarks(studio) == []
    studio.serve("clip:black @night", film="animatic")
    studio.scenes("A gull.", "A night.")
    assert studio.render(cut=False).exit == 0
    assert remarks(studio) == [("s2", "black"), ("s2", "bitrate")]


def test_a_remark_is_public() -> None:
    """Those who write a check import it from the package."""
    import storyboard

    assert storyboard.Remark is Remark
    assert storyboard.ClipFacts.__name__ == "ClipFacts"
