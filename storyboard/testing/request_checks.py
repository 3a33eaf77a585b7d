"""Checks of the requests that a provider makes: pure, fit to be sent, to its own host, without the key."""

import os
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from storyboard.http.address import origin_of
from storyboard.http.exchange import Request
from storyboard.http.policy import Call
from storyboard.model.problem import Place
from storyboard.model.shot import Shot
from storyboard.model.storyboard import WebImage
from storyboard.providers.base import (
    BalanceReader,
    Canceller,
    Dispatch,
    ImageUploader,
    PromptEcho,
    Provider,
    SentImage,
    Upscaler,
    sent_images,
)
from storyboard.testing.assertions import as_json, call_twice, describe, is_text, require

JOBS = ("contract-job-1", "contract_job_2")
# A name that a request must encode, wherever it has it.
_ODD_JOB = "contract job:3?#%2f\u00fc"

_IMAGE = WebImage("https://images.example/frame.png", Place("contract.yaml", 1, 1))
_PROMPTS = ('"}\n\\ {{ x }} %s', "Кошка \U0001f408", "A cat.")
_CALLBACK = "https://callbacks.example/cb/contract-nonce-1"
_NAME = "7b0f6a52-3a1f-5d6e-9c59-0e2c1f7f9d11"
_KEY = "contract-key-b1946ac92492d2347c6235b4d2611184"
_METHODS = ("GET", "POST", "PUT", "PATCH")
# The client sets these: a provider that does so, too, would replace the key or the framing of the request.
_OF_CLIENT = {"authorization", "host", "content-length", "transfer-encoding", "connection", "cookie"}


def _shots(provider: Provider) -> Iterator[Shot]:
    """Shots of every kind that a storyboard can ask of this provider."""
    for model in provider.capabilities.models:
        shape = next(iter(model.aspects), "16:9")
        plain = Shot("A cat.", model.name, shape, None, None, (), None, True, None, 1, provider.name)
        yield from (replace(plain, prompt=prompt) for prompt in (*_PROMPTS, "x" * model.prompt_limit))
        yield from (replace(plain, aspect=aspect) for aspect in model.aspects)
        yield from (replace(plain, seed=seed) for seed in model.seeds or ())
        yield replace(plain, translate=False, watermark="W", take=2, label="1/2 cat")
        yield replace(plain, first_frame=_IMAGE)
        yield replace(plain, first_frame=_IMAGE, last_frame=_IMAGE)
        if model.references:
            yield replace(plain, references=(_IMAGE,) * model.references)


def _images(provider: Provider, shot: Shot) -> list[SentImage]:
    images = sent_images(shot, [f"https://images.example/{number}.png" for number, _ in enumerate(shot.images)])
    forms = {model.name: model.images for model in provider.capabilities.models}
    if forms.get(shot.model) != "bytes":
        return images
    return [SentImage(image.role, content=image.address.encode(), kind="image/png") for image in images]


def _written(image: SentImage) -> str:
    """What of an image stands in a body as JSON: its address, or its bytes in base64."""
    return b64encode(image.content).decode() if image.content else image.address


def _submissions(provider: Provider) -> Iterator[Request]:
    for shot in _shots(provider):
        for callback in (None, _CALLBACK):
            yield call_twice(
                "submission", provider.submission, shot, _images(provider, shot), Dispatch(_NAME, callback)
            )


def _questions(provider: Provider) -> Iterator[tuple[str, Call, Request | None]]:
    """Every other request that the provider makes: the method's name, the call that it must be, the request."""
    for job in (*JOBS, _ODD_JOB):
        yield "status", Call.POLL, call_twice("status", provider.status, job)
        if isinstance(provider, Upscaler):
            yield "upscale", Call.HD, call_twice("upscale", provider.upscale, job)
        if isinstance(provider, PromptEcho):
            yield "echo", Call.POLL, call_twice("echo", provider.echo, job)
    if isinstance(provider, ImageUploader):
        yield "upload", Call.UPLOAD, call_twice("upload", provider.upload, "0f.png", b"\x89PNG\xff", "image/png")
    if isinstance(provider, BalanceReader):
        yield "balance", Call.BALANCE, call_twice("balance", provider.balance)


def check_requests(provider: Provider) -> None:
    """Every request can be sent as it is, and leads to the service's own host."""
    for request in _submissions(provider):
        _check_request("submission", Call.SUBMIT, request)
    for what, call, asked in _questions(provider):
        if asked is not None or what in ("status", "echo"):
            _check_request(what, call, asked)


def check_origins(provider: Provider) -> None:
    """Whatever a reply named: a request goes to the service's address or to one of its hosts, and so does the key."""
    known = {origin_of(url) for url in (provider.environment.usual_url, *provider.hosts) if url}
    asked = [(what, request) for what, _, request in _questions(provider) if request is not None]
    if isinstance(provider, Canceller):
        asked.append(("cancel", provider.cancel(_ODD_JOB)))
    for what, request in (*(("submission", request) for request in _submissions(provider)), *asked):
        own = not request.origin or origin_of(request.origin) in known
        require(own, f"{what}: {describe(request.origin)} is none of the provider's hosts")
        doubled = provider.environment.auth.header.lower() in map(str.lower, request.headers)
        require(not doubled, f"{what}: the header that carries the key is set by the client")


def _check_request(what: str, call: Call, request: object) -> None:
    if not isinstance(request, Request):
        raise AssertionError(f"{what} must return a Request, not {describe(request)}")
    require(request.call is call, f"{what} must be a {call}, not {describe(request.call)}")
    require(request.method in _METHODS, f"{what}: the HTTP method is {describe(request.method)}")
    require(_is_path(request.path), f"{what}: the path must begin with one '/', not {describe(request.path)}")
    for name, value in (*request.query.items(), *request.headers.items()):
        require(isinstance(name, str) and isinstance(value, str), f"{what}: {describe(name)} must be text")
    for name, value in request.headers.items():
        require(is_text(name) and value.isprintable(), f"{what}: the header {describe(name)} cannot be sent")
        require(name.lower() not in _OF_CLIENT, f"{what}: the header {name} is set by the client")
    as_json(what, request.body)


def _is_path(path: object) -> bool:
    """Whether this leads to a page of the service: behind its address, another beginning would name another host."""
    if not isinstance(path, str) or not path.startswith("/") or path.startswith("//") or not path.isascii():
        return False
    return path.isprintable() and not set(path) & set(" ?#\\") and not {".", ".."} & set(path.split("/"))


def check_purity(provider: Provider) -> None:
    """``submission`` sends what ``request`` shows; both say what the shot says, and change no argument."""
    for shot in _shots(provider):
        images, dispatch = _images(provider, shot), Dispatch(_NAME, _CALLBACK)
        body = call_twice("request", provider.request, shot, images, dispatch)
        sent = call_twice("submission", provider.submission, shot, images, dispatch)
        require(
            _is_shown(sent, body),
            "submission must send the very body that request returns, which people are shown",
        )
        require(images == _images(provider, shot), "request changes the list of images that it is given")
        different = call_twice("request", provider.request, replace(shot, prompt="A dog."), images, dispatch)
        require(body != different, "request leaves out the prompt: shots that differ in it are one request")
        said = as_json("request", body)
        missing = [image.address for image in images if shot.references and _written(image) not in said]
        require(not missing, f"request leaves out reference images of {shot.model}: {missing}")


def _is_shown(sent: Request, body: Mapping[str, object]) -> bool:
    """Whether the body that is sent is the one that is shown; of a form, the names of its fields."""
    return [part.name for part in sent.form] == list(body) if sent.form else sent.body == body


def check_status_request(provider: Provider) -> None:
    """Two jobs are two questions."""
    first, second = (call_twice("status", provider.status, job) for job in JOBS)
    require(first != second, "status leaves out the job: it asks the same of two jobs")


@contextmanager
def _key_in_environment(variable: str) -> Iterator[None]:
    before = os.environ.get(variable)
    os.environ[variable] = _KEY
    try:
        yield
    finally:
        os.environ.pop(variable)
        os.environ.update({} if before is None else {variable: before})


def check_key(provider: Provider) -> None:
    """The client alone adds the key: ``storyboard prompts`` prints bodies, and messages name paths."""
    with _key_in_environment(provider.environment.key):
        asked = [request for _, _, request in _questions(provider) if request is not None]
        for request in (*_submissions(provider), *asked):
            said = as_json("the request", [request.path, {**request.query}, {**request.headers}, request.body])
            require(_KEY not in said, f"the request {request.path} has the key in it: the client adds it by itself")
