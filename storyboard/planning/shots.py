"""The shots of each scene of a storyboard: those of all its takes, and which of them the film uses."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from storyboard.model.chains import sources_first
from storyboard.model.lock import Lock, Pinned
from storyboard.model.model_catalogue import Catalogue
from storyboard.model.scene_shots import SceneShots, nth_shot
from storyboard.model.shot import Shot, TakeFrame, shot
from storyboard.model.storyboard import Generated, SceneFrame, Storyboard
from storyboard.planning.fallbacks import fallback_shots, standing_fallback
from storyboard.planning.retakes import Remarked, is_unknown, with_due_retake, with_retakes

NO_LABELS: Mapping[str, str] = {}


def is_new(shot: Shot) -> bool:
    """Whether a shot was never submitted: any, where there is no ledger to ask."""
    return False


def scene_shots(
    storyboard: Storyboard,
    catalogue: Catalogue,
    lock: Lock,
    labels: Mapping[str, str] = NO_LABELS,
    is_bought: Callable[[Shot], bool] = is_new,
    remarked: Callable[[Shot], Remarked] = is_unknown,
) -> Mapping[str, SceneShots]:
    """Return the shots of each scene that a provider generates. ``labels`` are those of drafts, by scene.

    ``lock`` says which take the film used, and which takes stand whatever the scene says now; a draft, which is free,
    always shows what it says. A frame of another scene is named by the shot that the film uses there.
    The take of a fallback (``if_refused``) stands for a scene that was refused.
    Up to 0.1, numbers of vars were spelt in another way in prompts, and each cast member written in a prompt counted as
    named: a shot of then stays as it was, if ``is_bought`` says so. Takes that ``retake`` bought, and the one that it
    asks for now by what ``remarked`` says, are takes of their scene.
    """
    found: dict[str, SceneShots] = {}
    trims = {scene.id: scene.trim for scene in storyboard.scenes}
    there = {*trims, *storyboard.skipped}

    def stand(frame: SceneFrame) -> TakeFrame:
        other = found[frame.scene].shot
        if frame.fit and frame.fit.aspect == other.aspect:
            frame = replace(frame, fit=None)
        return TakeFrame(frame, other.key, other.take, trims[frame.scene])

    for scene in sources_first(storyboard.scenes):
        if isinstance(scene.source, Generated):
            first = _first(scene.source, shot(scene.source, catalogue.usual, labels.get(scene.id), stand), is_bought)
            asked, rule = scene.source.takes, scene.source.retake
            most = asked + (rule.at_most if rule and scene.id not in labels else 0)
            takes = [nth_shot(first, number, catalogue) for number in range(1, most + 1)]
            pinned = lock.entry(scene.id, {each.key for each in takes}, there)
            kept = {} if scene.id in labels else standing_keys(pinned, takes, frozen=scene.source.frozen)
            takes = [replace(each, kept_key=kept[each.take]) if each.take in kept else each for each in takes]
            if scene.id not in labels:
                takes = [_or_fallback(scene.source, each, is_bought) for each in takes]
            fallbacks = frozenset(each.take for each in takes if standing_fallback(scene.source, each))
            own, spares = tuple(takes[:asked]), tuple(takes[asked:])
            mine = SceneShots(own, _used(scene.source, takes, pinned), fallbacks, spares)
            found[scene.id] = with_retakes(scene.source, mine, is_bought, remarked)
            if not scene.source.frozen:
                found[scene.id] = with_due_retake(scene.source, found[scene.id], remarked)
    return {scene.id: found[scene.id] for scene in storyboard.scenes if scene.id in found}


def _or_fallback(source: Generated, take: Shot, is_bought: Callable[[Shot], bool]) -> Shot:
    """The shot of a take: the take of a fallback stands for it if that was bought, and the shot itself was not."""
    if not source.if_refused or take.kept_key is not None or is_bought(take):
        return take
    bought = next((each.shot for each in fallback_shots(source, take) if is_bought(each.shot)), None)
    return replace(take, kept_key=bought.key) if bought else take


def _first(source: Generated, first: Shot, is_bought: Callable[[Shot], bool]) -> Shot:
    """The shot of take 1: the former one if it was bought, and the present one was not."""
    if source.former_prompt is None and source.former_references is None:
        return first
    prompt, references = source.former_prompt or first.prompt, source.former_references or first.references
    former = replace(first, prompt=prompt, references=references)
    return former if is_bought(former) and not is_bought(first) else first


def standing_keys(pinned: Pinned | None, takes: Sequence[Shot], *, frozen: bool) -> Mapping[int, str]:
    """Return the keys of the takes that stand for a scene which now asks for ``takes``, by their numbers.

    All that are pinned, if the scene is frozen, or if they were accepted for just this scene: none is made again.
    """
    if pinned is None or not (frozen or (pinned.accepted and pinned.accepted == takes[0].own_key)):
        return {}
    own = {take.take: take.own_key for take in takes}
    return {number: key for number, key in pinned.taken_keys.items() if frozen or own.get(number) != key}


def _used(source: Generated, takes: Sequence[Shot], pinned: Pinned | None) -> int:
    """The number of the take that the film uses: the storyboard's, else that of the lock, else 1.

    The lock's counts as long as the scene still has that very take: otherwise it says nothing of the present ones.
    """
    if source.pick is not None:
        return source.pick
    return pinned.pick if pinned and _holds(pinned, takes) else 1


def _holds(pinned: Pinned, takes: Sequence[Shot]) -> bool:
    """Whether the take that a lock names is one of these, and pinned there."""
    at = pinned.pick - 1
    return 0 <= at < len(takes) and takes[at].key == pinned.key and bool(pinned.takes.get(pinned.pick))
