"""Behaviour: the settings of an emulator, as a value. The grammar of its faults is in faults.py."""

from dataclasses import dataclass
from typing import Literal, get_args

from storyboard.providers.declared.declaration import Declaration

Film = Literal["animatic", "plain", "tiny"]
Dialect = Literal["apikley", "comfy", "gemini"]
DIALECTS: tuple[Dialect, ...] = get_args(Dialect)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """``latency`` and ``hd_latency`` are the minimum seconds for a job and for an HD version.

    ``rate`` is (submissions, seconds), None for no limit; ``balance`` the credits on the account at the start;
    ``key`` the only accepted API key, None for any. ``seed`` makes random ``faults`` repeatable. ``film`` is the kind
    of clips: "animatic" is drawn at full size; "plain" is one flat colour at a tenth of the width and height, rendered
    in a hundredth of the time; "tiny" is one flat colour at a twentieth, and 1 s long instead of 8 s.
    ``dialect`` is the service whose API is spoken; ``declared`` that of a declaration, in its place.
    """

    latency: float = 0.0
    hd_latency: float = 0.0
    rate: tuple[int, float] | None = None
    faults: tuple[str, ...] = ()
    balance: float = 1_000_000
    key: str | None = None
    seed: int = 1
    film: Film = "animatic"
    dialect: Dialect = "apikley"
    declared: Declaration | None = None
