# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a client takes what is compressed (RFC 9110, 12.5.3)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from trivium.http.asgi import Scope, header

_LONGEST: Final = 500
"""Bytes of a header that is looked at; of a longer one nothing is believed."""
_NOTHING: Final = re.compile(rb"q=0(\.0{0,3})?")


def takes_gzip(scope: Scope) -> bool:
    """Whether an answer may be compressed with gzip: `gzip;q=0` says that it may not."""
    given = header(scope, b"accept-encoding")
    return bool(given) and len(given) <= _LONGEST and _has_gzip(given)


@lru_cache(maxsize=256)
def _has_gzip(given: bytes) -> bool:
    found = {b"*": False}
    for one in given.lower().split(b","):
        coding, *parameters = (part.strip() for part in one.split(b";"))
        found[coding] = not any(_NOTHING.fullmatch(parameter) for parameter in parameters)
    return found.get(b"gzip", found.get(b"x-gzip", found[b"*"]))
