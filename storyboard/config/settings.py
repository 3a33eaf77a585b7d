"""The user's configuration: config.toml and the environment. No file of a project can set any of it."""

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import urlsplit

from storyboard.config.provider_tables import ProviderTable, provider_tables
from storyboard.costs.budget import Budget, parse_budget
from storyboard.costs.price_book import PriceBook
from storyboard.costs.price_tables import read_price_book
from storyboard.http.address import loopback_host
from storyboard.model.callback_settings import CallbackSettings
from storyboard.model.capabilities import Environment
from storyboard.model.errors import InputError
from storyboard.model.realm_kind import Kind
from storyboard.providers.base import Provider
from storyboard.providers.installed import USUAL, find, find_with_table

_KEYS = (
    *("provider", "base_url", "uploads", "store", "at_once", "prices", "budget", "profile", "key_file"),
    "originals",
    "providers",
    "rates",
)

_NO_HOME = (
    "this user has no home folder: HOME is not set, and the system does not know one",
    "set HOME; or set XDG_CONFIG_HOME, XDG_CACHE_HOME and STORYBOARD_HOME, as absolute paths",
)

# For a provider that is not installed: only its address and key are unknown, everything else works.
NOWHERE = Environment(
    key="STORYBOARD_API_KEY",
    key_file="STORYBOARD_API_KEY_FILE",
    base_url="STORYBOARD_BASE_URL",
    usual_url="",
    keyring="",
)


@dataclass(frozen=True, slots=True)
class ServiceTerms:
    """What the user says of one service besides the usual one; fields are as in Settings, ``at_once`` None as there."""

    base_url: str
    environment: Environment
    at_once: int | None
    key_file: str | None
    rehearses: bool
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of this user on this machine, for one provider: the usual one, or as ``for_provider`` returns them.

    ``home`` is the store's folder; ``environment`` names the variables of the provider's address and key;
    ``time_scale`` multiplies every pause between two tries; ``profile`` renames paths and fields of the provider's API;
    ``originals``: download the uncropped originals of clips as well; ``file`` is the config.toml that was read, or
    would be. ``providers`` are the tables [providers.NAME]; ``rehearses``: takes of the provider that come from this
    machine are rehearsals. ``others`` are the further providers that the user configured, by name.
    """

    file: Path
    home: Path
    provider: str
    base_url: str
    uploads: str | None
    time_scale: float
    at_once: int
    environment: Environment
    prices: PriceBook
    budget: Budget
    profile: Mapping[str, object]
    key_file: str | None
    callbacks: CallbackSettings
    originals: bool = True
    providers: Mapping[str, ProviderTable] = field(default_factory=dict)
    rehearses: bool = True
    hosts: tuple[str, ...] = ()
    others: Mapping[str, ServiceTerms] = field(default_factory=dict)

    @property
    def service_realms(self) -> tuple[Kind, ...]:
        """The realms of all configured services, each once."""
        return tuple(dict.fromkeys(self.for_provider(name).service_realm for name in self.names))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all configured providers, the usual one first."""
        return (self.provider, *self.others)

    def for_provider(self, name: str) -> "Settings":
        """Return the settings with another configured provider in place of the usual one.

        The rest is as it is here, such as the budget. [profile] belongs to the usual one alone.
        """
        if (terms := self.others.get(name)) is None:
            return self
        return replace(
            self,
            provider=name,
            base_url=terms.base_url,
            environment=terms.environment,
            at_once=terms.at_once or self.at_once,
            key_file=terms.key_file,
            rehearses=terms.rehearses,
            hosts=terms.hosts,
            profile={},
            others={},
        )

    @property
    def rehearsal(self) -> bool:
        """Whether the API is on this machine: takes of an emulator must never pass for paid ones.

        An engine of the user's own makes real takes there.
        """
        if not self.rehearses:
            return False
        try:
            return loopback_host(urlsplit(self.base_url).hostname or "")
        except ValueError:
            return False

    @property
    def service_realm(self) -> Kind:
        """The realm of the configured service: rehearsals if it is on this machine, else paid takes."""
        return "rehearsal" if self.rehearsal else "paid"

    def realm_folder(self, kind: Kind | None = None) -> Path:
        """Return the folder of a realm's ledger and takes, by default the configured service's."""
        return self.home / {"draft": "drafts", "rehearsal": "rehearsals", "paid": ""}[kind or self.service_realm]


def settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the configuration; the environment overrides the file. Raise InputError naming what is wrong."""
    import platformdirs

    file = _own_folder(platformdirs.user_config_dir) / "config.toml"
    table = _table(file)
    home = environ.get("STORYBOARD_HOME") or _text(table, "store")
    home = home or str(_own_folder(platformdirs.user_data_dir))
    _own_folder(platformdirs.user_cache_dir)
    prices, budget, profile = table.get("prices"), table.get("budget", {}), table.get("profile", {})
    if not (isinstance(prices, Mapping | None) and isinstance(budget, Mapping) and isinstance(profile, Mapping)):
        raise InputError(f"{file}: [prices], [budget] and [profile] must be tables")
    provider = _text(table, "provider") or USUAL
    tables = provider_tables(table, file)
    own = tables.get(provider, ProviderTable(provider, file))
    found = _known(own)
    environment = found.environment if found else NOWHERE
    book = _price_book(prices, table.get("rates", {}), own, tables)
    return Settings(
        file=file,
        home=_absolute(str(Path.cwd() / _expanded(home))),
        provider=provider,
        base_url=_address(environ, environment, own, table),
        uploads=environ.get("STORYBOARD_UPLOADS") or _text(table, "uploads"),
        time_scale=_scale(environ.get("STORYBOARD_TIME_SCALE", "1")),
        at_once=own.at_once or _at_once(table.get("at_once", 8)),
        environment=_with_command(environment, own.key_command),
        prices=book,
        budget=parse_budget(budget, str(file), book),
        profile=profile,
        key_file=own.key_file or _text(table, "key_file"),
        callbacks=_callbacks(environ),
        originals=_switch(table, "originals", default=True),
        providers=tables,
        rehearses=found.rehearses if found else True,
        hosts=found.hosts if found else (),
        others={name: _terms(other, environ) for name, other in tables.items() if name != provider},
    )


def _terms(table: ProviderTable, environ: Mapping[str, str]) -> ServiceTerms:
    """The terms of a provider by its own table alone: the keys at the top of the file are the usual one's."""
    found = _known(table)
    environment = found.environment if found else NOWHERE
    return ServiceTerms(
        base_url=_address(environ if found else {}, environment, table, {}),
        environment=_with_command(environment, table.key_command),
        at_once=table.at_once,
        key_file=table.key_file,
        rehearses=found.rehearses if found else True,
        hosts=found.hosts if found else (),
    )


def _price_book(
    prices: Mapping[str, object] | None, rates: object, own: ProviderTable, tables: Mapping[str, ProviderTable]
) -> PriceBook:
    """The prices of the default provider and of each that has a table. Raise InputError."""
    every = {**tables, own.name: own}
    published = {name: found.prices for name, each in every.items() if (found := _known(each))}
    return read_price_book(prices, rates, own.name, published, {name: each.terms for name, each in every.items()})


def _expanded(folder: str) -> Path:
    """A path with its ``~`` replaced. Raise InputError where this user's home folder is unknown."""
    try:
        return Path(folder).expanduser()
    except RuntimeError:
        raise InputError(*_NO_HOME) from None


def _own_folder(find: Callable[[str], str]) -> Path:
    """A folder that platformdirs knows. Raise InputError where it knows none."""
    try:
        return _absolute(find("storyboard"))
    except RuntimeError:
        raise InputError(*_NO_HOME) from None


def _absolute(folder: str) -> Path:
    """A folder of this user's. Raise InputError where it depends on the current folder, or its name is not UTF-8.

    Without HOME and without an entry in the password file, the folder is ``~`` itself: a project could contain it.
    """
    path = _expanded(folder)
    if not path.is_absolute():
        raise InputError(*_NO_HOME)
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise InputError(f"the name of the folder {str(path)!r:.200} is not UTF-8", "rename it") from None
    return path


def configured_provider(settings: Settings) -> Provider:
    """The provider of this user, as its table [providers.NAME] has it. Raise InputError."""
    return _from_table(settings.providers.get(settings.provider, ProviderTable(settings.provider, settings.file)))


def _from_table(table: ProviderTable) -> Provider:
    return find_with_table(table.name, table.own, table.file, table.base_url)


def _with_command(environment: Environment, command: tuple[str, ...]) -> Environment:
    """An environment whose key the user's own command prints, if there is one."""
    return replace(environment, auth=replace(environment.auth, command=command)) if command else environment


def _known(table: ProviderTable) -> Provider | None:
    """The provider of a table. One that is not installed, or whose table is wrong, is reported when it is needed."""
    try:
        return _from_table(table)
    except InputError:
        pass
    try:
        return find(table.name)
    except InputError:
        return None


def _address(environ: Mapping[str, str], names: Environment, own: ProviderTable, table: Mapping[str, object]) -> str:
    """The address of the API: the environment's, that of the provider's table, of the file, or the usual one."""
    return environ.get(names.base_url) or own.base_url or _text(table, "base_url") or names.usual_url


def _table(file: Path) -> Mapping[str, object]:
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except RecursionError:
        raise InputError(f"{file} cannot be read: its values are nested too deeply") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}") from None
    for name in table:
        if name not in _KEYS:
            near = get_close_matches(name, _KEYS, 1)
            raise InputError(f"{file}: unknown key {name!r}", f"did you mean {near[0]!r}?" if near else "")
    return table


def _text(table: Mapping[str, object], name: str) -> str | None:
    value = table.get(name)
    if value is not None and not isinstance(value, str):
        raise InputError(f"config.toml: {name} must be text, not {value!r:.60}")
    return value


def _switch(table: Mapping[str, object], name: str, *, default: bool) -> bool:
    value = table.get(name, default)
    if not isinstance(value, bool):
        raise InputError(f"config.toml: {name} must be true or false, not {value!r:.60}")
    return value


def _scale(text: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        scale = -1
    if not 0 <= scale <= 100:
        raise InputError(f"STORYBOARD_TIME_SCALE is {text!r:.40}, not a number from 0 to 100")
    return scale


def _callbacks(environ: Mapping[str, str]) -> CallbackSettings:
    listens = environ.get("STORYBOARD_CALLBACK_LISTEN") or "127.0.0.1:8790"
    host, _, port = listens.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if (
        not re.fullmatch(r"[A-Za-z0-9.:_-]+", host)
        or not re.fullmatch(r"[0-9]{1,5}", port)
        or not 0 < int(port) < 65536
    ):
        raise InputError(f"STORYBOARD_CALLBACK_LISTEN is {listens!r:.80}, not host:port", "such as 127.0.0.1:8790")
    url = environ.get("STORYBOARD_CALLBACK_URL") or None
    if url is not None and (why := _objection(url)):
        raise InputError(
            f"STORYBOARD_CALLBACK_URL is not an address to call back: {why}",
            "the https address of a tunnel that leads to the listener, or http on this machine",
        )
    key = environ.get("STORYBOARD_CALLBACK_KEY", "").strip()
    return CallbackSettings(url.rstrip("/") if url else None, host, int(port), key)


def _objection(url: str) -> str:
    """Why callbacks cannot arrive at an address; "" if they can. The address is not quoted: it may be secret."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "it is not an address"
    if not host or port == 0 or not url.isascii() or not url.isprintable() or " " in url or len(url) > 1000:
        return "it is not an address"
    if parts.username is not None or "?" in url or "#" in url:
        return "it has a user name, a query or a fragment"
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback_host(host)):
        return "it is not https"
    return ""


def _at_once(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1000:
        raise InputError(f"config.toml: at_once must be a whole number from 1 to 1000, not {value!r:.40}")
    return value
