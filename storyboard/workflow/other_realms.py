"""Takes of a film that are bought in another realm than the film's: those of real services, in a rehearsal of a film.

They are recorded where they were bought, so that they are never bought again. The film's realm gets a copy of each.
"""

import time

from storyboard.model.model_catalogue import NamesModel
from storyboard.state.realm import Realm
from storyboard.workflow.workspace import Workspace


def bring_in_takes(workspace: Workspace) -> None:
    """Copy the takes of all shots that were bought in another realm into the film's. Raise LocalFault."""
    if not workspace.realms:
        return
    for shots in workspace.wanted.values():
        for shot in (*shots.takes, *shots.spares):
            for realm in workspace.all_realms[1:]:
                _bring_in(workspace.realm, realm, shot.key)


def bring_in_take(workspace: Workspace, asked: NamesModel, key: str) -> None:
    """Copy the takes of one shot, which ``asked`` names with its provider, into the film's realm. Raise LocalFault."""
    own = workspace.realm_of(asked)
    if own is not workspace.realm:
        _bring_in(workspace.realm, own, key)


def _bring_in(film: Realm, realm: Realm, key: str) -> None:
    takes, known = realm.ledger.takes.of_key(key), film.ledger.takes.of_key(key)
    for resolution, take in takes.items():
        if not realm.store.holds(take.digest, take.bytes):
            continue
        if not film.store.holds(take.digest, take.bytes):
            film.store.put_name(realm.store.path(take.digest), take.digest)
        if resolution not in known or known[resolution].digest != take.digest:
            film.ledger.takes.record_take(key, take, time.time())
