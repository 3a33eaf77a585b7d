"""Report on the costs in a realm."""

from contextlib import closing
from dataclasses import replace
from fractions import Fraction

from storyboard.config.settings import Settings
from storyboard.costs.report import Account, add_up
from storyboard.model.realm_kind import Kind
from storyboard.state.realm import Realm


def read_costs(settings: Settings, realm: Kind | None, storyboard: str | None) -> Account:
    """Return what was spent in a realm, for one storyboard (its absolute path) or for all. Raise LocalFault.

    ``realm`` is that of the configured service if None. The storyboard need not be valid. Drafts cost nothing.
    """
    kind = realm or settings.service_realm
    with closing(Realm(kind, settings.realm_folder(kind))) as opened:
        charges = opened.ledger.charges.all(storyboard)
    if kind == "draft":
        charges = [replace(charge, credits=Fraction(0)) for charge in charges]
    runs = {run for run in {charge.run for charge in charges} if opened.is_running(run)}
    return add_up(charges, runs, settings.provider)
