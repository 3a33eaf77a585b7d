"""The shots to try in place of one that the provider refuses for its content, in the order of ``if_refused``."""

from dataclasses import replace
from typing import NamedTuple

from storyboard.model.shot import Shot
from storyboard.model.storyboard import Fallback, Generated

# So often a shot is submitted by itself, in all, if the service refuses it for its content each time.
MOST_REFUSALS = 2


class FallbackShot(NamedTuple):
    """A shot to try; ``how`` says what is other than in the scene, such as "without references"."""

    shot: Shot
    how: str


def fallback_shots(source: Generated, shot: Shot) -> tuple[FallbackShot, ...]:
    """Return the changed shots to try for one take of a scene, in order: none is the take itself, none is there twice.

    A rule that changes nothing of this scene is left out.
    """
    found: list[FallbackShot] = []
    changed, how, seen = replace(shot, kept_key=None), "", {shot.own_key}
    for rule in source.if_refused:
        changed = _changed(changed, rule)
        if changed.own_key not in seen:
            seen.add(changed.own_key)
            how = ", ".join(filter(None, (how, _words(rule))))
            found.append(FallbackShot(changed, how))
    return tuple(found)


def _changed(shot: Shot, rule: Fallback) -> Shot:
    match rule.without:
        case "references":
            shot = replace(shot, references=())
        case "first_frame":  # A last frame needs a first one.
            shot = replace(shot, first_frame=None, last_frame=None)
        case "last_frame":
            shot = replace(shot, last_frame=None)
        case "seed":
            shot = replace(shot, seed=None)
    if rule.model is None:
        return shot
    provider = rule.provider or shot.provider
    return replace(shot, provider=provider, model=rule.model, definition=rule.definition)


def _words(rule: Fallback) -> str:
    parts = (rule.without and f"without {rule.without}", rule.model and f"with {rule.model}")
    return ", ".join(part for part in parts if part)


def own_tries(source: Generated) -> int:
    """Return how often the shot of the scene itself is submitted without the user's word, if it is refused each time.

    Where rules say what to try, it is tried again only if they say so.
    """
    if source.if_refused and not any(rule.is_again for rule in source.if_refused):
        return 1
    return MOST_REFUSALS


def standing_fallback(source: Generated, shot: Shot) -> FallbackShot | None:
    """Return the fallback whose take stands for a shot; None if none does."""
    return next((each for each in fallback_shots(source, shot) if each.shot.key == shot.kept_key), None)
