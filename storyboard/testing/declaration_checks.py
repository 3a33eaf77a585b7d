"""Checks of what a provider says of itself: name, environment, models, prices, abilities, retry table, sentences."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from storyboard.http.address import loopback_host
from storyboard.http.policy import AnswerKind, Call, Decision, Signal, Verdict
from storyboard.model.capabilities import Model
from storyboard.model.cost import CREDITS, is_currency
from storyboard.providers.base import Provider, Upscaler
from storyboard.testing.assertions import describe, is_amount, is_int, is_text, require

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHAPE = re.compile(r"[1-9][0-9]{0,2}:[1-9][0-9]{0,2}|auto")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
# Headers that carry something else.
_NO_KEYS = ("host", "content-length", "content-type", "transfer-encoding", "connection", "cookie", "accept")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
_METHODS: Mapping[str, tuple[str, str]] = {
    "Upscaler": ("upscale", "read_upscale"),
    "ImageUploader": ("upload", "read_upload"),
    "PromptEcho": ("echo", "read_echo"),
    "BalanceReader": ("balance", "read_balance"),
}

_SIGNALS: tuple[Signal, ...] = (*AnswerKind, *range(100, 600))
# After these, nobody but the service knows whether a submission was accepted.
_LOST: tuple[Signal, ...] = (
    *(AnswerKind.CUT, AnswerKind.SHORT, AnswerKind.UNREADABLE, AnswerKind.TOO_BIG, AnswerKind.PAGE),
    *(AnswerKind.FOREIGN, AnswerKind.RECEIPT, AnswerKind.NO_RECEIPT, AnswerKind.OTHER),
    *(408, 502, 504, 520, 522, 524),
)
_ENDS = (Verdict.FAILED, Verdict.STOP, Verdict.UNKNOWN)


def check_name(provider: Provider) -> None:
    """The name is a part of each shot's key, of messages and of config.toml."""
    usable = isinstance(provider.name, str) and _NAME.fullmatch(provider.name) is not None
    require(usable, f"name must be letters, digits, '.', '_' or '-', not {describe(provider.name)}")


def check_environment(provider: Provider) -> None:
    """Three different environment variables, an entry of the keyring, an https address."""
    names = provider.environment
    variables = (names.key, names.key_file, names.base_url)
    for variable in variables:
        usable = isinstance(variable, str) and _VARIABLE.fullmatch(variable) is not None
        require(usable, f"environment: {describe(variable)} is no environment variable (capitals, digits and '_')")
    require(len(set(variables)) == 3, f"environment: key, key_file and base_url must differ: {variables}")
    require(is_text(names.keyring), "environment: keyring must name the key's entry in the keyring")
    parts = urlsplit(names.usual_url)
    # Without a key there is nothing to lose on the way: an engine on this machine speaks http.
    local = parts.scheme == "http" and not names.auth.header and loopback_host(parts.hostname or "")
    secure = local or (parts.scheme == "https" and bool(parts.hostname))
    right = secure and not (parts.query or parts.fragment or parts.username)
    require(right, f"environment: usual_url must be a plain https address, not {describe(names.usual_url)}")


def check_hosts(provider: Provider) -> None:
    """The key goes to these origins as well as to the service's address: https, without a path that could mislead."""
    for origin in provider.hosts:
        parts = urlsplit(origin) if isinstance(origin, str) else urlsplit("")
        plain = not (parts.path or parts.query or parts.fragment or parts.username)
        right = parts.scheme == "https" and bool(parts.hostname) and plain
        require(right, f"hosts: {describe(origin)} is no origin such as https://files.example")


def check_auth(provider: Provider) -> None:
    """The key is carried by one header, which nothing else sets."""
    auth = provider.environment.auth
    if not auth.header:
        return
    right = _HEADER.fullmatch(auth.header) is not None and auth.header.lower() not in _NO_KEYS
    require(right, f"environment: auth cannot send the key in the header {describe(auth.header)}")
    require(
        auth.prefix.isascii() and (not auth.prefix or auth.prefix.isprintable()), "environment: auth's prefix is odd"
    )


def check_models(provider: Provider) -> None:
    """Storyboards are checked against the models before anything is paid for, so each must be whole."""
    offered = provider.capabilities
    require(len(offered.models) > 0, "capabilities: there is no model")
    require(all(map(is_text, offered.names)), f"capabilities: a model has no usable name: {describe(offered.names)}")
    require(len(set(offered.names)) == len(offered.names), f"capabilities: two models share a name: {offered.names}")
    require(offered.usual in offered.names, f"capabilities: the usual model {describe(offered.usual)} is not offered")
    require(offered.job_days is None or is_int(offered.job_days, 1), "job_days must be whole days above 0, or None")
    for model in offered.models:
        _check_model(model)
        upgrade = any(quality.upgrade for quality in model.resolutions)
        require(not upgrade or isinstance(provider, Upscaler), f"{model.name} has an upgrade: provide an Upscaler")


def _check_model(model: Model) -> None:
    shapes, (least, most) = set(model.aspects), model.seeds or (0, 0)
    known = all(isinstance(shape, str) and _SHAPE.fullmatch(shape) for shape in shapes)
    require(bool(shapes) and known, f"{model.name}: aspects must be such as '16:9', or 'auto'")
    require(is_int(model.seconds, 1), f"{model.name}: seconds must be a whole number above 0")
    require(is_int(least, 0) and is_int(most, least), f"{model.name}: seeds must be (least, most), from 0")
    require(is_int(model.prompt_limit, 1), f"{model.name}: prompt_limit must be a number of characters above 0")
    require(is_int(model.references, 0), f"{model.name}: references must be a number of images, 0 for none")
    require(set(model.reference_aspects) <= shapes, f"{model.name}: reference_aspects must be among its aspects")
    require(set(model.upgrade_aspects) <= shapes, f"{model.name}: upgrade_aspects must be among its aspects")
    require(bool(model.reference_aspects) or not model.references, f"{model.name}: reference_aspects are missing")
    _check_resolutions(model)


def _check_resolutions(model: Model) -> None:
    names = [quality.name for quality in model.resolutions]
    require(bool(names) and all(map(is_text, names)), f"{model.name}: each resolution must be a word")
    require(len(set(names)) == len(names), f"{model.name}: two resolutions share a name")
    require(not model.resolutions[0].upgrade, f"{model.name}: the first resolution is the default, so no upgrade")
    for quality in model.resolutions:
        longer, shorter = quality.size
        right = is_int(shorter, 1) and is_int(longer, shorter)
        require(right, f"{model.name}: the size of {quality.name} must be in pixels, the longer side first")
    upgrade = any(quality.upgrade for quality in model.resolutions)
    require(bool(model.upgrade_aspects) or not upgrade, f"{model.name}: upgrade_aspects are missing")


def check_prices(provider: Provider) -> None:
    """Either all models have a price, or none: then the user writes them into config.toml."""
    prices, models = provider.prices, set(provider.capabilities.names)
    strange = sorted(prices.names - models)
    require(not strange, f"prices: {strange} are no models")
    missing = sorted(models - prices.names)
    require(not prices.names or not missing, f"prices: {missing} have none, although others have one")
    tables = [table for each in prices.tariffs.values() for table in (each.clip, each.second, each.image)]
    amounts = (amount for table in (prices.models, *tables) for amount in table.values())
    for credits in (*amounts, prices.hd):
        require(is_amount(credits), f"prices: {describe(credits)} is no Fraction of at least 0")
    for each in prices.tariffs.values():
        right = each.unit == CREDITS or is_currency(each.unit)
        require(right, f"prices: {describe(each.unit)} is neither 'credits' nor a currency such as 'USD'")
    require(prices.credit is None or is_amount(prices.credit), f"prices: {describe(prices.credit)} is no Fraction")


def check_abilities(provider: Provider) -> None:
    """Half of an ability is never found: the author believes that it works."""
    for ability, methods in _METHODS.items():
        missing = [method for method in methods if not callable(getattr(provider, method, None))]
        require(len(missing) != 1, f"{ability} has two methods, {' and '.join(methods)}: {missing} is missing")


def _decide(provider: Provider, call: Call, signal: Signal) -> Decision:
    """What the table says of an HTTP status alone, or of a kind of answer."""
    table = provider.answers.table
    try:
        return table.weigh(call, signal) if isinstance(signal, int) else table.decide(call, signal)
    except KeyError:
        raise AssertionError(f"the retry table has no rule for {describe(signal)} and {call}") from None


def check_table(provider: Provider) -> None:
    """Every HTTP status and kind of answer has a rule for each call, and is no result by itself."""
    for call in Call:
        for signal in _SIGNALS:
            accepted = _decide(provider, call, signal).rule.verdict is Verdict.ACCEPT
            require(not accepted, f"the retry table accepts {describe(signal)} for {call}, which is no result")
    for rows in (provider.answers.table.codes, provider.answers.table.statuses):
        for signal, row in rows.items():
            require(set(row) == set(Call), f"the retry table's row for {describe(signal)} has not every call")


def check_money(provider: Provider) -> None:
    """A submission is sent again only where nothing was accepted; no HTTP status alone ends a job that is paid for."""
    for signal in _LOST:
        rule = _decide(provider, Call.SUBMIT, signal).rule
        safe = rule.verdict is Verdict.UNKNOWN and rule.limit is None
        require(safe, f"after {describe(signal)} a submission may be charged: it must be UNKNOWN, not sent again")
    for signal in _SIGNALS:
        verdict = _decide(provider, Call.SUBMIT, signal).rule.verdict
        require(verdict in _ENDS, f"{describe(signal)} must end a submission as FAILED, STOP or UNKNOWN, not {verdict}")
        over = _decide(provider, Call.POLL, signal).rule.verdict is Verdict.FAILED
        require(not over or signal is AnswerKind.OVER, f"{describe(signal)} alone ends a paid job (poll)")


def check_sentences(provider: Provider) -> None:
    """People are told of every answer what is wrong, and what to do."""
    for call in Call:
        for signal in _SIGNALS:
            try:
                said = provider.answers.texts.of(call, signal)
            except KeyError:
                raise AssertionError(f"no sentence for {describe(signal)}, and none for AnswerKind.OTHER") from None
            right = len(said) == 2 and all(map(is_text, said))
            require(right, f"the texts for {describe(signal)} and {call} must say what is wrong and what to do")
