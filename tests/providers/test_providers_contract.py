"""The contract suite: the providers of this repository pass it, and broken ones fail the check of their fault."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import cast

import pytest
from tiers import every, one_of_each

from storyboard.costs.prices import Prices
from storyboard.emulator.draft_models import DraftProvider
from storyboard.http.exchange import Meaning, Rejection, Reply, Request
from storyboard.http.policy import RULES, AnswerKind, Call, RetryTable
from storyboard.model.capabilities import Auth, Capabilities
from storyboard.model.model_catalogue import Catalogue
from storyboard.model.shot import Shot
from storyboard.providers.apikley.profile import Profile
from storyboard.providers.apikley.veo import Apikley, provider
from storyboard.providers.base import Dispatch, JobFailed, NoResult, Pending, Provider, Ready, SentImage
from storyboard.testing import ContractCheck, ReplySamples, provider_contract
from storyboard.testing.hostile_values import HOSTILE, damaged_copies

JOB = "veo_task_5e1f"
CLIP = "https://cdn.example/clips/a.mp4?sig=x"


def record(code: int = 200, **data: object) -> Reply:
    return Reply(200, {"code": code, "msg": "success", "data": {"taskId": JOB, **data}})


SAMPLES = ReplySamples(
    job=JOB,
    accepted=record(),
    refused=Reply(200, {"code": 402, "msg": "not enough credits", "data": None}),
    pending=record(successFlag=0),
    ready=record(successFlag=1, response={"resultUrls": [CLIP], "seeds": [41203]}, creditsConsumed=60),
    failed=record(successFlag=2, errorCode=400, errorMessage="Your prompt was flagged"),
    upscaled=Reply(200, {"code": 200, "msg": "success", "data": {"resultUrl": CLIP}}),
    uploaded=Reply(200, {"code": 200, "msg": "success", "data": {"downloadUrl": "https://tmp.example/a.png"}}),
    echoed=record(successFlag=0, paramJson=json.dumps({"prompt": "A gull"})),
    prompt="A gull",
    balance=Reply(200, {"code": 200, "msg": "success", "data": 100}),
    callback={"code": 200, "data": {"taskId": JOB}},
)
NAMES = [check.name for check in provider_contract(provider, SAMPLES)]


@pytest.mark.parametrize("check", provider_contract(provider, SAMPLES), ids=str)
def test_the_built_in_provider(check: ContractCheck) -> None:
    """Whoever writes a provider reads this one first."""
    check()


@pytest.mark.parametrize(
    "check", provider_contract(DraftProvider(Catalogue.of("apikley", Apikley.capabilities)), SAMPLES), ids=str
)
def test_the_provider_of_drafts(check: ContractCheck) -> None:
    """A draft rehearses what is paid for later, so it goes by the same contract."""
    check()


OTHER = Apikley(Profile.of({"generate_path": "/v2/make", "aspect": "", "credit_path": "", "hd_path": "", "label": "l"}))


@pytest.mark.parametrize("check", provider_contract(OTHER), ids=str)
def test_another_service_of_the_same_shape(check: ContractCheck) -> None:
    """A profile may leave out what the contract has as optional."""
    check()


def test_a_check_is_named_once_and_says_its_name() -> None:
    """Two checks of one name are one line in a report."""
    assert len(set(NAMES)) == len(NAMES) >= 30
    assert [str(check) for check in provider_contract(provider)] == [name for name in NAMES if "sample-" not in name]


def failures(broken: Provider, samples: ReplySamples | None = SAMPLES) -> dict[str, str]:
    """The checks that a provider fails, each with its sentence."""
    found = {}
    for check in provider_contract(broken, samples):
        try:
            check()
        except AssertionError as error:
            found[check.name] = str(error)
    return found


MODEL = provider.capabilities.models[1]


def offering(**changes: object) -> Capabilities:
    """What the built-in provider offers, with one model that is changed."""
    return Capabilities((replace(MODEL, **cast(dict[str, tuple[()]], changes)),), MODEL.name)


def row(signal: int | AnswerKind, call: Call, rule: str) -> RetryTable:
    """The built-in table with one cell that is changed."""
    table = provider.answers.table
    known = table.statuses.get(signal) or table.codes.get(signal) or table.codes[AnswerKind.OTHER]
    changed = {signal: {**known, call: RULES[rule]}}
    return RetryTable({**table.codes, **changed}, {**table.statuses, **changed}, table.failing)


def answering(table: RetryTable) -> Mapping[str, object]:
    return {"answers": replace(provider.answers, table=table)}


PRICED = {"prices": Prices({MODEL.name: Fraction(60)})}
DECLARED: Mapping[str, tuple[Mapping[str, object], str, str]] = {
    "a name that is a path": ({"name": "../x"}, "name profile", "'../x'"),
    "one variable for two": (
        {"environment": replace(provider.environment, key_file=provider.environment.key)},
        "environment",
        "must differ",
    ),
    "plain http": (
        {"environment": replace(provider.environment, usual_url="http://api.example")},
        "environment",
        "https",
    ),
    "a host by plain http": ({"hosts": ("http://b.example",)}, "hosts", "http://b.example"),
    "a host with a path": ({"hosts": ("https://b.example/x",)}, "hosts", "no origin"),
    "a key in a cookie": (
        {"environment": replace(provider.environment, auth=Auth("Cookie", ""))},
        "auth",
        "'Cookie'",
    ),
    "no shape": ({"capabilities": offering(aspects=("wide", "16:9")), **PRICED}, "models", "aspects"),
    "no seconds": ({"capabilities": offering(seconds=0), **PRICED}, "models", "seconds"),
    "seeds upside down": ({"capabilities": offering(seeds=(9, 1)), **PRICED}, "models", "seeds"),
    "an upgrade first": (
        {"capabilities": offering(resolutions=MODEL.resolutions[::-1]), **PRICED},
        "models",
        "no upgrade",
    ),
    "an unknown usual model": (
        {"capabilities": replace(provider.capabilities, usual="veo9")},
        "models",
        "'veo9' is not offered",
    ),
    "a model without a price": ({"prices": Prices({"veo3": Fraction(250)})}, "prices", "veo3_fast"),
    "a price of another model": (
        {"prices": Prices({**provider.prices.models, "veo9": Fraction(1)})},
        "prices",
        "veo9",
    ),
    "a price that is no Fraction": (
        {"prices": Prices(cast(Mapping[str, Fraction], {"veo3": 250, "veo3_fast": 60.5}))},
        "prices",
        "Fraction",
    ),
    "half an ability": ({"read_balance": None}, "abilities", "read_balance"),
    "a download that is accepted unseen": (answering(row(418, Call.DOWNLOAD, "accept")), "retry-table", "418"),
    "a gateway's error sent again": (answering(row(502, Call.SUBMIT, "limit")), "retry-table-and-money", "502"),
    "a cut connection sent again": (
        answering(row(AnswerKind.CUT, Call.SUBMIT, "connect")),
        "retry-table-and-money",
        "CUT",
    ),
    "a status that ends a paid job": (answering(row(500, Call.POLL, "failed")), "retry-table-and-money", "poll"),
    "no sentences": (
        {"answers": replace(provider.answers, texts=replace(provider.answers.texts, says={}))},
        "sentences",
        "no sentence",
    ),
}


@pytest.mark.parametrize("fault", one_of_each([(fault,) for fault in DECLARED], lambda fault: DECLARED[fault][1]))
@pytest.mark.ci
def test_a_broken_declaration_fails_its_check(fault: str) -> None:
    """A suite that cannot fail shows nothing; one that fails everywhere does not say where."""
    changes, name, words = DECLARED[fault]
    broken = type("Broken", (Apikley,), dict(changes))()
    found = failures(broken, None)
    assert " ".join(found) == name, found
    assert words in found[name.split()[0]]


@pytest.mark.parametrize("signal", [455, AnswerKind.OTHER])
@pytest.mark.ci
def test_a_table_with_a_hole(signal: int | AnswerKind) -> None:
    """A missing rule is a traceback in the middle of a render."""
    table = provider.answers.table
    rows = {**table.codes, signal: {Call.SUBMIT: RULES["unknown"]}}
    broken = type("Broken", (Apikley,), answering(RetryTable(rows, table.statuses, table.failing)))()
    found = failures(broken, None)
    assert {"retry-table", "retry-table-and-money"} <= set(found)
    assert "no rule for" in found["retry-table"]


class KeyInBody(Apikley):
    """Reads the key itself."""

    def request(self, shot: Shot, images: Sequence[SentImage], dispatch: Dispatch) -> dict[str, object]:
        return {**super().request(shot, images, dispatch), "token": os.environ.get(self.environment.key)}


class Counting(Apikley):
    """Numbers its requests: the body that people are shown is never the one that is sent."""

    count = 0

    def request(self, shot: Shot, images: Sequence[SentImage], dispatch: Dispatch) -> dict[str, object]:
        self.count += 1
        return {**super().request(shot, images, dispatch), "number": self.count}


class Elsewhere(Apikley):
    """Would send the key to another host."""

    def status(self, job: str) -> Request:
        return Request(Call.POLL, "GET", "@evil.example/" + job)


class ForeignHost(Apikley):
    """Would send the key to a host that a reply named."""

    def status(self, job: str) -> Request:
        return replace(super().status(job), origin="https://evil.example")


class OwnHeader(Apikley):
    """Sets a header that is the client's."""

    def submission(self, shot: Shot, images: Sequence[SentImage], dispatch: Dispatch) -> Request:
        return replace(super().submission(shot, images, dispatch), headers={"Authorization": "Bearer x"})


class Forgetful(Apikley):
    """Leaves out the prompt."""

    def request(self, shot: Shot, images: Sequence[SentImage], dispatch: Dispatch) -> dict[str, object]:
        return {**super().request(shot, images, dispatch), "prompt": "A cat."}


class AnyName(Apikley):
    """Takes whatever stands where the job's name should."""

    def read_submission(self, reply: Reply) -> str | NoResult:
        found = super().read_submission(reply)
        if isinstance(found, Meaning) and found.signal is AnswerKind.NO_RECEIPT and isinstance(reply.body, dict):
            data = reply.body.get("data")
            name = data.get("taskId") if isinstance(data, dict) else None
            return name if isinstance(name, str) and name else found
        return found


class SubmitsTwice(Apikley):
    """Takes an acceptance without a job for 'slow down'."""

    def read_submission(self, reply: Reply) -> str | NoResult:
        found = super().read_submission(reply)
        return Rejection(429) if isinstance(found, Meaning) and found.signal is AnswerKind.NO_RECEIPT else found


class NoDoubt(Apikley):
    """Overlooks the job that a refusal names."""

    def read_submission(self, reply: Reply) -> str | NoResult:
        found = super().read_submission(reply)
        receipt = isinstance(found, Meaning) and found.signal is AnswerKind.RECEIPT
        return Rejection(429) if receipt and reply.status != 200 else found


class Trusting(Apikley):
    """Reads a record as if it were always whole."""

    def read_status(self, job: str, reply: Reply) -> Pending | Ready | JobFailed | NoResult:
        found = super().read_status(job, reply)
        if isinstance(found, Ready) and isinstance(reply.body, dict):
            return Ready(reply.body["data"]["response"]["resultUrls"][0])
        return found


class GivesUp(Apikley):
    """Takes every refusal of a question for the end of the job."""

    def read_status(self, job: str, reply: Reply) -> Pending | Ready | JobFailed | NoResult:
        found = super().read_status(job, reply)
        return JobFailed(AnswerKind.OVER) if isinstance(found, Rejection) and reply.status == 500 else found


class AnyJob(Apikley):
    """Does not look whose record it is."""

    def read_status(self, job: str, reply: Reply) -> Pending | Ready | JobFailed | NoResult:
        found = super().read_status(job, reply)
        foreign = isinstance(found, Meaning) and found.signal is AnswerKind.FOREIGN
        named = str(found.words) if isinstance(found, Meaning) else ""
        return super().read_status(named, reply) if foreign else found


class AnyCaller(Apikley):
    """Believes a callback."""

    def jobs_in_callback(self, body: object) -> tuple[str, ...]:
        return (str(body["id"]),) if isinstance(body, dict) and "id" in body else super().jobs_in_callback(body)


class AnyProfile(Apikley):
    """Ignores what it does not know."""

    def with_profile(self, profile: Mapping[str, object]) -> Apikley:
        return self


BROKEN: Mapping[type[Apikley], tuple[set[str], str]] = {
    KeyInBody: ({"requests-without-key"}, "the client adds it"),
    Counting: (
        {"requests", "requests-are-pure", "requests-without-key", "requests-to-own-hosts"},
        "is not pure",
    ),
    Elsewhere: ({"requests"}, "begin with one '/'"),
    ForeignHost: ({"requests-to-own-hosts"}, "none of the provider's hosts"),
    OwnHeader: ({"requests", "requests-to-own-hosts"}, "is set by the client"),
    Forgetful: ({"requests-are-pure"}, "leaves out the prompt"),
    AnyName: ({"sample-acceptance-damaged"}, "for a job's name"),
    SubmitsTwice: ({"sample-acceptance-damaged"}, "sent again"),
    NoDoubt: ({"sample-receipt"}, "names a job"),
    Trusting: ({"sample-status-damaged"}, "for an address"),
    GivesUp: ({"status-of-nothing"}, "invents JobFailed"),
    AnyJob: ({"sample-status-of-another-job"}, "FOREIGN"),
    AnyCaller: ({"callbacks"}, "for a job's name"),
    AnyProfile: ({"profile"}, "misspelt"),
}


@pytest.mark.parametrize("broken", every(3, BROKEN), ids=lambda kind: kind.__name__)
@pytest.mark.ci
def test_a_broken_provider_fails_its_check(broken: type[Apikley]) -> None:
    """Each of these has a mistake that costs money or a take, and only the checks of that mistake say so."""
    names, words = BROKEN[broken]
    found = failures(broken())
    assert set(found) == names, found
    assert all(words in sentence for sentence in found.values()), found


def test_damage_reaches_every_part() -> None:
    """A part of a reply that is never damaged is never tested."""
    body = {"a": {"b": [1, {"c": 2}]}}
    found = list(damaged_copies(body))
    for worse in ({}, {"a": {}}, {"a": {"b": [1, {}]}}, {"a": {"b": [None, {"c": 2}]}}, {"a": {"b": "NaN"}}):
        assert worse in found
    assert len(found) == 6 * len(HOSTILE) + 3
