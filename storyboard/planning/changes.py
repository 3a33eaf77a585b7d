"""What differs between two recipes, in words, and between two prompts, word by word."""

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from fractions import Fraction

from storyboard.model.shot import DEFAULTS, Recipe, Shot, TakeFrame
from storyboard.model.text import format_seconds


def changes(before: Recipe, shot: Shot) -> str:
    """Return what differs between an earlier recipe and a shot, field by field, in a user's words; "" if nothing."""
    now, found = shot.recipe, []
    frames = {"first_frame": shot.first_frame, "last_frame": shot.last_frame, "references": (*shot.references, None)[0]}
    for name in _FIELDS:
        old, new = before.get(name, DEFAULTS.get(name)), now.get(name, DEFAULTS.get(name))
        if old != new:
            frame = frames.get(name)
            found.append(_frame_change(name, old, frame) if isinstance(frame, TakeFrame) else _change(name, old, new))
    return "; ".join(found)


_FIELDS = (
    *("prompt", "model", "aspect", "first_frame", "last_frame", "references", "seed", "translate", "watermark"),
    *("seconds", "resolution", "sound", "negative", "take", "provider", "label", "definition"),
)


def _change(name: str, before: object, now: object) -> str:
    match name:
        case "prompt":
            count = _words(str(before or ""), str(now or ""))
            return f"prompt: {count} word{'' if count == 1 else 's'}" if count else "prompt: spaces"
        case "first_frame" | "last_frame" if isinstance(before, Mapping) and now:
            return f"{name} is an image now"
        case "first_frame" | "last_frame" if before and now:
            what = "another address" if _is_address(before) or _is_address(now) else "other bytes"
            return f"frame image {name} has {what}"
        case "references" if isinstance(before, list) and isinstance(now, list):
            return _references(before, now)
        case "definition" if before and now:
            return "the model's definition in config.toml has changed"
        case "label" if before and now:
            old, new = (str(label).partition("\n")[0] for label in (before, now))
            return f"label {old} -> {new}" if old != new else "its place in the film, or its titles"
    if before is None:
        return f"{name} added"
    if now is None:
        return f"{name} removed"
    return f"{name} {_said(before)} -> {_said(now)}"


def _frame_change(name: str, before: object, now: TakeFrame) -> str:
    """What differs where a shot begins or ends with a frame of another scene."""
    verb, scene = _VERBS[name], now.frame.scene
    if isinstance(before, list):
        before = before[0]
    if not isinstance(before, Mapping):
        return f"{name} is {now} now" if before else f"{name} added: {now}"
    if before.get("take") != now.take:
        return f"{verb} another take of {scene}: {before.get('take')} -> {now.take}"
    if before.get("key") != now.key:
        return f"{verb} a frame of {scene}, which has changed"
    if before.get("at") != now.recipe["at"]:
        return f"{verb} another frame of {scene}: {_moment(before.get('at'))} -> {_moment(now.recipe['at'])}"
    return f"{verb} another frame of {scene}: its trim has changed"


_VERBS = {"first_frame": "starts from", "last_frame": "ends with", "references": "refers to"}


def _moment(at: object) -> str:
    return str(at) if at in ("first", "last") else f"{format_seconds(Fraction(str(at)))} s"


def _said(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_address(value: object) -> bool:
    return str(value).startswith("https:")


def _references(before: list[object], now: list[object]) -> str:
    if len(before) != len(now):
        return f"references: {len(before)} -> {len(now)} images"
    if sorted(map(str, before)) == sorted(map(str, now)):
        return "references: another order"
    numbers = [str(at) for at, (one, other) in enumerate(zip(before, now, strict=True), 1) if one != other]
    return f"references: image {', '.join(numbers)} {'has' if len(numbers) == 1 else 'have'} other bytes"


def _words(before: str, now: str) -> int:
    """How many words were added, removed or replaced."""
    old, new = before.split(), now.split()
    moves = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return sum(max(i2 - i1, j2 - j1) for what, i1, i2, j1, j2 in moves if what != "equal")


# Words that are shown on either side of a changed one.
_AROUND = 4


def changed_words(before: str, now: str) -> str:
    """Return a prompt on one line with the words that changed: "[-dusk-] {+dawn+}", with a few words around each."""
    old, new = before.split(), now.split()
    moves = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    parts: list[str] = []
    for index, (what, i1, i2, j1, j2) in enumerate(moves):
        if what == "equal":
            parts += _around(new[j1:j2], first=index == 0, last=index == len(moves) - 1)
            continue
        if i2 > i1:
            parts.append(f"[-{' '.join(old[i1:i2])}-]")
        if j2 > j1:
            parts.append(f"{{+{' '.join(new[j1:j2])}+}}")
    return " ".join(parts)


def _around(words: Sequence[str], *, first: bool, last: bool) -> list[str]:
    """Unchanged words, without those that are far from a change."""
    head, tail = 0 if first else _AROUND, 0 if last else _AROUND
    if len(words) <= head + tail:
        return list(words)
    return [*words[:head], "…", *words[len(words) - tail :]]
