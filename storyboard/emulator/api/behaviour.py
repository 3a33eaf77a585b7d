"""Behaviour: how an emulator is to behave. A value; the faults in it are words of faults.py."""

from dataclasses import dataclass
from typing import Literal

Film = Literal["animatic", "plain", "tiny"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """``latency`` and ``hd_latency`` are the least seconds that a job and an HD version take.

    ``rate`` is (submissions, seconds), None for no limit; ``balance`` the credits on the account at the start;
    ``key`` the only key that is let in, None for any. ``seed`` makes the chance in ``faults`` repeatable.
    ``film`` says how clips look: "animatic" is drawn at full size, "plain" is one flat colour at a tenth of it, made
    in a hundredth of the time; "tiny" is as plain, a twentieth of the size, and lasts one second instead of eight.
    """

    latency: float = 0.0
    hd_latency: float = 0.0
    rate: tuple[int, float] | None = None
    faults: tuple[str, ...] = ()
    balance: float = 1_000_000
    key: str | None = None
    seed: int = 1
    film: Film = "animatic"
