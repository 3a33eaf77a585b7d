"""Faults on request: how they are asked for, and that each one shows on the wire as it says."""

import asyncio
import contextlib
import json
from pathlib import Path

import aiohttp
import pytest
from talking import Client, Start

from storyboard.emulator.faults.faults import CODES, PLACES, Faults, InjectedFault, parse
from storyboard.media.verify import verify
from storyboard.model.errors import BadMedia, InputError
from storyboard.model.take import Measure

DOCUMENTED = (400, 401, 402, 404, 422, 429, 455, 500, 501, 505)
API = ("submit", "poll", "hd", "credit", "upload")
GONE = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientPayloadError)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("submit:http=500", InjectedFault("submit", "http", "500")),
        ("  submit:code=429 x2 ", InjectedFault("submit", "code", "429", times=2)),
        ("submit:http=504+charged", InjectedFault("submit", "http", "504", charged=True)),
        ("submit:drop-after", InjectedFault("submit", "drop-after", charged=True)),
        ("poll:late=3 %50", InjectedFault("poll", "late", "3", percent=50)),
        (
            "clip:cut x1 %12.5 @at dawn, x2",
            InjectedFault("clip", "cut", "", times=1, percent=12.5, where="at dawn, x2"),
        ),
        ("clip:redirect=http://127.0.0.1/a?b=c", InjectedFault("clip", "redirect", "http://127.0.0.1/a?b=c")),
        ("job:fail=501 @маяк", InjectedFault("job", "fail", "501", where="маяк")),
    ],
)
def test_the_grammar(text: str, fault: InjectedFault) -> None:
    """What docs/emulator.md promises would not be understood."""
    assert parse(text) == fault


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "'' is not a fault", "write PLACE:WHAT, such as submit:http=500 or clip:cut x2"),
        ("nope", "'nope' is not a fault", "write PLACE:WHAT, such as submit:http=500 or clip:cut x2"),
        (
            "sumbit:http=500",
            "no fault can be put at 'sumbit'",
            "places: submit, poll, hd, credit, upload, clip, job, callback",
        ),
        ("job:cut", "job has no fault 'cut'", "it has: fail, flag, stuck, fallback"),
        ("submit:http", "submit:http needs a value", "write submit:http=CODE"),
        ("submit:http=99", "submit:http cannot be '99'", "write submit:http=CODE"),
        ("submit:drop=1", "submit:drop cannot be '1'", "write submit:drop"),
        ("poll:http=500+charged", "only a submission can be +charged, not poll:http", "write poll:http"),
    ],
)
def test_what_is_no_fault_is_said(text: str, message: str, hint: str) -> None:
    """A rehearsal with a typing error would run without the fault, and prove nothing."""
    with pytest.raises(InputError) as caught:
        parse(text)
    assert (caught.value.message, caught.value.hint) == (message, hint)


@pytest.mark.parametrize("rest", ["x0", "%0", "%101", "x", "@", "%5 x2", "twice", "x2x"])
def test_what_follows_a_fault_is_checked(rest: str) -> None:
    """The order is fixed, because TEXT goes on to the end."""
    with pytest.raises(InputError):
        parse(f"clip:cut {rest}")


def test_the_first_that_applies_wins_and_is_counted() -> None:
    """Two faults for one place would come in an order that nobody can tell."""
    faults = Faults(map(parse, ["submit:http=500 x2 @lamp", "submit:code=429 x1"]), 1)
    struck = [faults.strike("submit", "the lamp") for _ in range(4)]
    assert [fault and fault.value for fault in struck] == ["500", "500", "429", None]
    assert faults.strike("poll", "the lamp") is None


def test_chance_can_be_repeated() -> None:
    """A failure that a rehearsal found could not be looked at again."""

    def falls(seed: int) -> list[bool]:
        faults = Faults([parse("clip:cut %30")], seed)
        return [faults.strike("clip", "") is not None for _ in range(1000)]

    assert falls(1) == falls(1) != falls(2)
    assert 250 < sum(falls(1)) < 350


async def ask(at: Client, place: str, job: str) -> tuple[int, object]:
    """HTTP status and JSON of a request to one place of the API."""
    upload = {"base64Data": "aGk=", "uploadPath": "a"}
    method, path, body = {
        "submit": ("POST", "/api/v1/veo/generate", {"prompt": "x"}),
        "poll": ("GET", f"/api/v1/veo/record-info?taskId={job}", None),
        "hd": ("GET", f"/api/v1/veo/get-1080p-video?taskId={job}", None),
        "credit": ("GET", "/api/v1/chat/credit", None),
        "upload": ("POST", "/api/file-base64-upload", upload),
    }[place]
    async with at.session.request(method, path, json=body, allow_redirects=False) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize("place", API)
async def test_each_code_of_the_document_as_http_status_and_in_the_body(start: Start, place: str) -> None:
    """The retry matrix could not be tried row by row."""
    faults = [f"{place}:{form}={code} x1" for code in DOCUMENTED for form in ("http", "code")]
    at = await start(faults=tuple(faults))
    for code in DOCUMENTED:
        for status in (code, 200):
            got, body = await ask(at, place, "0" * 32)
            assert (got, body) == (status, {"code": code, "msg": CODES[code], "data": None})
    assert at.emulator.charges == []


@pytest.mark.parametrize("place", API)
async def test_answers_are_lost_cut_and_mangled(start: Start, place: str) -> None:
    """The faults of a network, one after the other."""
    tries = 1 if place in ("submit", "upload") else 2  # aiohttp asks again by itself where a GET is dropped
    faults = (f"{place}:{kind} x1" for kind in ("cut", "garbage", "redirect", "slow=0.01"))
    at = await start(faults=(f"{place}:drop x{tries}", *faults))
    job = "0" * 32
    for _ in range(2):
        with pytest.raises(GONE):
            await ask(at, place, job)
    with pytest.raises(aiohttp.ContentTypeError):
        await ask(at, place, job)
    with pytest.raises(aiohttp.ContentTypeError, match="307"):
        await ask(at, place, job)
    assert (await ask(at, place, job))[0] == 200


@pytest.mark.parametrize(
    ("fault", "charged"),
    [
        ("submit:drop", 0),
        ("submit:drop-before", 0),
        ("submit:http=500", 0),
        ("submit:redirect", 0),
        ("submit:drop-after", 1),
        ("submit:cut", 1),
        ("submit:garbage", 1),
        ("submit:no-id", 1),
        ("submit:http=504+charged", 1),
        ("submit:code=500+charged", 1),
        ("submit:drop+charged", 1),
    ],
)
async def test_whether_a_lost_submission_was_charged(start: Start, fault: str, charged: int) -> None:
    """Money is lost between the two: the one question that a client cannot answer by itself."""
    at = await start(faults=(f"{fault} x1",))
    with contextlib.suppress(aiohttp.ClientError, json.JSONDecodeError):
        await ask(at, "submit", "")
    assert len(at.emulator.jobs) == charged
    assert at.emulator.balance == 1_000_000 - 60 * charged
    await at.accepted()


async def test_an_answer_without_its_id(start: Start) -> None:
    """A charged job that nobody can name."""
    at = await start(faults=("submit:no-id",))
    assert (await at.submit()) == {"code": 200, "msg": "success", "data": {}}


@pytest.mark.parametrize(
    ("shape", "where", "what"),
    [
        ("string", "response", '["{}"]'),
        ("brackets", "response", "[{}]"),
        ("single", "response", "{}"),
        ("info", "info", None),
        ("data", None, '["{}"]'),
    ],
)
async def test_the_other_shapes_of_result_urls(start: Start, shape: str, where: str | None, what: str | None) -> None:
    """The tolerant reader could not be tried (api-facts.md 3.3)."""
    at = await start(faults=(f"poll:shape={shape}",))
    job = await at.accepted()
    data = (await at.ended(job))["data"]
    url = f"{at.emulator.url}/v/{job}.mp4"
    assert (data[where] if where else data)["resultUrls"] == (what.format(url) if what else [url])
    assert await at.bytes(url)


async def test_success_comes_before_its_address(start: Start) -> None:
    """Seen in the family: successFlag 1 while resultUrls is still null."""
    at = await start(faults=("poll:shape=null-first",))
    for _ in range(2):
        job = await at.accepted()
        assert (await at.ended(job))["data"]["response"]["resultUrls"] is None
        assert (await at.ended(job))["data"]["response"]["resultUrls"] == [f"{at.emulator.url}/v/{job}.mp4"]


async def test_a_job_is_known_only_after_a_while(start: Start) -> None:
    """A client that takes "not known" for the end would lose what it paid for."""
    at = await start(faults=("poll:late=2",))
    for _ in range(2):
        job = await at.accepted()
        assert [(await at.record(job))["msg"] for _ in range(3)] == ["record is null", "record is null", "success"]


@pytest.mark.parametrize(("form", "code"), [("404", 404), ("422", 422), ("null", 200)])
async def test_a_job_is_lost_in_three_ways(start: Start, form: str, code: int) -> None:
    """The family has three ways of saying it (api-facts.md 3.6)."""
    at = await start(faults=(f"poll:lost={form}",))
    answer = await at.record(await at.accepted())
    assert (answer["code"], answer["data"]) == (code, None)


async def test_jobs_that_fail_give_the_credits_back(start: Start) -> None:
    """A rehearsal of failures would add up to the wrong bill."""
    at = await start(faults=("job:fail=501 @lost", "job:flag=2 @odd", "job:flag=7 @strange", "job:flag=1 @empty"))
    for prompt, flag, code in (("lost", 3, 501), ("odd", 2, 501), ("strange", 7, 501), ("empty", 1, None)):
        job = await at.accepted(prompt=prompt)
        data = (await at.ended(job))["data"]
        assert (data["successFlag"], data["errorCode"], data["response"]) == (flag, code, None)
        assert at.emulator.credits_of(job) == 0
    assert (await at.ended(await at.accepted(prompt="fine")))["data"]["successFlag"] == 1


async def test_a_job_that_never_ends(start: Start) -> None:
    """The deadline of a client could not be tried; and the emulator itself must still end."""
    at = await start(faults=("job:stuck",))
    job = await at.accepted()
    assert (await at.record(job))["data"]["successFlag"] == 0


async def test_hd_says_another_code_while_at_work(start: Start) -> None:
    """500 has been seen there too (api-facts.md 4.1)."""
    at = await start(faults=("hd:pending=500 x1",), hd_latency=0.01)
    job = await at.accepted()
    await at.ended(job)
    assert (await at.hd(job))["code"] == 500
    await at.hd_clip(job)


@pytest.mark.parametrize("fault", ["clip:drop x2", "clip:cut x1"])
async def test_a_download_breaks_off(start: Start, fault: str) -> None:
    """Cut downloads must be noticed by their length."""
    at = await start(faults=(fault,))
    url = await at.clip()
    with pytest.raises(GONE):
        await at.bytes(url)
    assert await at.bytes(url)


async def test_a_clip_that_is_no_clip(start: Start, tmp_path: Path) -> None:
    """What a download host sends in place of a clip: an error, a page, half a file, a damaged one."""
    at = await start(faults=("clip:http=403 x1", "clip:html x1", "clip:short x1", "clip:corrupt x1"))
    url = await at.clip()
    async with aiohttp.request("GET", url) as answer:
        assert (answer.status, answer.content_type) == (403, "text/html")
    page, short, corrupt, whole = [await at.bytes(url) for _ in range(4)]
    assert page.startswith(b"<!DOCTYPE html>")
    assert short == whole[: len(whole) // 2]
    assert len(corrupt) == len(whole)
    assert corrupt != whole
    assert corrupt[:1000] == whole[:1000]
    for content in (page, short, corrupt):
        with pytest.raises(BadMedia):
            await asyncio.to_thread(_verified, tmp_path / "clip.mp4", content)
    assert (await asyncio.to_thread(_verified, tmp_path / "clip.mp4", whole)).frames == 192


async def test_a_clip_without_sound(start: Start, tmp_path: Path) -> None:
    """The service suppresses the sound of some clips; the cut must do with it."""
    at = await start(faults=("clip:silent x1",))
    url = await at.clip()
    measures = [await asyncio.to_thread(_verified, tmp_path / "clip.mp4", await at.bytes(url)) for _ in range(2)]
    assert [(measure.frames, measure.sound) for measure in measures] == [(192, False), (192, True)]


def _verified(path: Path, content: bytes) -> Measure:
    path.write_bytes(content)
    return verify(path, 8)


async def test_a_redirect_leads_to_the_same_clip(start: Start) -> None:
    """Clips may be followed to another place, the API never."""
    at = await start(faults=("clip:redirect",))
    assert (await at.bytes(await at.clip()))[4:8] == b"ftyp"
    there = await start(faults=("clip:redirect=http://192.0.2.1/secret",))
    async with aiohttp.request("GET", await there.clip(), allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (307, "http://192.0.2.1/secret")


@pytest.mark.parametrize(("fault", "calls"), [("callback:lost", 0), ("callback:twice", 2)])
async def test_callbacks_are_lost_and_come_twice(start: Start, fault: str, calls: int) -> None:
    """A callback is only ever a hint."""
    listener = await start()
    at = await start(faults=(fault + " @storm",))
    for prompt in ("storm", "calm"):
        await at.accepted(prompt=prompt, callBackUrl=f"{listener.emulator.url}/{prompt}")
    heard = listener.emulator.requests
    async with asyncio.timeout(10):
        while not any(seen.path == "/calm" for seen in heard) or (calls and len(heard) < 4):
            await at.record(at.emulator.jobs[0].id)
    # The listener answers 404, so that one callback is three tries.
    assert bool([seen for seen in heard if seen.path == "/storm"]) == bool(calls)


async def test_faults_strike_only_where_the_prompt_says(start: Start) -> None:
    """One scene of a film could not be made to fail."""
    at = await start(faults=("submit:code=400 @storm",))
    assert (await at.submit(prompt="the storm"))["code"] == 400
    assert (await at.submit(prompt="the calm"))["code"] == 200


def test_every_fault_is_documented() -> None:
    """docs/emulator.md would fall behind."""
    text = (Path(__file__).parents[2] / "docs" / "emulator.md").read_text("utf-8")
    for place, kinds in PLACES.items():
        for kind in kinds:
            assert f"`{kind}" in text, f"{place}:{kind}"
