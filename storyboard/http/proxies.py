"""The proxy of the environment: HTTPS_PROXY for https addresses, but for the hosts of NO_PROXY and this machine."""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from storyboard.http.address import loopback_host
from storyboard.model.errors import InputError


@dataclass(frozen=True, slots=True)
class Proxies:
    """``url`` is the proxy's address, "" for none; it may hold a password. ``bypass`` is the text of NO_PROXY."""

    url: str = field(default="", repr=False)
    bypass: str = ""

    def of(self, address: str) -> str | None:
        """Return the proxy through which an address is reached; None for a direct connection."""
        parts = urlsplit(address)
        host = parts.hostname or ""
        if not self.url or parts.scheme != "https" or loopback_host(host):
            return None
        return None if self._bypasses(host) else self.url

    def _bypasses(self, host: str) -> bool:
        """Whether NO_PROXY names a host, or a domain or network (CIDR) that it is in; "*" names all."""
        names = [name.strip().lower().lstrip(".") for name in self.bypass.split(",")]
        return "*" in names or any(
            host == name or host.endswith(f".{name}") or _in_network(host, name) for name in names if name
        )

    @property
    def host(self) -> str:
        """The proxy's host and port, for messages."""
        return urlsplit(self.url).netloc.rpartition("@")[2]


def _in_network(host: str, name: str) -> bool:
    """Whether a numeric address is in a network such as 10.0.0.0/8; host names are not resolved."""
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False)
    except ValueError:
        return False


def environment_proxies(environ: Mapping[str, str] = os.environ) -> Proxies:
    """Return the proxies that the environment names; lower-case names win, as in curl. Raise InputError."""
    url = (environ.get("https_proxy") or environ.get("HTTPS_PROXY") or "").strip()
    bypass = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    if not url:
        return Proxies()
    url = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or " " in url:
        raise InputError("HTTPS_PROXY is not the address of an HTTP proxy", "write http://host:port, or unset it")
    return Proxies(url, bypass)
