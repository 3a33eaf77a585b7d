"""The bombs, a kind each: iterators that first warm a reader up, then set one off at each step and give its name.

Each is refused on the way, or it is an AssertionError. What `./dev bench hostile` measures too.
"""

import asyncio
import gzip
import io
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from answers import ASK, line, response

from storyboard.media.images import look
from storyboard.model.errors import InputError, StoryboardError
from storyboard.parsing import template, template_limits, yaml
from storyboard.state.lockfile import parse_lock

TEXTS = {
    "lists in lists": "[" * 50_000,
    "mappings in mappings": "{a: " * 50_000,
    "a ladder of aliases": "a: &a [x, x]\n" + "".join(f"b{n}: &a [*a, *a]\n" for n in range(60)),
    "merge keys": "a: &a {k: v}\n" + "".join(f"b{n}: {{<<: *a}}\n" for n in range(900)),
    "sixties": "59:" * 200_000 + "59",
    "many values": "[" + "a," * 400_000 + "]",
    "many keys": "".join(f"? {n:x}\n" for n in range(120_000)),
    "many lines": "a: '" + "\n" * 900_000,
    "too large": "x" * (1 << 20) + "x",
    "marks": "&a " * 300_000,
    "tags": "! " * 300_000,
    "directives": "%TAG ! x\n" * 80_000,
}
TEMPLATES = {
    "a power": "{{ 9**(9**9) }}",
    "a product": "{% if false %}{{ 'a' * 10**9 }}{% endif %}",
    "a width": "{{ 'a'.center(10**9) }}",
    "a format": "{{ '%1000000000d' % 1 }}",
    "brackets": "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
    "loops": "{% for x in many %}{% for y in many %}{{ big }}{% endfor %}{% endfor %}",
    "joined": "{{ many | join(big) }}",
    "replaced": "{{ big | replace('x', big) }}",
    "joined on": "{{ " + " ~ ".join(["big"] * 2_000) + " }}",
    "printed": "{{ big }}" * 1_000,
}
LOCKS = {
    "a rate": 'fps: "1e999999999"',
    "a small rate": 'fps: "1e-999999999"',
    "a quotient": f'fps: "{"9" * 60_000}/7"',
}


def most() -> float:
    """MiB: the most memory that this process has had. `ru_maxrss` begins with what the parent had at the fork."""
    told = Path("/proc/self/status").read_text()
    return int(told.partition("VmHWM:")[2].split()[0]) / 1024


def texts() -> Iterator[str]:
    yaml.read(b"a: [1, 2]\n" * 2)
    yield "warm"
    for name, text in TEXTS.items():
        assert yaml.read(text.encode()).faults or name == "many lines", name
        yield name


def templates() -> Iterator[str]:
    scope = {"big": "x" * 60_000, "many": [f"t{n}" for n in range(5_000)]}
    template.parse("{{ big | length }}").render(scope, template_limits.TemplateWork())
    yield "warm"
    for name, text in TEMPLATES.items():
        with suppress(template_limits.TemplateRefused):
            written, refused = template.parse(text).render(scope, template_limits.TemplateWork())
            assert refused or len(written) <= template_limits.MAX_OUTPUT, name
        yield name


def locks() -> Iterator[str]:
    fields = 'bytes: 7\nfps: "24"\nframes: 192\nsha256: "{}"\nsize: 1280x720\nsound: true\n'.format("d" * 64)
    whole = (
        f'storyboard-lock: 1\nscenes:\n  a:\n    key: "{"d" * 64}"\n    pick: 1\n    takes:\n      1:\n        720p:\n'
    )
    whole += "".join(f"          {line}\n" for line in fields.splitlines())
    parse_lock(yaml.load(whole.encode(), ""), "")
    yield "warm"
    for name, bomb in LOCKS.items():
        _refused(lambda bomb=bomb: parse_lock(yaml.load(whole.replace('fps: "24"', bomb).encode(), ""), ""), name)
        yield name


def answers() -> Iterator[str]:
    """Bodies that a client which decompresses, or reads to the end, would hold in memory."""
    zipped = gzip.compress(bytes(256 << 20))
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    bombs = {
        "compressed": head + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(zipped) + zipped,
        "deep": response(b"[" * 900_000),
        "a number": response(b'{"code": 200, "data": {"successFlag": 1e999999999}}'),
        "too long": head + b"\r\n" + b" " * (8 << 20),
        "one chunk": head + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n" + b" " * (8 << 20),
    }
    with asyncio.Runner() as runner:
        runner.run(_answered(response(b"{}")))
        yield "warm"
        for name, bomb in bombs.items():
            assert runner.run(_answered(bomb)), name
            yield name


async def _answered(bomb: bytes) -> bool:
    async with line() as (here, wire):
        here.waiting[:] = [bomb]
        try:
            await ASK["poll"](wire)
        except StoryboardError:
            return True
    return False


def images() -> Iterator[str]:
    from PIL import Image

    small = io.BytesIO()
    Image.new("RGB", (8, 8)).save(small, "PNG")
    look(small.getvalue())
    yield "warm"
    for name, size in {"wide": (1 << 30, 1), "square": (30_000, 30_000), "many": (65_000, 65_000)}.items():
        header = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
        parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1 << 20))), (b"IEND", b""))
        chunks = b"".join(
            struct.pack(">I", len(part)) + kind + part + struct.pack(">I", zlib.crc32(kind + part))
            for kind, part in parts
        )
        _refused(lambda chunks=chunks: look(b"\x89PNG\r\n\x1a\n" + chunks), name)
        yield name


def _refused(ask: Callable[[], object], name: str) -> None:
    try:
        ask()
    except InputError:
        return
    raise AssertionError(name)


KINDS = {"texts": texts, "templates": templates, "locks": locks, "answers": answers, "images": images}
