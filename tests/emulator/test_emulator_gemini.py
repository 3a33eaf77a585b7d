"""The whole way of a film whose takes are made by Gemini Omni: the real client against the emulator's dialect."""

import json
from base64 import b64encode
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import aiohttp
import pytest
from canary import KEY
from studio import Run, Service, Studio
from talking import Start, picture

from storyboard.emulator.api.service import FinishedJob
from storyboard.emulator.drafts.frame_images import Photo
from storyboard.state.ledger import Ledger

FRAMES = """storyboard: 1
scenes:
  - {id: a, prompt: it rains, first_frame: one.png, last_frame: two.png, aspect: "9:16", resolution: 1080p, seconds: 5}
  - {id: b, prompt: the sea <FIRST_FRAME>, references: [one.png, two.png], seconds: 15}
  - {id: c, prompt: the sky, takes: 2, model: omni-1.1-flash, resolution: 360p}
"""


@pytest.fixture
def gemini(studio: Studio, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The emulator speaks as the Gemini API; config.toml names the provider, the vendor's own variable has the key."""
    service = serve(studio)
    studio.environ.pop("STORYBOARD_UPLOADS")
    monkeypatch.delenv("APIKLEY_API_KEY")
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    config = own_home / "config" / "storyboard" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('provider = "gemini"\n', "utf-8")
    for name in ("one.png", "two.png"):
        (studio.folder / name).write_bytes(picture(colour=(ord(name[0]), 90, 200)))
    return service


def serve(studio: Studio, *faults: str) -> Service:
    service = studio.serve(*faults, dialect="gemini", film="tiny")
    studio.environ["GEMINI_BASE_URL"] = service.emulator.url
    return service


def said(studio: Studio) -> str:
    return " ".join(str(event) for event in studio.seen)


@pytest.mark.ci
def test_a_film_of_both_models(studio: Studio, gemini: Service) -> None:
    """Images as bytes, files behind the key, takes that differ without a seed, and what they cost to the token."""
    studio.write(FRAMES)
    done = studio.render()
    assert (done.exit, done.made) == (0, 4)
    jobs = {job.prompt: gemini.emulator.outcome(job.id) for job in gemini.emulator.jobs}
    frames = jobs["<FIRST_FRAME> <LAST_FRAME> it rains"]
    references = jobs["<IMAGE_REF_0> <IMAGE_REF_1> the sea FIRST_FRAME"]
    assert isinstance(frames, FinishedJob)
    assert isinstance(references, FinishedJob)
    assert [isinstance(still, Photo) for still in (*frames.brief.stills, *references.brief.stills)] == [True] * 4
    assert (frames.brief.size, references.brief.size) == ((1080, 1920), (1280, 720))
    assert isinstance(sky := jobs["the sky"], FinishedJob)
    assert sky.brief.size == (640, 360)
    assert len({gemini.emulator.colour(job.id) for job in gemini.emulator.jobs}) == 4
    assert all(seen.key and KEY not in seen.query for seen in gemini.emulator.requests)
    with closing(Ledger(studio.settings.realm_folder() / "ledger.db")) as ledger:
        costs = {take.credits for _, take, _ in ledger.takes.all()}
    words = -(-len("<FIRST_FRAME> <LAST_FRAME> it rains") // 4)
    assert Fraction(8688 * 5 * 12, 10**6) + Fraction((2 * 258 + words) * 3, 2 * 10**6) in costs
    assert studio.render().made == 0


@pytest.mark.ci
@pytest.mark.parametrize(
    ("fault", "made", "words"),
    [
        ("submit:http=429 x1, poll:http=503 x1, poll:late x1, clip:cut x1", 1, ""),
        ("submit:http=400", 0, "Gemini does not accept the request (400)"),
        ("submit:http=404", 0, "its successor is omni-1.2-flash"),
        ("job:fail=400", 0, "violating content policies"),
        ("job:flag=1", 0, "gives no address for the clip"),
        ("clip:redirect=http://localhost:1/stolen.mp4", 0, "localhost:1"),
    ],
)
def test_troubles(studio: Studio, gemini: Service, fault: str, made: int, words: str) -> None:
    """Each is got over, or ends in a sentence; none is paid for twice, and the key goes nowhere else."""
    serve(studio, *fault.split(", "))
    studio.scenes("it rains")
    done = studio.render()
    assert (done.made, words in said(studio)) == (made, True), said(studio)
    assert len(studio.service.emulator.jobs) == (0 if fault.startswith("submit:http=40") else 1)


@pytest.mark.ci
def test_a_lost_answer_stays_unconfirmed(studio: Studio, gemini: Service) -> None:
    """Nothing of ours names the job: it is not sent again by itself, and so not paid for twice."""
    serve(studio, "submit:drop-after x1")
    studio.scenes("it is lost")
    assert studio.render().unknown == 1
    assert studio.render().made == 0
    assert len(studio.service.emulator.jobs) == 1


@pytest.mark.ci
def test_the_plan_says_where_images_go(studio: Studio, gemini: Service, run: Run) -> None:
    """No upload destination is needed, and none is missed; what it costs is said in the vendor's currency."""
    studio.write(FRAMES)
    status, told, _ = run("plan", "film.yaml")
    assert status == 0
    assert "one.png (0 kB), two.png (0 kB): sent to gemini in the request" in told
    assert "to pay   2.10 USD" in told


@pytest.mark.ci
def test_doctor_asks_for_the_models(studio: Studio, gemini: Service, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong key is found before a night's render."""
    _, told, more = run("doctor")
    assert "the Gemini API accepts the key" in told + more
    service = studio.serve(dialect="gemini", key="another")
    studio.environ["GEMINI_BASE_URL"] = service.emulator.url
    status, told, more = run("doctor")
    assert "the service does not accept the key (401): API key not valid" in told + more
    assert status != 0


async def test_what_the_dialect_refuses(start: Start) -> None:
    """A request that Gemini would refuse must not pass here, or it is found out with money."""
    client = await start(dialect="gemini")
    url = f"{client.emulator.url}/v1beta/interactions"
    image = {"type": "image", "mime_type": "image/png", "data": b64encode(picture()).decode()}
    form = {"type": "video", "duration": "8s"}
    good = {"model": "gemini-omni-1.2-flash", "input": "rain", "response_format": form, "background": True}
    text = {"type": "text", "text": "rain"}
    wrong: dict[str, tuple[object, int]] = {
        "no JSON": ("{", 400),
        "a list": ([], 400),
        "a field": ({**good, "seed": 1}, 400),
        "a model": ({**good, "model": "veo-3.1-generate-preview"}, 404),
        "the front": ({**good, "background": False}, 400),
        "no prompt": ({**good, "input": [image]}, 400),
        "a content": ({**good, "input": [{"type": "audio"}]}, 400),
        "a turn": ({**good, "input": [{"type": "user_input", "content": ["x"]}]}, 400),
        "a kind": ({**good, "input": [{**image, "mime_type": "image/gif"}, text]}, 400),
        "no base64": ({**good, "input": [{**image, "data": "%"}, text]}, 400),
        "no format": ({**good, "response_format": {"type": "image"}}, 400),
        "a shape": ({**good, "response_format": {**form, "aspect_ratio": "4:3"}}, 400),
        "a resolution": ({**good, "response_format": {**form, "resolution": "480p"}}, 400),
        "a delivery": ({**good, "response_format": {**form, "delivery": "post"}}, 400),
        "a number": ({**good, "response_format": {**form, "duration": 8}}, 400),
        "a length": ({**good, "response_format": {**form, "duration": "16s"}}, 400),
        "a seed": ({**good, "generation_config": {"seed": 1}}, 400),
        "a task": ({**good, "generation_config": {"video_config": {"task": "edit"}}}, 400),
        "images": ({**good, "generation_config": {"video_config": {"task": "image_to_video"}}}, 400),
        "frames": ({**good, "input": [image, image, text], "response_format": {**form, "duration": "11s"}}, 400),
    }
    async with aiohttp.ClientSession(headers={"x-goog-api-key": "rehearsal"}) as session:
        for case, (body, status) in wrong.items():
            sent = body if isinstance(body, str) else json.dumps(body)
            async with session.post(url, data=sent) as answer:
                document = await answer.json()
                assert (answer.status, document["error"]["code"]) == (status, status), case
        for path in ("interactions/x", "files/abc", "files/abc:download", "nowhere"):
            async with session.get(f"{client.emulator.url}/v1/{path}") as answer:
                assert answer.status in (403, 404)
        async with session.post(f"{url}/x/cancel") as answer:
            assert answer.status == 404
    async with client.session.post(f"{url}?key=rehearsal", json=good) as answer:
        assert (answer.status, "PERMISSION_DENIED" in await answer.text()) == (403, True)
    assert client.emulator.jobs == []


async def test_a_job_is_cancelled(start: Start) -> None:
    client = await start(dialect="gemini", latency=60)
    url = f"{client.emulator.url}/v1beta/interactions"
    body = {
        "model": "gemini-omni-1.2-flash",
        "input": "rain",
        "response_format": [{"type": "video"}],
        "background": True,
    }
    async with aiohttp.ClientSession(headers={"x-goog-api-key": "rehearsal"}) as session:
        async with session.post(url, json=body) as answer:
            job = (await answer.json())["id"]
        async with session.post(f"{url}/{job}/cancel") as answer:
            assert (await answer.json())["status"] == "cancelled"
        async with session.get(f"{url}/{job}") as answer:
            assert (await answer.json())["status"] == "cancelled"


@pytest.mark.ci
def test_an_owed_clip_in_1080p_stays_one(studio: Studio, gemini: Service, run: Run) -> None:
    """Collected for a scene that has changed, it is there when the scene is as it was: its file at Google goes."""
    serve(studio, "clip:http=403")
    scene = "storyboard: 1\nscenes:\n  - {{id: a, prompt: {}, resolution: 1080p}}\n"
    studio.write(scene.format("it rains"))
    assert studio.render().failed == 1
    studio.service.emulator.heal()
    studio.write(scene.format("the sun shines"))
    status, told, more = run("collect", "film.yaml")
    assert status == 0, told + more
    studio.write(scene.format("it rains"))
    done = studio.render()
    assert (done.exit, done.made, len(studio.service.emulator.jobs)) == (0, 0, 1), said(studio)
