"""What is owed: clips of jobs that no scene of the storyboard needs now, and originals; named, not downloaded."""

import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from storyboard.config.settings import Settings
from storyboard.costs.price_book import PriceBook
from storyboard.model.realm_kind import Kind
from storyboard.model.submission import Submission, rfc3339
from storyboard.model.text import one_line
from storyboard.planning.steps import Keep, Plan
from storyboard.state.ledger.database import is_unused
from storyboard.state.realm import Realm
from storyboard.workflow.offers import provider_of
from storyboard.workflow.workspace import Workspace

_WORDS = 6  # of a prompt, by which its author knows it
_DAY, _HOUR, _MINUTE = 24 * 60 * 60, 60 * 60, 60  # seconds


@dataclass(frozen=True, slots=True)
class OwedJob:
    """A job that is owed, as it is shown. ``now`` and ``until`` are seconds since 1970.

    ``until`` is how long the service keeps it, None where that is not known. ``is_rehearsal``: it was accepted in a
    rehearsal, so nothing was paid.
    """

    submission: Submission
    prices: PriceBook
    until: float | None
    now: float
    is_rehearsal: bool

    @property
    def is_original(self) -> bool:
        """Whether the uncropped original of its take is owed; the take is here."""
        return self.submission.owes_original

    @property
    def is_upgrade(self) -> bool:
        """Whether the upgrade of its take is owed, and the take is here."""
        return self.submission.state == "taken" and not self.is_original

    @property
    def prompt(self) -> str:
        """The prompt's first words."""
        words = str(self.submission.recipe["prompt"]).split()
        return one_line(" ".join(words[:_WORDS]), 60) + (" …" if len(words) > _WORDS else "")

    @property
    def sentence(self) -> str:
        """The prompt's first words, the price, the age, and how long the service keeps the clip."""
        cost = self.prices.describe(self.submission.upgrade_cost if self.is_upgrade else self.submission.cost)
        price = f"{cost} of a rehearsal" if self.is_rehearsal else cost
        what = "the uncropped original of its take" if self.is_original else price
        what = f"the HD version of its take, {price}" if self.is_upgrade else what
        return f'"{self.prompt}", {what}, submitted {_age(self.now - self.submission.asked)} ago; {self._kept}'

    @property
    def _kept(self) -> str:
        if self.until is None:
            return "how long the service keeps it is not known"
        kept = "keeps it until about" if self.until > self.now else "may have deleted it on"
        return f"the service {kept} {rfc3339(self.until)[:10]}"

    def document(self) -> dict[str, object]:
        """The same as JSON."""
        return {
            "scene": self.submission.scene,
            "storyboard": self.submission.storyboard,
            "job": self.submission.job,
            "prompt": self.submission.recipe["prompt"],
            "original": self.is_original,
            "rehearsal": self.is_rehearsal,
            **self.prices.document(self.submission.cost),
            "asked": rfc3339(self.submission.asked),
            "kept_until": None if self.until is None else rfc3339(self.until),
        }


def _age(seconds: float) -> str:
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= unit:
            return f"{int(seconds // unit)} {name}"
    return f"{max(int(seconds), 0)} s"


def owed_jobs(workspace: Workspace, plan: Plan) -> tuple[OwedJob, ...]:
    """Return the jobs of this storyboard that owe what no step of the plan collects. Raise LocalFault."""
    needed, settings = {step.shot.key for step in plan.steps}, workspace.settings
    # A take that is kept as it was generated may have an upgrade that was requested and did not come.
    kept = needed - {step.shot.key for step in plan.steps if not isinstance(step, Keep)}
    return tuple(
        shown
        for realm in workspace.all_realms
        for shown in _shown(
            realm.owed_jobs(workspace.storyboard_id, needed, kept, originals=settings.originals), realm, settings
        )
    )


def read_owed(settings: Settings, storyboard: Path | None = None) -> tuple[OwedJob, ...]:
    """Return the jobs of a storyboard, or of all, that were accepted and not downloaded; it need not be valid.

    Raise InputError, LocalFault.
    """
    found: list[OwedJob] = []
    for kind in used_realms(settings):
        with closing(Realm(kind, settings.realm_folder(kind))) as realm:
            owed = realm.owed_jobs(storyboard_id(storyboard), originals=settings.originals)
            found += _shown(owed, realm, settings)
    return tuple(found)


def used_realms(settings: Settings) -> tuple[Kind, ...]:
    """The realms of the configured services in which something was recorded. Raise LocalFault."""
    kinds = settings.service_realms
    return tuple(kind for kind in kinds if not is_unused(settings.realm_folder(kind) / "ledger.db"))


def _shown(owed: list[Submission], realm: Realm, settings: Settings) -> tuple[OwedJob, ...]:
    now, is_rehearsal = time.time(), realm.kind == "rehearsal"
    days = {name: _job_days(settings, name, realm.kind) for name in {each.provider for each in owed}}

    def until(each: Submission) -> float | None:
        kept = days[each.provider]
        return None if kept is None else each.asked + kept * _DAY

    return tuple(OwedJob(each, settings.prices, until(each), now, is_rehearsal) for each in owed)


def _job_days(settings: Settings, name: str, kind: Kind) -> int | None:
    """For how many days a provider keeps a job; None where that is not known."""
    if name not in settings.names:
        return None
    return provider_of(settings.for_provider(name), kind).capabilities.job_days


def storyboard_id(storyboard: Path | None) -> str | None:
    """Return by which name the ledger knows a storyboard's file; None for None."""
    return None if storyboard is None else str(storyboard.resolve())
