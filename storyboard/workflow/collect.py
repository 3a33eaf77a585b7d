"""What is owed: clips of jobs that no scene of the storyboard needs now, and originals; named and downloaded."""

import asyncio
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from storyboard.config.credentials import service_endpoint
from storyboard.config.settings import Settings
from storyboard.costs.prices import Prices
from storyboard.generation.callbacks import CallbackWaiters
from storyboard.generation.owed import collect_owed
from storyboard.generation.run_state import RunState
from storyboard.generation.services import AllServices, RunServices
from storyboard.generation.uploads import own_uploads
from storyboard.graphics.frame_sheet import images_png
from storyboard.graphics.stills import fit_image
from storyboard.http.client import Client
from storyboard.media.sent_image import likeness
from storyboard.media.verify import examine
from storyboard.model import events
from storyboard.model.errors import InputError
from storyboard.model.model_catalogue import Catalogue
from storyboard.model.realm_kind import Kind
from storyboard.model.storyboard import LocalImage
from storyboard.model.submission import Submission, rfc3339
from storyboard.model.take import Outcome
from storyboard.model.text import json_number, one_line
from storyboard.planning.steps import Plan
from storyboard.state.ledger.database import is_unused
from storyboard.state.realm import Realm, claim_storyboard, open_realm
from storyboard.system import signals
from storyboard.system.claims import exclusive_lock, is_locked
from storyboard.system.clock import Clock
from storyboard.system.files import discard
from storyboard.workflow.offers import provider_of
from storyboard.workflow.render_options import EventHandler
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
    prices: Prices
    until: float | None
    now: float
    is_rehearsal: bool

    @property
    def is_original(self) -> bool:
        """Whether the uncropped original of its take is owed; the take is here."""
        return self.submission.owes_original

    @property
    def prompt(self) -> str:
        """The prompt's first words."""
        words = str(self.submission.recipe["prompt"]).split()
        return one_line(" ".join(words[:_WORDS]), 60) + (" …" if len(words) > _WORDS else "")

    @property
    def sentence(self) -> str:
        """The prompt's first words, the price, the age, and how long the service keeps the clip."""
        cost = self.prices.describe(self.submission.cost)
        price = f"{cost} of a rehearsal" if self.is_rehearsal else cost
        what = "the uncropped original of its take" if self.is_original else price
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
            "credits": json_number(self.submission.cost),
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
    return tuple(
        shown
        for realm in workspace.all_realms
        for shown in _shown(
            realm.owed_jobs(workspace.storyboard_id, needed, originals=settings.originals), realm, settings
        )
    )


def read_owed(settings: Settings, storyboard: Path | None = None) -> tuple[OwedJob, ...]:
    """Return the jobs of a storyboard, or of all, that were accepted and not downloaded; it need not be valid.

    Raise InputError, LocalFault.
    """
    found: list[OwedJob] = []
    for kind in _used_realms(settings):
        with closing(Realm(kind, settings.realm_folder(kind))) as realm:
            owed = realm.owed_jobs(_id(storyboard), originals=settings.originals)
            found += _shown(owed, realm, settings)
    return tuple(found)


def _used_realms(settings: Settings) -> tuple[Kind, ...]:
    """The realms of the configured services in which something was recorded. Raise LocalFault."""
    kinds = settings.service_realms
    return tuple(kind for kind in kinds if not is_unused(settings.realm_folder(kind) / "ledger.db"))


def _shown(owed: list[Submission], realm: Realm, settings: Settings) -> tuple[OwedJob, ...]:
    now, is_rehearsal = time.time(), realm.kind == "rehearsal"
    days = {name: _job_days(settings, name, realm.kind) for name in {each.provider for each in owed}}

    def until(each: Submission) -> float | None:
        kept = days[each.provider]
        return None if kept is None else each.asked + kept * _DAY

    return tuple(
        OwedJob(each, settings.for_provider(each.provider).prices, until(each), now, is_rehearsal) for each in owed
    )


def _job_days(settings: Settings, name: str, kind: Kind) -> int | None:
    """For how many days a provider keeps a job; None where that is not known."""
    if name not in settings.names:
        return None
    return provider_of(settings.for_provider(name), kind).capabilities.job_days


def collect(settings: Settings, storyboard: Path | None, on_event: EventHandler) -> list[tuple[Submission, Outcome]]:
    """Download what a storyboard owes, or all that is owed here; it need not be valid, nor be there any more.

    Raise InputError, RunRefused, LocalFault, and Busy while a render of the storyboard is in progress.
    """
    found: list[tuple[Submission, Outcome]] = []
    known: list[Submission] = []
    with ExitStack() as stack:
        kinds = _used_realms(settings)
        if kinds and storyboard and storyboard.parent.is_dir():
            stack.enter_context(claim_storyboard(storyboard))
        realms = [stack.enter_context(open_realm(kind, settings.realm_folder(kind), time.time())) for kind in kinds]
        for realm in realms:
            known += realm.ledger.submissions.all(_id(storyboard))
        _refuse_unknown(storyboard, known)
        for realm in realms:
            owed = realm.owed_jobs(_id(storyboard), originals=settings.originals)
            found += _collected(settings, realm, owed, on_event) if owed else []
    return found


def _collected(
    settings: Settings, realm: Realm, owed: list[Submission], on_event: EventHandler
) -> list[tuple[Submission, Outcome]]:
    return signals.run(lambda: _collect(settings, realm, owed, on_event))


def _refuse_unknown(storyboard: Path | None, submissions: Sequence[Submission]) -> None:
    """Raise InputError for the name of a storyboard that is not there and never was."""
    if storyboard and not storyboard.exists() and not submissions:
        hint = "correct the name, or use --all for what any storyboard owes"
        raise InputError(f"there is no file {storyboard}, and nothing was submitted for it", hint)


async def _collect(
    settings: Settings, realm: Realm, owed: list[Submission], on_event: EventHandler
) -> list[tuple[Submission, Outcome]]:
    state = RunState(secrets.token_hex(8), "", settings.prices.hd)
    names = sorted({each.provider for each in owed} & {*settings.names}) or [settings.provider]
    with _claimed(realm, state.name):
        async with AsyncExitStack() as stack:
            found = {name: await _services(settings.for_provider(name), realm, stack, on_event) for name in names}
            services = AllServices(found.get(settings.provider) or found[names[0]], found)
            state.clients += [each.client for each in services.every]
            return await collect_owed(services, state, owed)


async def _services(settings: Settings, realm: Realm, stack: AsyncExitStack, on_event: EventHandler) -> RunServices:
    """What is used of one provider to download clips. Raise InputError, RunRefused."""
    provider, clock = provider_of(settings, realm.kind), Clock(settings.time_scale)

    def notice(why: str) -> None:
        on_event(events.Warned("", why))

    client = await stack.enter_async_context(Client(service_endpoint(settings), clock, provider.answers, notice=notice))
    return RunServices(
        provider=provider,
        catalogue=Catalogue.of(provider.name, provider.capabilities),
        client=client,
        ledger=realm.ledger,
        store=realm.store,
        film=realm,
        uploads=None,
        own_uploads=own_uploads(provider, client),
        clock=clock,
        callbacks=CallbackWaiters(clock, None),
        runs=realm.runs,
        slots=asyncio.Semaphore(1),
        read_image=_no_image,
        verify=examine,
        likeness=likeness,
        take_frames=images_png,
        fit_image=fit_image,
        bring_in=lambda shot: None,
        prepare=lambda scene, take: None,
        plan_again=lambda: Plan(()),
        on_event=on_event,
        originals=settings.originals,
    )


@contextmanager
def _claimed(realm: Realm, run: str) -> Iterator[None]:
    """Claim a run, so that its partial downloads are not swept; sweep those of dead ones."""
    with ExitStack() as stack:
        stack.callback(discard, realm.runs / run)
        stack.enter_context(exclusive_lock(realm.runs / run, "this run is already in progress"))
        realm.store.sweep(lambda name: is_locked(realm.runs / name))
        yield


def _no_image(image: LocalImage) -> bytes:
    raise InputError(f"{image.path} is not needed to download a clip")


def _id(storyboard: Path | None) -> str | None:
    return None if storyboard is None else str(storyboard.resolve())
