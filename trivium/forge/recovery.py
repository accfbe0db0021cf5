# SPDX-License-Identifier: GPL-3.0-or-later
"""After a crash: every recorded intent of a dead process is finished or undone (security.md 5).

Runs before the workers start, and whenever one of them died. Working twice on the same intent is harmless.
"""

from __future__ import annotations

import msgspec
import structlog
from sqlalchemy import select

from trivium.errors import Busy, TriviumError
from trivium.forge import pushes
from trivium.forge.pushes import PUSH, Push, Recorded
from trivium.forge.site import Site
from trivium.store import intents
from trivium.store.disk import remove_tree
from trivium.store.intents import MOVE, Intent
from trivium.store.locks import RepositoryLock, is_alive, remove_dead
from trivium.store.tables import repositories

_log = structlog.get_logger(__name__)


def recover(site: Site) -> int:
    """Finish or undo what dead processes left; returns how many intents belong to processes that still live."""
    with site.store.read() as db:
        found = intents.recorded(db)
    alive = {worker: is_alive(site.tree.locks, worker) for worker in {intent.worker for intent in found}}
    left = [intent for intent in found if not alive[intent.worker]]
    for intent in reversed(left):
        if intent.kind == MOVE:
            intents.undo(site.tree, intent)
            with site.store.write() as db:
                intents.clear(db, intent.id)
    for intent in left:
        if intent.kind == PUSH:
            _recover_push(site, intent)
    for aside in site.tree.staging.iterdir():
        if not is_alive(site.tree.locks, aside.name.partition("-")[0]):
            remove_tree(aside)
    _remove_orphaned_notes(site)
    remove_dead(site.tree.locks)
    if left:
        _log.warning("recovered after a crash", intents=len(left))
    return len(found) - len(left)


def _recover_push(site: Site, intent: Intent) -> None:
    recorded = msgspec.convert(intent.detail, Recorded)
    push = Push(intent.id, recorded.repository_id, recorded.caller(), tuple(recorded.ref_updates()))
    with site.store.read() as db:
        row = db.execute(
            select(repositories.c.name, repositories.c.kind).where(repositories.c.id == push.repository_id)
        ).first()
    try:
        # Children of the dead worker hold the lock until they end; they were told to.
        with RepositoryLock(site.tree.locks, push.repository_id).exclusive(site.settings.exclusive_timeout):
            if row is not None:
                site.back_ends[row.kind].recover(site.tree.path_of(row.name))
            pushes.finish(site, push, None)
    except Busy:
        _log.error("a push of a dead worker is still running", repository=row.name if row else None)
    except TriviumError as error:
        _log.error("a push could not be recovered", repository=row.name if row else None, why=str(error))


def _remove_orphaned_notes(site: Site) -> None:
    """Notes in the trash whose repository never got there."""
    for note in site.tree.trash.glob("*.json"):
        if not note.with_suffix("").exists():
            note.unlink(missing_ok=True)
