"""The lock file: what git reviews, and what a clone rebuilds the film from."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyboard.model.errors import InputError
from storyboard.model.lock import Lock, Pinned
from storyboard.model.take import Measure, Take
from storyboard.parsing.yaml import load
from storyboard.state.lockfile import format_lock, parse_lock

DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)
TAKES = st.builds(
    Take,
    DIGESTS,
    st.integers(0, 10**12),
    st.builds(
        Measure,
        st.integers(1, 10**6),
        st.fractions(Fraction(1), 240),
        st.integers(2, 8192),
        st.integers(2, 8192),
        st.booleans(),
    ),
    st.just("720p"),
    st.none() | st.integers(10000, 99999),
    st.none() | st.fractions(0, 1000),
    st.none() | st.text(min_size=1, max_size=512).filter(str.isprintable),
    st.booleans(),
)
LOCKS = st.builds(
    Lock,
    st.dictionaries(
        st.from_regex(r"[a-z0-9](?:[a-z0-9_-]{0,20}[a-z0-9])?", fullmatch=True),
        st.builds(Pinned, DIGESTS, st.just(1), st.dictionaries(st.just(1), st.dictionaries(st.just("720p"), TAKES))),
        max_size=4,
    ),
)


def parsed(text: str) -> Lock:
    return parse_lock(load(text.encode(), "film.lock.yaml"), "film.lock.yaml")


@given(LOCKS)
@pytest.mark.ci
def test_what_is_written_is_read(lock: Lock) -> None:
    """Scene ids and digests that look like numbers stay text."""
    assert parsed(format_lock(lock)) == lock


TAKE = Take("d" * 64, 7, Measure(192, Fraction(24), 1280, 720, True), "720p", 41203, Fraction(60))


def test_the_file_as_git_shows_it() -> None:
    """Sorted, no time, no path, no address, no secret: one scene is one hunk."""
    lock = Lock({"b": Pinned("b" * 64, 1, {1: {"720p": TAKE}}), "a": Pinned("a" * 64, 1, {})})
    assert (
        format_lock(lock)
        == f"""\
# Written by storyboard. Commit it: it pins the takes of the film.
storyboard-lock: 1
scenes:
  a:
    key: "{"a" * 64}"
    pick: 1
    takes: {{}}
  b:
    key: "{"b" * 64}"
    pick: 1
    takes:
      1:
        720p:
          bytes: 7
          credits: "60"
          fps: "24"
          frames: 192
          seed: 41203
          sha256: "{"d" * 64}"
          size: 1280x720
          sound: true
"""
    )


def test_several_takes_have_their_keys() -> None:
    """A scene with one take looks as it always did; of several, each is found by its key, under whatever id."""
    takes = {1: {"720p": TAKE}, 2: {"720p": replace(TAKE, digest="e" * 64)}}
    lock = Lock({"b": Pinned("b" * 64, 2, takes, {1: "a" * 64, 3: "c" * 64})})
    text = format_lock(lock)
    assert (
        f'''
    key: "{"b" * 64}"
    pick: 2
    keys:
      1: "{"a" * 64}"
      3: "{"c" * 64}"
    takes:
      1:
'''
        in text
    )
    assert parsed(text) == lock
    assert [lock.takes(each * 64) for each in "abc"] == [takes[1], takes[2], {}]
    with pytest.raises(InputError):
        parsed(text.replace("a" * 64, "another key"))


@pytest.mark.parametrize(
    "change",
    [
        ("storyboard-lock: 1", "storyboard-lock: 2"),
        ("scenes:\n", "scenes: 3\nx-old:\n"),
        (f'key: "{"b" * 64}"', "key: 5"),
        ("pick: 1", "pick: true"),
        ("      1:\n", "      01: {}\n      1:\n"),
        ("    pick: 1", "    pick: 1\n    keys: {-2: %s}" % ("c" * 64)),
        ("720p:", '"../4k":'),
        ('job: "job-1"', "job: 5"),
        ('job: "job-1"', 'job: ""'),
        ("sound: true", "sound: maybe"),
        ('fps: "24"', 'fps: "0"'),
        ('fps: "24"', 'fps: "1/0"'),
        ('fps: "24"', 'fps: "1e999999999"'),
        ('credits: "60"', 'credits: "1e999999999"'),
        ("frames: 192", "frames: 0"),
        ("size: 1280x720", "size: big"),
        ("size: 1280x720", "size: 0x720"),
        ("bytes: 7", "bytes: -7"),
        ("  b:", '  "../b":'),
        (f'sha256: "{"d" * 64}"', 'sha256: "../../etc/passwd"'),
    ],
)
def test_a_damaged_lock_is_an_error_with_a_way_out(change: tuple[str, str]) -> None:
    """Never a guess: a wrong pin would cut a wrong film, and a bad digest is a path."""
    text = format_lock(Lock({"b": Pinned("b" * 64, 1, {1: {"720p": replace(TAKE, job="job-1")}})}))
    assert change[0] in text
    with pytest.raises(InputError) as caught:
        parsed(text.replace(*change))
    assert "film.lock.yaml" in caught.value.message
    assert "git" in caught.value.hint


LATER = f"""\
# Written by storyboard. Commit it: it pins the takes of the film.
storyboard-lock: 1
review: {{"by": "Ana", "on": [1, true, null]}}
scenes:
  a:
    key: "{"a" * 64}"
    pick: 1
    proof:
      key: "{"e" * 64}"
      pick: 1
      seen: "Ana"
      takes: {{}}
    note: "good \\u2013 keep"
    takes:
      1:
        "4k":
          bytes: 7
          fps: "24"
          frames: 192
          graded: "yes"
          job: "veo:1/\\u00e9 \\"x\\""
          provider: "other"
          sha256: "{"d" * 64}"
          size: 3840x2160
          sound: true
"""


def test_what_a_later_release_writes_is_kept() -> None:
    """Two releases in one team: the older one must not drop what the newer one has written."""
    lock = parsed(LATER)
    (take,) = lock.all_takes()
    assert (take.resolution, take.job, take.provider) == ("4k", 'veo:1/\u00e9 "x"', "other")
    assert format_lock(lock) == LATER


def test_a_rehearsal_is_told_apart() -> None:
    """Its takes are on this machine alone: the file must not say that it belongs into git."""
    text = format_lock(Lock({}, "rehearsal"), "rehearsal")
    assert "Commit" not in text
    assert parsed(text).realm == "rehearsal"
    assert "Commit" not in format_lock(Lock({}), "draft")
