# SPDX-License-Identifier: GPL-3.0-or-later
"""What programs report of themselves."""

from __future__ import annotations

from trivium.forge.events.event import Event


class ExceptionReported(Event, frozen=True):
    """A program left a report of what went wrong with it; the subject is the report's number."""

    action = "exception.report"
    prefix: str


class DeliveryAskedAgain(Event, frozen=True):
    """An event that a subscriber, the subject, had not taken is to be tried anew."""

    action = "event.try_again"
    event: int
