"""The shipped declarations: each keeps the contract, says what it rests on, and asks as its service takes it."""

import importlib.util
import json
import re
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from tiers import every

from storyboard.http.exchange import Meaning, Rejection, Reply
from storyboard.http.policy import AnswerKind
from storyboard.model.problem import Place
from storyboard.model.shot import Shot
from storyboard.model.storyboard import WebImage
from storyboard.providers.base import (
    AskNext,
    BalanceReader,
    Canceller,
    Dispatch,
    JobFailed,
    JobFinder,
    Pending,
    PromptEcho,
    Ready,
    SentImage,
    sent_images,
)
from storyboard.providers.declared.catalogue import shipped_names, shipped_provider
from storyboard.providers.declared.interpreter import Declared
from storyboard.testing import ContractCheck, provider_contract

DOCS = Path(__file__).parents[2] / "docs"
IMAGE = WebImage("https://images.example/a.png", Place("a.yaml", 1, 1))
DISPATCH = Dispatch("7b0f6a52-3a1f-5d6e-9c59-0e2c1f7f9d11")


def shipped(name: str) -> Declared:
    provider = shipped_provider(name)
    assert isinstance(provider, Declared)
    return provider


def shot(provider: Declared, model: str, **fields: Any) -> Shot:
    plain = Shot("A cat.", model, "16:9", None, None, (), None, True, None, 1, provider.name)
    return replace(plain, **fields)


def body(name: str, model: str, *images: SentImage, **fields: object) -> dict[str, object]:
    provider = shipped(name)
    return provider.request(shot(provider, model, **fields), images, DISPATCH)


CHECKS = [(name, check) for name in shipped_names() for check in provider_contract(shipped(name))]


@pytest.mark.parametrize(("name", "check"), every(5, CHECKS), ids=[f"{name}-{check}" for name, check in CHECKS])
def test_the_contract(name: str, check: ContractCheck) -> None:
    """Whatever a service answers: no job is lost, and none is paid for twice."""
    check()


@pytest.mark.parametrize("name", shipped_names())
def test_each_says_what_it_rests_on(name: str) -> None:
    """A guess that nobody can find is taken for a fact."""
    known = shipped(name).declaration
    assert re.fullmatch(r"2026-\d\d-\d\d", known.facts.date)
    assert known.facts.source
    assert all(guess.startswith(f"{name}: ") for guess in known.facts.guessed)


def test_the_pages_are_up_to_date() -> None:
    """docs/declared.md and docs/providers.md say what the files say: python docs/make_declared.py."""
    spec = importlib.util.spec_from_file_location("make_declared", DOCS / "make_declared.py")
    assert spec
    assert spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    for page in ("declared.md", "providers.md"):
        text = (DOCS / page).read_text("utf-8")
        assert script.filled(text) == text


def test_kie_asks_as_its_document_says() -> None:
    first, last = sent_images(
        shot(shipped("kie"), "bytedance/seedance-2", first_frame=IMAGE, last_frame=IMAGE),
        ["https://a/1", "https://a/2"],
    )
    assert body("kie", "bytedance/seedance-2", first, last, sound=False, seconds=Fraction(6), resolution="480p") == {
        "model": "bytedance/seedance-2",
        "input": {
            "prompt": "A cat.",
            "first_frame_url": "https://a/1",
            "last_frame_url": "https://a/2",
            "aspect_ratio": "16:9",
            "resolution": "480p",
            "duration": 6,
            "generate_audio": False,
        },
    }


def test_fal_has_a_path_for_each_kind_of_image() -> None:
    """The text, the image and the reference form of one model are different endpoints there."""
    fal = shipped("fal")
    model = "veo3.1/fast"
    text = fal.submission(shot(fal, model), [], DISPATCH)
    first = fal.submission(shot(fal, model), [SentImage("first_frame", "https://a/1")], DISPATCH)
    both = [SentImage("first_frame", "https://a/1"), SentImage("last_frame", "", b"PNG", "image/png")]
    last = fal.submission(shot(fal, model), both, DISPATCH)
    assert [request.path for request in (text, first, last)] == [
        "/fal-ai/veo3.1/fast",
        "/fal-ai/veo3.1/fast/image-to-video",
        "/fal-ai/veo3.1/fast/first-last-frame-to-video",
    ]
    assert text.body == {
        "prompt": "A cat.",
        "aspect_ratio": "16:9",
        "resolution": "720p",
        "duration": "8s",
        "generate_audio": True,
    }
    assert first.body == {**text.body, "image_url": "https://a/1"}
    assert last.body == {
        **text.body,
        "first_frame_url": "https://a/1",
        "last_frame_url": "data:image/png;base64,UE5H",
    }


def test_images_in_a_list_have_their_roles() -> None:
    """An empty item of a list would be an image without an address."""
    references = [SentImage("reference", f"https://a/{number}") for number in (1, 2)]
    item = {"type": "image_url", "role": "reference_image"}
    assert body("ark", "seedance-2.0", *references)["content"] == [
        {"type": "text", "text": "A cat."},
        {**item, "image_url": {"url": "https://a/1"}},
        {**item, "image_url": {"url": "https://a/2"}},
    ]
    assert body("luma", "ray-2").get("keyframes") is None
    assert body("luma", "ray-2", SentImage("last_frame", "https://a/1"))["keyframes"] == {
        "frame1": {"type": "image", "url": "https://a/1"}
    }


def reply(body: object, status: int = 200) -> Reply:
    return Reply(status, json.loads(json.dumps(body), parse_float=Decimal))


def test_fal_is_polled_below_owner_and_alias() -> None:
    """Its job is a path of three parts before its id; the answer's own host is never asked."""
    fal = shipped("fal")
    job = fal.read_submission(
        reply({"request_id": "r-1", "response_url": "https://evil.example/fal-ai/wan/requests/r-1"})
    )
    assert job == "fal-ai/wan/requests/r-1"
    assert fal.status(job).path == "/fal-ai/wan/requests/r-1/status"
    assert (fal.status(job).origin, fal.status("../a?b").path) == ("", "/%2E%2E/a%3Fb/status")
    assert fal.read_submission(reply({"response_url": "https://queue.fal.run/../x"})) == Meaning(
        AnswerKind.NO_RECEIPT, "no job's name at /response_url|path"
    )


def test_fal_says_done_where_it_failed() -> None:
    """Two ways to fail after COMPLETED: an error beside it, and a result that is a refusal."""
    fal, job = shipped("fal"), "fal-ai/wan/requests/r-1"
    assert fal.read_status(job, reply({"status": "IN_QUEUE", "queue_position": 3})) == Pending(queued=True, place=3)
    failed = fal.read_status(job, reply({"status": "COMPLETED", "error": "no GPU", "error_type": "runner_error"}))
    assert failed == JobFailed(AnswerKind.OVER, "runner_error: no GPU")
    asked = fal.read_status(job, reply({"status": "COMPLETED"}))
    assert isinstance(asked, AskNext)
    assert asked.request.path == "/fal-ai/wan/requests/r-1"
    refused = {"detail": [{"loc": ["body"], "msg": "flagged", "type": "content_policy_violation"}]}
    assert asked.read(reply(refused, 422)) == JobFailed(422, "content_policy_violation: flagged")
    assert asked.read(reply(None, 422)) == Rejection(None, "")
    assert asked.read(reply({"video": {"url": "https://fal.media/a.mp4"}, "seed": 7})) == Ready(
        "https://fal.media/a.mp4", seed=7
    )
    assert asked.read(reply({"video": None})) == Pending(done=True)


def test_xai_says_done_of_a_clip_that_it_held_back() -> None:
    xai = shipped("xai")
    held = {"status": "done", "video": {"url": "https://vidgen.x.ai/a.mp4", "respect_moderation": False}}
    assert isinstance(xai.read_status("j", reply(held)), JobFailed)
    held["video"] = {"url": "https://vidgen.x.ai/a.mp4", "respect_moderation": True}
    assert xai.read_status("j", reply(held)) == Ready("https://vidgen.x.ai/a.mp4")


def test_a_state_that_nobody_listed_leaves_the_job_open() -> None:
    """The service has a new word: the clip is paid for, so the job is asked for again later."""
    found = shipped("runway").read_status("j", reply({"id": "j", "status": "PAUSED"}))
    assert isinstance(found, Meaning)
    assert found.signal is AnswerKind.OTHER
    assert "'PAUSED' is unknown" in found.words


def test_what_a_job_cost_is_read_exactly() -> None:
    done = {"taskId": "j", "state": "success", "resultJson": '{"resultUrls":["https://a/1.mp4"]}'}
    found = shipped("kie").read_status("j", reply({"code": 200, "data": {**done, "creditsConsumed": 12.5}}))
    assert found == Ready("https://a/1.mp4", credits=Fraction(25, 2))


@pytest.mark.parametrize(
    ("name", "answer", "status", "signal"),
    [
        ("kie", {"code": 402, "msg": "no credits"}, 200, Rejection(402, "no credits")),
        ("kie", {"code": 455, "msg": "maintenance"}, 200, Meaning(AnswerKind.BUSY, "455: maintenance")),
        ("kie", {"code": 455, "msg": "maintenance"}, 502, Rejection(None, "455: maintenance")),
        ("kie", {"code": 433, "msg": "limit"}, 200, Meaning(402, "433: limit")),
        ("runway", {"error": "bad ratio"}, 400, Rejection(None, "bad ratio")),
        ("kling", {"code": 1302, "message": "too fast"}, 429, Meaning(429, "1302: too fast")),
        ("kling", {"code": 1303, "message": "too fast"}, 503, Rejection(429, "1303: too fast")),
        ("dashscope", {"code": "Arrearage", "message": "pay"}, 400, Meaning(402, "Arrearage: pay")),
        ("kie", {"code": 200, "data": {}}, 200, Meaning(AnswerKind.NO_RECEIPT, "no job's name at /data/taskId")),
    ],
)
def test_refusals(name: str, answer: object, status: int, signal: Meaning | Rejection) -> None:
    """Each code means what its service says that it means."""
    assert shipped(name).read_submission(reply(answer, status)) == signal


def test_abilities_are_those_that_are_declared() -> None:
    abilities = (Canceller, BalanceReader, JobFinder, PromptEcho)
    found = {
        name: [isinstance(shipped(name), each) for each in abilities] for name in ("fal", "kie", "kling", "runway")
    }
    assert found == {
        "fal": [True, False, False, False],
        "kie": [False, True, False, True],
        "kling": [False, False, True, False],
        "runway": [True, True, False, False],
    }


def test_cancel_and_balance() -> None:
    runway = shipped("runway")
    assert isinstance(runway, Canceller)
    assert isinstance(runway, BalanceReader)
    assert (runway.cancel("j").method, runway.cancel("j").path) == ("DELETE", "/v1/tasks/j")
    assert [runway.read_cancel(reply(None, status)) for status in (204, 404)] == [True, False]
    assert runway.read_balance(reply({"creditBalance": 40})) == 40


def test_a_job_is_found_by_our_own_name() -> None:
    """After a lost answer: the job, or the certainty that there is none; a refusal is neither."""
    kling = shipped("kling")
    assert isinstance(kling, JobFinder)
    assert kling.search(DISPATCH).path == f"/v1/videos/text2video/{DISPATCH.name}"
    told = {"task_id": "k-1", "task_info": {"external_task_id": DISPATCH.name}}
    assert kling.read_search(DISPATCH, reply({"code": 0, "data": told})) == "k-1"
    assert isinstance(kling.read_search(DISPATCH, reply({"code": 1203, "message": "none"})), Rejection)
