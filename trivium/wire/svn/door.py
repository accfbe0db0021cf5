# SPDX-License-Identifier: GPL-3.0-or-later
"""Subversion over WebDAV: requests are streamed to and from a private Apache with mod_dav_svn.

Rights are decided about here, by method; Apache believes what it is told. Only a `MERGE` makes revisions. It is
recorded like a push before Apache hears of it, and its answer ends when its revision is journalled and visible.
"""

from __future__ import annotations

import contextlib
import re
from typing import Final
from urllib.parse import quote

import structlog

from trivium.access.levels import Level
from trivium.errors import NO_ROOM, DatabaseAway, DatabaseFull, Locked, RepositoryFull, StorageFull, full_disk_told
from trivium.forge.sessions.endings import NO_SUCH_REPOSITORY, Declined
from trivium.forge.sessions.svn.session import SvnSession
from trivium.forge.sessions.transfers import Admitted
from trivium.forge.site import Site
from trivium.http.asgi import Disconnected, Receive, Scope, Send, TooLarge, Watched, header, respond
from trivium.http.rooms import Crowded
from trivium.vcs.errors import VcsError
from trivium.wire.admission import BY_ID, TOLD, Refused, refusal
from trivium.wire.door import Door
from trivium.wire.svn import requests
from trivium.wire.svn.answers import ERROR_TYPE, NO_CACHE, error_body
from trivium.wire.svn.exchange import Exchange
from trivium.wire.svn.paths import SAFE, Translation, base_segments
from trivium.wire.svn.requests import SvnRequest, recognise
from trivium.wire.svn.upstream import Upstream

_log = structlog.get_logger(__name__)

_WEB: Final = frozenset({"GET", "HEAD", "POST"})
"""Methods that are not Subversion's alone."""
_LONG: Final = frozenset({"REPORT", "PUT", "MERGE"})
"""Methods that wait for their turn; a client that waits for one of these may have several others under way."""
_VERSION = re.compile(rb"<D:version-name>(\d{1,10})</D:version-name>")
_PAGES: Final = frozenset({
    "files", "annotate", "render", "changelog", "changelog_details", "changelog_summary", "changeset", "settings",
    "summary", "archive", "raw", "rawfile", "feed", "tip", "diff", "compare", "branches", "tags", "bookmarks",
})  # fmt: skip
"""Words after a repository's name in the addresses of its pages (system.md 2)."""
_REVISION: Final = "tip"
_LATER: Final = ((b"retry-after", b"5"),)
_SHORT_OF_SPACE: Final = "The server is short of disk space and takes no commits."


def is_svn_method(scope: Scope) -> bool:
    """Whether a request has a method that only Subversion's clients use."""
    return scope["method"] not in _WEB


def is_svn_request(scope: Scope) -> bool:
    """Whether a request is one of a Subversion client, whatever its method (system.md 3.1)."""
    return (
        "/!svn/" in scope["path"]
        or header(scope, b"user-agent").startswith(b"SVN/")
        or any(name == b"dav" and b"subversion" in value.lower() for name, value in scope["headers"])
    )


class SvnTransfer:
    """One request to Apache, from admission to the last byte."""

    def __init__(
        self, door: Door, upstream: Upstream, scope: Scope, receive: Receive, send: Send, request: SvnRequest
    ) -> None:
        self._site = door.site
        self._transfers = door.transfers
        self._upstream = upstream
        self._scope = scope
        self._request = request
        self._exchange = Exchange(door, upstream, scope, receive, send, request)

    async def read(self, admitted: Admitted) -> None:
        """Serve a request that changes nothing."""
        name = admitted.repository.name
        kind = self._exchange.check(self._translation(admitted, name))
        await self._reach(admitted, name)
        if kind in requests.WORKING and admitted.repository.level < Level.WRITE:
            raise Refused(403, "What is being made is for those who may commit.")
        await self._exchange.prepare(admitted.caller)
        session = SvnSession(self._transfers, admitted)
        if self._exchange.pulls:
            session.begin_pull()
        if ready := self._exchange.at_hand(self._place):
            await self._stands_at(admitted, name)
            await self._exchange.answer_ready(ready)
            return
        async with self._exchange.asked() as answer:
            # Apache has the repository open now.
            await self._stands_at(admitted, name)
            tail, _ = await self._exchange.pass_on(answer)
            if self._exchange.pulls and answer.status == 200:
                await session.pulled()
            await self._exchange.send_end(tail)

    async def _stands_at(self, admitted: Admitted, name: str) -> None:
        """Check that the repository still stands where Apache found it; else another one may have taken its place."""
        if await self._transfers.name_of(admitted) != name:
            raise Refused(503, "The repository is being moved.", ((b"retry-after", b"1"),))

    async def write(self, admitted: Admitted) -> None:
        """Serve a step of a commit, or a lock of a file: a rename or deletion waits for it, and it for them."""
        with contextlib.closing(SvnSession(self._transfers, admitted)) as session:
            session.begin_write()
            name = admitted.repository.name
            self._exchange.check(self._translation(admitted, name))
            if self._request.adds:
                # Before the client sends files that would be refused in the end.
                await session.check_growth(ends=self._request.makes_revisions)
            # Before the lock is held: nobody must wait for a slow client.
            await self._exchange.prepare(admitted.caller, session.grew)
            await session.hold_lock()
            if await self._name_in_url(admitted) != name:
                raise Refused(503, "The repository is being moved.", ((b"retry-after", b"1"),))
            await self._reach(admitted, name)
            if self._request.makes_revisions:
                await self._commit(session)
                return
            file = self._exchange.inside
            was = await session.holder_of(self._place, file) if self._request.locks_a_file else None
            async with self._exchange.asked() as answer:
                tail, _ = await self._exchange.pass_on(answer)
                if not self._request.adds:
                    session.gave_up()
                if self._request.locks_a_file and answer.status < 300:
                    await session.file_lock_changed(file, was, locked=self._request.method == "LOCK")
                await self._exchange.send_end(tail)

    async def _commit(self, session: SvnSession) -> None:
        """Make a revision: nothing is told to the client before it is durable, journalled and visible."""
        async with session.commit() as commit:
            async with self._exchange.asked(patient=True) as answer:
                tail, beginning = await self._exchange.pass_on(answer)
            made = _VERSION.search(beginning) if answer.status == 200 else None
            await commit.settle([int(made[1])] if made else [])
            await self._exchange.send_end(tail)

    def release(self) -> None:
        """Nothing of the request is held any more."""
        self._exchange.release()

    async def _name_in_url(self, admitted: Admitted) -> str:
        """The repository's present name; raises `Refused` when the URL no longer leads to it."""
        name = await self._transfers.name_of(admitted)
        if name != admitted.repository.name and not BY_ID.fullmatch(self._request.path.segments[0]):
            raise Refused(404, NO_SUCH_REPOSITORY)
        return name

    async def _reach(self, admitted: Admitted, name: str) -> None:
        """See that Apache can get to the repository where it stands under this name."""
        repository_id = admitted.repository.id
        self._place = path = self._site.tree.path_of(name)
        try:
            if not self._upstream.is_at_hand(repository_id, name, path):
                await self._transfers.quick(self._upstream.let_reach, repository_id, name, path)
        except FileNotFoundError as error:
            # It is being moved, or the disk is gone.
            raise Refused(503, "The repository cannot be reached at the moment.", ((b"retry-after", b"1"),)) from error

    def _translation(self, admitted: Admitted, name: str) -> Translation:
        """How the repository is called on both sides."""
        inside = self._upstream.link(admitted.repository.id, name)
        segments = self._request.path.segments
        count = 1 if BY_ID.fullmatch(segments[0]) else name.count("/") + 1
        base = base_segments(self._site.settings.prefix)
        return Translation(segments[:count], inside, b"http://apache", base)


async def serve(door: Door, upstream: Upstream, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request of a Subversion client."""
    watched = Watched(send)
    try:
        request = recognise(scope)
        admitted = await door.admit(
            scope, kind="svn", name="/".join(request.path.segments), writes=request.writes, inside=True, signed=True
        )
        transfer = SvnTransfer(door, upstream, scope, receive, watched, request)
        serve_it = transfer.write if request.writes else transfer.read
        async with door.transfers.turn(admitted.caller, brief=request.method not in _LONG):
            try:
                with full_disk_told():
                    await serve_it(admitted)
            finally:
                transfer.release()
    except (*TOLD, Crowded, TimeoutError) as error:
        if watched.started:
            raise Disconnected from error
        await _refuse(send, _refused(door.site, error))


async def serve_file(door: Door, upstream: Upstream, scope: Scope, receive: Receive, send: Send) -> bool:
    """Answer a GET or HEAD that no client of Subversion sent, if it is for a file of a repository that the caller sees.

    WebDAV's readers get the file, browsers are sent to its page (decisions.md W11). False: the request is for somebody
    else; this hides whether there is such a repository from those who may not read it.
    """
    if scope["method"] not in ("GET", "HEAD"):
        return False
    try:
        request = recognise(scope)
        if len(request.path.segments) < 2:
            return False
        admitted = await door.admit(
            scope, kind="svn", name="/".join(request.path.segments), writes=False, inside=True, signed=False
        )
    except Refused:
        return False
    count = 1 if BY_ID.fullmatch(request.path.segments[0]) else admitted.repository.name.count("/") + 1
    inside = request.path.segments[count:]
    if not inside or inside[0] in _PAGES:
        return False
    if b"text/html" not in b",".join(value for name, value in scope["headers"] if name == b"accept").lower():
        await serve(door, upstream, scope, receive, send)
        return True
    start = (*base_segments(door.site.settings.prefix), *request.path.segments[:count])
    page = "/".join(("", *(quote(part, safe=SAFE) for part in (*start, "files", _REVISION, *inside))))
    await respond(send, 302, headers=((b"location", page.encode()), NO_CACHE))
    return True


async def _refuse(send: Send, refused: Refused) -> None:
    """Refuse in the words of DAV, which Subversion shows to its user."""
    headers = (ERROR_TYPE, NO_CACHE, *refused.headers)
    await respond(send, refused.status, error_body(refused.status, refused.text), headers)


def _refused(site: Site, error: Exception) -> Refused:
    """What went wrong, for the user at the other end."""
    match error:
        case Refused() | Declined() | Locked():
            return refusal(site, error, "svn")
        case TooLarge():
            return Refused(413, f"This is larger than the server allows ({error.option}).")
        case RepositoryFull():
            return Refused(413, "The repository takes as much room as it may (max_repo_bytes).")
        case StorageFull() | DatabaseFull():
            return Refused(503, _SHORT_OF_SPACE, _LATER)
        case VcsError() if error.public == NO_ROOM:
            return Refused(503, _SHORT_OF_SPACE, _LATER)
        case DatabaseAway():
            return refusal(site, error, "svn")
        case VcsError():
            return Refused(503, "Subversion is not served here at the moment.", _LATER)
        case _:
            return Refused(503, "The server is busy; try again.", _LATER)
