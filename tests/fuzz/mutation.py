# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes that are nearly what a client would send."""

from __future__ import annotations

import random
from collections.abc import Sequence

_NUMBERS = [
    b"0",
    b"-1",
    b"1",
    b"2147483648",
    b"4294967296",
    b"9223372036854775808",
    b"99999999999999999999",
    b"0x10",
    b"1e9",
]
_ODD = [
    b"\0",
    b"\r",
    b"\n",
    b"\r\n",
    b"\xff",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"%00",
    b"%2e%2e",
    b"../",
    b"%",
    b"\x1b[31m",
    b"\xe2\x80\xae",
    b" ",
    b"\t",
    b"'",
    b'"',
    b"<",
    b">",
    b"&",
    b"{",
    b"[",
    b"\\",
    b"-",
    b"--help",
]
_LONGEST = 300_000


def mutated(dice: random.Random, raw: bytes, words: Sequence[bytes] = (), others: Sequence[bytes] = ()) -> bytes:
    """A text with a few things wrong. `words` mean something to its reader, `others` are texts of the same kind."""
    for _ in range(dice.choice((1, 1, 1, 2, 3, 6))):
        raw = _changed(dice, raw, words, others)[:_LONGEST]
    return raw


def _changed(dice: random.Random, raw: bytes, words: Sequence[bytes], others: Sequence[bytes]) -> bytes:
    at, end = sorted((dice.randint(0, len(raw)), dice.randint(0, len(raw))))
    match dice.randrange(10):
        case 0 if raw:
            at = dice.randrange(len(raw))
            return raw[:at] + bytes([raw[at] ^ 1 << dice.randrange(8)]) + raw[at + 1 :]
        case 1:
            return raw[:at] + raw[end:]
        case 2:
            return raw[:end] + raw[at:end] * dice.choice((1, 1, 2, 50, 2000)) + raw[end:]
        case 3:
            return raw[:at]
        case 4 | 5 if words:
            return raw[:at] + dice.choice(words) * dice.choice((1, 1, 1, 3, 500)) + raw[at:]
        case 6:
            return raw[:at] + dice.choice(_ODD) * dice.choice((1, 1, 4, 1000)) + raw[at:]
        case 7:
            return _other_number(dice, raw)
        case 8 if others:
            return raw[:at] + dice.choice(others)[at:]
        case _:
            return raw[:at] + dice.randbytes(dice.randint(1, 12)) + raw[at:]


def _other_number(dice: random.Random, raw: bytes) -> bytes:
    digits = [at for at in range(len(raw)) if raw[at : at + 1].isdigit()]
    if not digits:
        return raw
    at = end = dice.choice(digits)
    while raw[end : end + 1].isdigit():
        end += 1
    return raw[:at] + dice.choice(_NUMBERS) + raw[end:]
