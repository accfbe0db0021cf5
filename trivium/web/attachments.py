# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that comments link to, as they are fetched: never something that a browser would run (security.md 7, S-12).

A browser shows its session, another client a key of role http or all in a header (system.md 1.5); beside a key no
session is looked at (system.md 1.3). Without either it is a visitor. A hidden file is answered like a missing one.
"""

from __future__ import annotations

import asyncio
import codecs
import os
from concurrent.futures import Executor
from typing import BinaryIO, Final

from trivium.access.caller import Caller
from trivium.access.credentials import Authenticator, CredentialsRefused
from trivium.access.keys import Role
from trivium.forge.accounts import sessions
from trivium.forge.reviews import attachments
from trivium.forge.reviews.attachments import ADDRESS, Attachment
from trivium.forge.site import Site
from trivium.http.addresses import ClientAddresses, site_address
from trivium.http.asgi import TEXT, Receive, Scope, Send, header, key_in_headers, respond
from trivium.http.crew import Crew
from trivium.web.conditions import has
from trivium.web.cookies import Cookies, cookies_of
from trivium.web.declared import picture_of
from trivium.web.downloads import in_both_ways
from trivium.web.ranges import NotSatisfiable, wanted

_PIECE: Final = 256 << 10
_LOOKED_AT: Final = 8 << 10
"""Bytes that show what a file is."""
_LONGEST: Final = 1_000
"""Characters of a condition that are read."""
_SANDBOX: Final = (b"content-security-policy", b"sandbox; default-src 'none'; style-src 'unsafe-inline'")
_NOT_HERE: Final = b"There is no such file.\n"
_SIGN_IN: Final = b"Sign in, or fetch it with a key: Authorization: Bearer <key>, or X-Rc-Auth-Token: <key>\n"


def is_attachment_path(path: str) -> bool:
    """Whether a request is for such a file."""
    return path.startswith(ADDRESS)


class Attachments:
    """One worker's entrance for such files."""

    def __init__(self, site: Site, authenticator: Authenticator, *, crew: Crew, slow: Executor) -> None:
        self._site = site
        self._authenticator = authenticator
        self._crew = crew
        self._slow = slow
        self._addresses = ClientAddresses(site.settings.proxy_networks, site.settings.client_address_header)

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            await respond(send, 405, headers=(TEXT, (b"allow", b"GET, HEAD")))
            return
        key = key_in_headers(scope)
        kept = (b"cache-control", b"private, no-store" if key else b"private, no-cache")
        address = self._addresses.of(scope)
        caller, found = await self._crew.run(self._open, scope["path"], key, self._session_cookie(scope), address)
        if found is None:
            if caller is None or caller.anonymous:
                challenge = (b"www-authenticate", f'Bearer realm="{self._site.settings.realm}"'.encode())
                await respond(send, 401, _SIGN_IN, (TEXT, kept, challenge))
            else:
                await respond(send, 404, _NOT_HERE, (TEXT, kept))
            return
        attachment, stream = found
        try:
            await self._send(scope, send, attachment, stream, kept)
        finally:
            stream.close()

    async def _send(
        self, scope: Scope, send: Send, attachment: Attachment, stream: BinaryIO, kept: tuple[bytes, bytes]
    ) -> None:
        """All of a file, the part that is wanted, or that the client has it: under its name it never changes."""
        tag = f'"{scope["path"].removeprefix(ADDRESS)}"'
        always = [kept, (b"etag", tag.encode()), (b"accept-ranges", b"bytes")]

        def asked(name: bytes) -> str:
            return header(scope, name).decode("latin-1")[:_LONGEST]

        if has(asked(b"if-none-match"), tag):
            await send({"type": "http.response.start", "status": 304, "headers": always})
            await send({"type": "http.response.body", "body": b""})
            return
        size = attachment.size
        status, start, end = 200, 0, size
        if scope["method"] == "GET" and asked(b"if-range") in ("", tag):
            try:
                part = wanted(asked(b"range"), size)
            except NotSatisfiable:
                await respond(send, 416, headers=(*always, TEXT, (b"content-range", b"bytes */%d" % size)))
                return
            if part is not None:
                status, (start, end) = 206, part
                always.append((b"content-range", b"bytes %d-%d/%d" % (start, end - 1, size)))
        beginning = await self._read(stream, 0, _LOOKED_AT)
        headers = [*_headers(attachment, beginning), (b"content-length", b"%d" % (end - start)), *always]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        while scope["method"] == "GET" and start < end:
            piece = await self._read(stream, start, min(_PIECE, end - start))
            if not piece:
                break
            start += len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    def _session_cookie(self, scope: Scope) -> str:
        settings = self._site.settings
        secure = site_address(settings.base_url, scope).startswith("https:")
        cookies = Cookies(settings, secure=secure, root=settings.prefix)
        return cookies.session_in(cookies_of(header(scope, b"cookie")))

    def _open(
        self, path: str, key: str, cookie: str, address: str
    ) -> tuple[Caller | None, tuple[Attachment, BinaryIO] | None]:
        """The caller, if known, and the file, if they may fetch it."""
        try:
            if key:
                caller: Caller | None = self._authenticator.by_key(key, address, Role.HTTP)[0]
            elif cookie and (session := sessions.session_of(self._site, cookie, address)) is not None:
                caller = None if session.must_change_password else session.caller
            else:
                caller = self._authenticator.visitor(address)
        except CredentialsRefused:
            return None, None
        if caller is None:
            return None, None
        return caller, attachments.open_for(self._site, caller, path.removeprefix(ADDRESS))

    async def _read(self, stream: BinaryIO, start: int, size: int) -> bytes:
        return await asyncio.get_running_loop().run_in_executor(self._slow, os.pread, stream.fileno(), size, start)


def _headers(attachment: Attachment, beginning: bytes) -> list[tuple[bytes, bytes]]:
    """How a file is declared: as a picture or plain text by its first bytes, else as something to save."""
    kind = _kind_of(beginning)
    return [
        (b"content-type", kind or b"application/octet-stream"),
        (b"content-disposition", f"{'inline' if kind else 'attachment'}; {in_both_ways(attachment.name)}".encode()),
        _SANDBOX,
    ]


def _kind_of(beginning: bytes) -> bytes | None:
    if picture := picture_of(beginning):
        return picture.encode()
    if b"\0" in beginning:
        return None
    try:
        codecs.getincrementaldecoder("utf-8")().decode(beginning)
    except UnicodeDecodeError:
        return None
    return b"text/plain; charset=utf-8"
