"""What services differ in on the wire: how the key is sent, other hosts, forms, long replies, clips behind the key."""

import json
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from scripted import ANSWERS, ENVIRONMENT, KEY, Quick, Service, clip, service

from storyboard.config.credentials import api_key, key_of_command, service_endpoint
from storyboard.config.settings import Settings, settings
from storyboard.http.client import Client, Endpoint
from storyboard.http.exchange import Part, Reply, Request
from storyboard.http.policy import Call, Verdict
from storyboard.model.capabilities import Auth
from storyboard.model.errors import InputError, RunRefused, StoryboardError

pytestmark = pytest.mark.ci
KEYLESS = replace(ENVIRONMENT, auth=Auth(header=""), usual_url="http://192.168.1.2:8188")


@pytest.fixture
async def here() -> AsyncIterator[Service]:
    async with service() as running:
        yield running


async def said(request: web.Request) -> web.StreamResponse:
    return web.json_response({"key": KEY, "long": "x" * 2_000_000}, headers={"X-Job": f"a {KEY}"})


async def ask(client: Client, request: Request) -> Reply | Verdict:
    def read(reply: Reply) -> Reply:
        return reply

    return await client.send(request, read)


@pytest.mark.parametrize("auth", [Auth(), Auth("x-goog-api-key", ""), Auth("Authorization", "Key "), Auth(header="")])
async def test_the_key_is_sent_as_the_service_wants_it(here: Service, auth: Auth) -> None:
    """It would answer 401, or the key of a service that wants none would travel in the open."""
    here.play(said)
    async with Client(Endpoint(here.url, KEY, replace(ENVIRONMENT, auth=auth)), Quick(), ANSWERS) as client:
        reply = await ask(client, Request(Call.POLL, "GET", "/a", reply_bytes=3_000_000))
    assert isinstance(reply, Reply)
    if auth.header:
        assert here.heard[0].headers[auth.header] == auth.prefix + KEY
        assert KEY not in str(reply.body) + str(reply.headers)
        assert reply.headers["x-job"] == "a [key]"
    else:
        assert KEY not in str(here.heard)


async def test_a_form_is_sent_whole(here: Service) -> None:
    """An image would not arrive, or under another name."""
    here.play(said)
    parts = (Part("image", b"\x89PNG", "a.png", "image/png"), Part("overwrite", "true"))
    async with Client(Endpoint(here.url, KEY, ENVIRONMENT), Quick(), ANSWERS) as client:
        await ask(client, Request(Call.UPLOAD, "POST", "/upload/image", form=parts, reply_bytes=3_000_000))
    assert here.heard[0].headers["Content-Type"].startswith("multipart/form-data")
    assert b'name="image"; filename="a.png"' in here.heard[0].body
    assert b"\x89PNG" in here.heard[0].body


async def test_the_key_goes_to_the_hosts_of_the_provider_alone(here: Service) -> None:
    """A reply that names an address of its own would get the key."""
    here.play(said)
    api = Endpoint(here.url, KEY, ENVIRONMENT, ("https://queue.fal.run",))
    async with Client(api, Quick(), ANSWERS) as client:
        own = Request(Call.POLL, "GET", "/a", origin="https://queue.fal.run", reply_bytes=3_000_000)
        assert isinstance(await ask(client, own), Reply)  # an emulator plays all of the hosts
        for origin in (
            "https://evil.example",
            "http://queue.fal.run",
            f"{here.url}0",
            "https://queue.fal.run.evil.org",
        ):
            with pytest.raises(RunRefused, match="no host of this provider"):
                await ask(client, replace(own, origin=origin))
    assert len(here.heard) == 1


async def test_a_clip_behind_the_key(here: Service, tmp_path: Path) -> None:
    """Without the key it is not served; along a redirect, another host would learn the key."""
    async with service() as other:
        other.play(clip(b"\x00\x00\x00\x18ftypisom" + b"x" * 999))

        async def onward(request: web.Request) -> web.StreamResponse:
            raise web.HTTPFound(f"{other.url}/clip.mp4")

        here.play(onward)
        async with Client(Endpoint(here.url, KEY, ENVIRONMENT), Quick(), ANSWERS) as client:
            await client.fetch(f"{here.url}/a", tmp_path / "a", with_key=True)
            await client.fetch(f"{here.url}/a", tmp_path / "b")
            with pytest.raises(StoryboardError, match="own hosts only"):
                await client.fetch(f"{other.url}/a", tmp_path / "c", with_key=True)
    assert KEY in here.heard[0].headers["Authorization"]
    assert KEY not in str(here.heard[1]) + str(other.heard)
    assert len(other.heard) == 2


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("http://127.0.0.1:8188", True),
        ("http://10.0.0.4:8188", True),
        ("http://gpu.lan:8188", True),
        ("https://gpu.example", True),
        ("http://8.8.8.8", False),
        ("http://169.254.169.254", False),
        ("ftp://10.0.0.4", False),
        ("http://192.168.1.2:8188", False),  # the usual one, which the user has not named
    ],
)
def test_a_service_without_a_key(url: str, fine: bool) -> None:
    """One's own engine in the next room could not be used; or a public one in the open."""
    if fine:
        assert Endpoint(url, "", KEYLESS).own_key().headers == {}
        return
    with pytest.raises(InputError):
        Endpoint(url, "", KEYLESS)


async def test_a_name_of_a_private_network_does_not_lead_outside(here: Service) -> None:
    """Plain http to whatever a name leads to would put the film's prompts on the internet."""
    async with Client(Endpoint("http://one.one.one.one.invalid:1", "", KEYLESS), Quick(), ANSWERS) as client:
        with pytest.raises(StoryboardError):
            await ask(client, Request(Call.POLL, "GET", "/"))


def found(auth: Auth) -> Settings:
    plain = settings({})
    return replace(plain, environment=replace(plain.environment, auth=auth, vendor_key="FAL_KEY"))


def test_where_a_key_comes_from() -> None:
    """The vendor's own variable is there already; a service without a key has none to ask for."""
    assert api_key(found(Auth(header="")), {}) == ""
    assert api_key(found(Auth()), {"FAL_KEY": "vendor"}) == "vendor"
    assert api_key(found(Auth()), {"STORYBOARD_KEY_APIKLEY": "own", "FAL_KEY": "vendor"}) == "own"
    printed = found(Auth(command=(sys.executable, "-c", "print('from-a-command')")))
    assert api_key(printed, {}) == "from-a-command"
    assert service_endpoint(printed, {"FAL_KEY": "vendor"}).renew is None


@pytest.mark.parametrize("script", ["print('two words')", "raise SystemExit(3)", "pass"])
def test_a_command_that_prints_no_key(script: str) -> None:
    """Its output may be a secret, and its failure must be told."""
    with pytest.raises(RunRefused, match="gives no API key"):
        key_of_command((sys.executable, "-c", script))
    with pytest.raises(RunRefused, match="No such file"):
        key_of_command(("/nowhere/gcloud",))


async def test_a_key_that_has_expired_is_renewed_once(here: Service) -> None:
    """A token of an hour would end a render of two; a wrong one must not be asked for without end."""
    keys = iter(("key-number-two", "key-number-three"))

    async def checked(request: web.Request) -> web.StreamResponse:
        good = request.headers["Authorization"].endswith("two")
        return web.json_response({"said": request.headers["Authorization"], "old": KEY}, status=200 if good else 401)

    def read(reply: Reply) -> str:
        return json.dumps(reply.body)

    here.play(checked)
    async with Client(Endpoint(here.url, KEY, ENVIRONMENT, renew=lambda: next(keys)), Quick(), ANSWERS) as client:
        body = await client.send(Request(Call.SUBMIT, "POST", "/a", body={}), read)
        assert await client.send(Request(Call.POLL, "GET", "/b"), read) == body
    assert body == '{"said": "Bearer [key]", "old": "[key]"}'
    assert [heard.path for heard in here.heard] == ["/a", "/a", "/b"]
