"""Which machines may be dialled: every odd form of an address, judged without a socket."""

import socket

import pytest

from storyboard.http.address import (
    AddressForbidden,
    browser_address,
    is_loopback,
    is_numeric,
    is_private,
    is_public,
    loopback_host,
    origin_of,
    sockets,
    url_objection,
)

NOT_PUBLIC = (
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "192.88.99.1",
    "168.63.129.16",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001::1",
    "2001:db8::1",
    "fc00::1",
    "fd00::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "4000::1",
    "localhost",
    "example.com",
    "127.1",
    "2130706433",
    "0x7f000001",
    "",
)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_addresses_that_are_not_public(address: str) -> None:
    """A provider's answer would reach the cloud's metadata service or a router from inside."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_addresses_that_are_public(address: str) -> None:
    """A clip that was paid for would never be fetched, on IPv6-only networks (NAT64) least of all."""
    assert is_public(address)


def test_this_machine() -> None:
    """Drafts go over is_loopback, and a plain-http API only there."""
    assert is_loopback("127.0.0.1")
    assert is_loopback("::1")
    assert is_loopback("::ffff:127.0.0.1")
    assert not is_loopback("10.0.0.1")
    assert not is_loopback("localhost")
    assert loopback_host("LOCALHOST")
    assert loopback_host("127.0.0.2")
    assert not loopback_host("localhost.example.com")


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example/clip.mp4?sig=%2F",
        "https://cdn.example:443/a",
        "https://[2606:4700::1111]/a",
    ],
)
def test_addresses_of_clips_that_are_fine(url: str) -> None:
    """Nothing would ever be fetched."""
    assert url_objection(url, local=False) is None
    assert url_objection(url, local=True) is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://cdn.example/a", "not https"),
        ("ftp://cdn.example/a", "not https"),
        ("file:///etc/passwd", "not an address"),
        ("javascript:alert(1)", "not an address"),
        ("https://", "not an address"),
        ("https://user@cdn.example/a", "user name"),
        ("https://:pass@cdn.example/a", "user name"),
        ("https://cdn.example:8443/a", "port"),
        ("https://cdn.example:99999/a", "not an address"),
        ("https://[::1/a", "not an address"),
        ("https://cdn.example/a b", "not an address"),
        ("https://cdn.example/a\r\nX: y", "not an address"),
        ("https://cdn.example/" + "a" * 9000, "not an address"),
        ("http://127.0.0.1:8000/a", "not https"),
        ("", "not an address"),
    ],
)
def test_addresses_of_clips_that_are_not_fetched(url: str, why: str) -> None:
    """A file of this machine would end up in the film, or a name and password in a log."""
    found = url_objection(url, local=False)
    assert found
    assert why in found


@pytest.mark.parametrize(
    ("said", "dialled"),
    [
        ("https://cdn.example/a%2Fb/%7Ec.mp4?X-Sig=%2B%2f&b=a+b&c=%zz", None),
        ("https://cdn.example/a.mp4;v=1?a=[1]&b=a|b,c:d@e/f?g", None),
        (" https://cdn.example/a b.mp4\n", "https://cdn.example/a%20b.mp4"),
        ("https://cdn.example/a\r\nX: y", "https://cdn.example/aX:%20y"),
        ("https://cdn.example/Кит.mp4?n=é", "https://cdn.example/%D0%9A%D0%B8%D1%82.mp4?n=%C3%A9"),
        ("https://cdn.example/\udce9\ud800", "https://cdn.example/%E9%3F"),
        ('https://cdn.example/{a}<b>"c"', "https://cdn.example/%7Ba%7D%3Cb%3E%22c%22"),
        ("https://Bücher.example/a", "https://xn--bcher-kva.example/a"),
        ("HTTPS://cdn.example\\a\\b?c\\d#part", "https://cdn.example/a/b?c\\d"),
        ("https:///cdn.example/a", "https://cdn.example/a"),
        ("ftp://cdn.example/a b", None),
        ("javascript:alert(1)", None),
        ("https://[::1/a", None),
        ("https://bücher..example/a", None),
    ],
)
def test_an_address_is_taken_as_a_browser_takes_it(said: str, dialled: str | None) -> None:
    """Only what cannot be sent is encoded: each %xx of a signature stays as it is, or the clip is lost."""
    assert browser_address(said) == (said if dialled is None else dialled)


def test_a_local_api_may_serve_local_clips() -> None:
    """The emulator's drafts would not be fetched."""
    assert url_objection("http://127.0.0.1:8000/a", local=True) is None
    assert url_objection("https://localhost:8443/a", local=True) is None
    assert url_objection("ftp://localhost/a", local=True) == "it is not http or https"
    assert url_objection("http://cdn.example/a", local=True) == "it is not https"


def test_the_socket_factory_judges_the_number_that_is_dialled() -> None:
    """Names can lie and resolvers change their mind; the number cannot."""
    create = sockets(is_public)
    made = create((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("8.8.8.8", 443)))
    made.close()
    for address in ("10.0.0.1", "127.0.0.1"):
        with pytest.raises(AddressForbidden, match="not a public address"):
            create((socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, 443)))


def test_private_networks_are_those_of_a_home_or_an_office() -> None:
    """A service without a key may be there; the credentials of a cloud's machine may be at a link-local address."""
    for address in ("127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.9", "100.64.0.7", "fd12::1", "::ffff:10.0.0.1"):
        assert is_private(address), address
    for address in ("169.254.169.254", "8.8.8.8", "172.32.0.1", "fe80::1", "gpu.lan", ""):
        assert not is_private(address), address
    assert is_numeric("8.8.8.8")
    assert not is_numeric("gpu.lan")


def test_an_origin_has_its_port() -> None:
    """Two spellings of one origin would be two, and the key would stay here, or go elsewhere."""
    assert (
        origin_of("https://Queue.fal.run/a?b") == "https://queue.fal.run:443" == origin_of("https://queue.fal.run:443")
    )
    assert origin_of("http://[::1]:8188/") == "http://::1:8188"
    assert origin_of("queue.fal.run") == origin_of("https://a:b") == origin_of("ftp://a") == ""
