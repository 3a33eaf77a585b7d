"""Targets: each reader of what others wrote, as a fuzzer sees it. Bytes in; out comes what became of them in one word.

A target lets pass the errors that its reader documents, and no other: what is left over is a traceback for somebody.
Also what `./dev bench hostile` measures.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from urllib.parse import urljoin

from yarl import URL

from storyboard.http.address import url_objection
from storyboard.http.client import Endpoint
from storyboard.media import probe, verify
from storyboard.model.errors import BadMedia, InputError, LocalFault, StoryboardError
from storyboard.model.lock import Lock, Pinned
from storyboard.model.model_catalogue import Catalogue
from storyboard.model.shot import Shot
from storyboard.model.submission import rfc3339
from storyboard.model.take import Measure, Take
from storyboard.model.text import one_line
from storyboard.parsing.read import check_storyboard
from storyboard.parsing.source import format_problem
from storyboard.parsing.template import parse
from storyboard.parsing.template_limits import TemplateRefused, TemplateWork
from storyboard.parsing.yaml import load
from storyboard.providers.apikley.answers import ENVIRONMENT
from storyboard.providers.apikley.veo import CAPABILITIES
from storyboard.state.ledger import Ledger
from storyboard.state.ledger.submissions import AlreadyAsked, KnownJob
from storyboard.state.lockfile import format_lock, parse_lock
from storyboard.workflow.source_files import Project

CATALOGUE = Catalogue.of("apikley", CAPABILITIES)

ROOT = Path(__file__).resolve().parents[2]
INVALID = ROOT / "tests" / "invalid"

SMALL = b"""\
storyboard: 1
title: Night
vars: { hour: dawn, tags: [fog, rain] }
cast: { keeper: { looks: an old keeper } }
defaults: { model: veo3_fast, aspect: 16:9 }
output: { file: out/night.mp4, size: 1280x720, fps: 24, fit: pad }
scenes:
  - id: a
    prompt: "The {{ hour }}, {{ tags | join(' and ') }}."
    seed: 41203
    trim: { from: 0.5, to: 6 }
  - id: b
    prompt: >
      {{ cast.keeper }} at {{ hour | upper }}.
    resolution: 1080p
    first_frame: https://cdn.example/a.png
    note: none
"""

SCOPE: Mapping[str, object] = {
    "hour": "dawn",
    "number": 7,
    "night": True,
    "tags": ["fog", "rain"],
    "hero": {"name": "Ada", "coat": {"colour": "red"}},
    "cast": {"keeper": "an old keeper"},
}
TEMPLATES = (
    b"{{ hour | upper }} in {{ tags | join(', ') }}{% if night %}, at {{ hero.name }}'s{% endif %}.",
    b"{% for tag in tags if tag != 'fog' %}{{ loop.index }} {{ tag ~ '!' }} {% else %}none{% endfor %}",
    b"{{ cast.keeper | replace('old', 'young') }} {{ hero['coat']['colour'] | default('x') }} {{ tags[0] | title }}",
    b"A {# note #} plain {% raw %}{{ x }}{% endraw %} {{ 'a' if number > 3 and not night else tags | length }}",
)
ADDRESSES = (
    b"https://cdn.example/clips/a%2Fb.mp4?X-Sig=%2B%2f&b=a+b",
    b"https://cdn.example:443/a#b",
    b"http://127.0.0.1:8080/a?b=c",
    b"https://[2606:4700::1111]/a",
    b"https://[::ffff:127.0.0.1%25eth0]:443/",
    b"https://user:pass@xn--bcher-kva.example/a/../b",
    b"//cdn.example/a",
    b"/next?sig=x",
    "https://bücher.example/ä".encode(),
)


def printable(text: str) -> bool:
    """Whether a terminal or a CI log can be shown ``text``: nothing but what is seen, and line feeds."""
    return all(line == one_line(line, len(line)) for line in text.split("\n"))


def _refused(error: StoryboardError) -> str:
    assert error.message
    assert printable(error.message + "\n" + error.hint), error.message
    return "refused"


@dataclass(frozen=True)
class Target:
    """``attempt`` reads one input, and says "read" or "refused"; ``flips`` keep an input's length."""

    seeds: tuple[bytes, ...]
    attempt: Callable[[bytes], str]
    flips: bool = False


def storyboards(folder: Path) -> Target:
    """A storyboard, its templates and all that it names, with every message that is shown of it."""
    project = Project(folder)
    film = folder / "film.yaml"
    whole = (ROOT / "examples" / "keeper" / "keeper.yaml").read_bytes()
    small = sorted(path.read_bytes() for path in INVALID.glob("*.yaml") if path.stat().st_size < 1_500)

    def attempt(raw: bytes) -> str:
        film.write_bytes(raw)
        problems = check_storyboard("film.yaml", project, CATALOGUE)
        for problem in problems:
            assert printable(format_problem(problem)), problem
        return "refused" if any(problem.severity == "error" for problem in problems) else "read"

    bare = whole.replace(b"    first_frame: frames/lamp-dark.jpg\n", b"")
    good = (SMALL, SMALL, SMALL, bare[: bare.index(b"  - id: window")])
    return Target((*small, *good * 60), attempt)


def templates(folder: Path) -> Target:
    def attempt(raw: bytes) -> str:
        try:
            text, refused = parse(raw.decode("utf-8", "surrogateescape")).render(SCOPE, TemplateWork())
        except TemplateRefused as error:
            text, refused = "", (error,)
        for each in refused:
            assert each.message
            assert printable(each.message + "\n" + each.hint), each.message
        assert len(text) <= 20_000
        return "refused" if refused else "read"

    return Target(TEMPLATES, attempt)


def take(digest: str = "d") -> Take:
    return Take(digest * 64, 7, Measure(192, Fraction(24), 1280, 720, True), "720p", 41203, Fraction(60))


def locks(folder: Path) -> Target:
    def attempt(raw: bytes) -> str:
        try:
            lock = parse_lock(load(raw, "film.lock.yaml"), "film.lock.yaml")
        except InputError as error:
            return _refused(error)
        for pinned in lock.scenes.values():
            for versions in pinned.takes.values():
                for each in versions.values():
                    assert 0 < each.measure.seconds < 10**9
                    assert each.measure.width * each.measure.height > 0
                    assert set(each.digest) <= set("0123456789abcdef")
        return "read" if parse_lock(load(format_lock(lock).encode(), ""), "") == lock else "changed"

    seed = format_lock(Lock({f"s{n}": _two_takes(n) for n in range(3)}))
    return Target((seed.encode(), format_lock(Lock({})).encode()), attempt)


def _two_takes(number: int) -> Pinned:
    takes = {1: {"720p": take(f"{number}")}, 2: {"720p": take(f"{number + 3}")}}
    return Pinned(f"{number}" * 64, 1, takes, {2: f"{number + 3}" * 64})


def shot(prompt: str) -> Shot:
    return Shot(prompt, "veo3_fast", "16:9", None, None, (), 41203, False, None, 1, "apikley")


def ledgers(folder: Path) -> Target:
    path = folder / "ledger.db"

    def attempt(raw: bytes) -> str:
        for old in folder.glob("ledger.db*"):
            old.unlink(missing_ok=True)  # SQLite knows a file of this process by its inode
        path.write_bytes(raw)
        mark.write_bytes(marked)
        try:
            ledger = Ledger(path)
        except LocalFault:
            return "refused"
        outcomes = {_said(lambda ask=ask: ask(ledger)) for ask in _ASKED}
        ledger.close()
        return "refused" if "refused" in outcomes else "read"

    made = Ledger(path)
    for number, state in enumerate(("intent", "unknown", "open", "taken", "failed", "refused")):
        entry = made.submissions.record_intent(
            shot(f"A gull, {state}"), f"s{number}", "/film.yaml", "run", Fraction(60), 1e9
        )
        if state in ("open", "taken", "failed"):
            made.submissions.record_accepted(entry, f"job-{number}", 1e9)
        if state == "taken":
            made.submissions.record_upgrade(entry, "s3", "/film.yaml", "run", Fraction(5), 1e9)
            made.takes.record_take(entry.key, take(), 1e9)
        if state in ("unknown", "failed", "refused"):
            getattr(made.submissions, f"record_{state}")(entry, "it said so", 500, 1e9)
    made.upload_addresses.remember_upload(
        "s3://bucket", "d" * 64, "https://cdn.example/a", datetime.fromtimestamp(2e9, UTC)
    )
    made.database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    made.close()
    mark, marked = folder / "ledger.mark", (folder / "ledger.mark").read_bytes()
    return Target((path.read_bytes(),), attempt, flips=True)


def _said(ask: Callable[[], object]) -> str:
    try:
        ask()
    except (LocalFault, AlreadyAsked, KnownJob) as error:
        return "refused" if isinstance(error, LocalFault) else "read"
    return "read"


def _asked(ledger: Ledger) -> None:
    entry = ledger.submissions.record_intent(shot("A tern"), "t", "/film.yaml", "run2", Fraction(60), 1e9)
    ledger.submissions.record_accepted(entry, "job-new", 1e9)
    ledger.takes.record_take(entry.key, take("e"), 1e9)


def _shown(ledger: Ledger) -> None:
    for entry in ledger.submissions.all():
        told = [
            rfc3339(entry.asked),
            *(float(amount) for _, amount in entry.cost.parts),
            one_line(entry.why),
            one_line(entry.scene),
            entry.recipe["prompt"],
        ]
        json.dumps(told)


_ASKED: tuple[Callable[[Ledger], object], ...] = (
    lambda ledger: ledger.database.problems(),
    _shown,
    lambda ledger: ledger.submissions.all("/film.yaml"),
    lambda ledger: [ledger.takes.of_key(shot(f"A gull, {state}").key) for state in ("taken", "open")],
    lambda ledger: ledger.submissions.of_key(shot("A gull, taken").key),
    lambda ledger: [float(take.measure.seconds) for _, take, _ in ledger.takes.all()],
    lambda ledger: ledger.submissions.last_recipes("/film.yaml"),
    lambda ledger: ledger.upload_addresses.upload_address("s3://bucket", "d" * 64, datetime.fromtimestamp(1e9, UTC)),
    _asked,
)


def urls(folder: Path) -> Target:
    """An address that a provider, a redirect, a storyboard or a configuration names."""

    def attempt(raw: bytes) -> str:
        text = raw.decode("utf-8", "surrogateescape")
        with suppress(InputError):
            api = Endpoint(text, "key-of-a-test", ENVIRONMENT)
            assert api.host
        with suppress(ValueError):
            text = urljoin("https://cdn.example/a", text)
        if url_objection(text, local=False):
            url_objection(text, local=True)
            return "refused"
        try:
            dialled = URL(text, encoded=text.isascii())
        except ValueError:
            return "refused"
        assert (dialled.scheme, dialled.port, dialled.user) == ("https", 443, None), text
        return "read"

    return Target(ADDRESSES, attempt)


def headers(folder: Path, clips: tuple[bytes, ...]) -> Target:
    """The parts of a clip that we read ourselves: its first bytes, and the lengths of its outermost boxes."""
    path = folder / "clip"

    def attempt(raw: bytes) -> str:
        path.write_bytes(raw)
        try:
            if probe.demuxer(path) == "mp4":
                verify._complete(path)
        except BadMedia as error:
            return _refused(error)
        return "read"

    return Target(tuple(map(_bones, clips)), attempt)


def _bones(clip: bytes) -> bytes:
    """A clip whose pictures are left out: its boxes are what is read here, and strikes should meet them."""
    at, bones = 0, b""
    while at + 8 <= len(clip):
        length = int.from_bytes(clip[at : at + 4])
        kept = clip[at + 8 : at + min(length, 48)]
        bones += (8 + len(kept)).to_bytes(4) + clip[at + 4 : at + 8] + kept
        at += length
    return bones


def media(folder: Path, clips: tuple[bytes, ...]) -> Target:
    """A clip as PyAV opens it, in this process."""
    path = folder / "clip"

    def attempt(raw: bytes) -> str:
        path.write_bytes(raw)
        try:
            measure = probe.measure(path)
        except BadMedia as error:
            return _refused(error)
        assert measure.frames > 0
        assert measure.seconds > 0
        return "read"

    return Target(clips, attempt)


def plans(folder: Path) -> Target:
    """A saved plan, which `render --plan` is given, and what is remembered of films."""
    from storyboard.cli.render import _promised
    from storyboard.film.registry import FilmRegistry
    from storyboard.planning.saved import plan_differences

    (folder / ".storyboard").mkdir(exist_ok=True)
    saved, remembered = folder / "plan.json", folder / ".storyboard" / "films.json"
    film = folder / "out" / "film.mp4"
    film.parent.mkdir(exist_ok=True)
    film.write_bytes(b"film")
    steps = [{"scene": "a", "step": "make", "why": "no take yet", "model": "veo3_fast", "credits": 60, "key": "k" * 64}]
    totals = {"make": 1, "credits": 60, "money": 0.3, "currency": "USD", "estimate": True}
    plan = {"storyboard": "film.yaml", "provider": "apikley", "steps": steps, "totals": totals, "uploads": []}
    was = {
        "identity": "d" * 64,
        "checksum": 0,
        "bytes": 4,
        "frames": 24,
        "fps": 24,
        "width": 2,
        "height": 2,
        "kind": "paid",
        "modified": film.stat().st_mtime_ns,
    }

    def attempt(raw: bytes) -> str:
        saved.write_bytes(raw)
        remembered.write_bytes(raw)
        there = FilmRegistry(folder).find(film)
        if there:
            assert there.frames / Fraction(there.fps) > 0
        FilmRegistry(folder).default_path(Path("out/film.mp4"), "draft")
        try:
            differences = plan_differences(_promised(saved), plan)
        except StoryboardError as error:
            return "read" if there else _refused(error)
        return _refused(InputError("\n".join(differences))) if differences else "read"

    return Target((json.dumps(plan).encode(), json.dumps({str(film): was}, indent=1).encode()), attempt)
