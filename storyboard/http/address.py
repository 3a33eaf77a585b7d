"""Which machines may be dialled. Values in, a verdict out; only `sockets` touches a socket, before it connects."""

import ipaddress
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Says "global" to the standard library, and yet is none of anybody's clips: a cloud's own host agent, 6to4 relays.
_REFUSED = (ipaddress.ip_network("168.63.129.16/32"), ipaddress.ip_network("192.88.99.0/24"))
_GLOBAL_V6 = ipaddress.ip_network("2000::/3")
_SIX_TO_FOUR = ipaddress.ip_network("2002::/16")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressForbidden(OSError):
    """This address is not dialled."""


def is_public(address: str) -> bool:
    """True for a numeric address on the public internet. What is no address is not public.

    An IPv4 address inside an IPv6 one (mapped, or NAT64's well-known prefix) is judged as the IPv4 address.
    """
    found = _parsed(address)
    if found is None or found.is_multicast or not found.is_global:
        return False
    if found.version == 4:
        return not any(found in net for net in _REFUSED)
    return found in _GLOBAL_V6 and found not in _SIX_TO_FOUR


def is_loopback(address: str) -> bool:
    """True for a numeric address of this very machine (127.0.0.0/8, ::1)."""
    found = _parsed(address)
    return found is not None and found.is_loopback


def loopback_host(host: str) -> bool:
    """True for a host name that can only mean this machine."""
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


def url_objection(url: str, local: bool) -> str | None:
    """Why a clip's address is not fetched, or None. ``local``: addresses of this machine, and http to them, are fine.

    Only the words are looked at; the number behind the name is judged when it is dialled (`sockets`).
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "it is not an address"
    if not host or len(url) > 8192 or not url.isprintable() or " " in url:
        return "it is not an address"
    if parts.username is not None or parts.password is not None:
        return "it carries a user name"
    if local and loopback_host(host):
        return None if parts.scheme in ("http", "https") else "it is not http or https"
    if parts.scheme != "https":
        return "it is not https"
    return None if port in (None, 443) else "its port is not 443"


def sockets(allowed: Callable[[str], bool]) -> Callable[[tuple[Any, ...]], socket.socket]:
    """A socket factory for aiohttp's connector that dials allowed addresses only, whatever name led to them.

    It sees the numeric address of each attempt, so odd spellings, redirects and a resolver that changes its mind come
    to the same. Raises AddressForbidden before anything is sent.
    """

    def create(info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, where = info
        if not allowed(where[0]):
            raise AddressForbidden(f"{where[0]} is not a public address")
        return socket.socket(family, kind, protocol)

    return create
