"""Every row of the retry matrix through a real run: the requests that cost money, the state in the ledger, the exit.

One render has a scene for each row, grouped by the word of the matrix; tests/http counts the requests of each row.
"""

from collections import Counter
from collections.abc import Mapping

import pytest
from studio import Service, Studio
from tiers import every

from storyboard.http.policy import RULES, Call
from storyboard.providers.apikley.answers import TABLE
from storyboard.state.ledger import Ledger

pytestmark = pytest.mark.ci

WORDS = {rule: word for word, rule in RULES.items()}
CODES = sorted(signal for signal in TABLE.codes if isinstance(signal, int) and signal != 200)
FORMS = ("http", "code")
TIERED = every(2, reversed(FORMS))

# By call and word: the state that is left in the ledger, the exit, and how many submissions leave for one scene.
Ends = Mapping[str, tuple[str, int, int]]
SUBMIT: Ends = {
    "failed": ("refused", 3, 1),
    "limit": ("refused", 3, 9),
    "unknown": ("unknown", 4, 1),
    "stop": ("refused", 5, 1),
    "mend": ("refused", 5, 4),  # at the least: 300 + 300 + 300 >= 900 seconds
    "connect": ("refused", 5, 6),
}
POLL: Ends = {
    "wait": ("taken", 0, 0),  # it is struck twice
    "failed": ("failed", 3, 0),
    "ended": ("failed", 3, 0),
    "stalled": ("open", 3, 0),
    "unseen": ("open", 3, 0),
    "ask": ("open", 3, 0),
    "slower": ("open", 3, 0),
    "later": ("open", 3, 0),
    "stop": ("open", 5, 0),
}
HD: Ends = {
    "wait": ("taken", 0, 0),  # it is struck twice
    "failed": ("taken", 0, 0),  # the film has the 720p take
    "slower": ("taken", 3, 0),
    "later": ("taken", 3, 0),
    "stop": ("taken", 5, 0),
}
CLIP: Ends = {
    "expired": ("open", 3, 0),
    "fetch": ("open", 3, 0),
    "slower": ("open", 3, 0),
    "later": ("open", 3, 0),
    "stalled": ("open", 3, 0),
}


@pytest.fixture(autouse=True)
def hurried(studio: Studio) -> None:
    """Half an hour of patience in a second."""
    studio.environ["STORYBOARD_TIME_SCALE"] = "0.0005"


def rows(call: Call, form: str) -> Mapping[str, list[int]]:
    """The codes of each word. The emulator's "http" says the code in the body too, except where a clip is asked for."""
    found: dict[str, list[int]] = {}
    for code in CODES:
        if call is Call.DOWNLOAD:
            rule = TABLE.statuses.get(code, TABLE.codes[code])[call]
        else:
            rule = TABLE.weigh(call, code if form == "http" else 200, code).rule
        # The emulator's 422 says "rejected by Flow", and these words end a job whatever the code.
        word = "failed" if code == 422 and call in (Call.POLL, Call.HD) else WORDS[rule]
        found.setdefault(word, []).append(code)
    return found


def scenes(studio: Studio, codes: list[int], more: str = "") -> None:
    studio.scenes(*(f"Bird {code}." for code in codes), more=more)


def states(studio: Studio) -> Counter[str]:
    return Counter(entry.state for entry in Ledger(studio.settings.realm_folder() / "ledger.db").submissions.all())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("call", "ends"), [(Call.SUBMIT, SUBMIT), (Call.POLL, POLL), (Call.HD, HD), (Call.DOWNLOAD, CLIP)]
)
def test_every_word_of_the_matrix_has_its_end(call: Call, ends: Ends, form: str) -> None:
    """A word that a call can come to, and nobody has followed to its end."""
    assert set(rows(call, form)) <= set(ends)


@pytest.mark.parametrize("form", TIERED)
@pytest.mark.parametrize("word", ["failed", "limit", "unknown"])
def test_a_submission(studio: Studio, form: str, word: str) -> None:
    """Sent once too often it is paid twice; taken for refused though it may be charged, the next run buys it again."""
    codes, (state, status, posts) = rows(Call.SUBMIT, form)[word], SUBMIT[word]
    service = studio.serve(*(f"submit:{form}={code} @{code}." for code in codes))
    scenes(studio, codes)
    done = studio.render(at_once=len(codes), cut=False)
    assert (done.exit, done.made) == (status, 0)
    assert service.posts == posts * len(codes)
    assert states(studio) == {state: len(codes)}


@pytest.mark.parametrize("form", TIERED)
@pytest.mark.parametrize(
    "code", every(4, [code for word in ("stop", "mend", "connect") for code in rows(Call.SUBMIT, "code")[word]])
)
@pytest.mark.ci
def test_a_submission_that_stops_the_run(studio: Studio, form: str, code: int) -> None:
    """The scene is not to blame: after 5 the next run asks for it as if nothing had been."""
    state, status, posts = SUBMIT[WORDS[TABLE.weigh(Call.SUBMIT, code if form == "http" else 200, code).rule]]
    service = studio.serve(f"submit:{form}={code}")
    scenes(studio, [code])
    assert studio.render(cut=False).exit == status
    sent = service.posts
    assert sent == posts or (sent > posts and code == 455)
    assert states(studio) == {state: 1}
    service.emulator.heal()
    assert (studio.render(cut=False).exit, service.posts) == (0, sent + 1)


def paid(studio: Studio, place: str, form: str, word: str, codes: list[int], more: str = "") -> Service:
    """A service with a paid job for each code, none of which is asked for with success but in the next run."""
    service = studio.serve("hd:code=501" if place == "hd" else "clip:http=301")
    scenes(studio, codes, more)
    assert studio.render(at_once=len(codes), cut=False).exit == (0 if place == "hd" else 3)
    assert service.posts == len(codes)
    times = " x2" if word == "wait" else ""
    service.emulator.inject(*(f"{place}:{form}={code}{times} @{code}." for code in codes))
    return service


def follow(studio: Studio, service: Service, count: int, end: tuple[str, int, int]) -> None:
    """The run that meets the rows, and the one after the service is well: nothing is bought, nothing is lost."""
    state, status, _ = end
    done = studio.render(cut=False)
    assert done.exit == status, done.notes
    assert service.posts == count
    assert states(studio) == {state: count}
    if state != "failed":
        service.emulator.heal()
        done = studio.render(cut=False)
        assert (done.exit, service.posts) == (0, count)
        assert states(studio) == {"taken": count}


@pytest.mark.parametrize("form", TIERED)
@pytest.mark.parametrize("word", every(4, POLL))
def test_asking_for_a_job(studio: Studio, form: str, word: str) -> None:
    """It is paid for: whatever is answered, it is collected once the service is well, unless the service ended it."""
    codes = rows(Call.POLL, form).get(word, [])
    if codes:
        follow(studio, paid(studio, "poll", form, word, codes), len(codes), POLL[word])


@pytest.mark.ci
@pytest.mark.parametrize("form", TIERED)
@pytest.mark.parametrize("word", every(4, HD))
def test_asking_for_hd(studio: Studio, form: str, word: str) -> None:
    """The take is here: trouble with its HD version must not lose it, nor buy it anew."""
    codes = rows(Call.HD, form)[word]
    service = paid(studio, "hd", form, word, codes, more="defaults: {resolution: 1080p}\n")
    follow(studio, service, len(codes), HD[word])


@pytest.mark.parametrize("word", every(4, rows(Call.DOWNLOAD, "http")))
def test_fetching_a_clip(studio: Studio, word: str) -> None:
    """No trouble of a clip's host closes a job that is paid for."""
    codes = rows(Call.DOWNLOAD, "http")[word]
    follow(studio, paid(studio, "clip", "http", word, codes), len(codes), CLIP[word])
