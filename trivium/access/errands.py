# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports from this very server: they are done as whoever asked for them, from where they asked (decisions.md W10).

The server fetches from itself over HTTP, as from any other. Such a request comes from the server's own address, which
somebody's account may be restricted to, and could carry anybody's password. So it carries an errand instead: who sent
the server and from where, sealed under the server's secret.

Where a request leaves the server under one name and comes back to it under another, it cannot be known beforehand that
it will. Every import therefore carries a mark of this server; a request that brings it back without an errand is
refused. The mark is no secret: whoever repeats it is refused as well.
"""

from __future__ import annotations

import base64
import binascii
import time
from typing import Final

import msgspec

from trivium.access.caller import Caller
from trivium.access.keys import KeyRing

ERRAND: Final = "!errand"
"""The user name that stands before an errand; no account can have it."""

_BOUND_TO: Final = "errand"
_MOST_CHARACTERS: Final = 1024


class Errand(msgspec.Struct, frozen=True):
    """Who sent the server, from where, and until when that counts."""

    user_id: int
    address: str
    until: float


def write_errand(ring: KeyRing, caller: Caller, seconds: float) -> str:
    """An errand of this caller, to be used as the password of `ERRAND` for so long."""
    text = msgspec.json.encode(Errand(caller.user_id, caller.address, time.time() + seconds)).decode()
    return base64.urlsafe_b64encode(ring.seal(text, _BOUND_TO)).decode()


def read_errand(ring: KeyRing, text: str) -> Errand | None:
    """The errand in a password; None when this server did not write it, or too long ago."""
    if len(text) > _MOST_CHARACTERS:
        return None
    try:
        opened = ring.open(base64.urlsafe_b64decode(text.encode("ascii")), _BOUND_TO)
    except (ValueError, binascii.Error):
        return None
    errand = msgspec.json.decode(opened, type=Errand)
    return errand if time.time() < errand.until else None
