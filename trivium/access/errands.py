# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports from this very server run as the user who asked for them, from that user's address (decisions.md W10).

The server fetches from itself over HTTP, as from any other server. Such a request comes from the server's own address.
An account may be restricted to that address, and the request could carry anybody's password. So it carries an errand
instead: who sent the server and from where, sealed under the server's secret.

A request may leave the server under one name and come back under another. Nobody knows that beforehand, so every import
carries a mark of this server. A request that brings the mark back without an errand is refused. The mark is no secret:
a client that copies it is refused as well.
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
    """An errand of this caller: the password of the user `ERRAND`, valid for so many `seconds`."""
    text = msgspec.json.encode(Errand(caller.user_id, caller.address, time.time() + seconds)).decode()
    return base64.urlsafe_b64encode(ring.seal(text, _BOUND_TO)).decode()


def read_errand(ring: KeyRing, text: str) -> Errand | None:
    """The errand in a password; None when this server did not write it, or when it has expired."""
    if len(text) > _MOST_CHARACTERS:
        return None
    try:
        opened = ring.open(base64.urlsafe_b64decode(text.encode("ascii")), _BOUND_TO)
    except (ValueError, binascii.Error):
        return None
    errand = msgspec.json.decode(opened, type=Errand)
    return errand if time.time() < errand.until else None
