"""Which addresses may be connected to. Pure, but for `sockets`, which checks an address before it connects."""

import ipaddress
import re
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# `ipaddress` calls these global, but no clip is served from them: host agents of clouds, 6to4 relays.
_REFUSED = (ipaddress.ip_network("168.63.129.16/32"), ipaddress.ip_network("192.88.99.0/24"))
_GLOBAL_V6 = ipaddress.ip_network("2000::/3")
_SIX_TO_FOUR = ipaddress.ip_network("2002::/16")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressForbidden(OSError):
    """The address is not allowed."""


def is_public(address: str) -> bool:
    """Whether this is a numeric address on the public internet. Other text is not public.

    An IPv4 address inside an IPv6 one (mapped, or NAT64's well-known prefix) is judged as the IPv4 address.
    """
    found = _parsed(address)
    if found is None or found.is_multicast or not found.is_global:
        return False
    if found.version == 4:
        return not any(found in net for net in _REFUSED)
    return found in _GLOBAL_V6 and found not in _SIX_TO_FOUR


def is_loopback(address: str) -> bool:
    """Whether this is a numeric address of this machine (127.0.0.0/8, ::1)."""
    found = _parsed(address)
    return found is not None and found.is_loopback


# Networks of a home or an office: RFC 1918, RFC 6598 (shared, as tunnels use it), RFC 4193. Not link-local ones, where
# clouds serve the credentials of their machines.
_PRIVATE = tuple(
    ipaddress.ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)


def is_private(address: str) -> bool:
    """Whether this is a numeric address of a private network, or of this machine."""
    found = _parsed(address)
    return found is not None and (found.is_loopback or any(found in net for net in _PRIVATE))


def is_numeric(host: str) -> bool:
    """Whether a host is an address in numbers, not a name."""
    return _parsed(host) is not None


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address, such as "https://queue.fal.run:443"; "" for what is none."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.hostname.lower()}:{port}" if parts.hostname and port else ""


def loopback_host(host: str) -> bool:
    """Whether a host name can only mean this machine."""
    return host.lower() == "localhost" or is_loopback(host)


def _parsed(address: str) -> Address | None:
    try:
        found = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        if found in _NAT64:
            return ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        return found.ipv4_mapped or found
    return found


# What a browser removes from an address, and what it percent-encodes in one: controls, spaces, quotes, brackets that
# mark addresses in text, and all that is not ASCII. A "%" stays as it is, also one that encodes nothing.
_DROPPED = re.compile(r"[\t\n\r]")
_ENCODED = re.compile(r"[^!-~]|[\"<>^`{}]")
_PARTS = re.compile(r"([a-z][a-z0-9+.-]*):[/\\]*([^/\\?#]*)([^?#]*)(\?[^#]*)?", re.IGNORECASE)


def browser_address(text: str) -> str:
    """Return an address as a browser would dial it: only what cannot be sent is encoded, and nothing else changes.

    Every ``%xx`` of a signature stays. A host of other letters becomes its ASCII form. What is no address is returned
    as it is, for `url_objection` to refuse.
    """
    text = _DROPPED.sub("", text.strip("".join(map(chr, range(33)))))
    found = _PARTS.match(text)
    if found is None or found[1].lower() not in ("http", "https"):
        return text
    scheme, host, path, query = found[1].lower(), found[2], found[3], found[4] or ""
    path = _ENCODED.sub(_percent, path.replace("\\", "/"))
    return f"{scheme}://{_ascii_host(host)}{path}{_ENCODED.sub(_percent, query)}"


def _ascii_host(host: str) -> str:
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return host


def _percent(found: re.Match[str]) -> str:
    """The bytes of a character in UTF-8; of one that a header brought in another encoding, its own byte."""
    char = found[0]
    content = char.encode("utf-8", "surrogateescape" if "\udc80" <= char <= "\udcff" else "replace")
    return "".join(f"%{byte:02X}" for byte in content)


def url_objection(url: str, local: bool) -> str | None:
    """Return why a clip's address is not allowed, or None. ``local``: this machine, also by http, is allowed.

    Only the text is checked; the numeric address is checked when connecting (`sockets`).
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "it is not an address"
    if not host or len(url) > 8192 or not url.isascii() or not url.isprintable() or " " in url:
        return "it is not an address"
    if parts.username is not None or parts.password is not None:
        return "it carries a user name"
    if local and loopback_host(host):
        return None if parts.scheme in ("http", "https") else "it is not http or https"
    if parts.scheme != "https":
        return "it is not https"
    return None if port in (None, 443) else "its port is not 443"


def sockets(allowed: Callable[[str], bool]) -> Callable[[tuple[Any, ...]], socket.socket]:
    """Return a socket factory for aiohttp's connector that connects to allowed addresses only.

    It checks the numeric address of each attempt, so unusual spellings, redirects and changing DNS answers make no
    difference. Raise AddressForbidden before anything is sent.
    """

    def create(info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, where = info
        if not allowed(where[0]):
            raise AddressForbidden(f"{where[0]} is not a public address")
        return socket.socket(family, kind, protocol)

    return create


# Endings of names that are not on the public internet.
_INSIDE = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "home.arpa")


def name_objection(host: str) -> str | None:
    """Return why a host must not be dialled through a proxy, or None. Only name and literal are known here.

    The proxy looks the name up, so an outside name that leads inside is the proxy's to refuse.
    """
    name = host.rstrip(".").lower()
    last = name.rpartition(".")[2]
    if ":" in name or last.isdigit() or last.startswith("0x"):
        return None if is_public(name) else "it leads to no public machine"
    inside = "." not in name or any(name.endswith(f".{ending}") for ending in _INSIDE)
    return "it leads to no public machine" if inside else None
