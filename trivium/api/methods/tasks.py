# SPDX-License-Identifier: GPL-3.0-or-later
"""Methods about work that is done later (decisions.md A22)."""

from __future__ import annotations

from typing import Any

from trivium.api.arguments import Word
from trivium.api.methods.registered import registry
from trivium.api.objects.tasks import task_object
from trivium.api.registry import Call
from trivium.forge.jobs import finding
from trivium.turns import Pace


@registry.method(failure="failed to get task `{task_id}`", pace=Pace.AT_ONCE)
def get_task(call: Call, task_id: Word) -> dict[str, Any]:
    """How far the server is with what `create_repo` or `fork_repo` answered a `task` for.

    Everybody sees their own tasks, and those that create something for them; super-admins all. `state` is queued,
    running, done, failed or cancelled; `reason` says why it failed. `progress` is null where nothing is known of it.
    An extension of ours: other servers have no such method.
    """
    with call.site.store.read() as db:
        job = finding.find(db, call.caller, task_id)
    return task_object(job, in_full=call.caller.super_admin)
