# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks as answers show them (decisions.md A22)."""

from __future__ import annotations

from typing import Any

from trivium.forge.jobs.job import Job


def task_object(job: Job, *, in_full: bool) -> dict[str, Any]:
    """One task; `in_full` with what only super-admins learn."""
    progress = {"done": job.done, "total": job.total, "what": job.what} if job.total is not None or job.done else None
    shown = {
        "task_id": job.id,
        "kind": job.kind,
        "subject": job.subject,
        "repo_id": job.repository_id,
        "user": job.username,
        "state": job.state.value,
        "cancelling": job.asked_to_end and not job.state.over,
        "progress": progress,
        "log": job.log,
        "reason": job.reason.english if job.reason else None,
        "attempts": job.attempts,
        "created_on": job.created_on,
        "started_on": job.started_on,
        "ended_on": job.ended_on,
    }
    return shown | {"detail": job.detail} if in_full else shown
