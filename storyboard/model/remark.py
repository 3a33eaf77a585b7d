"""Remark: what a check says of a clip, as a value: a name, a sentence, and the numbers behind it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_LONGEST = 500  # characters of a sentence
_MOST_NUMBERS = 20
_FARTHEST = 1e12


@dataclass(frozen=True, slots=True)
class Remark:
    """One finding of a check. ``name`` has small letters, digits and "-"; ``says`` is a sentence without a full stop.

    ``numbers`` are pairs of a name and a value. Raise ValueError where one of them is not as said.
    """

    name: str
    says: str
    numbers: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ValueError(f"a remark cannot be called {self.name!r:.60}")
        if not isinstance(self.says, str) or not 0 < len(self.says) <= _LONGEST or not self.says.isprintable():
            raise ValueError(f"the sentence of remark {self.name} must be one line of at most {_LONGEST} characters")
        numbers = [(name, _number(value)) for name, value in self.numbers]
        if len(numbers) > _MOST_NUMBERS or not all(
            isinstance(name, str) and _NAME.fullmatch(name) for name, _ in numbers
        ):
            raise ValueError(f"the numbers of remark {self.name} need names like its own, at most {_MOST_NUMBERS}")
        object.__setattr__(self, "numbers", tuple(numbers))

    def document(self) -> dict[str, object]:
        """Return the remark as JSON, as the ledger, the lock file and ``--json`` hold it."""
        numbers = {"numbers": dict(self.numbers)} if self.numbers else {}
        return {"name": self.name, "says": self.says, **numbers}


def remarks_of(documents: object) -> tuple[Remark, ...]:
    """Read a list of remarks as JSON. Raise ValueError where it is none."""
    if not isinstance(documents, list):
        raise ValueError(f"remarks is {documents!r:.60}")
    return tuple(_remark(document) for document in documents)


def _remark(document: Any) -> Remark:
    numbers = document.get("numbers", {}) if isinstance(document, Mapping) else None
    if not isinstance(numbers, Mapping):
        raise ValueError(f"a remark is {document!r:.60}")
    return Remark(document.get("name"), document.get("says"), tuple(numbers.items()))


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_FARTHEST < value < _FARTHEST:
        raise ValueError(f"a number of a remark is {value!r:.60}")
    return value
