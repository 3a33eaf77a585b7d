"""Rows: how values are stored in the tables of the ledger, and validated when they are read again.

Functions that take a row raise ValueError, or another error of a value that cannot be read.
"""

import json
import re
from collections.abc import Mapping
from fractions import Fraction
from types import UnionType
from typing import TYPE_CHECKING, cast, get_args

from storyboard.costs.report import Charge
from storyboard.model.cost import CREDITS, Cost, is_currency
from storyboard.model.remark import remarks_of
from storyboard.model.shot import USUAL_PROVIDER
from storyboard.model.submission import LIVE, State, Submission, rfc3339
from storyboard.model.take import Measure, StoredFrame, Take, exact

if TYPE_CHECKING:
    from sqlite3 import Row

# A callback's path is looked up by the first characters of its nonce, and the rest, 132 random bits, compared in
# constant time: how long the look-up takes says nothing about them.
SELECTOR = 10

# The schema of the tables below, as the file says it (PRAGMA user_version). carry_over.py brings older ones to it.
VERSION = 4

FRAMES = (
    "CREATE TABLE IF NOT EXISTS frames (source TEXT NOT NULL, number INTEGER NOT NULL, digest TEXT NOT NULL,"
    " bytes INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, PRIMARY KEY (source, number))",
    "CREATE TABLE IF NOT EXISTS sent_frames (entry INTEGER NOT NULL REFERENCES jobs (id), place TEXT NOT NULL,"
    " digest TEXT NOT NULL, PRIMARY KEY (entry, place))",
)

JOB_NAMES = "CREATE UNIQUE INDEX IF NOT EXISTS job_names ON jobs (provider, job) WHERE job IS NOT NULL"

# What was charged, or may have been: in the unit "credits", which means those of the provider, or in a currency.
CHARGES = """CREATE VIEW IF NOT EXISTS charges AS
  SELECT id, storyboard, scene, run, model, state, 0 AS hd, asked AS at,
    CASE state WHEN 'refused' THEN '0' ELSE coalesce(charged, credits) END AS credits, provider, unit FROM jobs
  UNION ALL
  SELECT id, upgrades.storyboard, upgrades.scene, upgrades.run, model, state, 1, upgrades.asked, upgrades.credits,
    provider, upgrades.unit FROM upgrades JOIN jobs ON jobs.id = upgrades.entry"""

TABLES = f"""
CREATE TABLE IF NOT EXISTS jobs (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL, state TEXT NOT NULL, job TEXT, run TEXT NOT NULL, nonce TEXT NOT NULL,
  storyboard TEXT NOT NULL, scene TEXT NOT NULL, model TEXT NOT NULL, recipe TEXT NOT NULL,
  credits TEXT NOT NULL, charged TEXT, code INTEGER, why TEXT NOT NULL DEFAULT '',
  asked REAL NOT NULL, changed REAL NOT NULL, reason TEXT NOT NULL DEFAULT '',
  provider TEXT NOT NULL DEFAULT '{USUAL_PROVIDER}', unit TEXT NOT NULL DEFAULT '{CREDITS}');
CREATE UNIQUE INDEX IF NOT EXISTS one_live_job ON jobs (key) WHERE state IN {LIVE};
{JOB_NAMES};
CREATE INDEX IF NOT EXISTS by_scene ON jobs (storyboard, scene);
CREATE INDEX IF NOT EXISTS by_run ON jobs (run);
CREATE INDEX IF NOT EXISTS by_time ON jobs (asked);
CREATE TABLE IF NOT EXISTS upgrades (
  entry INTEGER PRIMARY KEY REFERENCES jobs (id), credits TEXT NOT NULL, run TEXT NOT NULL, storyboard TEXT NOT NULL,
  scene TEXT NOT NULL, asked REAL NOT NULL, unit TEXT NOT NULL DEFAULT '{CREDITS}');
{CHARGES};
CREATE INDEX IF NOT EXISTS by_nonce ON jobs (substr(nonce, 1, {SELECTOR}));
CREATE TABLE IF NOT EXISTS inbox (id INTEGER PRIMARY KEY, nonce TEXT NOT NULL, job TEXT NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS inbox_nonces ON inbox (nonce);
CREATE TABLE IF NOT EXISTS takes (
  key TEXT NOT NULL, resolution TEXT NOT NULL, digest TEXT NOT NULL, bytes INTEGER NOT NULL, frames INTEGER NOT NULL,
  fps TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, sound INTEGER NOT NULL, seed INTEGER,
  credits TEXT, at REAL NOT NULL, job TEXT, fallback INTEGER NOT NULL DEFAULT 0,
  remarks TEXT NOT NULL DEFAULT '[]', unit TEXT NOT NULL DEFAULT '{CREDITS}', PRIMARY KEY (key, resolution));
CREATE TABLE IF NOT EXISTS addresses (
  destination TEXT NOT NULL, digest TEXT NOT NULL, url TEXT NOT NULL, expires REAL NOT NULL,
  PRIMARY KEY (destination, digest));
CREATE TABLE IF NOT EXISTS pins (
  lock TEXT NOT NULL, digest TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (lock, digest));
{";".join(FRAMES)};
CREATE TABLE IF NOT EXISTS removed (digest TEXT PRIMARY KEY, at REAL NOT NULL);
PRAGMA user_version = {VERSION};
"""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_RESOLUTION = re.compile(r"[a-z0-9]{1,16}")
_LATEST = 32_503_680_000  # seconds since 1970: the year 3000

_TEXTS = ("key", "run", "nonce", "storyboard", "scene", "model", "recipe", "credits", "why", "reason")
_JOB: Mapping[str, type | UnionType] = dict.fromkeys((*_TEXTS, "provider", "unit"), str) | {
    "job": str | None,
    "charged": str | None,
    "hd": str | None,
    "hd_unit": str | None,
    "code": int | None,
    "asked": float,
    "changed": float,
}
_COUNTS = ("bytes", "frames", "width", "height", "sound", "fallback")
_TAKE: Mapping[str, type | UnionType] = dict.fromkeys(_COUNTS, int) | {
    "key": str,
    "resolution": str,
    "digest": str,
    "fps": str,
    "seed": int | None,
    "credits": str | None,
    "job": str | None,
    "remarks": str,
    "unit": str,
    "at": float,
    "first_frame": str | None,
    "last_frame": str | None,
}
_FRAME: Mapping[str, type | UnionType] = dict.fromkeys(("number", "bytes", "width", "height"), int) | {
    "source": str,
    "digest": str,
}

# The columns of a take, with the digests of the frames that were sent to have it generated.
SELECT_TAKES = "SELECT *, {first} AS first_frame, {last} AS last_frame FROM takes".format(
    **{
        place: "(SELECT sent_frames.digest FROM sent_frames JOIN jobs ON jobs.id = entry"
        f" WHERE jobs.key = takes.key AND jobs.job = takes.job AND place = '{place}_frame')"
        for place in ("first", "last")
    }
)


def submission(row: "Row") -> Submission:
    """A row of ``jobs`` with the credits of its upgrade as ``hd``."""
    _sound(row, _JOB)
    recipe = json.loads(row["recipe"])
    if row["state"] not in get_args(State) or not isinstance(recipe, dict) or not isinstance(recipe.get("prompt"), str):
        raise ValueError(f"state is {row['state']!r:.60}, recipe is {row['recipe']:.60}")
    return Submission(
        id=row["id"],
        key=row["key"],
        state=cast(State, row["state"]),
        job=row["job"],
        run=row["run"],
        nonce=row["nonce"],
        storyboard=row["storyboard"],
        scene=row["scene"],
        model=row["model"],
        recipe=recipe,
        credits=exact(row["credits"]),
        charged=_fraction(row["charged"]),
        hd=_fraction(row["hd"]),
        code=row["code"],
        why=row["why"],
        reason=row["reason"],
        asked=row["asked"],
        changed=row["changed"],
        provider=row["provider"],
        unit=_unit(row["unit"]),
        hd_unit=_unit(row["hd_unit"] or CREDITS),
    )


def charge(row: "Row") -> Charge:
    """A row of the view ``charges``."""
    return Charge(
        storyboard=row["storyboard"],
        scene=row["scene"],
        run=row["run"],
        model=row["model"],
        state=cast(State, row["state"]),
        hd=bool(row["hd"]),
        credits=exact(row["credits"]),
        at=rfc3339(row["at"]),
        provider=row["provider"],
        unit=_unit(row["unit"]),
    )


def cost(amount: str, provider: str, unit: str) -> Cost:
    """An amount of the view ``charges``."""
    return Cost.of_provider(exact(amount), provider, _unit(unit))


def take(row: "Row") -> Take:
    """A row of ``takes``."""
    _sound(row, _TAKE)
    if min(row["frames"], row["width"], row["height"], exact(row["fps"]).numerator) <= 0:
        raise ValueError("a take has no frames")
    if not _DIGEST.fullmatch(row["digest"]) or not _RESOLUTION.fullmatch(row["resolution"]):
        raise ValueError(f"a take is {row['digest']!r:.70}, {row['resolution']!r:.60}")
    return Take(
        digest=row["digest"],
        bytes=row["bytes"],
        measure=Measure(row["frames"], exact(row["fps"]), row["width"], row["height"], bool(row["sound"])),
        resolution=row["resolution"],
        seed=row["seed"],
        credits=_fraction(row["credits"]),
        job=row["job"],
        fallback=bool(row["fallback"]),
        remarks=remarks_of(json.loads(row["remarks"])),
        first_frame=row["first_frame"],
        last_frame=row["last_frame"],
        unit=_unit(row["unit"]),
    )


def frame(row: "Row") -> StoredFrame:
    """A row of ``frames``."""
    _sound(row, _FRAME)
    if not _DIGEST.fullmatch(row["source"]) or not _DIGEST.fullmatch(row["digest"]) or row["number"] < 0:
        raise ValueError(f"a frame is {row['digest']!r:.70} of {row['source']!r:.70}")
    return StoredFrame(row["source"], row["number"], row["digest"], row["bytes"], row["width"], row["height"])


def take_row(key: str, take: Take, now: float) -> dict[str, object]:
    """The row of a take that came under a key at ``now`` (seconds since 1970), by column."""
    measure = take.measure
    return {
        "key": key,
        "resolution": take.resolution,
        "digest": take.digest,
        "bytes": take.bytes,
        "frames": measure.frames,
        "fps": str(measure.fps),
        "width": measure.width,
        "height": measure.height,
        "sound": measure.sound,
        "seed": take.seed,
        "credits": text(take.credits),
        "at": now,
        "job": take.job,
        "fallback": take.fallback,
        "remarks": json.dumps([remark.document() for remark in take.remarks], ensure_ascii=False),
        "unit": take.unit,
    }


def text(value: Fraction | None) -> str | None:
    """The stored form of an exact number."""
    return None if value is None else str(value)


def _unit(kept: str) -> str:
    """A unit of an amount. A sum in an unknown unit would be no sum."""
    if kept != CREDITS and not is_currency(kept):
        raise ValueError(f"a unit is {kept!r:.60}")
    return kept


def _fraction(kept: str | None) -> Fraction | None:
    return None if kept is None else exact(kept)


def _sound(row: "Row", kinds: Mapping[str, type | UnionType]) -> None:
    """Raise ValueError if a row holds a value that the program does not write."""
    there = row.keys()
    for name, kind in kinds.items():
        if name not in there:
            raise ValueError(f"a column is missing: {name}")
        if not isinstance(row[name], kind):
            raise ValueError(f"{name} is {row[name]!r:.60}")
        if kind is float and not 0 <= row[name] < _LATEST:
            raise ValueError(f"{name} is {row[name]!r:.60}")
