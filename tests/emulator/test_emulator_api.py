"""The emulator answers as the API document says: what is refused, what is charged, what comes back."""

import asyncio
import base64
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from talking import Start, picture

from storyboard.emulator import Emulator
from storyboard.emulator.api.behaviour import Behaviour
from storyboard.model.errors import InputError

GENERATE = "/api/v1/veo/generate"
IMAGE = "https://images.example/lamp.png"
REFERENCE = "REFERENCE_2_VIDEO"
FRAMES = "FIRST_AND_LAST_FRAMES_2_VIDEO"


@pytest.fixture
def dialled() -> Iterator[set[str]]:
    """Every machine that this process connects to or asks the name of, as the interpreter itself sees it."""
    seen: set[str] = set()
    listening = True

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if listening and event == "socket.connect" and isinstance(arguments[1], tuple):
            seen.add(arguments[1][0])
        elif listening and event == "socket.getaddrinfo":
            seen.add(str(arguments[0]))

    sys.addaudithook(hook)
    yield seen
    listening = False


async def test_no_page_on_the_web_is_served(start: Start) -> None:
    """A page whose name suddenly leads to this machine would read the author's images and prompts."""
    at = await start()
    port = at.emulator.url.rpartition(":")[2]
    foreign = ("evil.example", f"evil.example:{port}", f"127.0.0.1.evil.example:{port}", f"192.0.2.1:{port}", "")
    for host in (*foreign, f"127.0.0.1:{port}", f"localhost:{port}"):
        headers = {"Host": host, "Origin": "http://evil.example"}
        async with at.session.get("/api/v1/chat/credit", headers=headers) as answer:
            assert answer.status == (403 if host in foreign else 200), host
            assert not [name for name in answer.headers if name.startswith("Access-Control-")]
        async with at.session.options("/api/v1/veo/generate", headers=headers) as answer:
            assert answer.status in (403, 405)
            assert not [name for name in answer.headers if name.startswith("Access-Control-")]
    assert at.emulator.jobs == []


async def test_a_clip_is_ordered_waited_for_and_fetched(start: Start) -> None:
    """The whole way of a clip would differ from the real service's."""
    at = await start()
    job = await at.accepted(seeds=41203)
    record = (await at.ended(job))["data"]
    assert record["taskId"] == job
    assert json.loads(record["paramJson"]) == {"prompt": "a lamp catches fire", "seeds": 41203}
    assert record["successFlag"] == 1
    assert record["response"]["seeds"] == [41203]
    assert record["response"]["resolution"] == "720p"
    assert record["response"]["hasAudioList"] == [True]
    assert record["response"]["originUrls"] is None
    assert record["completeTime"] >= record["createTime"] > 1_600_000_000_000
    assert (record["errorCode"], record["errorMessage"], record["creditsConsumed"]) == (None, None, 60)
    clip = await at.bytes(record["response"]["resultUrls"][0])
    assert clip[4:8] == b"ftyp"


async def test_a_job_at_work_has_a_record_without_results(start: Start) -> None:
    """A client that reads results too early would not be noticed."""
    at = await start(latency=30)
    record = (await at.record(await at.accepted()))["data"]
    assert record["successFlag"] == 0
    assert (record["response"], record["completeTime"], record["errorCode"]) == (None, None, None)


async def test_a_portrait_clip_has_an_original(start: Start) -> None:
    """The document gives originUrls a value only where the ratio is not 16:9; it is the clip before it was cropped."""
    at = await start()
    response = (await at.ended(await at.accepted(aspectRatio="9:16")))["data"]["response"]
    (result,), (original,) = response["resultUrls"], response["originUrls"]
    assert original == result.replace(".mp4", "_original.mp4")
    response = (await at.ended(await at.accepted(aspectRatio="16:9")))["data"]["response"]
    assert response["originUrls"] is None


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": " \n"}, "prompt"),
        ({"prompt": 7}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"imageUrls": IMAGE}, "imageUrls"),
        ({"imageUrls": [1]}, "imageUrls"),
        ({"imageUrls": ["file:///etc/passwd"]}, "imageUrls"),
        ({"imageUrls": ["http://[::"]}, "imageUrls"),
        ({"imageUrls": None}, "imageUrls"),
        ({"model": "veo4"}, "model"),
        ({"model": ["veo3"]}, "model"),
        ({"generationType": "IMAGE_2_VIDEO"}, "generationType"),
        ({"aspectRatio": "4:3"}, "aspectRatio"),
        ({"aspectRatio": 969}, "aspectRatio"),
        ({"aspectRatio": "auto"}, "aspectRatio"),
        ({"seeds": 9_999}, "seeds"),
        ({"seeds": 100_000}, "seeds"),
        ({"seeds": "41203"}, "seeds"),
        ({"seeds": 41203.5}, "seeds"),
        ({"seeds": True}, "seeds"),
        ({"enableTranslation": "false"}, "enableTranslation"),
        ({"enableFallback": 1}, "enableFallback"),
        ({"watermark": 5}, "watermark"),
        ({"callBackUrl": "not an address"}, "callBackUrl"),
        ({"generationType": "TEXT_2_VIDEO", "imageUrls": [IMAGE]}, "TEXT_2_VIDEO takes 0"),
        ({"generationType": FRAMES}, "takes 1 to 2"),
        ({"generationType": FRAMES, "imageUrls": [IMAGE] * 3}, "takes 1 to 2"),
        ({"imageUrls": [IMAGE] * 3}, "takes 1 to 2"),
        ({"generationType": REFERENCE}, "takes 1 to 3"),
        ({"generationType": REFERENCE, "imageUrls": [IMAGE] * 4}, "takes 1 to 3"),
        ({"generationType": REFERENCE, "imageUrls": [IMAGE], "model": "veo3"}, "veo3_fast"),
        ({"generationType": REFERENCE, "imageUrls": [IMAGE], "aspectRatio": "9:16"}, "16:9"),
        ({"generationType": REFERENCE, "imageUrls": [IMAGE], "aspectRatio": "Auto"}, "16:9"),
    ],
)
async def test_a_wrong_field_is_refused_by_its_name(start: Start, fields: dict[str, object], told: str) -> None:
    """A request that the real service refuses would pass the rehearsal."""
    at = await start()
    answer = await at.submit(**fields)
    assert answer["code"] == 422
    assert told in answer["msg"]
    assert answer["data"] is None
    assert at.emulator.charges == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"{}", b"\xff\xfe", b"[" * 100_000, b"1" * 10_000])
async def test_a_body_that_is_no_request_is_refused(start: Start, body: bytes) -> None:
    """Any bytes at all must get an answer, never a traceback."""
    at = await start()
    async with at.session.post(GENERATE, data=body) as answer:
        assert (answer.status, (await answer.json())["code"]) == (200, 422)


@pytest.mark.parametrize(
    "fields",
    [
        {"generationType": "TEXT_2_VIDEO"},
        {"generationType": FRAMES, "imageUrls": [IMAGE], "model": "veo3", "aspectRatio": "Auto"},
        {"generationType": FRAMES, "imageUrls": [IMAGE] * 2, "aspectRatio": "9:16"},
        {"generationType": REFERENCE, "imageUrls": [IMAGE] * 3},
        {"imageUrls": [IMAGE] * 2},
        {"imageUrls": []},
        {"seeds": 10_000, "watermark": "", "enableTranslation": False, "enableFallback": False},
        {"resolution": "1080p", "aspect_ratio": 7},
    ],
)
async def test_what_the_document_allows_is_taken(start: Start, fields: dict[str, object]) -> None:
    """A rehearsal would fail where the real service works; fields that nobody knows are ignored."""
    at = await start()
    assert (await at.ended(await at.accepted(**fields)))["data"]["successFlag"] == 1


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer  ", "Basic cmVoZWFyc2Fs", "rehearsal"])
async def test_without_a_key_nobody_gets_in(start: Start, header: str | None) -> None:
    """A client that loses its key would only find out at the real service."""
    at = await start()
    headers = {} if header is None else {"Authorization": header}
    async with aiohttp.ClientSession(at.emulator.url, headers=headers) as session:
        for path in ("/api/v1/veo/record-info?taskId=a", "/api/v1/veo/get-1080p-video?taskId=a", "/api/v1/chat/credit"):
            async with session.get(path) as answer:
                assert (answer.status, (await answer.json())["code"]) == (200, 401)
        for path in (GENERATE, "/api/file-base64-upload"):
            async with session.post(path, json={"prompt": "x"}) as answer:
                assert (answer.status, (await answer.json())["code"]) == (200, 401)
    assert at.emulator.jobs == []


async def test_a_test_may_insist_on_one_key(start: Start) -> None:
    """That the right key is sent, and not just any, could not be tested."""
    at = await start(key="the-right-one")
    assert (await at.submit())["code"] == 401
    right = {"authorization": "bearer the-right-one"}
    async with aiohttp.request("GET", f"{at.emulator.url}/api/v1/chat/credit", headers=right) as answer:
        assert (await answer.json())["code"] == 200
    assert {seen.key for seen in at.emulator.requests} == {True}


async def test_credits_are_taken_by_model_and_for_hd_once(start: Start) -> None:
    """What a film costs in a rehearsal would not be what its plan said."""
    at = await start(balance=1000)
    fast, best = await at.accepted(), await at.accepted(model="veo3")
    await at.ended(fast)
    assert at.emulator.balance == 1000 - 60 - 250
    await at.hd_clip(fast)
    await at.hd_clip(fast)
    assert (await at.get("/api/v1/chat/credit"))["data"] == 1000 - 60 - 250 - 5
    assert [at.emulator.credits_of(job) for job in (fast, best)] == [65, 250]
    assert [(charge.job, charge.what) for charge in at.emulator.charges] == [
        (fast, "clip"),
        (best, "clip"),
        (fast, "hd"),
    ]


async def test_without_credits_nothing_is_made(start: Start) -> None:
    """The account would go below zero, and a run would not stop where it must."""
    at = await start(balance=62)
    job = await at.accepted()
    assert (await at.submit())["code"] == 402
    await at.ended(job)
    assert (await at.hd(job))["code"] == 402
    assert at.emulator.balance == 2


async def test_too_many_submissions_are_turned_away_not_queued(start: Start) -> None:
    """A client that does not pace itself would not be noticed."""
    at = await start(rate=(3, 60))
    codes = [(await at.submit())["code"] for _ in range(5)]
    assert codes == [200, 200, 200, 429, 429]
    assert len(at.emulator.jobs) == 3


async def test_hd_is_at_work_first_and_only_for_16_9(start: Start) -> None:
    """A client must wait for HD, and must not ask for one that never comes."""
    at = await start()
    wide, tall, new = await at.accepted(), await at.accepted(aspectRatio="9:16"), "0" * 32
    await at.ended(wide)
    await at.ended(tall)
    first = await at.hd(wide)
    assert (first["code"], first["data"]) == (400, None)
    assert "1080P is processing" in first["msg"]
    assert (await at.bytes(await at.hd_clip(wide)))[4:8] == b"ftyp"
    assert (await at.hd(tall))["code"] == 422
    assert (await at.hd(new))["msg"] == "record is null"
    assert (await at.get("/api/v1/veo/get-1080p-video", taskId=wide, index="1"))["code"] == 422
    assert (await at.get("/api/v1/veo/get-1080p-video"))["code"] == 422


async def test_hd_of_a_job_at_work_is_refused(start: Start) -> None:
    """HD hangs on a finished take; asked for too early it must cost nothing."""
    at = await start(latency=30)
    job = await at.accepted()
    assert (await at.hd(job))["code"] == 422
    assert at.emulator.credits_of(job) == 60
    async with at.session.get(f"/v/{job}_1080p.mp4") as answer:
        assert answer.status == 404


async def test_a_job_that_was_never_taken_is_not_known(start: Start) -> None:
    """A client must tell "not known" from "at work"."""
    at = await start()
    assert (await at.record("f" * 32))["msg"] == "record is null"
    assert (await at.get("/api/v1/veo/record-info"))["code"] == 422


async def test_an_upload_is_served_again_and_can_be_a_frame(start: Start) -> None:
    """Drafts of scenes with local frames would not work at all."""
    at = await start()
    content = picture()
    url = await at.uploaded(content)
    assert url == f"{at.emulator.url}/files/storyboard/lamp.png"
    assert await at.bytes(url) == content
    assert (await at.ended(await at.accepted(imageUrls=[url])))["data"]["successFlag"] == 1
    again = picture(colour=(1, 2, 3))
    assert await at.bytes(await at.uploaded(again)) == again


@pytest.mark.ci
async def test_an_image_that_is_uploaded_twice_stays_itself(start: Start) -> None:
    """The next image was written over it: a chain began with the frame of another scene."""
    at = await start()
    shared, other = picture(), picture(colour=(1, 2, 3))

    async def uploaded(name: str, content: bytes) -> str:
        data = f"data:image/png;base64,{base64.b64encode(content).decode()}"
        answer = await at.post(
            "/api/file-base64-upload", {"base64Data": data, "uploadPath": "storyboard", "fileName": name}
        )
        return str(answer["data"]["downloadUrl"])

    await uploaded("still.png", shared)
    address = await uploaded("still.png", shared)
    await uploaded("puddle.png", other)
    assert await at.bytes(address) == shared


async def test_an_upload_tells_what_the_real_one_tells(start: Start) -> None:
    """The fields of a recorded answer of the real service (api-facts.md 6.6)."""
    at = await start()
    content = picture()
    data = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    answer = await at.post("/api/file-base64-upload", {"base64Data": data, "uploadPath": "/a/b/"})
    assert (answer["success"], answer["code"]) == (True, 200)
    told = answer["data"]
    assert told["fileName"].endswith(".png")
    assert told["filePath"] == f"a/b/{told['fileName']}"
    assert (told["mimeType"], told["fileSize"]) == ("image/png", len(content))
    assert told["downloadUrl"].endswith(told["filePath"])


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"base64Data": "###"}, "base64Data"),
        ({"base64Data": ""}, "base64Data"),
        ({"base64Data": 5}, "base64Data"),
        ({"uploadPath": None}, "uploadPath"),
        ({"uploadPath": "../../etc"}, "uploadPath"),
        ({"uploadPath": "/"}, "uploadPath"),
        ({"fileName": "../x.png"}, "fileName"),
        ({"fileName": ".."}, "fileName"),
        ({"fileName": "a\u0000b"}, "fileName"),
    ],
)
async def test_an_upload_out_of_order_is_refused(start: Start, wrong: dict[str, object], told: str) -> None:
    """A file might be put where no file of the emulator belongs."""
    at = await start()
    answer = await at.post("/api/file-base64-upload", {"base64Data": "aGk=", "uploadPath": "x"} | wrong)
    assert answer["code"] == 422
    assert told in answer["msg"]


async def test_an_image_on_this_machine_is_fetched(start: Start) -> None:
    """A folder served on loopback is one of the three ways to hand over a frame."""
    asked: list[str] = []

    async def serve(request: web.Request) -> web.Response:
        asked.append(request.headers.get("Authorization", ""))
        return web.Response(body=picture(), content_type="image/png")

    async with _server(serve) as url:
        at = await start()
        assert (await at.ended(await at.accepted(imageUrls=[f"{url}/frame.png"])))["data"]["successFlag"] == 1
    assert asked == [""]


@pytest.mark.parametrize("broken", ["status", "text", "redirect", "nobody"])
async def test_an_image_that_cannot_be_had_fails_the_job_and_gives_the_credits_back(start: Start, broken: str) -> None:
    """The real service says so only in the record, long after it accepted the job."""

    async def serve(request: web.Request) -> web.Response:
        if broken == "redirect":
            raise web.HTTPFound("http://192.0.2.1/secret")
        return web.Response(text="not an image", status=403 if broken == "status" else 200)

    said: list[str] = []
    async with _server(serve) as url:
        at = await start(warned=lambda label, why: said.append(why))
        address = "http://127.0.0.1:9/x.png" if broken == "nobody" else f"{url}/x.png"
        job = await at.accepted(imageUrls=[address])
        record = (await at.ended(job))["data"]
    assert (record["successFlag"], record["errorCode"], record["response"]) == (3, 400, None)
    assert "Failed to fetch the image" in record["errorMessage"]
    assert address in said[0]
    assert at.emulator.credits_of(job) == 0


async def test_no_other_machine_is_ever_dialled(start: Start, dialled: set[str]) -> None:
    """A rehearsal would tell somebody else's server about a film, or reach into the user's network."""
    at = await start()
    for host in ("images.example", "192.0.2.7", "169.254.169.254", "[2001:db8::1]", "0x7f000001", "localhost.example"):
        url = f"http://{host}/lamp.png"
        record = await at.ended(await at.accepted(imageUrls=[url], callBackUrl=url, seeds=10_000))
        assert record["data"]["successFlag"] == 1
    assert dialled <= {"127.0.0.1"}


async def test_the_callback_says_how_a_job_ended(start: Start) -> None:
    """The listener for callbacks could not be tried without a public address."""
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def listen(request: web.Request) -> web.Response:
        await heard.put(await request.json())
        return web.Response()

    async with _server(listen) as url:
        at = await start(faults=("job:fail=422 @flagged",))
        job = await at.accepted(callBackUrl=f"{url}/cb/1")
        good = await asyncio.wait_for(heard.get(), 10)
        assert (good["code"], good["data"]["taskId"]) == (200, job)
        assert good["data"]["info"]["resultUrls"] == f"[{at.emulator.url}/v/{job}.mp4]"
        assert json.loads(good["data"]["promptJson"])["prompt"] == "a lamp catches fire"
        await at.accepted(prompt="flagged", callBackUrl=f"{url}/cb/2")
        bad = await asyncio.wait_for(heard.get(), 10)
        assert bad["code"] == 422
        assert "rejected by Flow" in bad["msg"]
        assert "info" not in bad["data"]


async def test_a_callback_is_tried_three_times_and_never_led_elsewhere(start: Start, dialled: set[str]) -> None:
    """A deaf listener would be called for ever, or a redirect followed off this machine."""
    calls: asyncio.Queue[str] = asyncio.Queue()

    async def deaf(request: web.Request) -> web.Response:
        await calls.put(request.path)
        raise web.HTTPTemporaryRedirect("http://192.0.2.9/")

    async with _server(deaf) as url:
        at = await start()
        await at.accepted(callBackUrl=f"{url}/cb")
        async with asyncio.timeout(10):
            assert [await calls.get() for _ in range(3)] == ["/cb"] * 3
    assert dialled <= {"127.0.0.1"}


async def test_a_clip_can_be_had_in_parts_and_without_the_key(start: Start) -> None:
    """Interrupted downloads are resumed, and the key never goes to the host of the clips."""
    at = await start()
    url = await at.clip()
    whole = await at.bytes(url)
    async with aiohttp.ClientSession() as keyless:
        async with keyless.get(url, headers={"Range": "bytes=100-199"}) as answer:
            assert (answer.status, await answer.read()) == (206, whole[100:200])
            assert answer.headers["Content-Range"] == f"bytes 100-199/{len(whole)}"
        async with keyless.head(url) as answer:
            assert (answer.status, answer.content_length) == (200, len(whole))
            assert answer.content_type == "video/mp4"
    assert not any(seen.key for seen in at.emulator.requests if seen.path.startswith("/v/"))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("GET", GENERATE, 405), ("GET", f"/v/{'0' * 32}.mp4", 404), ("GET", "/files/x/y", 404)],
)
async def test_what_does_not_exist_is_said_in_the_envelope(start: Start, method: str, path: str, status: int) -> None:
    """A client with a wrong address would have to read HTML."""
    at = await start()
    async with at.session.request(method, path) as answer:
        assert (answer.status, (await answer.json())["code"]) == (status, status)


async def test_many_emulators_live_side_by_side() -> None:
    """Tests that run at once would share an account."""
    emulators = [Emulator(Behaviour(film="plain", balance=n)) for n in range(10)]
    for emulator in emulators:
        await emulator.__aenter__()
    assert len({emulator.url for emulator in emulators}) == 10
    assert [emulator.balance for emulator in emulators] == list(range(10))
    for emulator in emulators:
        await emulator.__aexit__(None, None, None)


async def test_an_emulator_that_ends_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every draft would leave a folder of clips in /tmp, and its threads would keep the program alive."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with Emulator(Behaviour()) as emulator, aiohttp.ClientSession(emulator.url) as session:
        assert os.listdir(tmp_path)
        headers = {"Authorization": "Bearer rehearsal"}
        for number in range(4):
            async with session.post(GENERATE, json={"prompt": f"take {number}"}, headers=headers) as answer:
                assert (await answer.json())["code"] == 200
    assert os.listdir(tmp_path) == []


async def test_a_port_that_is_taken_is_said(start: Start) -> None:
    """The user would see a traceback."""
    at = await start()
    with pytest.raises(InputError, match="is taken"):
        await Emulator(port=int(at.emulator.url.rpartition(":")[2])).__aenter__()


def _server(handler: Any) -> "_Server":
    return _Server(handler)


class _Server:
    """A server on loopback that is not the emulator."""

    def __init__(self, handler: Any) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        self._runner = web.AppRunner(app)

    async def __aenter__(self) -> str:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aexit__(self, *error: object) -> None:
        await self._runner.cleanup()
