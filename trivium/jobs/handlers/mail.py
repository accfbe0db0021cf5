# SPDX-License-Identifier: GPL-3.0-or-later
"""Mails are sent by jobs."""

from __future__ import annotations

from trivium.forge.jobs.running import Work
from trivium.forge.site import Site
from trivium.jobs.registry import handles
from trivium.mail.notices import Notices
from trivium.mail.posting import SEND_MAIL, SendMail


@handles(SEND_MAIL)
def send_mail(site: Site, work: Work, arguments: SendMail) -> None:
    """Send the mail of an event to a user; tried again while the mail server is away or says "later"."""
    Notices(site).send(arguments.event, arguments.user)
    work.log("handed over")
