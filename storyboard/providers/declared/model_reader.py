"""A model of a declaration, read: its limits as ``Model``, and whether its body can say all that it offers."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any, cast

from storyboard.model.capabilities import ImageForm, Lengths, Model, ModelRule, Quality, Sound
from storyboard.model.tariff import ANY, Tariff
from storyboard.providers.declared.checked_table import Wrong, spell_path
from storyboard.providers.declared.declaration import DeclaredModel, ImageRole
from storyboard.providers.declared.placeholders import BODY_NAMES, EACH, fault_of, placeholders
from storyboard.providers.declared.toml_places import TomlPath

_LINES = re.compile(r"([1-9][0-9]{2,3})p", re.IGNORECASE)
_SIZES = {"2k": (2560, 1440), "4k": (3840, 2160)}
_PROMPT = 5_000  # characters, where the service tells no limit
# What a body has to say for each role: one name of each group.
_SAID_BY: Mapping[ImageRole, Sequence[Sequence[str]]] = {
    "first_frame": (("first_frame",),),
    "last_frame": (("first_frame",), ("last_frame",)),
    "references": (("references", EACH),),
}

Table = Mapping[str, Any]


def read_declared_model(name: str, table: Table, images: str) -> DeclaredModel:
    """Return the model that a table, which keeps the schema, declares; ``images`` is how they are sent. Raise Wrong."""
    path: TomlPath = ("models", name)
    if not name.strip() or not name.isprintable() or any(sign.isspace() for sign in name) or len(name) > 100:
        raise Wrong(path, f"{spell_path(path)}: a model's name is printable, without spaces, of at most 100 characters")
    roles = _roles(table, path)
    bodies = {role: table.get("bodies", {}).get(role, table["body"]) for role in roles}
    for where, body in (("body", table["body"]), *(("bodies", body) for body in table.get("bodies", {}).values())):
        _check_placeholders(body, (*path, where))
    said = {found.name for body in bodies.values() for found in placeholders(body)}
    model = _model(name, table, roles, said, images, path)
    for role, body in bodies.items():
        _check_body(model, role, {found.name for found in placeholders(body)}, path)
    return DeclaredModel(
        model=model,
        id=str(table.get("id", name)),
        bodies=bodies,
        roles=roles,
        paths={role: part.strip("/") for role, part in table.get("paths", {}).items()},
        words=table.get("words", {}),
        tariff=_tariff(table["price"]) if "price" in table else None,
    )


def _roles(table: Table, path: TomlPath) -> tuple[ImageRole, ...]:
    given = table.get("roles") or list(table.get("paths", {})) or ["text"]
    paths = table.get("paths", {})
    if paths and (missing := [role for role in given if role not in paths]):
        raise Wrong((*path, "paths"), f"{spell_path((*path, 'paths'))}: there is no path for {missing[0]}", "add it")
    return tuple(cast(ImageRole, role) for role in given)


def _model(name: str, table: Table, roles: Sequence[ImageRole], said: set[str], images: str, path: TomlPath) -> Model:
    lengths, seconds = _lengths(table, path)
    aspects = tuple(table.get("aspects", ("16:9",)))
    qualities = tuple(_quality(each, table, path) for each in table["resolutions"])
    references = int(table.get("references", 1)) if "references" in roles else 0
    form: ImageForm = "address" if images == "address" else "bytes"
    return Model(
        name=name,
        aspects=aspects,
        seconds=seconds,
        resolutions=qualities,
        seeds=_seeds(table, path),
        prompt_limit=int(table.get("prompt_limit", _PROMPT)),
        references=references,
        reference_aspects=aspects if references else (),
        lengths=lengths,
        first_frame="first_frame" in roles or "last_frame" in roles,
        last_frame="last_frame" in roles,
        images=form,
        web_images=images != "bytes",
        sound=cast(Sound, table.get("sound", "never")),
        options=frozenset({"negative"} & said),
        rules=(*_role_rules(name, roles), *(_rule(each) for each in table.get("rules", ()))),
        ends=_day(table, path),
        successor=str(table.get("successor", "")),
        rate=int(table.get("fps", 24)),
    )


def _lengths(table: Table, path: TomlPath) -> tuple[Lengths, int]:
    """The lengths that can be chosen, and the usual one, in whole seconds."""
    given = table.get("seconds", 5)
    if isinstance(given, Mapping):
        least, most, step = (_fraction(given.get(key, usual)) for key, usual in (("from", 1), ("to", 1), ("step", 1)))
        usual = _fraction(given.get("default", given["from"]))
        lengths = Lengths(least=least, most=most, step=step)
    else:
        choices = [_fraction(each) for each in (given if isinstance(given, list) else [given])]
        usual, lengths = choices[0], Lengths(choices=tuple(sorted(choices)) if len(choices) > 1 else ())
    if usual.denominator != 1 or (lengths and usual not in lengths):
        where = (*path, "seconds")
        raise Wrong(
            where, f"{spell_path(where)}: the usual length must be a whole number, and one of them", "set 'default'"
        )
    return lengths, int(usual)


def _quality(name: str, table: Table, path: TomlPath) -> Quality:
    given, lines = table.get("sizes", {}).get(name), _LINES.fullmatch(name)
    size = tuple(given) if given else _SIZES.get(name.lower())
    if size is None and lines:
        short = int(lines[1]) // 2 * 2
        size = (2 * round(short * 8 / 9), short)
    if size is None:
        where = (*path, "resolutions")
        hint = f'add sizes = {{"{name}" = [1280, 720]}}'
        raise Wrong(where, f"{spell_path(where)}: nothing says how many pixels {name!r} has", hint)
    return Quality(name, (max(size), min(size)))


def _seeds(table: Table, path: TomlPath) -> tuple[int, int] | None:
    if "seeds" not in table:
        return None
    least, most = table["seeds"]
    if least > most:
        raise Wrong((*path, "seeds"), f"{spell_path((*path, 'seeds'))}: the least seed comes first", "exchange them")
    return int(least), int(most)


def _day(table: Table, path: TomlPath) -> date | None:
    try:
        return date.fromisoformat(table["ends"]) if "ends" in table else None
    except ValueError:
        raise Wrong((*path, "ends"), f"{spell_path((*path, 'ends'))}: {table['ends']} is no day", "") from None


def _role_rules(name: str, roles: Sequence[ImageRole]) -> list[ModelRule]:
    """What follows from the roles: no text alone, no first frame alone."""
    rules = []
    if "text" not in roles and ("first_frame" in roles or "last_frame" in roles):
        rules.append(ModelRule({"references": False}, {"first_frame": (True,)}, f"{name} needs a first frame"))
    elif "text" not in roles:
        rules.append(ModelRule({}, {"references": (True,)}, f"{name} needs references"))
    if "first_frame" not in roles and "last_frame" in roles:
        rules.append(ModelRule({"first_frame": True}, {"last_frame": (True,)}, f"{name} needs a last frame too"))
    return rules


def _rule(table: Table) -> ModelRule:
    when = {name: _value(name, value) for name, value in table.get("when", {}).items()}
    only = {
        name: tuple(_value(name, each) for each in (value if isinstance(value, list) else [value]))
        for name, value in table["only"].items()
    }
    return ModelRule(when, only, table["because"])


def _value(name: str, value: object) -> object:
    return _fraction(value) if name == "seconds" else value


def _check_placeholders(body: object, path: TomlPath) -> None:
    if (wrong := fault_of(body)) is not None:
        hint = f"the whole text is one of {', '.join(f'{{{name}}}' for name in BODY_NAMES)}"
        raise Wrong(path, f"{spell_path(path)}: {wrong!r:.80} is no placeholder", hint)


def _check_body(model: Model, role: ImageRole, said: set[str], path: TomlPath) -> None:
    """Whatever a scene may choose must reach the service: else people pay for something else than they chose."""
    needed = {
        "prompt": True,
        "aspect": len(model.aspects) > 1,
        "resolution": len(model.resolutions) > 1,
        "seconds": bool(model.lengths),
        "seed": model.seeds is not None,
        "sound": model.sound == "switch",
    }
    where = (*path, "body")
    for name in (name for name, due in needed.items() if due and name not in said):
        raise Wrong(where, f"{spell_path(where)} has no {{{name}}}, although a scene can choose it", f"add {{{name}}}")
    for names in _SAID_BY.get(role, ()):
        if not said & {*names}:
            raise Wrong(
                where, f"{spell_path(where)} has no {{{names[0]}}}, although its roles name it", f"add {{{names[0]}}}"
            )


def _tariff(price: Table) -> Tariff:
    parts = {name: _amounts(price[name]) for name in ("clip", "second", "image") if name in price}
    return Tariff(unit=price.get("currency", "credits"), **parts)


def _amounts(value: object) -> Mapping[str, Fraction]:
    if isinstance(value, Mapping):
        return {str(name): _fraction(each) for name, each in value.items()}
    return {ANY: _fraction(value)}


def _fraction(value: object) -> Fraction:
    return Fraction(str(value))
