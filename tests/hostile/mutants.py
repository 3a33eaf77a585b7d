"""Mutants: real inputs that a seeded hand has damaged. The number of one is all that is needed to make it again."""

import random
import re
from collections.abc import Iterator, Sequence

# Numbers beyond reason, and what is only almost a number.
NUMBERS = (
    *(b"9" * 25, b"9" * 4_000, b"9" * 5_000, b"-1", b"0", b"1e999", b"1e9999999", b"-1e-9999999", b"1e-999999999"),
    *(b"1e99999999999999999999", b"0x7f", b"1_000", b"1/0", b"0.1e1", b"NaN", b"-Infinity", b"\xc2\xb2", b"007", b""),
)

# What breaks readers of text: signs that nobody sees, brackets without an end.
WORDS = (
    *(b"null", b"true", b"~", b'""', b"{}", b"[]", b"{", b"[", b"}", b"]", b":", b"- ", b"\n", b"\r", b"\t", b"#"),
    *(b"\0", b"\x1b[2J", b"\x1b]52;c;eA==\x07", b"\xc2\x9b31m", b"\xe2\x80\xae", b"\xe2\x80\x8b", b"\xed\xa0\x80"),
    *(b"\xef\xbb\xbf", b"\xff", b"::error::x", b"##[error]x", b"../", b"/", b"\\", b"%", b"'", b'"', b"{{", b"}}"),
    *(b"{% for x in y %}", b"&a", b"*a", b"<<: *a", b"!!python/x", b"a" * 3000, b"[" * 300, b'{"a":' * 300),
)

_NUMBER = re.compile(rb"[0-9]+")


def mutants(seeds: Sequence[bytes], count: int, start: int = 0, words: Sequence[bytes] = WORDS) -> Iterator[bytes]:
    """``count`` of them, numbered from ``start``. Every fiftieth is a seed as it is: a reader must still take it."""
    for number in range(start, start + count):
        yield seeds[number // 50 % len(seeds)] if number % 50 == 0 else mutant(seeds, number, words)


def mutant(seeds: Sequence[bytes], number: int, words: Sequence[bytes] = WORDS) -> bytes:
    """One seed with one to eight things done to it, mostly few: what is wrong all over is refused at its first byte."""
    dice = random.Random(number)
    content = bytearray(dice.choice(seeds))
    for _ in range(dice.choice((1, 1, 1, 2, 3, 8))):
        _strike(content, dice, seeds, words)
    return bytes(content)


def _strike(content: bytearray, dice: random.Random, seeds: Sequence[bytes], words: Sequence[bytes]) -> None:
    at = dice.randrange(len(content) + 1)
    span = at + dice.choice((1, 1, 2, 4, 8, 32, 200))
    match dice.randrange(9):
        case 0 if at < len(content):
            content[at] ^= 1 << dice.randrange(8)
        case 1 if at < len(content):
            content[at] = dice.randrange(256)
        case 2 | 3:
            content[at:at] = dice.choice(words)
        case 4:
            content[at:span] = dice.choice(words)
        case 5:
            del content[at:span]
        case 6:
            content[at:at] = content[at:span] * dice.choice((1, 2, 20))
        case 7:
            other = dice.choice(seeds)
            begin = dice.randrange(len(other) + 1)
            content[at:span] = other[begin : begin + dice.choice((8, 40, 200))]
        case 8 if numbers := [found.span() for found in _NUMBER.finditer(content)]:
            begin, end = dice.choice(numbers)
            content[begin:end] = dice.choice(NUMBERS)


def flipped(seeds: Sequence[bytes], number: int) -> bytes:
    """One seed of the same length with a few bytes of it changed, mostly where something stands."""
    dice = random.Random(number)
    content = bytearray(dice.choice(seeds))
    for _ in range(dice.choice((1, 1, 2, 4, 16))):
        at = dice.randrange(len(content))
        for _ in range(20):
            if content[at]:
                break
            at = dice.randrange(len(content))
        content[at] = dice.choice((content[at] ^ 1 << dice.randrange(8), dice.randrange(256), 0, 255))
    return bytes(content)
