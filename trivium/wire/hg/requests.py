# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests of Mercurial over HTTP: how to recognise them, and which command they bring (system.md 3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trivium.forge.sessions.hg.session import READS
from trivium.http.asgi import Scope, header
from trivium.wire.admission import Refused

_MOST_PIECES: Final = 1_000


@dataclass(frozen=True, slots=True)
class HgRequest:
    """What a request asks of Mercurial."""

    name: str
    """The repository, as the URL has it."""
    command: str
    writes: bool


def is_hg_request(scope: Scope) -> bool:
    """Whether a request belongs to Mercurial's protocol (system.md 3.1)."""
    return b"cmd=" in scope["query_string"] and header(scope, b"accept").startswith(b"application/mercurial")


def recognise(scope: Scope) -> HgRequest:
    """What a request asks; raises `Refused` for requests outside the protocol."""
    pieces = scope["query_string"].split(b"&", _MOST_PIECES)
    commands = [piece for piece in pieces if piece.startswith(b"cmd=")]
    if len(commands) != 1:
        raise Refused(400, "One command at a time.")
    if scope["method"] not in ("GET", "HEAD", "POST"):
        raise Refused(405, "Use GET or POST here.", ((b"allow", b"GET, HEAD, POST"),))
    name = "/".join(segment for segment in scope["path"].split("/") if segment)
    command = commands[0].removeprefix(b"cmd=").decode("latin-1")
    return HgRequest(name, command, command not in READS)
