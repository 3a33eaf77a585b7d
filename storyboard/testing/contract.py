"""The rules of the provider contract by name, and what binds them to a provider."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from storyboard.providers.base import (
    BalanceReader,
    CallbackReader,
    Canceller,
    Configurable,
    ImageUploader,
    JobFinder,
    PromptEcho,
    Provider,
    Upscaler,
)
from storyboard.testing import ability_checks, declaration_checks, reading_checks, request_checks, sample_checks
from storyboard.testing.sample_checks import ReplySamples

_ALWAYS: Mapping[str, Callable[[Provider], None]] = {
    "name": declaration_checks.check_name,
    "environment": declaration_checks.check_environment,
    "hosts": declaration_checks.check_hosts,
    "auth": declaration_checks.check_auth,
    "models": declaration_checks.check_models,
    "prices": declaration_checks.check_prices,
    "abilities": declaration_checks.check_abilities,
    "retry-table": declaration_checks.check_table,
    "retry-table-and-money": declaration_checks.check_money,
    "sentences": declaration_checks.check_sentences,
    "requests": request_checks.check_requests,
    "requests-are-pure": request_checks.check_purity,
    "status-names-its-job": request_checks.check_status_request,
    "requests-without-key": request_checks.check_key,
    "requests-to-own-hosts": request_checks.check_origins,
    "submission-of-nothing": reading_checks.check_submission_of_nothing,
    "submission-hostile": reading_checks.check_hostile_submission,
    "status-of-nothing": reading_checks.check_status_of_nothing,
    "status-hostile": reading_checks.check_hostile_status,
}
_ABILITIES: Mapping[str, tuple[type, Callable[[Provider], None]]] = {
    "upscale": (Upscaler, ability_checks.check_upscale),
    "upload": (ImageUploader, ability_checks.check_upload),
    "echo": (PromptEcho, ability_checks.check_echo),
    "search": (JobFinder, ability_checks.check_search),
    "cancel": (Canceller, ability_checks.check_cancel),
    "balance": (BalanceReader, ability_checks.check_balance),
    "callbacks": (CallbackReader, ability_checks.check_callbacks),
    "profile": (Configurable, ability_checks.check_profile),
}
_SAMPLED: Mapping[str, Callable[[Provider, ReplySamples], None]] = {
    "sample-accepted": sample_checks.check_accepted,
    "sample-refused": sample_checks.check_refused,
    "sample-acceptance-damaged": sample_checks.check_damaged_acceptance,
    "sample-receipt": sample_checks.check_receipt,
    "sample-status": sample_checks.check_standing,
    "sample-status-damaged": sample_checks.check_damaged_status,
    "sample-status-of-another-job": sample_checks.check_other_job,
    "sample-abilities": sample_checks.check_samples_of_abilities,
}


@dataclass(frozen=True, slots=True)
class ContractCheck:
    """One rule of the contract, bound to a provider. Calling it raises AssertionError where the rule is broken."""

    name: str
    run: Callable[[], None]

    def __call__(self) -> None:
        self.run()

    def __str__(self) -> str:
        return self.name


def provider_contract(provider: Provider, samples: ReplySamples | None = None) -> list[ContractCheck]:
    """Return the checks for ``provider`` and its abilities; with ``samples``, those of what it reads in them, too."""
    checks = [ContractCheck(name, partial(check, provider)) for name, check in _ALWAYS.items()]
    checks += [
        ContractCheck(name, partial(check, provider))
        for name, (ability, check) in _ABILITIES.items()
        if isinstance(provider, ability)
    ]
    if samples is not None:
        checks += [ContractCheck(name, partial(check, provider, samples)) for name, check in _SAMPLED.items()]
    return checks
