"""The emulator does what its OpenAPI description says, whatever is sent to it."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema import Draft202012Validator
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from storyboard.emulator import Emulator
from storyboard.emulator.api.behaviour import Behaviour

DOCUMENT = Path(__file__).parents[2] / "schemas" / "emulator.openapi.json"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
KEY = {"Authorization": "Bearer rehearsal"}

thoroughly = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """An emulator in a thread of its own, because schemathesis sends with blocking calls."""
    running, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    started: list[Emulator] = []

    async def serve() -> None:
        async with Emulator(Behaviour(film="plain", balance=1e12)) as emulator:
            started.append(emulator)
            running.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert running.wait(10)
    yield started[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()


def _answer(case: Case, emulator: Emulator, headers: dict[str, str] = KEY) -> dict[str, object]:
    """The emulator's answer, checked against the description."""
    response = case.call(base_url=emulator.url, headers=headers)
    case.validate_response(response, checks=CHECKS, headers=headers)
    answer: dict[str, object] = response.json()
    return answer


def _operations() -> list[str]:
    paths = json.loads(DOCUMENT.read_text())["paths"]
    return [operation["operationId"] for methods in paths.values() for operation in methods.values()]


def _cases(name: str, mode: GenerationMode) -> object:
    document = schemathesis.openapi.from_path(DOCUMENT)
    return document.find_operation_by_id(name).as_strategy(generation_mode=mode)


@pytest.mark.ci
@pytest.mark.parametrize("name", _operations())
def test_requests_in_order_are_answered_as_described(name: str, emulator: Emulator) -> None:
    """A client written from the description would meet an answer that it does not expect."""

    @thoroughly
    @given(case=_cases(name, GenerationMode.POSITIVE))
    def story(case: Case) -> None:
        case.headers.clear()
        code = _answer(case, emulator)["code"]
        # A made-up task id is never one of a job, and that is described as well.
        assert code == 422 if name in ("record", "hd") else code == 200

    story()


@pytest.mark.ci
@pytest.mark.parametrize(("name", "schema"), [("generate", "Submission"), ("upload", "Upload")])
def test_requests_out_of_order_are_refused_and_cost_nothing(name: str, schema: str, emulator: Emulator) -> None:
    """A wrong request would be taken for good in a rehearsal, and refused, or worse paid for, by the real service."""
    described = Draft202012Validator(json.loads(DOCUMENT.read_text())["components"]["schemas"][schema])

    @thoroughly
    @given(case=_cases(name, GenerationMode.NEGATIVE))
    def story(case: Case) -> None:
        before = len(emulator.charges)
        case.headers.clear()
        if not described.is_valid(case.body):
            assert _answer(case, emulator)["code"] == 422
            assert len(emulator.charges) == before

    story()


@pytest.mark.parametrize("name", _operations())
def test_nothing_is_answered_without_a_key(name: str, emulator: Emulator) -> None:
    """A client that forgets its key would only find out at the real service."""

    @settings(thoroughly, max_examples=5)
    @given(case=_cases(name, GenerationMode.POSITIVE))
    def story(case: Case) -> None:
        case.headers.pop("Authorization", None)
        assert _answer(case, emulator, {"Authorization": ""})["code"] == 401

    story()
