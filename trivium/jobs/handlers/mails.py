# SPDX-License-Identifier: GPL-3.0-or-later
"""Mails are sent by jobs: one for each mail, so that none waits for another's server."""

from __future__ import annotations

from typing import Final

import msgspec

from trivium.access.caller import the_system
from trivium.egress.mail import MailDelayed
from trivium.forge.jobs.job import JobKind
from trivium.forge.jobs.running import Later, Work
from trivium.forge.jobs.submission import submit
from trivium.forge.site import Site
from trivium.jobs.registry import handles
from trivium.mail.notices import Notices


class MailArguments(msgspec.Struct, frozen=True):
    """Which event is told to whom. What the mail says is found out when it is sent."""

    event_id: int
    user_id: int


MAIL: Final = JobKind("send_mail", MailArguments, attempts=10, pause=30.0, forgotten=True)


def ask_for_mail(site: Site, event_id: int, user_id: int) -> None:
    """Have the mail of an event sent to a user; the same one does not wait twice."""
    arguments = MailArguments(event_id, user_id)
    submit(site, the_system(), MAIL, arguments, subject="", only_one=f"mail {event_id} {user_id}")


@handles(MAIL)
def send(site: Site, work: Work, arguments: MailArguments) -> None:  # noqa: ARG001
    """Send one mail; raises `Later` when the server for mails cannot take it now, and `MailRefused`."""
    try:
        Notices(site).send(arguments.event_id, arguments.user_id)
    except MailDelayed as error:
        raise Later(str(error)) from error
