# SPDX-License-Identifier: GPL-3.0-or-later
"""What people do with jobs; the subject is the name of what a job is about."""

from __future__ import annotations

from trivium.forge.events.event import Event


class JobCancelled(Event, frozen=True):
    """Somebody asked a job to end."""

    action = "job.cancel"
    job: str
    kind: str


class JobRetried(Event, frozen=True):
    """A job that failed or was cancelled was begun anew."""

    action = "job.retry"
    job: str
    kind: str
