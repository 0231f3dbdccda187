"""Bytes made worse: what happens to files on their way, and what an enemy would do to them."""

from collections.abc import Callable, Sequence
from random import Random

from tests.fuzz.values import COUNTS

Bytes = bytes


def flip(data: Bytes, random: Random) -> Bytes:
    at = random.randrange(len(data) or 1)
    return data[:at] + bytes(b ^ (1 << random.randrange(8)) for b in data[at : at + 1]) + data[at + 1 :]


def put_byte(data: Bytes, random: Random) -> Bytes:
    at = random.randrange(len(data) or 1)
    return data[:at] + bytes([random.randrange(256)]) + data[at + 1 :]


def delete(data: Bytes, random: Random) -> Bytes:
    start, end = _slice(data, random)
    return data[:start] + data[end:]


def duplicate(data: Bytes, random: Random) -> Bytes:
    start, end = _slice(data, random)
    return data[:end] + data[start:end] * random.choice((1, 1, 1, 2, 50)) + data[end:]


def swap(data: Bytes, random: Random) -> Bytes:
    (a, b), c = _slice(data, random), random.randrange(len(data) + 1)
    c = max(b, c)
    return data[:a] + data[b:c] + data[a:b] + data[c:]


def cut(data: Bytes, random: Random) -> Bytes:
    return data[: random.randrange(len(data) + 1)]


def put_count(data: Bytes, random: Random) -> Bytes:
    """A count of 2, 4 or 8 bytes that may stand in a header, overwritten with one that is hard to bear."""
    width = random.choice((2, 4, 8))
    at = random.randrange(len(data) or 1)
    count = (random.choice(COUNTS) % 256**width).to_bytes(width, random.choice(("little", "little", "big")))
    return data[:at] + count + data[at + width :]


def _slice(data: Bytes, random: Random) -> tuple[int, int]:
    start = random.randrange(len(data) + 1)
    longest = random.choice((1, 1, 2, 4, 16, 256))
    return start, min(len(data), start + random.randrange(longest + 1))


def _put_token(tokens: Sequence[Bytes]) -> Callable[[Bytes, Random], Bytes]:
    def put_token(data: Bytes, random: Random) -> Bytes:
        token = random.choice(tokens)
        at = random.randrange(len(data) + 1)
        return data[:at] + token + data[at + random.choice((0, 0, 1, len(token))) :]

    return put_token


def mutated(data: Bytes, random: Random, tokens: Sequence[Bytes], other: Bytes) -> Bytes:
    """One to three faults put in anywhere, most often one; `other` is another file, to splice with."""

    def splice(data: Bytes, random: Random) -> Bytes:
        return data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other) + 1) :]

    put_token = _put_token(tokens)
    ways = (flip, put_byte, delete, duplicate, swap, cut, splice, put_count, put_token, put_token, put_token)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        data = random.choice(ways)(data, random)
    return data
