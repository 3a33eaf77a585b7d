"""A declaration, read from its table in TOML: what the schema cannot say is checked here."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, cast
from urllib.parse import urlsplit

from storyboard.http.address import loopback_host, origin_of
from storyboard.http.policy import AnswerKind, Signal
from storyboard.model.capabilities import Auth
from storyboard.model.suggest import did_you_mean
from storyboard.providers.base import Timing
from storyboard.providers.declared.checked_table import Wrong, plain_table, schema_faults, spell_path
from storyboard.providers.declared.declaration import (
    Cancel,
    Condition,
    Declaration,
    DeclaredModel,
    DeclaredRequest,
    Find,
    Look,
    Outcome,
    Provenance,
    SentAs,
    States,
)
from storyboard.providers.declared.model_reader import read_declared_model
from storyboard.providers.declared.placeholders import names_inside, placeholder, placeholders
from storyboard.providers.declared.pointers import Pointer, pointer, word
from storyboard.providers.declared.toml_places import TomlPath

Table = Mapping[str, Any]

# Names in braces that a request's path, query and body may have.
_NAMES = {
    "submit": ("model", "path", "callback", "name"),
    "look": ("job",),
    "then": ("job", "clip"),
    "cancel": ("job",),
    "balance": (),
    "find": ("name",),
}
_USUAL_METHODS = {"submit": "POST"}
# The client sets these: a declaration that did so, too, would replace the key or the framing of the request.
_OF_CLIENT = frozenset(
    {
        *("authorization", "host", "content-length", "content-type", "transfer-encoding", "connection", "cookie"),
        *("accept-encoding", "proxy-authorization", "upgrade", "te", "expect"),
    }
)
_TOKEN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


def read_declaration(name: str, table: Table) -> Declaration:
    """Return the declaration of the provider ``name``. Raise Wrong for the first fault; it counts the others."""
    plain = plain_table(table)
    if faults := schema_faults(plain):
        first = faults[0]
        raise Wrong(first.path, first.message + (f" (and {len(faults) - 1} more)" if faults[1:] else ""), first.hint)
    return _declaration(name, plain)


def _declaration(name: str, table: Table) -> Declaration:
    auth = _auth(table.get("auth", "bearer"))
    models = _models(table)
    hosts = tuple(table.get("hosts", ()))
    declaration = Declaration(
        name=name,
        base_url=table.get("base_url", ""),
        auth=auth,
        key_variable=table.get("key_variable", ""),
        hosts=hosts,
        headers=table.get("headers", {}),
        images=cast(SentAs, table.get("images", "address")),
        form=table.get("form", False),
        clip_with_key=table.get("clip_with_key", False),
        job_days=table.get("job_days"),
        timing=_timing(table.get("timing", {})),
        facts=_facts(table.get("facts", {})),
        submit=_request("submit", table),
        job=_pointer(table["submit"]["job"]),
        look=_look(table),
        states=_states(table["states"]),
        errors={code: _signal(sign) for code, sign in table.get("errors", {}).items()},
        models=models,
        usual=_usual(table, models),
        credit=Fraction(str(table["credit"])) if "credit" in table else None,
        currency=table.get("currency", "USD"),
        then=(_request("then", table), _outcome(table["then"])) if "then" in table else None,
        cancel=Cancel(_request("cancel", table), tuple(table["cancel"].get("late", ()))) if "cancel" in table else None,
        balance=(_request("balance", table), _pointer(table["balance"]["at"])) if "balance" in table else None,
        find=_find(table) if "find" in table else None,
        callback=_pointers(table.get("callback", [])),
        examples={name: table[name]["example"] for name in _NAMES if "example" in table.get(name, {})},
    )
    _check(declaration, table)
    return declaration


def _models(table: Table) -> Mapping[str, DeclaredModel]:
    images, prices = table.get("images", "address"), table.get("prices", {})
    for name in prices:
        if name not in table["models"]:
            where: TomlPath = ("prices", name)
            hint = did_you_mean(name, table["models"]) or f"there are: {', '.join(table['models'])}"
            raise Wrong(where, f"{spell_path(where)}: there is no such model", hint)
    # The user's own prices are checked, and told by ``costs``: in the unit of the published one the service charges.
    for name, price in prices.items():
        read_declared_model(name, table["models"][name] | {"price": price}, images)
    return {name: read_declared_model(name, each, images) for name, each in table["models"].items()}


def _usual(table: Table, models: Mapping[str, DeclaredModel]) -> str:
    usual = str(table.get("default", next(iter(models))))
    if usual not in models:
        hint = did_you_mean(usual, models) or f"there are: {', '.join(models)}"
        raise Wrong(("default",), f"default: there is no model {usual!r:.60}", hint)
    return usual


def _auth(text: str) -> Auth:
    kind, _, header = text.partition(" ")
    if header and header.lower() in _OF_CLIENT - {"authorization"}:
        raise Wrong(("auth",), f"auth: the header {header} cannot carry a key", "name the service's own header")
    known = {"bearer": Auth(), "key": Auth("Authorization", "Key "), "none": Auth("", "")}
    return known.get(kind) or Auth(header, "")


def _timing(table: Table) -> Timing:
    usual = Timing(first=15.0, pause=8.0)
    return Timing(
        first=float(table.get("first", usual.first)),
        pause=max(float(table.get("pause", usual.pause)), 0.5),
        deadline=max(float(table.get("deadline", usual.deadline)), 60.0),
        period=float(table.get("period", usual.period)),
    )


def _facts(table: Table) -> Provenance:
    guessed = tuple(table.get("guessed", ()))
    return Provenance(table.get("date", ""), table.get("source", ""), table.get("sure", True), guessed)


_STATES = ("queued", "waiting", "done", "failed", "unseen")


def _states(table: Table) -> States:
    said = {name: tuple(filter(None, map(word, table.get(name, ())))) for name in _STATES}
    every = [state for states in said.values() for state in states]
    if twice := sorted({state for state in every if every.count(state) > 1}):
        raise Wrong(("states",), f"states: {twice[0]!r:.60} stands there twice", "a state means one thing")
    if not said["done"]:
        raise Wrong(("states", "done"), "states.done: no state says that the clip is there", 'such as ["success"]')
    return States(**said)


def _signal(sign: int | str) -> Signal:
    return sign if isinstance(sign, int) else AnswerKind(sign)


def _request(name: str, table: Table) -> DeclaredRequest:
    own, path = table[name], (name,)
    known = _NAMES[name]
    _check_names(own["path"], known, (name, "path"))
    query = own.get("query", {})
    for key, text in query.items():
        _check_names(text, known, (name, "query", key))
        if names_inside(text) and not placeholder(text):
            place: TomlPath = (name, "query", key)
            raise Wrong(place, f"{spell_path(place)}: a placeholder is the whole value", "take out what is beside it")
    _check_headers({**table.get("headers", {}), **own.get("headers", {})}, table.get("auth", ""), path)
    if (body := own.get("body")) is not None:
        for found in placeholders(body):
            _check_names("{" + found.name + "}", known, (name, "body"))
    return DeclaredRequest(
        method=own.get("method", _USUAL_METHODS.get(name, "GET")),
        path=own["path"],
        origin=own.get("origin", ""),
        query=query,
        headers={**table.get("headers", {}), **own.get("headers", {})},
        body=body,
        ok=_conditions(own.get("ok", {}), (name, "ok")),
        why=_pointers(own.get("why", [])),
        code=_pointers(own.get("code", [])),
    )


def _check_names(text: str, known: Sequence[str], path: TomlPath) -> None:
    names = names_inside(text)
    if len(names) > len(set(names)):
        raise Wrong(path, f"{spell_path(path)}: a placeholder stands there twice"[:200], "it can stand there once")
    for name in names:
        if name not in known:
            can = f"it can have {', '.join(f'{{{each}}}' for each in known)}" if known else "it can have none"
            raise Wrong(path, f"{spell_path(path)}: {{{name}}} is no placeholder of it"[:200], can)
    if any(part in (".", "..") for part in text.split("/")):
        raise Wrong(path, f"{spell_path(path)}: '.' and '..' are no parts of a path", "write the whole path")


def _check_headers(headers: Mapping[str, str], auth: str, path: TomlPath) -> None:
    for name, value in headers.items():
        if not name or not set(name) <= _TOKEN or not value.isascii() or not value.isprintable():
            raise Wrong((*path, "headers", name), f"headers: {name!r:.60} cannot be sent", "letters, digits and '-'")
        if name.lower() in _OF_CLIENT or auth.lower() == f"header {name.lower()}":
            raise Wrong(("headers", name), f"headers: storyboard itself sets {name}", "remove it")


def _conditions(table: Mapping[str, Any], path: TomlPath) -> tuple[Condition, ...]:
    found = []
    for text, value in table.items():
        place, values = pointer(text), value if isinstance(value, list) else [value]
        if place is None or not values or not all(word(each) is not None for each in values):
            hint = 'such as {"/code" = 200}, {"/code" = [0, 200]}, or "*" for anything at all'
            raise Wrong((*path, text), f"{spell_path((*path, text))}: a pointer and its values", hint)
        found.append(Condition(place, tuple(values)))
    return tuple(found)


def _pointers(given: str | Sequence[str]) -> tuple[Pointer, ...]:
    return tuple(_pointer(text) for text in ([given] if isinstance(given, str) else given))


def _pointer(text: str) -> Pointer:
    found = pointer(text)
    assert found, "the schema lets only pointers through"
    return found


def _maybe(table: Table, name: str) -> Pointer | None:
    return _pointer(table[name]) if name in table else None


def _look(table: Table) -> Look:
    own = table["look"]
    return Look(
        request=_request("look", table),
        state=_pointer(own["state"]),
        outcome=_outcome(own),
        job=_maybe(own, "job"),
        place=_maybe(own, "place"),
        prompt=_maybe(own, "prompt"),
    )


def _outcome(own: Table) -> Outcome:
    _check_names(own.get("clip_path", "/"), ("job",), ("look", "clip_path"))
    return Outcome(
        clip=_pointers(own.get("clip", [])),
        clip_path=own.get("clip_path", ""),
        seed=_maybe(own, "seed"),
        charged=_maybe(own, "charged"),
        failed_if=_conditions(own.get("failed_if", {}), ("look", "failed_if")),
        failed_statuses=tuple(own.get("failed_statuses", ())),
    )


def _find(table: Table) -> Find:
    own = table["find"]
    request = _request("find", table)
    if "name" not in _names_of(request):
        why = "find: neither its path nor its query has {name}: a page of a list is no proof"
        raise Wrong(("find",), why, "add {name}")
    for name, model in table["models"].items():
        bodies = [model["body"], *model.get("bodies", {}).values()]
        if not all("name" in {found.name for found in placeholders(body)} for body in bodies):
            where: TomlPath = ("models", name, "body")
            raise Wrong(where, f"{spell_path(where)} has no {{name}}, by which 'find' looks for its jobs", "add {name}")
    return Find(request, _maybe(own, "list"), _pointer(own["name"]), _pointer(own["job"]))


def _check(declaration: Declaration, table: Table) -> None:
    """What concerns several tables."""
    own = {origin_of(url) for url in (declaration.base_url, *declaration.hosts) if url}
    for url in (declaration.base_url, *declaration.hosts):
        _check_origin(url, declaration)
    for name, request in declaration.requests:
        if request.origin and origin_of(request.origin) not in own:
            where: TomlPath = (name, "origin")
            raise Wrong(where, f"{spell_path(where)}: {request.origin} is not among 'hosts'", "add it to 'hosts'")
        if name in ("look", "cancel", "then") and "job" not in _names_of(request) and name != "then":
            raise Wrong((name,), f"{name}: neither its path nor its query has {{job}}", "add {job}")
    outcome = declaration.look.outcome
    if not (outcome.clip or outcome.clip_path or declaration.then):
        raise Wrong(("look",), "look: nothing says where the clip is", "add 'clip', 'clip_path' or the table 'then'")
    if declaration.form and declaration.images == "data":
        raise Wrong(("images",), "images: a form takes addresses or bytes", 'write images = "bytes"')
    for name in declaration.models if "{path}" in declaration.submit.path else ():
        if not declaration.models[name].paths:
            where = ("models", name)
            raise Wrong(
                where, f"{spell_path(where)}: paths is missing, which {{path}} of submit stands for", "add 'paths'"
            )


def _check_origin(url: str, declaration: Declaration) -> None:
    """A key travels by https, or to this machine. A declaration without a key may be plain http: the client decides."""
    parts = urlsplit(url)
    if url and parts.scheme == "http" and declaration.auth.header and not loopback_host(parts.hostname or ""):
        where: TomlPath = ("base_url",) if url == declaration.base_url else ("hosts",)
        raise Wrong(
            where, f"{spell_path(where)}: {url} is not https, so the key would travel in the open", "write https://"
        )


def _names_of(request: DeclaredRequest) -> set[str]:
    body = {found.name for found in placeholders(request.body)} if request.body else set()
    return {*names_inside(request.path), *(n for text in request.query.values() for n in names_inside(text)), *body}
