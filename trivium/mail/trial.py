# SPDX-License-Identifier: GPL-3.0-or-later
"""A mail that shows whether mails arrive."""

from __future__ import annotations

import secrets

from trivium.egress import mail
from trivium.errors import Invalid
from trivium.language import SOURCE, language
from trivium.mail.addresses import mailbox, sender
from trivium.mail.messages import Envelope, message
from trivium.mail.wording import worded
from trivium.settings import Settings
from trivium.store.tables import now


def send_test_mail(settings: Settings, address: str, *, code: str = SOURCE, heard: list[str] | None = None) -> None:
    """Send one now, in a language; `heard` gets the conversation with the mail server.

    Raises `Invalid`, `MailDelayed` and `MailRefused`, each with one sentence.
    """
    to = mailbox(address)
    if to is None:
        raise Invalid("%(address)s is not the address of one mailbox.", about="address", address=repr(address[:255]))
    words = language(code)
    content = worded("test", words, words.text("Test"), site=settings.realm)
    made = message(settings, to, content, Envelope(f"test.{secrets.token_hex(8)}", now()))
    mail.send(settings, made, sender=sender(settings).addr_spec, recipient=to.addr_spec, heard=heard)
