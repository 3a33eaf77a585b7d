"""Gemini Omni: what is sent, what each reply means, and what a job cost. Replies: services.md section 3."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storyboard.costs.price_book import PriceBook
from storyboard.http.exchange import Meaning, Rejection, Reply
from storyboard.http.policy import AnswerKind, Call, Verdict
from storyboard.model.cost import Cost
from storyboard.model.errors import InputError, SceneFailed
from storyboard.model.problem import Place
from storyboard.model.shot import Shot
from storyboard.model.storyboard import WebImage
from storyboard.providers.base import AskNext, Dispatch, Inspection, JobFailed, Pending, Ready, Role, SentImage
from storyboard.providers.gemini import Gemini, provider
from storyboard.providers.gemini.google_errors import ANSWERS, refusal
from storyboard.providers.gemini.interactions import read_file
from storyboard.providers.gemini.omni_models import MODELS
from storyboard.providers.gemini.prompt_tags import tagged_prompt
from storyboard.testing import ContractCheck, ReplySamples, provider_contract

JOB = "v1_ChdQUm5hWnJlYw"
URI = "https://generativelanguage.googleapis.com/v1beta/files/abc-123"
IMAGE = WebImage("https://images.example/a.png", Place("film.yaml", 1, 1))
PLAIN = Shot("A lighthouse.", "omni-1.2-flash", "16:9", None, None, (), None, True, None, 1, "gemini")
USAGE = {
    "total_input_tokens": 1000,
    "total_thought_tokens": 500,
    "output_tokens_by_modality": [{"modality": "video", "tokens": 8 * 5792}, {"modality": "text", "tokens": 100}],
}
COST = Fraction(1000 * 3, 2 * 10**6) + Fraction(600 * 9, 10**6) + Fraction(8 * 5792 * 12, 10**6)


def interaction(status: str = "completed", **more: object) -> Reply:
    return Reply(200, {"id": JOB, "object": "interaction", "status": status, "model": "gemini-omni-1.2-flash", **more})


def made(**item: object) -> Reply:
    """A job that is done, whose clip is ``item``."""
    thought = {"type": "thought"}
    output = {"type": "model_output", "content": [{"type": "text", "text": "Here."}, {"type": "video", **item}]}
    return interaction(steps=[thought, output], usage=USAGE)


def refused(status: int, name: str = "", message: str = "", *details: object) -> Reply:
    return Reply(status, {"error": {"code": status, "message": message, "status": name, "details": [*details]}})


SAMPLES = ReplySamples(
    job=JOB,
    accepted=interaction("in_progress"),
    refused=refused(400, "INVALID_ARGUMENT", "Invalid duration"),
    pending=interaction("in_progress"),
    ready=made(data=b64encode(b"clip").decode()),
    failed=interaction("failed", errors=[{"message": "Blocked by the safety policy"}]),
)


@pytest.mark.parametrize("check", provider_contract(provider, SAMPLES), ids=str)
def test_contract(check: ContractCheck) -> None:
    """What every provider keeps: nothing is paid twice, nothing bought is given up."""
    check()


def test_a_request() -> None:
    """A field under another name is a refused request, or a clip of another shape."""
    shot = replace(PLAIN, first_frame=IMAGE, last_frame=IMAGE, seconds=Fraction(5), resolution="1080p", aspect="9:16")
    images = [SentImage(role, content=b"PNG", kind="image/png") for role in ("first_frame", "last_frame")]
    request = provider.submission(shot, images, Dispatch("n"))
    image = {"type": "image", "data": "UE5H", "mime_type": "image/png"}
    text = {"type": "text", "text": "<FIRST_FRAME> <LAST_FRAME> A lighthouse."}
    assert (request.call, request.method, request.path) == (Call.SUBMIT, "POST", "/v1beta/interactions")
    assert request.reply_bytes > 0  # as long as for a clip: a slow line needs minutes for the images
    assert not provider.submission(PLAIN, [], Dispatch("n")).reply_bytes
    assert request.body == {
        "model": "gemini-omni-1.2-flash",
        "input": [{"type": "user_input", "content": [image, image, text]}],
        "response_format": {
            "type": "video",
            "aspect_ratio": "9:16",
            "resolution": "1080p",
            "duration": "5s",
            "delivery": "uri",
        },
        "generation_config": {"video_config": {"task": "image_to_video"}},
        "background": True,
        "store": True,
    }


def test_a_request_without_choices() -> None:
    """The usual length and resolution are written out: the service chooses others by itself."""
    body = provider.request(replace(PLAIN, references=(IMAGE,)), [SentImage("reference", "a.png")], Dispatch("n"))
    form = body["response_format"]
    assert isinstance(form, dict)
    assert (form["duration"], form["resolution"]) == ("8s", "720p")
    assert body["generation_config"] == {"video_config": {"task": "reference_to_video"}}
    assert "a.png" in str(body)  # what `storyboard prompts` shows in place of the bytes


@pytest.mark.parametrize(
    ("prompt", "roles", "sent"),
    [
        ("A lamp", (), "A lamp"),
        ("A lamp", ("first_frame",), "<FIRST_FRAME> A lamp"),
        ("A lamp", ("first_frame", "last_frame"), "<FIRST_FRAME> <LAST_FRAME> A lamp"),
        ("A lamp", ("reference",) * 2, "<IMAGE_REF_0> <IMAGE_REF_1> A lamp"),
        ("Him, <image_ref_1>", ("reference",) * 2, "<IMAGE_REF_0> Him, <IMAGE_REF_1>"),
        ("A sign <LAST_FRAME>", ("first_frame",), "<FIRST_FRAME> A sign LAST_FRAME"),
        ("Of <FIRST_FRAME>", ("first_frame",), "<FIRST_FRAME> Of FIRST_FRAME"),
        (
            "Of <IMAGE_REF_2>, <VIDEO_REF_0>",
            ("reference",) * 2,
            "<IMAGE_REF_0> <IMAGE_REF_1> Of IMAGE_REF_2, VIDEO_REF_0",
        ),
        ("<<LAST_FRAME>> < < LAST_FRAME > >", (), "LAST_FRAME LAST_FRAME >"),
        ("a < b > c, <html>", (), "a < b > c, <html>"),
    ],
)
def test_tags_in_a_prompt(prompt: str, roles: tuple[Role, ...], sent: str) -> None:
    """A tag that the author wrote would give an image another role than the storyboard does."""
    assert tagged_prompt(prompt, roles) == sent


PIECES = ("<", ">", " ", "FIRST_FRAME", "last_frame", "IMAGE_REF_0", "IMAGE_REF_7", "<LAST_FRAME>", "a")


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_no_tag_is_put_together_by_taking_one_apart(prompt: str) -> None:
    sent = tagged_prompt(prompt, ("reference",))
    assert not any(f"<{tag}>" in sent.upper() for tag in ("FIRST_FRAME", "LAST_FRAME", "IMAGE_REF_7"))
    assert sent.upper().count("<IMAGE_REF_0>") == max(1, prompt.upper().count("<IMAGE_REF_0>"))


STATES: Mapping[str, object] = {
    "queued": Pending(queued=True),
    "in_progress": Pending(),
    "idle": Pending(),
    "completed": Pending(done=True),
    "failed": "it failed",
    "cancelled": "it was cancelled",
    "incomplete": "before the clip was complete",
    "requires_action": "an answer that storyboard cannot give",
    "requires_continuation": "the limit of tokens",
    "budget_exceeded": "exceeded the budget",
}


@pytest.mark.parametrize("status", STATES)
def test_each_status(status: str) -> None:
    """Every status that the SDK knows (google-genai 3.6.1) is told apart; a job that is over says why."""
    found = provider.read_status(JOB, interaction(status))
    expected = STATES[status]
    if isinstance(expected, Pending):
        assert found == expected
    else:
        assert isinstance(found, JobFailed)
        assert str(expected) in found.words


def test_why_a_job_made_no_clip() -> None:
    """The words of the service are all that an author has; also those of a model that answers in words alone."""
    output = {"type": "model_output", "content": [{"type": "text", "text": "I cannot show this."}]}
    found = provider.read_status(JOB, interaction(steps=[output]))
    assert found == JobFailed(AnswerKind.OVER, "it answered without a clip: I cannot show this.")
    broken = {"type": "model_output", "error": {"code": 3, "message": "Blocked: safety"}}
    found = provider.read_status(
        JOB, interaction("failed", errors=[{"message": "E"}, {"message": "E"}], steps=[broken])
    )
    assert found == JobFailed(AnswerKind.OVER, "it failed: E; Blocked: safety")
    error = ANSWERS.texts.refusal(Call.POLL, AnswerKind.OVER, Verdict.FAILED, "it failed: E; Blocked: safety")
    assert isinstance(error, SceneFailed)
    assert ANSWERS.texts.blames_content(error)
    assert "rephrase the prompt" in error.hint


def test_a_clip_in_the_reply() -> None:
    """Inline delivery: the bytes are there, and nothing is downloaded."""
    found = provider.read_status(JOB, made(data=b64encode(b"\0clip").decode()))
    assert found == Ready("", content=b"\0clip", credits=COST)
    only = provider.read_status(JOB, interaction(output_video={"data": b64encode(b"x").decode()}))
    assert only == Ready("", content=b"x")


@pytest.mark.parametrize("status", ["completed", "incomplete"])
def test_the_last_of_several_clips(status: str) -> None:
    """A clip that was paid for is taken, whatever the service calls the end of its job."""
    item = {"type": "video", "data": b64encode(b"1").decode()}
    steps = [{"type": "model_output", "content": [item, {**item, "data": b64encode(b"2").decode()}]}]
    assert provider.read_status(JOB, interaction(status, steps=steps)) == Ready("", content=b"2", others=1)


@pytest.mark.parametrize("data", ["%%%", "QQ", "\u00e9", 7, ["QUJD"]])
def test_a_clip_that_is_not_base64(data: object) -> None:
    """Half a clip would be taken for the clip; the job stays open instead."""
    found = provider.read_status(JOB, made(data=data))
    assert found == Meaning(AnswerKind.UNREADABLE, "its clip is not base64")
    assert ANSWERS.table.decide(Call.POLL, AnswerKind.UNREADABLE).rule.verdict is Verdict.STALLED


@pytest.mark.parametrize(
    ("uri", "asked"),
    [
        (URI, "/v1beta/files/abc-123"),
        (f"{URI}:download?alt=media", "/v1beta/files/abc-123"),
        ("files/abc-123", "/v1/files/abc-123"),
        ("http://127.0.0.1:4123/v1/files/abc-123", "/v1/files/abc-123"),
    ],
)
def test_a_clip_in_a_file(uri: str, asked: str) -> None:
    """The file is asked for first: until it is ACTIVE, it cannot be downloaded."""
    found = Gemini("v1").read_status(JOB, made(uri=uri))
    assert isinstance(found, AskNext)
    assert (found.request.call, found.request.method, found.request.path) == (Call.POLL, "GET", asked)
    ready = found.read(Reply(200, {"name": "files/abc-123", "state": "ACTIVE"}))
    assert isinstance(ready, Ready)
    assert (ready.url, ready.with_key, ready.credits is None) == (f"{asked}:download?alt=media", True, False)


DOWNLOAD = Ready("/v1beta/files/a:download?alt=media", with_key=True)


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        (Reply(200, {"state": "PROCESSING"}), Pending()),
        (Reply(200, {"file": {"state": "STATE_UNSPECIFIED"}}), Pending()),
        (
            Reply(200, {"state": "FAILED", "error": {"message": "no"}}),
            JobFailed(AnswerKind.OVER, "the file of its clip failed: no"),
        ),
        (Reply(200, {"state": "FAILED"}), JobFailed(AnswerKind.OVER, "the file of its clip failed")),
        (Reply(200, {"state": "FINISHED"}), DOWNLOAD),
        (Reply(200, None), DOWNLOAD),
        (refused(403, "PERMISSION_DENIED", "or it may not exist"), DOWNLOAD),
        (refused(503, "UNAVAILABLE", "later"), Rejection(503, "later")),
    ],
)
def test_the_states_of_a_file(reply: Reply, found: object) -> None:
    """Its states are second hand: under other words, a clip that was paid for is still downloaded."""
    assert read_file(reply, DOWNLOAD) == found


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("https://evil.example/v1beta/files/a", "https://evil.example/v1beta/files/a"),
        (
            "https://generativelanguage.googleapis.com@evil.example/files/a",
            "https://generativelanguage.googleapis.com@evil.example/files/a",
        ),
        ("https://generativelanguage.googleapis.com/download/files/a?alt=media", "/download/files/a?alt=media"),
        ("https://generativelanguage.googleapis.com//evil.example/a", "/evil.example/a"),
        ("media/a.mp4", "/media/a.mp4"),
    ],
)
def test_a_clip_at_another_address(uri: str, url: str) -> None:
    """Of the service itself it is downloaded; to another host the client gives no key, and says so."""
    assert provider.read_status(JOB, made(uri=uri)) == Ready(url, credits=COST, with_key=True)


@pytest.mark.parametrize(
    "uri", ["gs://bucket/files/a", "https://[", "file:///v1/files/a", "a\nb", 7, "https://x.example"]
)
def test_what_is_no_address(uri: object) -> None:
    found = provider.read_status(JOB, made(uri=uri))
    assert isinstance(found, Meaning)
    assert found.signal is AnswerKind.UNREADABLE
    assert "at no address of the web" in found.words


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        (Reply(200, {"id": "other", "status": "completed"}), Meaning(AnswerKind.FOREIGN, "other")),
        (Reply(200, {"id": 7, "status": "completed"}), Meaning(AnswerKind.FOREIGN, "its id is no text")),
        (Reply(200, {"id": f"interactions/{JOB}", "status": "queued"}), Pending(queued=True)),
        (Reply(200, {"status": 3}), Meaning(AnswerKind.UNREADABLE, "it names no status")),
        (interaction("paused"), Meaning(AnswerKind.UNREADABLE, "its status is 'paused'")),
        (refused(200, "INTERNAL", "e"), Rejection(500, "e")),
        (refused(404, "NOT_FOUND", "gone"), Meaning(404, "gone")),
    ],
)
def test_a_reply_that_is_no_state(reply: Reply, found: object) -> None:
    assert provider.read_status(JOB, reply) == found


REFUSALS: Mapping[str, tuple[Reply, Verdict, str]] = {
    "a wrong argument": (refused(400, "INVALID_ARGUMENT", "Invalid duration"), Verdict.FAILED, "Invalid duration"),
    "a wrong key": (
        refused(400, "INVALID_ARGUMENT", "API key not valid.", {"reason": "API_KEY_INVALID"}),
        Verdict.STOP,
        "does not accept the key",
    ),
    "no key": (refused(403, "PERMISSION_DENIED", "unregistered callers"), Verdict.STOP, "forbids access"),
    "no billing": (refused(400, "FAILED_PRECONDITION", "enable billing"), Verdict.STOP, "may not use this model"),
    "too many requests": (refused(429, "RESOURCE_EXHAUSTED", "slow"), Verdict.FAILED, "too many requests"),
    "the day's quota": (
        refused(429, "RESOURCE_EXHAUSTED", "quota", {"violations": [{"quotaId": "GenerateRequestsPerDayPerProject"}]}),
        Verdict.STOP,
        "used up",
    ),
    "a model that has gone": (
        refused(404, "NOT_FOUND", "gemini-omni-1.1-flash is no longer available"),
        Verdict.FAILED,
        "its successor is omni-1.2-flash",
    ),
    "a wrong address": (Reply(404, None), Verdict.STOP, "api_version"),
    "an error of theirs": (refused(500, "INTERNAL", "oops"), Verdict.UNKNOWN, "server error"),
    "overloaded": (refused(503, "UNAVAILABLE", "overloaded"), Verdict.UNKNOWN, "overloaded"),
    "in a list": (Reply(400, [{"error": {"status": "OUT_OF_RANGE", "message": "16 s"}}]), Verdict.FAILED, "16 s"),
    "with status 200": (refused(200, "INVALID_ARGUMENT", "no"), Verdict.FAILED, "no"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_each_refusal_of_a_submission(case: str) -> None:
    """Whether it is paid, sent again, ends the run: and a sentence that says what to do."""
    reply, verdict, words = REFUSALS[case]
    found = provider.read_submission(reply)
    assert not isinstance(found, str)
    if isinstance(found, Meaning):
        decision = ANSWERS.table.decide(Call.SUBMIT, found.signal)
    else:
        decision = ANSWERS.table.weigh(Call.SUBMIT, reply.status, found.code)
    assert decision.rule.verdict is verdict
    error = ANSWERS.texts.refusal(Call.SUBMIT, decision.signal, verdict, found.words)
    assert words in f"{error.message}; {error.hint}"


def test_a_refusal_that_names_a_job() -> None:
    found = provider.read_submission(replace(SAMPLES.accepted, status=503))
    assert found == Meaning(AnswerKind.RECEIPT, f"job {JOB}")
    assert refusal(Reply(500, {"error": {"details": 7, "status": "ELSE"}})) == Rejection(None, "")


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        ({"total_output_tokens": "46336"}, Fraction(46336 * 12, 10**6)),
        ({"output_tokens_by_modality": [{"modality": "VIDEO", "tokens": 10}]}, Fraction(120, 10**6)),
        ({"total_output_tokens": 10, "total_input_tokens": -1}, None),
        ({"total_output_tokens": 10, "total_thought_tokens": True}, None),
        ({"output_tokens_by_modality": [7]}, None),
        ({"output_tokens_by_modality": [{"modality": "video", "tokens": 10**13}]}, None),
        ({}, None),
        ([], None),
    ],
)
def test_what_a_job_cost(usage: object, cost: Fraction | None) -> None:
    """Exactly, or not at all: the estimate stands then."""
    assert MODELS["omni-1.2-flash"].tokens.cost(usage) == cost


def test_what_a_clip_is_expected_to_cost() -> None:
    """In USD a second, as services.md section 3 has it to four places."""
    new, old = (MODELS[name].tariff for name in ("omni-1.2-flash", "omni-1.1-flash"))
    a_second = {name: round(float(amount), 4) for name, amount in new.second.items()}
    assert (new.unit, a_second) == ("USD", {"360p": 0.0232, "720p": 0.0695, "1080p": 0.1043, "4k": 0.2085})
    assert old.cost("720p", Fraction(8)) == Fraction(8 * 5792 * 35, 2 * 10**6)
    book, model = PriceBook("apikley", {"gemini": provider.prices}), MODELS["omni-1.2-flash"].model
    assert book.shot(PLAIN, model) == Cost.of(Fraction("0.556032"), "USD")
    longer = replace(PLAIN, seconds=Fraction(15), resolution="1080p")
    assert book.describe(book.shot(longer, model)) == "1.56 USD"


def test_the_models() -> None:
    """What a storyboard is checked against before anything is paid."""
    new, old = (each.model for each in MODELS.values())
    assert [Fraction(length) in new.lengths for length in (2, 3, 15, 16)] == [False, True, True, False]
    assert Fraction(7, 2) not in new.lengths
    assert new.rules[0].only == {"seconds": (3, 4, 5, 6, 7, 8, 9, 10)}
    assert (old.ends, old.successor, old.rules) == (date(2026, 12, 3), "omni-1.2-flash", ())
    assert (new.seeds, new.options, new.sound, new.references) == (None, frozenset(), "always", 6)


def test_the_version_of_the_api_is_configured() -> None:
    """Two versions are named for the same path: whichever is wrong, one line of config.toml mends it."""
    other = Gemini().with_table({"api_version": "v1"}, Path())
    assert other.status(JOB).path == f"/v1/interactions/{JOB}"
    for table, words in (({"api_version": "v2"}, "must be one of"), ({"version": "v1"}, "unknown key 'version'")):
        with pytest.raises(InputError, match=words):
            other.with_table(table, Path())


def test_a_job_is_cancelled() -> None:
    gemini = Gemini()
    request = gemini.cancel("a/b")
    assert (request.call, request.method, request.path) == (Call.CANCEL, "POST", "/v1beta/interactions/a%2Fb/cancel")
    assert gemini.read_cancel(interaction("cancelled")) is True
    assert gemini.read_cancel(interaction("completed")) is False
    assert gemini.read_cancel(refused(400, "FAILED_PRECONDITION", "too late")) == Rejection(412, "too late")


def test_what_the_key_may_use() -> None:
    """`doctor`: a wrong key is found before a render, and so is a model that is gone."""
    gemini, names = Gemini(), ["models/gemini-omni-1.2-flash", "models/other"]
    listed = Reply(200, {"models": [{"name": name} for name in names]})
    found = gemini.read_inspection(listed)
    assert isinstance(found, Inspection)
    assert (found.problems, found.notes) == ((), ("the Gemini API does not list omni-1.1-flash for this key",))
    more = gemini.read_inspection(Reply(200, {"models": [], "nextPageToken": "x"}))
    assert isinstance(more, Inspection)
    assert more.notes == ()
    assert gemini.read_inspection(REFUSALS["a wrong key"][0]) == Rejection(401, "API key not valid.")
    assert gemini.read_inspection(Reply(200, {})) == Rejection(None, "")
    assert gemini.inspection().path == "/v1beta/models"
