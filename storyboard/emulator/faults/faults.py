"""Faults on request, in the grammar ``PLACE:WHAT[=VALUE][+charged] [xN] [%P] [@TEXT]``.

``xN``: only the first N times; ``%P``: in P percent of the cases (repeatable, by the behaviour's seed); ``@TEXT``: only
where the prompt contains TEXT. Where several faults match a request, the first one in the list applies.
"""

import random
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from storyboard.model.errors import InputError
from storyboard.model.text import one_line

CODES: Mapping[int, str] = {
    200: "success",
    400: "Your prompt was flagged by Website as violating content policies.",
    401: "You do not have access permissions",
    402: "Credits insufficient",
    404: "The requested resource or endpoint does not exist",
    408: "Upstream gave no result in time",
    422: "Your request was rejected by Flow(public error). You may consider using our other fallback channels,"
    " which are likely to succeed. Please refer to the documentation.",
    429: "Your call frequency is too high. Please try again later.",
    455: "Service unavailable - the system is currently undergoing maintenance",
    500: "Internal Error, Please try again later.",
    501: "Failed - Video generation task failed",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    505: "Feature Disabled - the requested feature is currently disabled",
}
PROCESSING = "1080P is processing. It should be ready in 1-2 minutes. Please check back shortly."

SHAPES = ("string", "brackets", "single", "info", "data", "null-first")
UNKNOWN_JOB = ("404", "422", "null")

Check = Callable[[str], bool]


def _none(value: str) -> bool:
    return not value


def _number(low: int, high: int) -> Check:
    return lambda value: value.isascii() and value.isdigit() and low <= int(value) <= high


def _one_of(words: Iterable[str]) -> Check:
    return frozenset(words).__contains__


def _maybe(check: Check) -> Check:
    return lambda value: not value or check(value)


def _seconds(value: str) -> bool:
    return bool(re.fullmatch(r"\d{1,5}(\.\d{1,3})?", value))


def _location(value: str) -> bool:
    return value.startswith(("http://", "https://", "/"))


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: the form of its value ("" = none), the check of that value, and its effect (help text)."""

    value: str
    check: Check
    does: str


_ANSWERS: Mapping[str, Kind] = {
    "http": Kind("CODE", _number(300, 599), "answers with this HTTP status (and body code)"),
    "code": Kind("CODE", _number(100, 999), "answers HTTP 200 with this code in the body"),
    "drop": Kind("", _none, "drops the connection before anything happens"),
    "slow": Kind("SECONDS", _seconds, "answers that much later"),
    "garbage": Kind("", _none, "answers what is not JSON"),
    "cut": Kind("", _none, "sends half of the answer, then drops the connection"),
    "redirect": Kind("[URL]", _maybe(_location), "answers 307 to another place (its own, or URL)"),
}

PLACES: Mapping[str, Mapping[str, Kind]] = {
    "submit": {
        **_ANSWERS,
        "drop-before": Kind("", _none, "drops the connection before charging (the same as drop)"),
        "drop-after": Kind("", _none, "takes the job and charges it, then drops the connection"),
        "no-id": Kind("", _none, "takes the job and charges it, but answers without its id"),
    },
    "poll": {
        **_ANSWERS,
        "shape": Kind("|".join(SHAPES), _one_of(SHAPES), "gives resultUrls in another shape or place"),
        "late": Kind("[N]", _maybe(_number(1, 999)), "does not know a job the first time (N times) it is asked for"),
        "lost": Kind("|".join(UNKNOWN_JOB), _one_of(UNKNOWN_JOB), "does not know the job, said in this way"),
    },
    "hd": {**_ANSWERS, "pending": Kind("CODE", _number(100, 999), "says this code instead of 400 while in progress")},
    "credit": _ANSWERS,
    "upload": _ANSWERS,
    "clip": {
        **{name: kind for name, kind in _ANSWERS.items() if name not in ("code", "garbage")},
        "short": Kind("", _none, "serves half of the clip as if it were all"),
        "html": Kind("", _none, "serves a page of HTML"),
        "silent": Kind("", _none, "serves the clip without its sound"),
        "black": Kind("", _none, "serves the clip with a black picture"),
        "frozen": Kind("", _none, "serves the clip with a picture that stands still"),
        "corrupt": Kind("", _none, "serves the clip with a hole in it"),
    },
    "job": {
        "fail": Kind("CODE", _number(100, 999), "the job fails (successFlag 3) with this code; its credits come back"),
        "flag": Kind("N", _number(0, 99), "the job ends with this successFlag and no result"),
        "stuck": Kind("", _none, "the job never ends"),
        "fallback": Kind("", _none, "the backup model generates it (fallbackFlag); there is no 1080p version"),
    },
    "callback": {
        "lost": Kind("", _none, "the callback is never sent"),
        "twice": Kind("", _none, "the callback is sent twice"),
        "forged": Kind("", _none, "the callback names a job that does not exist"),
        "foreign": Kind("", _none, "the callback names the first job of the account"),
        "early": Kind("", _none, "the callback is sent before the submission is answered, and again at its time"),
        "late": Kind("SECONDS", _seconds, "the callback is sent that much later"),
        "elsewhere": Kind("", _none, "the callback is sent to another path"),
    },
}

# Faults of a submission that happen after it is accepted and charged. "+charged" does the same for any other fault.
_CHARGED = frozenset({"drop-after", "no-id", "cut", "garbage"})


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """A requested fault. ``times`` is None for always; ``percent`` is above 0, at most 100."""

    place: str
    kind: str
    value: str = ""
    charged: bool = False
    times: int | None = None
    percent: float = 100
    where: str = ""

    def concerns(self, text: str) -> bool:
        """Whether ``where`` is in a prompt; the model behind it counts where ``where`` names one."""
        return self.where in (text if " model=" in self.where else text.rpartition(" model=")[0] or text)


_FORM = re.compile(r"(?P<place>[a-z]+):(?P<kind>[a-z-]+)(?:=(?P<value>[^\s+]+))?(?P<charged>\+charged)?(?P<rest>\s.*)?")
_REST = re.compile(r"(?:\s+x(?P<times>[1-9]\d{0,8}))?(?:\s+%(?P<percent>\d{1,3}(?:\.\d+)?))?(?:\s+@(?P<where>.+))?\s*")


def parse(text: str) -> InjectedFault:
    """The fault that ``text`` describes. Raise InputError whose hint names the possible faults."""
    form = _FORM.fullmatch(text.strip())
    if not form:
        raise InputError(
            f"{one_line(text)!r} is not a fault", "write PLACE:WHAT, such as submit:http=500 or clip:cut x2"
        )
    place, kind, value = form["place"], form["kind"], form["value"] or ""
    _known(place, kind, value)
    if form["charged"] and place != "submit":
        raise InputError(f"only a submission can be +charged, not {place}:{kind}", f"write {place}:{kind}")
    rest = _REST.fullmatch(form["rest"] or "")
    if not rest or not 0 < float(rest["percent"] or 100) <= 100:
        raise InputError(
            f"{one_line((form['rest'] or '').strip())!r} after {place}:{kind} is not understood",
            "in this order: xN (only the first N), %P (percent, at most 100), @TEXT (prompts with TEXT)",
        )
    return InjectedFault(
        place,
        kind,
        value,
        bool(form["charged"]) or (place == "submit" and kind in _CHARGED),
        int(rest["times"]) if rest["times"] else None,
        float(rest["percent"] or 100),
        rest["where"] or "",
    )


def _known(place: str, kind: str, value: str) -> None:
    if place not in PLACES:
        raise InputError(f"no fault can be put at {place!r}", f"places: {', '.join(PLACES)}")
    if kind not in PLACES[place]:
        raise InputError(f"{place} has no fault {kind!r}", f"it has: {', '.join(PLACES[place])}")
    wants = PLACES[place][kind]
    if not wants.check(value):
        example = f"{place}:{kind}={wants.value}" if wants.value else f"{place}:{kind}"
        wrong = f"cannot be {one_line(value)!r}" if value else "needs a value"
        raise InputError(f"{place}:{kind} {wrong}", f"write {example}")


def storm(percent: float) -> tuple[str, ...]:
    """All faults with all values, which together affect ``percent`` of the requests at each place, and of the jobs.

    Without "job:stuck": a run waits half an hour for such a job, whatever the scale of the pauses.
    """
    found = []
    for place, kinds in PLACES.items():
        ways = [f"{place}:{name}{value}" for name, kind in kinds.items() for value in _values(kind)]
        ways = [way for way in ways if way != "job:stuck"]
        each = 100 * (1 - (1 - percent / 100) ** (1 / len(ways)))
        found += [f"{way} %{each:.6f}" for way in ways]
    return tuple(found)


def _values(kind: Kind) -> list[str]:
    """Values of a kind to try, each with its equals sign."""
    match kind.value:
        case "" | "[N]" | "[URL]":
            return [""]
        case "CODE":
            return [f"={code}" for code in CODES if code != 200]
        case "SECONDS":
            return ["=0.1"]
        case "N":
            return ["=2", "=3"]
    return [f"={value}" for value in kind.value.split("|")]


class Faults:
    """The remaining faults. Counts those with ``xN`` and draws random numbers for those with ``%P``."""

    def __init__(self, faults: Iterable[InjectedFault], seed: int) -> None:
        self._live = [_Live(fault, random.Random(f"{seed}/{i}")) for i, fault in enumerate(faults)]

    def strike(self, place: str, text: str, *kinds: str) -> InjectedFault | None:
        """The fault for this request, or None. ``text`` is its prompt; ``kinds`` limits the choice, () is no limit."""
        for live in self._live:
            fault = live.fault
            if fault.place == place and (not kinds or fault.kind in kinds) and fault.concerns(text) and live.falls():
                return fault
        return None


class _Live:
    def __init__(self, fault: InjectedFault, dice: random.Random) -> None:
        self.fault = fault
        self._dice = dice
        self._left = fault.times

    def falls(self) -> bool:
        if self._left == 0 or self._dice.random() * 100 >= self.fault.percent:
            return False
        if self._left is not None:
            self._left -= 1
        return True
