"""Every row of the retry matrix against a real server: how many requests go out, and what the author is told.

The expectations are written out here once more, word by word, so that a slip in the table's arithmetic is seen.
"""

from collections.abc import AsyncIterator
from itertools import product

import pytest
from scripted import Quick, Service, call, envelope, left, says, service, wired
from tiers import one_of_each

from storyboard.http.client import Client
from storyboard.http.policy import RULES, AnswerKind, Call, Verdict
from storyboard.model.errors import AddressExpired, BadMedia, RunRefused, SceneFailed, Stalled, SubmissionUnknown
from storyboard.providers.apikley.answers import TABLE

# A word of the matrix: requests with the longest pauses, and the error (None: an answer comes back). A host that is ill
# is asked less often, by the breaker: after the fifth failure its pauses are 30, 60, 120, 240 and then 300 seconds.
MEANS: dict[str, tuple[int, type[SceneFailed | RunRefused | SubmissionUnknown] | None]] = {
    "accept": (1, None),
    "wait": (1, None),
    "unseen": (1, None),
    "absent": (1, None),
    "failed": (1, SceneFailed),
    "stop": (1, RunRefused),
    "unknown": (1, SubmissionUnknown),
    "stalled": (1, Stalled),
    "expired": (1, AddressExpired),
    "bad": (1, BadMedia),
    "connect": (6, RunRefused),  # 5 retries
    "limit": (9, SceneFailed),  # 8 retries
    "mend": (6, RunRefused),  # 60 + 120 + 240 + 300 + 300 >= 900 seconds
    "ask": (25, Stalled),  # 1 + 2 + 4 + 8 + 16 + 19 * 30 >= 600 seconds; of a host that is ill: see ILL
    "ended": (25, SceneFailed),  # as "ask"
    "slower": (9, Stalled),
    "later": (9, Stalled),  # 60 + 120 + 240 + 5 * 300 >= 1800 seconds
    "fetch": (9, Stalled),
    "refetch": (4, BadMedia),
    "put": (6, SceneFailed),
    "glance": (3, None),
}
# 1 + 2 + 4 + 8, then the breaker's 30 + 60 + 120 + 240 + 300 >= 600 seconds
ILL = 10
# What says nothing of the host's health: a request that is refused, a record that is missing.
WELL = {400, 422, 451, 501}
WORDS = {rule: word for word, rule in RULES.items()}
API_CALLS = [call for call in Call if call is not Call.DOWNLOAD]
CODES = sorted(signal for signal in TABLE.codes if isinstance(signal, int) and signal != 200)
ROWS = list(product(CODES, API_CALLS))


def in_the_body(code: int, kind: Call) -> str:
    return WORDS[TABLE.codes[code][kind]]


def as_status(code: int, kind: Call) -> str:
    return WORDS[TABLE.statuses.get(code, TABLE.codes[code])[kind]]


@pytest.fixture
async def here() -> AsyncIterator[Service]:
    async with service() as running:
        yield running


async def ask(wire: Client, kind: Call) -> Verdict:
    method = "POST" if kind in (Call.SUBMIT, Call.UPLOAD) else "GET"
    return (await call(wire, kind, method, "/x", json={} if method == "POST" else None)).verdict


async def expect(here: Service, kind: Call, word: str, code: int | None) -> None:
    requests, error = MEANS[word]
    if word == "ask" and code not in WELL:
        requests = ILL
    clock = Quick()
    async with wired(here.url, clock) as wire:
        if error is None:
            assert await ask(wire, kind) is RULES[word].verdict
        else:
            with pytest.raises(error) as raised:
                await ask(wire, kind)
            assert type(raised.value) is error
            assert code is None or raised.value.code == code
    assert len(here.heard) == requests
    if requests < 6:
        assert len(clock.pauses) == requests - 1


def test_every_word_of_the_matrix_is_expected() -> None:
    """A new word would go untested."""
    assert set(MEANS) == set(RULES)


@pytest.mark.parametrize(("code", "kind"), one_of_each(ROWS, in_the_body))
async def test_a_code_in_the_body(here: Service, kind: Call, code: int) -> None:
    """Status 200 with a bad code is how this API refuses; taken for success, the scene waits for ever."""
    here.play(envelope(code, None, "no"))
    await expect(here, kind, in_the_body(code, kind), code)


@pytest.mark.parametrize(("code", "kind"), one_of_each(ROWS, as_status))
async def test_an_http_status_with_a_page(here: Service, kind: Call, code: int) -> None:
    """A gateway's HTML has no code; what it means for money must be the same."""
    here.play(says(code, b"<html>no</html>", {"Content-Type": "text/html"}))
    await expect(here, kind, as_status(code, kind), code)


@pytest.mark.parametrize(("code", "kind"), one_of_each(ROWS, as_status))
async def test_an_http_status_with_its_code(here: Service, kind: Call, code: int) -> None:
    """Both at once must not be weighed twice, nor fall between."""
    here.play(envelope(code, None, "no", status=code))
    graver = {in_the_body(code, kind), as_status(code, kind)}
    word = (graver & {"failed", "stalled"} or graver & {"ended"} or graver).pop()
    await expect(here, kind, word, code)


@pytest.mark.parametrize("code", one_of_each(zip(CODES), lambda code: as_status(code, Call.DOWNLOAD)))
async def test_an_http_status_for_a_clip(here: Service, code: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A clip's address that is gone must be asked for anew, and a slow host must not close a job that is paid for."""
    here.play(says(code, b"no", {"Content-Type": "text/plain"}))
    folder = tmp_path_factory.mktemp("clips")
    requests, error = MEANS[as_status(code, Call.DOWNLOAD)]
    assert error
    async with wired(here.url) as wire:
        with pytest.raises(error) as raised:
            await wire.fetch(here.url + "/a.mp4", folder / "a")
    assert type(raised.value) is error
    assert len(here.heard) == requests
    assert not left(folder)


@pytest.mark.parametrize("kind", API_CALLS)
async def test_503_that_says_when(here: Service, kind: Call) -> None:
    """A service that sheds load politely has accepted nothing."""
    here.play(says(503, b"", {"Retry-After": "30"}))
    word = WORDS[TABLE.codes[AnswerKind.BUSY][kind]]
    await expect(here, kind, word, None)


@pytest.mark.parametrize("kind", API_CALLS)
async def test_an_answer_that_cannot_be_read(here: Service, kind: Call) -> None:
    """Half a JSON after a submission may be an accepted job."""
    for content in (b"", b"{", b"[]", b'{"msg": "ok"}', b'{"code": true}', b"\xff\xfe", b"[" * 100_000, b"9" * 9999):
        here.play(says(200, content))
        await expect(here, kind, WORDS[TABLE.codes[AnswerKind.UNREADABLE][kind]], None)
