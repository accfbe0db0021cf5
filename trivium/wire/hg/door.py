# SPDX-License-Identifier: GPL-3.0-or-later
"""Mercurial over HTTP: admission, and refusals in the way that Mercurial shows. The session does the rest.

The door looks only at the command of a request. A request that was admitted for reading and turns out to write is
decided about anew.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from trivium.errors import full_disk_told
from trivium.forge.sessions.endings import Interrupted
from trivium.forge.sessions.hg.session import HgSession
from trivium.http.asgi import TEXT, Disconnected, Receive, Scope, Send, respond
from trivium.wire.admission import TOLD, LockedOut, Refused, SignInNeeded, refusal
from trivium.wire.door import NO_CACHE, Door
from trivium.wire.hg.bodies import HgChannel
from trivium.wire.hg.requests import recognise

_ERROR: Final = (b"content-type", b"application/hg-error")
_TOLD_BY_STATUS: Final = frozenset({400, 405, 415, 429})
"""Refusals that clients understand by their status; of others Mercurial would show the status only."""


async def serve(door: Door, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request of Mercurial's protocol."""
    channel = HgChannel(scope, receive, send, door.site.settings)
    try:
        request = recognise(scope)
        admitted = await door.admit(scope, kind="hg", name=request.name, writes=request.writes)
        if admitted.renamed and scope["method"] == "GET":
            there = f"{door.place_of(admitted)}?".encode() + scope["query_string"]
            await respond(send, 302, headers=(TEXT, *NO_CACHE, (b"location", there)))
            return
        async with channel.call(request, admitted.caller) as call, door.transfers.turn(admitted.caller):
            if not request.writes:
                if await HgSession(door.transfers, admitted, channel, call).read():
                    return
                admitted = await door.admit(scope, kind="hg", name=request.name, writes=True)
            with full_disk_told():
                await HgSession(door.transfers, admitted, channel, call).push()
    except Interrupted as error:
        raise Disconnected from error
    except TOLD as error:
        if channel.started:
            raise Disconnected from error
        with contextlib.suppress(Disconnected, TimeoutError):
            async with asyncio.timeout(door.site.settings.vcs_timeout):
                await channel.hear_out()
        await _refuse(send, refusal(door.site, error, "hg"))


async def _refuse(send: Send, ending: Refused) -> None:
    """Tell the user why not, in the way that their client shows."""
    text = (ending.text + "\n").encode()
    headers = (*NO_CACHE, *ending.headers)
    if isinstance(ending, LockedOut) or ending.status == 404:
        await respond(send, ending.status, text, (TEXT, *headers), reason=ending.text)
    elif ending.status in _TOLD_BY_STATUS or isinstance(ending, SignInNeeded):
        await respond(send, ending.status, text, (TEXT, *headers))
    else:
        await respond(send, 200, text, (_ERROR, *headers))
