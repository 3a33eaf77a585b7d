"""Apikley against a scripted service: every field of a request, and every shape of an answer that was ever seen."""

import json
from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import PurePosixPath

import pytest
from canary import KEY
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import Quick, Service, Step, envelope, says, service, wired

from storyboard.generation.provider_calls import (
    credit_balance,
    job_status,
    send_submission,
    upload_image,
    upscale_status,
)
from storyboard.model.errors import InputError, RunRefused, SceneFailed, Stalled, StoryboardError, SubmissionUnknown
from storyboard.model.problem import Place
from storyboard.model.shot import Shot
from storyboard.model.storyboard import Image, LocalImage, WebImage
from storyboard.providers.apikley.profile import Profile
from storyboard.providers.apikley.veo import Apikley, provider
from storyboard.providers.base import Dispatch, Pending, Ready, is_job_name, sent_images
from storyboard.providers.installed import find

PLACE = Place("a.yaml", 1, 1)
WEB = WebImage("https://cdn.example/a.png", PLACE)
LOCAL = LocalImage(PurePosixPath("a.png"), "0" * 64, 1, 1, 1, "png", PLACE)
JOB = "veo_task_abcdef123456"
URL = "https://cdn.example/a.mp4?sig=a,b"


def shot(
    first: Image | None = None,
    last: Image | None = None,
    references: tuple[Image, ...] = (),
    *,
    aspect: str = "16:9",
    seed: int | None = None,
    translate: bool = True,
    watermark: str | None = None,
    label: str | None = None,
) -> Shot:
    return Shot(
        "A dog.", "veo3_fast", aspect, first, last, references, seed, translate, watermark, 1, "apikley", label
    )  # fmt: skip


@pytest.fixture
async def here() -> AsyncIterator[Service]:
    async with service() as running:
        yield running


def test_it_is_found_by_its_name() -> None:
    """`provider: apikley` in the configuration would find nothing."""
    assert find("apikley") is provider


def test_the_smallest_request_says_mode_and_translation() -> None:
    """Both have server-side defaults that have changed over time: left out, the same shot becomes another."""
    assert provider.request(shot(), [], Dispatch("x")) == {
        "prompt": "A dog.",
        "model": "veo3_fast",
        "generationType": "TEXT_2_VIDEO",
        "aspectRatio": "16:9",
        "enableTranslation": True,
    }


def test_the_largest_request() -> None:
    """A field that is not sent is paid for all the same."""
    wanted = shot(LOCAL, WEB, aspect="auto", seed=41203, translate=False, watermark="W", label="1/2 a")
    assert provider.request(
        wanted, sent_images(wanted, ["https://a", "https://b"]), Dispatch("x", "https://call.back/x")
    ) == {
        "prompt": "A dog.",
        "imageUrls": ["https://a", "https://b"],
        "model": "veo3_fast",
        "generationType": "FIRST_AND_LAST_FRAMES_2_VIDEO",
        "aspectRatio": "Auto",
        "seeds": 41203,
        "enableTranslation": False,
        "watermark": "W",
        "callBackUrl": "https://call.back/x",
    }


@pytest.mark.parametrize(
    ("wanted", "mode"),
    [
        (shot(), "TEXT_2_VIDEO"),
        (shot(WEB), "FIRST_AND_LAST_FRAMES_2_VIDEO"),
        (shot(WEB, WEB), "FIRST_AND_LAST_FRAMES_2_VIDEO"),
        (shot(references=(WEB,)), "REFERENCE_2_VIDEO"),
        (shot(references=(WEB, WEB, WEB)), "REFERENCE_2_VIDEO"),
    ],
)
def test_each_mode_is_said(wanted: Shot, mode: str) -> None:
    """With three images and no mode the service guesses."""
    assert (
        provider.request(wanted, sent_images(wanted, ["https://a"] * len(wanted.images)), Dispatch("x"))[
            "generationType"
        ]
        == mode
    )


async def test_a_submission_names_its_job(here: Service) -> None:
    """The whole product hangs on this one string."""
    here.play(envelope(200, {"taskId": JOB}))
    async with wired(here.url) as wire:
        assert await send_submission(provider, wire, shot(), [], Dispatch("x")) == JOB
    assert (here.heard[0].method, here.heard[0].path) == ("POST", "/api/v1/veo/generate")
    assert here.heard[0].json == provider.request(shot(), [], Dispatch("x"))


@pytest.mark.parametrize("job", [None, "", " ", "x" * 513, ["abcd"], "abcd\n", "ab\x00", True])
async def test_an_acceptance_without_a_usable_name_is_unknown(here: Service, job: object) -> None:
    """It is charged, and polling a wrong name would lose it: people must decide."""
    here.play(envelope(200, {"taskId": job}))
    async with wired(here.url) as wire:
        with pytest.raises(SubmissionUnknown):
            await send_submission(provider, wire, shot(), [], Dispatch("x"))
    assert len(here.heard) == 1


@pytest.mark.parametrize("job", [7, "ab", "a b", "veo:1/2.3", "../../etc/passwd", "é" * 8, "x" * 512, "a+b%41&c=d#e?f"])
async def test_any_printable_name_is_a_jobs_name(here: Service, job: object) -> None:
    """A rule that is applied after the money is gone would lose the job; its name reaches the service as it came."""
    here.play(envelope(200, {"taskId": job}))
    async with wired(here.url) as wire:
        named = await send_submission(provider, wire, shot(), [], Dispatch("x"))
        assert named == str(job)
        here.play(envelope(200, {"taskId": job, "successFlag": 0}))
        assert await job_status(provider, wire, named) == Pending()
    assert here.heard[0].query == {"taskId": named}
    assert provider.jobs_in_callback({"data": {"taskId": job}}) == (named,)


async def test_a_key_for_a_name_is_masked_and_still_polled(here: Service) -> None:
    """The key would lie in the ledger, the lock file and git; and masked for good, the job would be lost."""
    here.play(envelope(200, {"taskId": KEY}))
    async with wired(here.url) as wire:
        job = await send_submission(provider, wire, shot(), [], Dispatch("x"))
        assert job == "[key]"
        here.play(envelope(200, record(1, {"resultUrls": [URL]}) | {"taskId": KEY}))
        assert await job_status(provider, wire, job) == Ready(URL)
        await upscale_status(provider, wire, job)
        here.play(envelope(200, record(0) | {"taskId": f"{KEY}-2"}))
        with pytest.raises(Stalled) as raised:
            await job_status(provider, wire, job)
    assert [heard.query["taskId"] for heard in here.heard[:2]] == [KEY, KEY]
    assert KEY not in raised.value.message


@pytest.mark.parametrize(("status", "code"), [(200, 400), (200, 429), (200, 500), (500, 200), (429, 429), (200, None)])
async def test_a_refusal_that_names_a_job_is_unknown(here: Service, status: int, code: int | None) -> None:
    """The job may run and be charged; sent again, it is paid for twice."""
    here.play(envelope(code, {"taskId": JOB}, "no", status=status))
    async with wired(here.url) as wire:
        with pytest.raises(SubmissionUnknown, match=JOB):
            await send_submission(provider, wire, shot(), [], Dispatch("x"))
    assert len(here.heard) == 1


def record(flag: object = 1, response: object = None, **more: object) -> dict[str, object]:
    return {"taskId": JOB, "successFlag": flag, "response": response, **more}


SHAPES = {
    "a list": record(1, {"resultUrls": [URL]}),
    "JSON in a string": record(1, {"resultUrls": json.dumps([URL])}),
    "a bracketed bare list": record(1, {"resultUrls": f"[{URL}]"}),
    "two in a bare list": record(1, {"resultUrls": f"[{URL}, https://cdn.example/b.mp4]"}),
    "a single address": record(1, {"resultUrls": f" {URL} "}),
    "in info": record(1, None, info={"resultUrls": [URL]}),
    "beside the flag": record(1, None, resultUrls=json.dumps([URL])),
    "nulls first": record(1, {"resultUrls": [None, URL]}),
    "null in response": record(1, {"resultUrls": None}, info={"resultUrls": None}, resultUrls=[URL]),
    "response as JSON text": record(1, json.dumps({"resultUrls": [URL]})),
    "flag as text": record("1", {"resultUrls": [URL]}),
    "flag as a bool": record(True, {"resultUrls": [URL]}),
    "flag with a point": record(1.0, {"resultUrls": [URL]}),
    "without a task id": {"successFlag": 1, "response": {"resultUrls": [URL]}},
}


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_result_is_found_in_every_shape(here: Service, shape: str) -> None:
    """Each of these has been answered by a live service; missed, a clip that is paid for is never fetched."""
    here.play(envelope(200, SHAPES[shape]))
    async with wired(here.url) as wire:
        assert await job_status(provider, wire, JOB) == Ready(URL)
    assert (here.heard[0].path, here.heard[0].query) == ("/api/v1/veo/record-info", {"taskId": JOB})


@pytest.mark.parametrize(
    "named", [["https://cdn.example/o.mp4"], "[https://cdn.example/o.mp4]", [URL, "https://cdn.example/o.mp4"]]
)
async def test_the_original_is_named_beside_the_result(here: Service, named: object) -> None:
    """It is paid for as well, and its address expires with the clip's; it must not pass for the clip."""
    here.play(envelope(200, record(1, {"originUrls": named, "resultUrls": [URL]}, fallbackFlag=True)))
    async with wired(here.url) as wire:
        assert await job_status(provider, wire, JOB) == Ready(URL, original="https://cdn.example/o.mp4", fallback=True)
        here.play(envelope(200, record(1, {"originUrls": [URL], "resultUrls": [URL]}, fallbackFlag="false")))
        assert await job_status(provider, wire, JOB) == Ready(URL)


async def test_seed_and_credits_are_kept_where_they_are_told(here: Service) -> None:
    """A seed that is lost cannot be asked for again."""
    here.play(envelope(200, record(1, {"resultUrls": [URL], "seeds": [41203]}, creditsConsumed=60)))
    async with wired(here.url) as wire:
        assert await job_status(provider, wire, JOB) == Ready(URL, 41203, Fraction(60))
        here.play(envelope(200, record(1, {"resultUrls": [URL], "seeds": "41203"}, creditsConsumed="59.5")))
        assert await job_status(provider, wire, JOB) == Ready(URL, 41203, Fraction(119, 2))
        here.play(envelope(200, record(1, {"resultUrls": [URL], "seeds": []}, creditsConsumed=True)))
        assert await job_status(provider, wire, JOB) == Ready(URL)


async def test_a_job_that_costs_less_than_nothing_is_not_believed(here: Service) -> None:
    """It would make room in a budget for as many clips as it says."""
    here.play(envelope(200, record(1, {"resultUrls": [URL]}, creditsConsumed=-6000)))
    async with wired(here.url) as wire:
        assert await job_status(provider, wire, JOB) == Ready(URL)


@pytest.mark.parametrize(
    ("data", "state"),
    [
        (None, Pending(seen=False)),
        ({}, Pending(seen=False)),
        ([], Pending(seen=False)),
        (record(0), Pending()),
        (record("0"), Pending()),
        (record(False), Pending()),
        (record(None), Pending()),
        ({"taskId": JOB}, Pending()),
        (record(1, {"resultUrls": None}), Pending(done=True)),
        (record(1, {"resultUrls": ["ftp://a", "", 7, {}]}), Pending(done=True)),
        (record(1, {"resultUrls": "[]"}), Pending(done=True)),
    ],
)
async def test_what_is_not_done_is_waited_for(here: Service, data: object, state: Pending) -> None:
    """A job taken for failed while it runs is bought again."""
    here.play(envelope(200, data))
    async with wired(here.url) as wire:
        assert await job_status(provider, wire, JOB) == state


@pytest.mark.parametrize(
    ("code", "status", "msg", "seen"),
    [
        (404, 200, "Not Found", False),
        (404, 404, "Not Found", False),
        (422, 200, "recordInfo is null", False),
        (422, 200, "record is null", False),
        (422, 200, "Record does not exist", False),
        (400, 200, "record result data is blank", False),
        (402, 200, "no credits", True),
    ],
)
async def test_a_record_that_is_not_there_yet(here: Service, code: int, status: int, msg: str, seen: bool) -> None:
    """Records appear a moment after the job: giving up at once would lose it."""
    here.play(envelope(code, None, msg, status=status))
    async with wired(here.url) as wire:
        assert await job_status(provider, wire, JOB) == Pending(seen=seen)


@pytest.mark.parametrize("flag", [2, 3, "2", 4, -1, 99])
@pytest.mark.parametrize("code", [200, 422, 500])
async def test_a_failed_job_is_over(here: Service, flag: object, code: int) -> None:
    """Postiz polled such a job for ever. The code beside it does not matter."""
    told = record(flag, None, errorCode=400, errorMessage="Your prompt was flagged by Website\nas violating policies.")
    here.play(envelope(code, told, "ok"))
    async with wired(here.url) as wire:
        with pytest.raises(SceneFailed, match="flagged") as raised:
            await job_status(provider, wire, JOB)
    assert type(raised.value) is SceneFailed
    assert raised.value.code == 400
    assert "rephrase" in raised.value.hint
    assert len(here.heard) == 1


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("public error prominent people upload", "real people"),
        ("public error minor upload", "children"),
        ("public error unsafe image upload", "another image"),
        ("Failed to fetch the image. Kindly verify any access limits", "without a login"),
        ("Only English prompts are supported at this time.", "English"),
        ("Your request was rejected by Flow(public error).", "rephrase"),
        ("Internal Error - Timeout", "render again"),
        ("null", "render again"),
        (None, "render again"),
    ],
)
async def test_why_a_job_failed_and_what_to_do(here: Service, message: str | None, hint: str) -> None:
    """The service's own words help nobody who has not read its forum."""
    here.play(envelope(200, record(3, None, errorCode="null", errorMessage=message)))
    async with wired(here.url) as wire:
        with pytest.raises(SceneFailed) as raised:
            await job_status(provider, wire, JOB)
    assert hint in raised.value.hint
    assert raised.value.code is None
    assert "null" not in raised.value.message
    assert "success" not in raised.value.message


@pytest.mark.parametrize(
    ("code", "msg"),
    [
        (422, "Your request was rejected by Flow(x)."),
        (422, "Temporarily supports records within 14 days"),
        (501, "generation failed"),
    ],
)
async def test_a_poll_that_refuses_ends_the_job(here: Service, code: int, msg: str) -> None:
    """The failure may stand in the envelope alone."""
    here.play(envelope(code, None, msg))
    async with wired(here.url) as wire:
        with pytest.raises(SceneFailed) as raised:
            await job_status(provider, wire, JOB)
    assert type(raised.value) is SceneFailed


@pytest.mark.parametrize(
    ("code", "msg", "hint"),
    [
        (400, "Your prompt was flagged", "rephrase the prompt, and render again"),
        (422, "Validation failed", "change the scene and render again"),
        (451, "image", "check that the image's address opens without a login, render again"),
        (501, "generation failed", "check whether it was charged, then render again"),
    ],
)
async def test_a_job_that_its_record_says_is_over_ends(here: Service, code: int, msg: str, hint: str) -> None:
    """It was polled for ever, in each run; one such answer in ten minutes of others is not believed."""
    here.play(envelope(code, None, msg))
    async with wired(here.url) as wire:
        with pytest.raises(SceneFailed, match=msg) as raised:
            await job_status(provider, wire, JOB)
        assert type(raised.value) is SceneFailed
        assert (raised.value.code, raised.value.hint) == (code, hint)
        assert len(here.heard) > 20
        here.play(*[envelope(code, None, msg)] * 3, envelope(200, record(1, {"resultUrls": [URL]})))
        assert await job_status(provider, wire, JOB) == Ready(URL)


@pytest.mark.parametrize("status", [400, 422, 451, 501])
async def test_a_gateway_ends_no_job_and_says_how_it_is_freed(here: Service, status: int) -> None:
    """Whether the money is gone is not known: the author decides, and one advice does not contradict another."""
    here.play(says(status, b"<html>content policies</html>", {"Content-Type": "text/html"}))
    async with wired(here.url) as wire:
        with pytest.raises(Stalled) as raised:
            await job_status(provider, wire, JOB)
    assert "the job stays open" in raised.value.hint
    assert "storyboard settle FILE SCENE --again" in raised.value.hint
    assert "prompt" not in raised.value.hint


@pytest.mark.parametrize("data", [record(0) | {"taskId": "another"}, record("soon"), record([1]), record({})])
async def test_an_answer_that_makes_no_sense_leaves_the_job_open(here: Service, data: object) -> None:
    """Another job's clip in this scene, or a paid job given up over one odd answer."""
    here.play(envelope(200, data))
    async with wired(here.url) as wire:
        with pytest.raises(Stalled):
            await job_status(provider, wire, JOB)
        here.play(envelope(200, data), envelope(200, record(1, {"resultUrls": [URL]})))
        assert await job_status(provider, wire, JOB) == Ready(URL)


@pytest.mark.parametrize(
    ("step", "state"),
    [
        (envelope(200, {"resultUrl": URL}), Ready(URL)),
        (envelope(200, {"resultUrls": [URL]}), Ready(URL)),
        (envelope(200, {"resultUrls": f"[{URL}]"}), Ready(URL)),
        (envelope(422, {"resultUrl": URL}, "The video has been generated successfully"), Ready(URL)),
        (envelope(400, None, "1080P is processing. It should be ready in 1-2 minutes."), Pending()),
        (envelope(400, None, "1080P is processing.", status=400), Pending()),
        (envelope(500, None, "still processing"), Pending()),
        (envelope(422, None, "processing"), Pending()),
        (envelope(404, None, "not yet"), Pending()),
        (envelope(200, None), Pending()),
        (says(502, b"<html>"), Pending()),
    ],
)
async def test_the_1080p_version_is_waited_for(here: Service, step: Step, state: Pending | Ready) -> None:
    """'400 processing' taken for a refusal would deliver 720p for the price of 1080p."""
    here.play(step)
    async with wired(here.url) as wire:
        assert await upscale_status(provider, wire, JOB) == state
    assert (here.heard[0].path, here.heard[0].query) == (
        "/api/v1/veo/get-1080p-video",
        {"taskId": JOB, "index": "0"},
    )


@pytest.mark.parametrize(
    "step",
    [
        envelope(501, None, "failed"),
        envelope(505, None, "disabled"),
        envelope(422, None, "Videos generated by fallback cannot be upgraded"),
        envelope(500, None, "The 1080P version of this video is unavailable"),
        says(404, b"<html>no such page"),
    ],
)
async def test_a_1080p_version_that_will_not_come(here: Service, step: Step) -> None:
    """Ten minutes of waiting for nothing; the 720p take already exists."""
    here.play(step)
    async with wired(here.url) as wire:
        with pytest.raises(SceneFailed) as raised:
            await upscale_status(provider, wire, JOB)
    assert type(raised.value) is SceneFailed
    assert "720p" in raised.value.hint


async def test_an_upload_gets_an_address_that_ends(here: Service) -> None:
    """An address past its time makes a submission that is paid for and fails."""
    here.play(envelope(200, {"downloadUrl": "https://tmp.example/a.png"}))
    clock = Quick()
    async with wired(here.url, clock) as wire:
        address = await upload_image(provider, wire, "0f.png", b"\x89PNG", "image/png")
    assert address.url == "https://tmp.example/a.png"
    ends = datetime.fromtimestamp(clock.wall(), UTC) + timedelta(days=3, hours=-1)
    assert address.expires is not None
    assert abs(address.expires - ends) < timedelta(seconds=1)
    assert (here.heard[0].method, here.heard[0].path) == ("POST", "/api/file-base64-upload")
    assert here.heard[0].json == {
        "base64Data": "data:image/png;base64,iVBORw==",
        "uploadPath": "storyboard",
        "fileName": "0f.png",
    }


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (envelope(200, {"fileUrl": "https://a"}), SceneFailed),
        (envelope(200, {"downloadUrl": "ftp://a"}), SceneFailed),
        (envelope(404), RunRefused),
        (says(404, b"<html>"), RunRefused),
        (envelope(505), RunRefused),
        (envelope(401), RunRefused),
        (envelope(413), SceneFailed),
    ],
)
async def test_an_upload_that_fails(here: Service, step: Step, error: type[StoryboardError]) -> None:
    """Without its image the shot must not be asked for; a service without uploads must say what else there is."""
    here.play(step)
    async with wired(here.url) as wire:
        with pytest.raises(error) as raised:
            await upload_image(provider, wire, "0f.png", b"", "image/png")
    assert raised.value.hint


@pytest.mark.parametrize(
    ("number", "credits"),
    [
        ("5454.65", Fraction(545465, 100)),
        ("100", Fraction(100)),
        ("0", Fraction(0)),
        ('"12.5"', Fraction(25, 2)),
        ("0.1", Fraction(1, 10)),
        ("-3", Fraction(-3)),
        ("1e-999999999", Fraction(0)),
        ("1e999999999", None),
        ("1" + "0" * 40, None),
        ("NaN", None),
        ("Infinity", None),
        ('"NaN"', None),
        ('"many"', None),
        ("true", None),
        ("null", None),
        ("{}", None),
    ],
)
async def test_the_balance_is_exact(here: Service, number: str, credits: Fraction | None) -> None:
    """5454.65 read as a float is another number; an absurd one must not hang the program."""
    here.play(says(200, b'{"code":200,"msg":"ok","data":' + number.encode() + b"}"))
    async with wired(here.url) as wire:
        assert await credit_balance(provider, wire) == credits
    assert here.heard[0].path == "/api/v1/chat/credit"


@pytest.mark.parametrize(
    "step",
    [
        *(envelope(code) for code in (400, 404, 422, 501, 505)),
        says(404, b"<html>"),
        says(302),
        says(500),
        says(200, b""),
    ],
)
async def test_a_service_that_tells_no_balance_is_no_obstacle(here: Service, step: Step) -> None:
    """An endpoint that the document does not even describe must not stop a render."""
    here.play(step)
    async with wired(here.url) as wire:
        assert await credit_balance(provider, wire) is None


async def test_a_wrong_key_is_found_by_the_balance(here: Service) -> None:
    """Better now than after the images went up."""
    here.play(envelope(401, None, "You do not have access permissions"))
    async with wired(here.url) as wire:
        with pytest.raises(RunRefused, match="key"):
            await credit_balance(provider, wire)


async def test_another_service_of_the_same_shape_is_configuration(here: Service) -> None:
    """Kie calls the shape aspect_ratio; a fork of the code for one name would be a pity."""
    profile = Profile.of(
        {
            "generate_path": "/v2/make",
            "record_path": "/v2/look",
            "aspect": "aspect_ratio",
            "watermark": "",
            "label": "label",
            "task": "id",
            "credit_path": "",
            "upload_path": None,
            "hd_path": "",
            "index": "",
            "upload_days": 1,
        }
    )
    other = Apikley(profile)
    body = other.request(shot(watermark="W", label="1/2 a"), [], Dispatch("x"))
    assert body["aspect_ratio"] == "16:9"
    assert body["label"] == "1/2 a"
    assert not {"aspectRatio", "watermark"} & set(body)
    here.play(envelope(200, {"id": JOB}))
    async with wired(here.url) as wire:
        assert await send_submission(other, wire, shot(), [], Dispatch("x")) == JOB
        here.play(envelope(200, {"id": JOB, "successFlag": 1, "resultUrls": [URL]}))
        assert await job_status(other, wire, JOB) == Ready(URL)
        assert here.heard[0].query == {"id": JOB}
        assert await credit_balance(other, wire) is None
        with pytest.raises(SceneFailed, match="1080p"):
            await upscale_status(other, wire, JOB)
        with pytest.raises(RunRefused, match="no uploads"):
            await upload_image(other, wire, "a", b"", "image/png")
    assert [heard.path for heard in here.heard] == ["/v2/look"]


@pytest.mark.parametrize(
    ("table", "message", "hint"),
    [
        ({"aspekt": "a"}, "no name 'aspekt'", "did you mean 'aspect'?"),
        ({"prompt": ""}, "prompt cannot be left out", ""),
        ({"images": None}, "images cannot be left out", ""),
        ({"upload_folder": ""}, "upload_folder cannot be left out", ""),
        ({"seed": 7}, "seed must be a name", ""),
        ({"seed": "a b"}, "seed must be a name", ""),
        ({"generate_path": "https://evil.example/x"}, "must be a path", ""),
        ({"generate_path": "//evil.example/x"}, "must be a path", ""),
        ({"hd_path": "/a?b"}, "must be a path", ""),
        ({"upload_days": 0}, "above 0", ""),
        ({"upload_days": True}, "above 0", ""),
        ({"upload_days": "3"}, "above 0", ""),
    ],
)
def test_a_profile_that_cannot_be_right(table: dict[str, object], message: str, hint: str) -> None:
    """A misspelt name would be sent, ignored by the service, and paid for with the default."""
    with pytest.raises(InputError, match=message) as raised:
        Profile.of(table)
    assert raised.value.hint == hint


def test_the_offer_is_the_documents() -> None:
    """Storyboards are checked against it before anything is paid for."""
    offered = provider.capabilities
    assert offered.names == ("veo3", "veo3_fast")
    assert [model.name for model in offered.referring] == ["veo3_fast"]
    for model in offered.models:
        assert model.seeds == (10_000, 99_999)
        assert model.reference_aspects == model.upgrade_aspects == ("16:9",)
        assert [quality.name for quality in model.resolutions] == ["720p", "1080p"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20) | st.just(URL),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["taskId", "successFlag", "response", "resultUrls", "seeds", "x"]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(body=JSON | st.fixed_dictionaries({"code": st.sampled_from([200, 400, 422, 500]), "msg": JSON, "data": JSON}))
async def test_no_answer_makes_a_traceback(body: object) -> None:
    """Whatever a service writes must end in one of our words; a bug's traceback in a paid run loses the run."""
    async with service() as here:
        here.play(says(200, body))
        async with wired(here.url) as wire:
            for ask in (
                send_submission(provider, wire, shot(), [], Dispatch("x")),
                job_status(provider, wire, JOB),
                upscale_status(provider, wire, JOB),
                upload_image(provider, wire, "a.png", b"", "image/png"),
                credit_balance(provider, wire),
            ):
                error = await _end(ask)
                assert error is None or (error.message and error.hint)


async def _end(ask: Awaitable[object]) -> StoryboardError | None:
    try:
        await ask
    except StoryboardError as error:
        return error
    return None


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["data", "taskId", "task_id"]), inner),
    max_leaves=8,
)


@given(ANYTHING)
@settings(max_examples=500, deadline=None)
@pytest.mark.ci
def test_of_a_callback_only_names_are_read(body: object) -> None:
    """Whoever calls, with whatever: what comes out can be a job's name, or nothing does."""
    assert all(is_job_name(name) for name in provider.jobs_in_callback(body))


def test_the_likeliest_name_of_a_callback_comes_first() -> None:
    """The document's own place, then the spellings of the service's sample; each name once."""
    data = {"taskId": "job-1", "task_id": "job-2"}
    assert provider.jobs_in_callback({"data": data, "taskId": "job-1"}) == ("job-1", "job-2")
    assert Apikley(Profile.of({"task": "id"})).jobs_in_callback({"data": {"id": "job-3", "taskId": "job-4"}}) == (
        "job-3",
    )
