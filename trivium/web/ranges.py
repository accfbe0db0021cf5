# SPDX-License-Identifier: GPL-3.0-or-later
"""Which part of a content a client wants (RFC 9110, 14)."""

from __future__ import annotations

import re

# What is taken is not given back (`*+`), so that blanks are looked at once, whatever follows them.
_ONE = re.compile(r"bytes[ \t]*+=[ \t]*+([0-9]{0,64}+)[ \t]*+-[ \t]*+([0-9]{0,64}+)[ \t]*+", re.ASCII | re.IGNORECASE)


class NotSatisfiable(Exception):
    """The content has no such part."""


def wanted(header: str, length: int) -> tuple[int, int] | None:
    """Start and end, exclusive, of the part of a content of `length` bytes that `Range` asks for.

    None where the whole is given instead: for several parts, other units, and what is no range. Raises
    `NotSatisfiable`.
    """
    found = _ONE.fullmatch(header)
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        count = int(found[2])
        if not count or not length:
            raise NotSatisfiable
        return max(0, length - count), length
    start = int(found[1])
    end = int(found[2]) + 1 if found[2] else length
    if end <= start and found[2]:
        return None
    if start >= length:
        raise NotSatisfiable
    return start, min(end, length)
