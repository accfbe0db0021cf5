# SPDX-License-Identifier: GPL-3.0-or-later
"""Mails are sent by jobs: one for each mail, so that none waits for another's server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from trivium.access.caller import the_system
from trivium.egress.mail import MailDelayed
from trivium.forge.events import outbox
from trivium.forge.events.outbox import Recorded
from trivium.forge.jobs.job import JobKind
from trivium.forge.jobs.running import Later, Work
from trivium.forge.jobs.submission import announce, enter
from trivium.forge.site import Site
from trivium.jobs.registry import handles
from trivium.mail.notices import NAME, Notices


class MailArguments(msgspec.Struct, frozen=True):
    """Which event is told to whom. What the mail says is found out when it is sent."""

    event_id: int
    user_id: int


MAIL: Final = JobKind("send_mail", MailArguments, attempts=10, pause=30.0, forgotten=True, outside=True)


def ask_for_mails(site: Site, event: Recorded, user_ids: Sequence[int]) -> None:
    """Have the mails of an event sent: all of them are asked for, and that is noted, or nothing.

    The jobs and the note that the event was heard of are one transaction. A kill, or a database that goes away, can
    therefore not repeat a part of it; and a job that is done leaves no row by which a repetition could be told.
    """
    asked = []
    with site.store.write(access_unchanged=True) as db:
        # At once: on PostgreSQL another process that has been given the same event waits here.
        if not outbox.heard(db, NAME, event):
            return
        for user_id in user_ids:
            arguments, only = MailArguments(event.id, user_id), f"mail {event.id} {user_id}"
            asked.append(enter(db, site, the_system(), MAIL, arguments, subject="", only_one=only))
    for job in asked:
        if job is not None:
            announce(site, job)


@handles(MAIL)
def send(site: Site, work: Work, arguments: MailArguments) -> None:  # noqa: ARG001
    """Send one mail; raises `Later` when the server for mails cannot take it now, and `MailRefused`."""
    try:
        Notices(site).send(arguments.event_id, arguments.user_id)
    except MailDelayed as error:
        raise Later(str(error)) from error
