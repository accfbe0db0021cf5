# SPDX-License-Identifier: GPL-3.0-or-later
"""A mail is a job: what it says is found out when it is sent, so that no argument holds an address or a secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from trivium.access.caller import the_system
from trivium.forge.jobs.job import JobKind
from trivium.forge.jobs.submission import submit
from trivium.forge.site import Site

Send = Callable[[int, int], None]
"""Has the mail of an event, by its id, sent to a user, by theirs."""


class SendMail(msgspec.Struct, frozen=True):
    """Which mail."""

    event: int
    """The id of a row of the journal."""
    user: int


SEND_MAIL: Final = JobKind("send_mail", SendMail, attempts=9, pause=30.0)
"""Tried for about two hours: a mail server that is restarted, or wants to see a mail twice, takes it then."""


def by_job(site: Site) -> Send:
    """Sends mails by jobs; one that waits already is not asked for again."""

    def send(event: int, user: int) -> None:
        submit(
            site,
            the_system(),
            SEND_MAIL,
            SendMail(event, user),
            subject=f"event {event}",
            only_one=f"send_mail {event} {user}",
        )

    return send
