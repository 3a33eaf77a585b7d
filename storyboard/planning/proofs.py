"""Proofs: takes of another model, which show a scene until it has a take of its own. They never replace one."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from storyboard.model.lock import Lock
from storyboard.model.scene_shots import SceneShots
from storyboard.model.storyboard import Generated, Scene, Storyboard


def final_scenes(shots: Mapping[str, SceneShots], lock: Lock) -> frozenset[str]:
    """Return the scenes that have a take of their own, as the storyboard is: these need no proof."""
    return frozenset(scene for scene, mine in shots.items() if lock.takes(mine.shot.key))


def proof_storyboard(final: Storyboard, proof: Storyboard, finals: Collection[str]) -> Storyboard:
    """Return ``proof``, in which another model generates every scene, with the ``finals`` as they are, and frozen.

    A proof has no fallbacks and no retakes: the cheap pass stays cheap.
    """
    own = {scene.id: scene for scene in final.scenes}
    scenes = tuple(_with_frozen(own[scene.id] if scene.id in finals else scene, finals) for scene in proof.scenes)
    return replace(proof, scenes=scenes)


def _with_frozen(scene: Scene, finals: Collection[str]) -> Scene:
    source = scene.source
    if not isinstance(source, Generated):
        return scene
    is_final = scene.id in finals
    if_refused, retake = (source.if_refused, source.retake) if is_final else ((), None)
    return replace(scene, source=replace(source, frozen=is_final, if_refused=if_refused, retake=retake))


def proof_lock(lock: Lock, finals: Collection[str]) -> Lock:
    """Return the lock with the proof of each scene in place of its own takes, but for the ``finals``."""
    kept = {scene: pinned for scene, pinned in lock.scenes.items() if scene in finals}
    # A proof stands for no shot: were that its own model, the scene would still want a take of its own.
    proofs = {scene: replace(pinned.proof, accepted=None) for scene, pinned in lock.scenes.items() if pinned.proof}
    return replace(lock, scenes=proofs | kept)
