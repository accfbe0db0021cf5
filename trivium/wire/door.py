# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared parts of the protocols over HTTP: admission, and bounds on what is read from unknown clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import quote

from trivium.access.caller import anonymous
from trivium.access.credentials import Authenticator
from trivium.access.places import NoPlace, Places
from trivium.egress.remote import IMPORT_MARK
from trivium.errors import WouldWait
from trivium.forge.repositories.state import standing_of, state_of
from trivium.forge.sessions.transfers import Admitted, Transfers
from trivium.http.addresses import ClientAddresses
from trivium.http.asgi import Scope, TooLarge, header
from trivium.http.rooms import Room
from trivium.wire.admission import Refused, SignInNeeded, admit
from trivium.wire.decisions import Decisions

_HASHING: Final = 1
"""Half of the number of passwords that are hashed at once for one network of addresses."""
_ROOM: Final = 16
_SHARE: Final = 8
"""Room for bodies that must be read whole, in bodies of the largest size: for everybody, and for one account or
network."""
_AT_ONCE: Final = 2
"""Large bodies that are parsed at a time."""
_MARK: Final = IMPORT_MARK.lower().encode()
NO_CACHE: Final = (
    (b"expires", b"Fri, 01 Jan 1980 00:00:00 GMT"),
    (b"pragma", b"no-cache"),
    (b"cache-control", b"no-cache, max-age=0, must-revalidate"),
)


class Door:
    """One worker's entrance for version-control clients."""

    def __init__(self, transfers: Transfers, authenticator: Authenticator) -> None:
        self.transfers = transfers
        self.site = site = transfers.site
        most = site.settings.max_dav_body
        self.bodies = Room(_ROOM * most, _SHARE * most)
        """The room that bodies take at once."""
        self.understanding = asyncio.Semaphore(_AT_ONCE)
        """Held while a thread parses a large body: many would keep the event loop from its turns."""
        self._authenticator = authenticator
        self._decisions = Decisions(authenticator)
        self._addresses = ClientAddresses(site.settings.proxy_networks, site.settings.client_address_header)
        self._hashing = Places(each=_HASHING, shared=_HASHING, firsts=_HASHING, patience=site.settings.request_timeout)

    async def admit(
        self, scope: Scope, *, kind: str, name: str, writes: bool, inside: bool = False, signed: bool = False
    ) -> Admitted:
        """Decide about a request; raises `Refused`. `inside` and `signed` as for `admission.admit`."""
        address = self._addresses.of(scope)
        asked: dict[str, Any] = {
            "kind": kind,
            "name": name,
            "writes": writes,
            "inside": inside,
            "signed": signed,
            "authorization": header(scope, b"authorization"),
            "mark": header(scope, _MARK),
            "address": address,
        }
        question = self._decisions.question(**asked)

        def decide() -> Admitted:
            with self.site.store.read() as db:
                if found := self._decisions.found(db, question):
                    return found
                state, standing = state_of(db), standing_of(db)
            try:
                admitted = admit(self.site, self._authenticator, standing=standing.stamp, **asked)
            except SignInNeeded as refused:
                self._decisions.refused(question, state, refused)
                raise
            self._decisions.admitted(question, admitted)
            return admitted

        try:
            with self.site.store.glance():
                return decide()
        except WouldWait:
            pass
        # There may be a password to hash. A client that sends many at once keeps only itself waiting.
        try:
            async with self._hashing.place(anonymous(address), brief=True):
                return await self.transfers.quick(decide)
        except NoPlace:
            raise Refused(503, "Too many sign-ins at once.", ((b"retry-after", b"10"),)) from None

    def place_of(self, admitted: Admitted) -> str:
        """The repository's address under its present name: the beginning of a URL, or of a URL's path."""
        settings = self.site.settings
        return f"{settings.base_url.rstrip('/') or settings.prefix}/{quote(admitted.repository.name)}"


async def limited(body: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    """A body that may not be longer; raises `TooLarge`."""
    size = 0
    async for chunk in body:
        size += len(chunk)
        if size > limit:
            raise TooLarge("max_push_bytes")
        yield chunk
