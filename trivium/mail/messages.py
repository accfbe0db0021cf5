# SPDX-License-Identifier: GPL-3.0-or-later
"""A mail as it is sent: a plain and an HTML part, and headers in which nobody can write a further one.

Headers are values of Python's `email` package under its policy `SMTP`, which refuses line ends. Texts of users lose
theirs before that. Both parts are encoded so that lines are short and all is ASCII, whatever the mail server takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from trivium.mail.addresses import host, one_line, sender
from trivium.settings import Settings

MOST_TEXT: Final = 64 << 10
"""Characters of each part."""
_MOST_SUBJECT: Final = 200
_MOST_HOST: Final = 36
"""Characters of a host in an id: a header with a longer one would be folded in the middle of it."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a mail says."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a mail is about, for the programs that sort it."""

    label: str
    """Its own, always the same for the same mail: letters, digits, `.` and `-`, at most 24."""
    at: str
    """When that happened which it tells of: ISO 8601, UTC, without zone."""
    thread: str = ""
    """The label of what it answers, or stands beside."""
    list: str = ""
    """The label of what it belongs to, such as a repository."""


def message(settings: Settings, to: Address, content: Content, envelope: Envelope) -> EmailMessage:
    """The mail. The same arguments give the same mail, so that a second delivery can be told as one."""
    made = EmailMessage(policy=SMTP)
    made["From"] = sender(settings)
    made["To"] = to
    made["Subject"] = one_line(f"{settings.email_prefix} {content.subject}")[:_MOST_SUBJECT] or "-"
    made["Date"] = format_datetime(datetime.fromisoformat(envelope.at).replace(tzinfo=UTC))
    made["Message-ID"] = message_id(settings, envelope.label)
    if envelope.thread:
        made["In-Reply-To"] = made["References"] = message_id(settings, envelope.thread)
    if envelope.list:
        made["List-Id"] = f"<{envelope.list}.{_short_host(settings)}>"
    made["Auto-Submitted"] = "auto-generated"
    made["X-Auto-Response-Suppress"] = "All"
    made.set_content(_bounded(content.text), cte="quoted-printable")
    made.add_alternative(_bounded(content.html), subtype="html", cte="quoted-printable")
    made.set_boundary(f"=_{envelope.label}_=")
    return made


def message_id(settings: Settings, label: str) -> str:
    """The id of a mail, in its header."""
    return f"<{label}@{_short_host(settings)}>"


def _short_host(settings: Settings) -> str:
    return host(settings)[-_MOST_HOST:].lstrip(".-")


def _bounded(text: str) -> str:
    """A part without characters that act, and not too long."""
    clean = "".join(
        one if one in "\n\t" or one.isprintable() else " " if one.isspace() else ""
        for one in text[: 2 * MOST_TEXT].replace("\r\n", "\n")
    )
    return clean if len(clean) <= MOST_TEXT else clean[:MOST_TEXT] + "\n…\n"
