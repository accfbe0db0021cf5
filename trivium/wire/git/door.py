# SPDX-License-Identifier: GPL-3.0-or-later
"""Git over smart HTTP: admission, and refusals in words that git shows. The session does the rest."""

from __future__ import annotations

import contextlib
from typing import Final

from trivium.errors import full_disk_told
from trivium.forge.sessions.endings import Interrupted
from trivium.forge.sessions.git.session import GitSession, Service
from trivium.http.asgi import TEXT, Disconnected, Receive, Scope, Send, TooLarge, header, respond
from trivium.wire.admission import TOLD, Refused, SignInNeeded, refusal
from trivium.wire.door import NO_CACHE, Door
from trivium.wire.git.bodies import GitChannel
from trivium.wire.git.requests import lfs_repository, recognise

_LFS_TYPE: Final = (b"content-type", b"application/vnd.git-lfs+json")
_BY_STATUS: Final = frozenset({405, 415, 429})
"""Refusals that git's own clients never get, and the one that asks a client to come later."""


async def serve(door: Door, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request of the Git protocol."""
    try:
        if lfs := lfs_repository(scope["path"]):
            await door.admit(scope, kind="git", name=lfs, writes=False)
            told = b'{"message":"Large file storage (Git LFS) is not offered here."}'
            await respond(send, 501, told, (_LFS_TYPE, *NO_CACHE))
            return
        request = recognise(scope)
    except TOLD as error:
        await _tell(send, refusal(door.site, error, "git"))
        return
    channel = GitChannel(scope, receive, send, door.site.settings)
    protocol = header(scope, b"git-protocol").decode("latin-1")
    session = GitSession(door.transfers, channel, request.service, protocol=protocol)
    channel.answers(request, versioned=session.versioned)
    try:
        admitted = await door.admit(scope, kind="git", name=request.name, writes=request.writes)
        if not request.advertises:
            with full_disk_told():
                await session.serve(admitted)
        elif admitted.renamed:
            there = f"{door.place_of(admitted)}/info/refs?service=git-{Service.UPLOAD}".encode()
            await respond(send, 302, headers=(TEXT, *NO_CACHE, (b"location", there)))
        else:
            await session.advertise(admitted)
    except TOLD as error:
        ending = refusal(door.site, error, "git")
        if not request.advertises and await _is_said(session, ending):
            return
        if channel.started:
            raise Disconnected from error
        await _tell(send, ending)
    except Interrupted as error:
        raise Disconnected from error


async def _is_said(session: GitSession, ending: Refused) -> bool:
    """Tell why a request ends here in words that git shows, if there are such words and users need them.

    Git never shows the answer to a POST with a status of 400 or more. A client that has to sign in, or to wait, goes by
    the status.
    """
    if isinstance(ending, SignInNeeded) or ending.status in _BY_STATUS:
        return False
    with contextlib.suppress(Refused, TooLarge):  # its body cannot be read
        return await session.refuse(ending.text)
    return False


async def _tell(send: Send, ending: Refused) -> None:
    """Tell why a request ends here by its status, and in words for clients that show them."""
    await respond(send, ending.status, (ending.text + "\n").encode(), (TEXT, *NO_CACHE, *ending.headers))
