"""Gemini's replies as a hostile or broken service sends them: the real client ends in a sentence, the job is kept."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from canary import KEY
from scripted import Quick, Service, Step, clip, service

from storyboard.generation.provider_calls import cancel_job, job_status
from storyboard.http.client import Client, Endpoint
from storyboard.model.errors import AddressExpired, SceneFailed, Stalled, StoryboardError
from storyboard.providers.base import Pending, Ready
from storyboard.providers.gemini import Gemini

GEMINI = Gemini()
JOB = "v1_abc"


@pytest.fixture
async def here() -> AsyncIterator[Service]:
    async with service() as running:
        yield running


def client(here: Service) -> Client:
    return Client(Endpoint(here.url, KEY, GEMINI.environment), Quick(), GEMINI.answers)


def said(document: object, status: int = 200) -> Step:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response(document, status=status)

    return answer


def made(**item: object) -> dict[str, object]:
    steps = [{"type": "model_output", "content": [{"type": "video", **item}]}]
    return {"id": JOB, "status": "completed", "steps": steps}


def deep() -> object:
    found: object = {}
    for _ in range(300):
        found = [{"steps": found}]
    return found


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (made(data="%%%"), "its clip is not base64"),
        (made(uri="gs://bucket/clip.mp4"), "at no address of the web: 'gs://bucket/clip.mp4'"),
        ({"id": JOB, "status": ["completed"]}, "names no status"),
        ({"id": JOB, "status": "elsewhere"}, "'elsewhere'"),
        ({"id": "v1_other", "status": "completed"}, "another job: v1_other"),
        (deep(), "cannot be parsed"),
        ({"error": {"status": "INTERNAL", "message": "x" * 100_000}}, "server error"),
    ],
)
async def test_a_reply_that_is_no_state(here: Service, document: object, words: str) -> None:
    """It is asked again for ten minutes, then the job stays open: it is paid for."""
    here.play(said(document))
    async with client(here) as wire:
        with pytest.raises(Stalled) as caught:
            await job_status(GEMINI, wire, JOB)
    assert words in caught.value.message
    assert len(caught.value.message) < 1000
    assert "the job stays open" in caught.value.hint


@pytest.mark.ci
async def test_a_reply_without_an_end(here: Service) -> None:
    """A clip of 300 MB in a reply would fill the memory: it is not read to its end, and the job stays open."""

    async def flood(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for _ in range(300):
            await response.write(b" " * (1 << 20))
        return response

    here.play(flood, said({"id": JOB, "status": "in_progress"}))
    async with client(here) as wire:
        assert await job_status(GEMINI, wire, JOB) == Pending()


async def test_a_clip_at_another_host(here: Service, tmp_path: Path) -> None:
    """The key goes to the service's own address: neither to the host of an address in a reply, nor along a redirect."""
    async with service() as other:
        other.play(clip(b"\x00\x00\x00\x18ftypisom" + b"x" * 999))
        elsewhere = other.url.replace("127.0.0.1", "localhost")

        async def onward(request: web.Request) -> web.StreamResponse:
            raise web.HTTPFound(f"{elsewhere}/stolen.mp4")

        async with client(here) as wire:
            here.play(said(made(uri="https://evil.example/v1beta/files/a")))
            ready = await job_status(GEMINI, wire, JOB)
            assert isinstance(ready, Ready)
            with pytest.raises(StoryboardError, match=r"evil\.example.*own hosts only"):
                await wire.fetch(ready.url, tmp_path / "a", with_key=ready.with_key)
            here.play(said(made(uri="files/a")), said({"state": "ACTIVE"}), onward)
            ready = await job_status(GEMINI, wire, JOB)
            assert isinstance(ready, Ready)
            await wire.fetch(ready.url, tmp_path / "b", with_key=ready.with_key)
    assert [heard.headers.get("x-goog-api-key") for heard in here.heard] == [KEY] * 3
    assert all("key" not in heard.query for heard in here.heard)
    assert KEY not in str(other.heard)


async def test_the_file_is_gone(here: Service, tmp_path: Path) -> None:
    """Files go after two days: it is said, and the job is not given up."""
    gone = said({"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "or it may not exist"}}, 403)
    here.play(said(made(uri="files/a")), gone)
    async with client(here) as wire:
        ready = await job_status(GEMINI, wire, JOB)
        assert isinstance(ready, Ready)
        with pytest.raises(AddressExpired, match="does not serve it \\(403\\)"):
            await wire.fetch(ready.url, tmp_path / "a", with_key=ready.with_key)


async def test_a_cancelled_job(here: Service) -> None:
    here.play(
        said({"id": JOB, "status": "cancelled"}),
        said({"error": {"code": 400, "status": "FAILED_PRECONDITION", "message": "done"}}, 400),
    )
    async with client(here) as wire:
        assert await cancel_job(GEMINI, wire, JOB) is True
        assert await cancel_job(GEMINI, wire, JOB) is False
        here.play(said({"id": JOB, "status": "failed", "errors": [{"message": "Blocked by policy"}]}))
        with pytest.raises(SceneFailed, match="Blocked by policy") as caught:
            await job_status(GEMINI, wire, JOB)
    assert "rephrase" in caught.value.hint
