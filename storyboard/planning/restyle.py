"""A restyle: one change of words that several prompts share, and that makes all of their scenes another shot."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from fractions import Fraction

# A note is worth it from this share of the film's takes on.
SHARE = Fraction(1, 3)
_MARKS = ".,;:!?()[]\"'…—–"


@dataclass(frozen=True, slots=True)
class Restyle:
    """The words ``before`` and ``now``, one of which may be "", and the ``scenes`` in whose prompts they changed."""

    before: str
    now: str
    scenes: tuple[str, ...]


def find_restyle(prompts: Mapping[str, tuple[str, str]], takes: int) -> Restyle | None:
    """Return the change that most prompts share; None if that is no more than a third of the film's ``takes``.

    ``prompts`` has the former and the present prompt of each scene that would be made again, by id.
    """
    shared: dict[tuple[str, str], list[str]] = {}
    for scene, (before, now) in prompts.items():
        for change in dict.fromkeys(_changes(before, now)):
            shared.setdefault(change, []).append(scene)
    change, scenes = max(shared.items(), key=lambda found: len(found[1]), default=(("", ""), []))
    is_shared = len(scenes) > 1 and len(scenes) > SHARE * takes
    return Restyle(*change, tuple(scenes)) if is_shared else None


def _changes(before: str, now: str) -> Iterator[tuple[str, str]]:
    old, new = before.split(), now.split()
    for what, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what != "equal":
            yield " ".join(old[i1:i2]).strip(_MARKS), " ".join(new[j1:j2]).strip(_MARKS)


def find_variable(restyle: Restyle, top: Mapping[str, object]) -> str:
    """Return which of the ``vars`` or the ``cast`` of a storyboard has the words that are there now; "" if none has."""
    for section in ("vars", "cast"):
        named = top.get(section)
        for name, value in named.items() if isinstance(named, Mapping) else ():
            if any(restyle.now and restyle.now in " ".join(text.split()) for text in _texts(value)):
                return f"{section}.{name}"
    return ""


def _texts(value: object) -> Iterable[str]:
    """All texts in a value."""
    if isinstance(value, Mapping):
        return [text for part in value.values() for text in _texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    return [str(value)]
