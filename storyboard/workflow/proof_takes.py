"""The proofs that a film is cut from where a scene has no take of its own."""

from collections.abc import Collection, Mapping

from storyboard.model.take import Take
from storyboard.workflow.workspace import Workspace


def proof_takes(workspace: Workspace, scenes: Collection[str]) -> dict[str, Take]:
    """Return a proof of each of these scenes that has one, in the store, of what it says now. Raise InputError.

    Of several takes it is that with the number which the film would use; else the one that was used as a proof.
    """
    if not scenes:
        return {}
    lock, storyboard = workspace.lockfile.read(), workspace.storyboard
    there, found = {scene.id for scene in storyboard.scenes} | {*storyboard.skipped}, {}
    for scene in scenes:
        shots = workspace.wanted[scene]
        own = [take.own_key for take in shots.takes]
        pinned = lock.entry(scene, own, there)
        if pinned and (proof := pinned.proof) and proof.accepted == own[0]:
            number = shots.used if shots.used in proof.takes else proof.pick
            if take := _take_in_store(workspace, proof.takes.get(number, {})):
                found[scene] = take
    return found


def _take_in_store(workspace: Workspace, versions: Mapping[str, Take]) -> Take | None:
    store = workspace.realm.store
    return next((take for take in versions.values() if store.holds(take.digest, take.bytes)), None)


def scenes_shown_by_proofs(workspace: Workspace, takes: Collection[str], proofs: Collection[str]) -> tuple[str, ...]:
    """Return the scenes that a film of ``takes`` shows by proofs: ``proofs``, and those that are made as such."""
    return tuple(
        scene for scene in workspace.wanted if scene in proofs or (scene in workspace.proofs and scene in takes)
    )
