"""What machines read: every shape is the one that its schema describes."""

import csv
import io
import json
from contextlib import closing
from fractions import Fraction
from itertools import groupby
from pathlib import Path

import pytest
from canary import KEY
from click import Context
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from studio import Run, Studio, png

from storyboard.cli.main import storyboard
from storyboard.model.shot import Shot
from storyboard.parsing.yaml import load
from storyboard.state import rescue
from storyboard.state.ledger import Ledger
from storyboard.state.store import Store
from storyboard.system.files import private_dir

SCHEMAS = Path(__file__).parents[2] / "schemas"


def fits(name: str, document: object) -> None:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(document)


def test_problems(studio: Studio, run: Run) -> None:
    studio.write("storyboard: 1\ntitel: x\nscenes:\n  - {id: a, prompt: '{{ b }}'}\n")
    left, out, _ = run("validate", "film.yaml", "--json")
    fits("problems", json.loads(out))
    assert left == 2
    assert [problem["line"] for problem in json.loads(out)["problems"]] == [2, 4]


def test_letters_that_the_font_lacks_are_told_before_anything_is_paid(studio: Studio, run: Run) -> None:
    """The whole film would be bought, and its titles be full of signs that nobody can read."""
    studio.write("storyboard: 1\nscenes:\n  - {id: a, prompt: x, title: {text: '日 and Ж'}}\n")
    left, out, _ = run("validate", "film.yaml", "--json")
    fits("problems", json.loads(out))
    (problem,) = json.loads(out)["problems"]
    assert (left, problem["severity"], problem["line"]) == (0, "warning", 3)
    assert "scene 'a': the font of titles and captions lacks 1 character: 日" in problem["message"]
    _, out, _ = run("plan", "film.yaml", "--json", "--draft")
    assert problem["message"] in [each["message"] for each in json.loads(out)["problems"]]


def test_a_plan(studio: Studio, run: Run) -> None:
    """Also what -o saves."""
    png(studio.folder / "a.png")
    studio.write(
        "storyboard: 1\nscenes:\n  - {id: a, prompt: a, first_frame: a.png}\n  - {id: b, prompt: b, model: veo3}\n"
    )
    left, out, _ = run("plan", "film.yaml", "--json", "-o", "plan.json")
    document = json.loads(out)
    fits("plan", document)
    assert left == 0
    assert json.loads((studio.folder / "plan.json").read_text()) == document
    assert document["totals"]["credits"] == 310
    assert [upload["file"] for upload in document["uploads"]] == ["a.png"]


def test_a_plan_whose_images_have_nowhere_to_go(studio: Studio, run: Run) -> None:
    """The problem stands in the document too, with the line of the image and the three ways out."""
    png(studio.folder / "a.png")
    studio.write("storyboard: 1\nscenes:\n  - {id: a, prompt: a, first_frame: a.png}\n")
    studio.environ["STORYBOARD_UPLOADS"] = ""
    left, out, err = run("plan", "film.yaml", "--json")
    document = json.loads(out)
    fits("plan", document)
    assert left == 2
    (problem,) = document["problems"]
    assert problem["line"] == 3
    for way in ("s3://", "provider", "https://"):
        assert way in problem["hint"]
    assert "film.yaml:3:" in err


@pytest.mark.ci
def test_events_and_the_lock(studio: Studio, run: Run) -> None:
    """One event a line, the last one "done"; the lock as git has it."""
    studio.serve("submit:code=422 @c", "submit:drop-after @d", "clip:silent @a")
    studio.write(
        "storyboard: 1\nscenes:\n"
        + "".join(f"  - {{id: {name}, prompt: {name}}}\n" for name in "abcd")
        + "  - {id: e, prompt: e, resolution: 1080p}\n"
    )
    left, out, _ = run("render", "film.yaml", "--yes", "--json")
    seen = [json.loads(line) for line in out.splitlines()]
    for event in seen:
        fits("events", event)
    kinds = {event["event"] for event in seen}
    assert kinds == {"planned", "submitted", "waiting", "fetched", "finished", "failed", "unknown", "warning", "done"}
    assert seen[-1]["event"] == "done"
    assert left == seen[-1]["exit"] == 4
    fits("lock", load((studio.folder / "film.lock.yaml").read_bytes(), "film.lock.yaml"))
    studio.write("storyboard: 1\nscenes:\n  - {id: a, prompt: a}\n")
    _, out, _ = run("render", "film.yaml", "--yes", "--json")
    seen = [json.loads(line) for line in out.splitlines()]
    for event in seen:
        fits("events", event)
    # How often a cut tells how far it is depends on how long it takes.
    assert [name for name, _ in groupby(event["event"] for event in seen)] == ["warning", "planned", "cutting", "done"]
    assert (seen[0]["scene"], "earlier submission" in seen[0]["why"]) == ("d", True)
    assert seen[-1]["film"] == str(studio.folder / "out" / "film.mp4")


@pytest.mark.parametrize("name", sorted(file.name for file in SCHEMAS.glob("*.schema.json")))
def test_a_schema_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(json.loads((SCHEMAS / name).read_text("utf-8")))


def test_status_and_store(studio: Studio, run: Run) -> None:
    """What is paid, what waits for a decision, what lies in the store."""
    studio.serve("submit:drop-after @tern")
    studio.scenes("A gull", "A tern", "A heron")
    run("render", "film.yaml", "--yes", "--scene", "s1", "--scene", "s2", "-q")
    left, out, _ = run("status", "film.yaml", "--json")
    scenes = json.loads(out)["scenes"]
    assert left == 4
    assert [scene["state"] for scene in scenes] == ["done", "unknown", "missing"]
    assert scenes[1]["asked"].endswith("Z")
    assert json.loads(out)["spent"] == 120
    left, out, _ = run("status", "film.yaml")
    assert "if it was accepted it cost 60 credits, 0.30 USD" in out
    (take,) = json.loads(run("store", "ls", "--json")[1])["takes"]
    assert (take["scene"], take["seconds"], take["held"]) == ("s1", 8, True)
    path = next((Path(studio.environ["STORYBOARD_HOME"]) / "rehearsals" / "takes").glob("??/*.mp4"))
    assert run("store", "verify")[0] == 0
    path.chmod(0o644)
    path.write_bytes(b"x")
    left, out, err = run("store", "verify", "--json")
    assert left == 6
    assert json.loads(out)["damaged"] == [take["sha256"]]
    assert "download them again" in err


def test_the_account(studio: Studio, run: Run) -> None:
    """By scene, run, month and model: of one storyboard, or of all that this user ever rendered."""
    studio.serve("submit:drop-after @tern", "job:fail=501 @heron")
    studio.scenes("A gull", "A tern", "A heron")
    studio.scenes("A crane", name="other.yaml", more="defaults: {model: veo3}\n")
    run("render", "film.yaml", "--yes", "-q")
    run("render", "other.yaml", "--yes", "-q")
    left, out, _ = run("status", "film.yaml", "--costs", "--json")
    one = json.loads(out)
    fits("costs", one)
    assert (left, one["storyboard"]) == (0, str(studio.folder / "film.yaml"))
    figures = {"credits": 180, "money": 0.9, "submissions": 3, "unknown": 1, "failed": 1, "refused": 0}
    assert one["total"] == figures
    assert [scene["scene"] for scene in one["scenes"]] == ["s1", "s2", "s3"]
    assert len(one["runs"]) == 1
    every = json.loads(run("status", "--costs", "--json")[1])
    fits("costs", every)
    assert (every["storyboard"], every["total"]["credits"]) == (None, 430)
    assert {model["model"]: model["credits"] for model in every["models"]} == {"veo3_fast": 180, "veo3": 250}
    (month,) = every["months"]
    assert (month["credits"], len(every["runs"])) == (430, 2)

    rows = list(csv.DictReader(io.StringIO(run("status", "--costs", "--csv")[1])))
    assert [row["by"] for row in rows] == ["scene"] * 4 + ["run"] * 2 + ["month", "model", "model", "total"]
    assert (rows[0]["scene"], rows[0]["credits"], rows[0]["money"], rows[0]["currency"]) == ("s1", "60", "0.3", "USD")
    (studio.folder / "film.yaml").write_text("no storyboard any more")
    _, out, _ = run("status", "film.yaml", "--costs")
    assert out.splitlines()[-1].split() == ["total", "180", "0.90", "3", "1", "unknown,", "1", "failed"]
    assert "film.yaml" not in out
    assert f"{studio.folder / 'other.yaml'}  s1" in run("status", "--costs")[1]
    assert run("status", "film.yaml", "--csv")[0] == run("status", "--costs", "--csv", "--json")[0] == 2


def test_a_draft_has_an_account_of_its_own_and_costs_nothing(studio: Studio, run: Run) -> None:
    """Whatever the emulator says that its clips cost."""
    drafts = Ledger(private_dir(studio.settings.realm_folder("draft")) / "ledger.db")
    shot = Shot("A gull", "veo3_fast", "16:9", None, None, (), None, True, None, 1, "apikley")
    drafts.submissions.record_intent(shot, "gull", "/film.yaml", "run1", Fraction(60), 1.0)
    total = json.loads(run("status", "--costs", "--draft", "--json")[1])["total"]
    assert (total["credits"], total["submissions"]) == (0, 1)
    assert json.loads(run("status", "--costs", "--json")[1])["total"]["submissions"] == 0


def test_the_doctor(studio: Studio, run: Run) -> None:
    """It names an unknown submission, asks the provider for the balance, and never shows the key."""
    studio.serve("submit:drop-after @tern", balance=500)
    studio.scenes("A gull", "A tern")
    assert run("doctor")[0] == 0
    run("render", "film.yaml", "--yes", "-q")
    left, out, err = run("doctor", "--json")
    found = {finding["subject"]: finding for finding in json.loads(out)["findings"]}
    assert left == 4
    assert "scene s2" in found["unknown"]["said"]
    assert found["provider"]["said"].endswith("380 credits left")
    assert KEY not in out + err
    (Path(studio.environ["STORYBOARD_HOME"]) / "rehearsals" / "ledger.db").write_bytes(b"rubbish" * 500)
    left, out, _ = run("doctor", "--offline")
    assert left == 6
    assert "bad  ledger" in out
    studio.environ["APIKLEY_BASE_URL"] = "http://example.org"
    assert run("doctor")[0] == 2


def test_a_refused_key_is_seen_by_the_doctor(studio: Studio, run: Run) -> None:
    studio.serve(key="another")
    left, out, _ = run("doctor")
    assert left == 5
    assert "bad  provider" in out


def test_every_verb_explains_itself() -> None:
    """--help of each verb, and no verb without one."""
    runner = CliRunner()
    for name in storyboard.list_commands(Context(storyboard)):
        done = runner.invoke(storyboard, [name, "--help"])
        assert done.exit_code == 0, done.output
        assert len(done.output.splitlines()) > 5


@pytest.mark.ci
def test_the_store_is_cleared(studio: Studio, run: Run) -> None:
    """What goes, what stays and why, what lies in the trash: the shape that commands.md shows."""
    studio.serve()
    studio.scenes("A gull", "A tern")
    run("render", "film.yaml", "--yes", "-q")
    studio.scenes("A heron")
    run("render", "film.yaml", "--yes", "-q")
    left, out, _ = run("store", "gc", "--older-than", "0", "--delete", "--json")
    document = json.loads(out)
    assert left == 0
    assert {(spare["scene"], spare["why"], spare["credits"]) for spare in document["spare"]} == {
        ("s1", "the scene has another take now", 60),
        ("s2", "the film has no such scene any more", 60),
    }
    assert document["bytes"] == sum(spare["bytes"] for spare in document["spare"]) > 0
    assert (document["deleted"], document["kept"]["needed"], document["trash"]) == (True, 1, [])
    document = json.loads(run("store", "gc", "--json")[1])
    assert [(trashed["due"], trashed["sha256"]) for trashed in document["trash"]] == [
        (False, digest) for digest in sorted(trashed["sha256"] for trashed in document["trash"])
    ]
    assert len(document["trash"]) == 2
    assert sum(take["removed"] is not None for take in json.loads(run("store", "ls", "--json")[1])["takes"]) == 2
    document = json.loads(run("store", "gc", "--restore", "--json")[1])
    assert (len(document["restored"]), document["trash"]) == (2, [])


@pytest.mark.ci
def test_the_doctor_finds_what_was_left(studio: Studio, run: Run) -> None:
    """A job that the ledger could not take, takes that are gone, damaged files, half a download."""
    studio.serve()
    studio.scenes("A gull", "A tern", "A heron")
    run("render", "film.yaml", "--yes", "-q")
    realm = studio.settings.realm_folder()
    store = Store(realm / "takes")
    lost, damaged, _ = store
    store.path(lost).unlink()
    store.set_aside(store.path(damaged))
    (realm / "takes" / "arriving" / "dead.0123").touch()
    with closing(Ledger(realm / "ledger.db")) as ledger:
        kept = rescue.keep(ledger.path, ledger.submissions.all()[0], "job-that-was-paid")
    assert kept is not None
    left, out, _ = run("doctor", "--offline", "--json")
    found = {finding["subject"]: finding for finding in json.loads(out)["findings"]}
    assert left == 6
    assert "job-that-was-paid" in found["rescue"]["said"]
    assert found["takes"]["said"] == "2 of 3 rehearsal takes are not in the store, or not whole"
    assert found["damaged"]["said"].startswith("1 damaged file, ")
    assert found["halves"]["said"].startswith("1 clip partly downloaded")
    run("render", "film.yaml", "--yes", "-q")
    left, out, _ = run("doctor", "--offline", "--json")
    assert left == 0
    assert {finding["subject"] for finding in json.loads(out)["findings"]} & {"rescue", "takes", "halves"} == set()
