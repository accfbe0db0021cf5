# SPDX-License-Identifier: GPL-3.0-or-later
"""A real mail server on the loopback that keeps what it is given."""

from __future__ import annotations

import asyncio
import ssl
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class Delivered:
    """A mail that the server took."""

    sender: str
    recipients: list[str]
    raw: bytes
    encrypted: bool
    username: str

    @property
    def message(self) -> EmailMessage:
        return cast("EmailMessage", message_from_bytes(self.raw, policy=POLICY))

    def part(self, kind: str) -> str:
        """The text of a part: `plain` or `html`."""
        found = self.message.get_body((kind,))
        assert found is not None
        return str(found.get_content())


@dataclass
class MailServer:
    """What it was given, and what it answers."""

    port: int = 0
    delivered: list[Delivered] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    """Replies to the next recipients, instead of taking them."""
    closing: int = 0
    """How many mails it takes without saying so, closing the connection instead."""
    passwords: dict[str, str] = field(default_factory=dict)
    tried: list[str] = field(default_factory=list)
    """The ways in which clients signed in."""
    _loop: asyncio.AbstractEventLoop | None = None

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refusals:
            return self.refusals.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        signed_in = session.auth_data.login.decode() if isinstance(session.auth_data, LoginPassword) else ""
        content = envelope.content
        assert isinstance(content, bytes)
        assert server.transport is not None
        encrypted = server.transport.get_extra_info("ssl_object") is not None
        taken = Delivered(str(envelope.mail_from), list(envelope.rcpt_tos), content, encrypted, signed_in)
        self.delivered.append(taken)
        if self.closing:
            self.closing -= 1
            server.transport.abort()
        return "250 OK"

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, way: str, data: Any) -> AuthResult:
        self.tried.append(way)
        right = isinstance(data, LoginPassword) and (self.passwords.get(data.login.decode()) == data.password.decode())
        if not right:
            return AuthResult(success=False, handled=False, message="535 5.7.8 no, " + repr(data))
        return AuthResult(success=True, auth_data=data)


@contextmanager
def mail_server(
    *, tls: ssl.SSLContext | None = None, from_the_beginning: bool = False, **passwords: str
) -> Iterator[MailServer]:
    """A server; with `tls` it offers STARTTLS, or is encrypted from the beginning. `passwords` by user name."""
    kept = MailServer(passwords=passwords)
    started = threading.Event()
    loop = asyncio.new_event_loop()

    def made() -> SMTP:
        warnings.simplefilter("ignore", UserWarning)  # it warns of what some of its clients here must refuse
        return SMTP(
            kept,
            hostname="mail.example.org",
            enable_SMTPUTF8=True,
            tls_context=None if from_the_beginning else tls,
            require_starttls=tls is not None and not from_the_beginning,
            auth_required=bool(passwords),
            auth_require_tls=tls is not None and not from_the_beginning,
            authenticator=kept.authenticate,
            loop=loop,
        )

    async def serve() -> None:
        server = await loop.create_server(made, "127.0.0.1", 0, ssl=tls if from_the_beginning else None)
        kept.port = server.sockets[0].getsockname()[1]
        started.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(30)
    try:
        yield kept
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()
