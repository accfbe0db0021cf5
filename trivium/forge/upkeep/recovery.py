# SPDX-License-Identifier: GPL-3.0-or-later
"""After a crash: every recorded intent of a dead process is finished or undone (security.md 5).

Runs before the workers start, and whenever one of them died, while the others go on. Working twice on the same intent
is harmless.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import structlog

from trivium.errors import TriviumError
from trivium.forge.caches.files import forget_deleted
from trivium.forge.jobs import running
from trivium.forge.pushes import settling as pushes
from trivium.forge.pushes.settling import PUSH, Push, Recorded
from trivium.forge.repositories import trash_notes
from trivium.forge.reviews import attachments
from trivium.forge.site import Site
from trivium.store import intents
from trivium.store.intents import MOVE, Intent
from trivium.tree.disk import remove_tree
from trivium.tree.kernel_locks import is_alive, remove_dead

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Remaining:
    """Intents that are still recorded."""

    alive: int
    """Intents of living processes, which will finish them."""
    unfinished: int
    """Intents of dead processes: something is in the way, and another try makes sense."""


def recover(site: Site, *, alone: bool) -> Remaining:
    """Finish or undo what dead processes left; `alone`: no other process is serving these data."""
    with site.store.read() as db:
        found = intents.recorded(db)
    alive = {worker for worker in {intent.worker for intent in found} if is_alive(site.tree.locks, worker)}
    left = [intent for intent in found if intent.worker not in alive]
    if any(intent.kind == MOVE for intent in left):
        with site.store.write() as db:
            intents.undo_all(db, site.tree)
            for intent in left:
                if intent.kind == MOVE:
                    intents.clear(db, intent.id)
    unfinished = sum(not _recover_push(site, intent) for intent in left if intent.kind == PUSH)
    for aside in site.tree.staging.iterdir():
        if not is_alive(site.tree.locks, aside.name.partition("-")[0]):
            remove_tree(aside)
    if alone and not alive:
        _tidy_trash(site)
        forget_deleted(site)
        attachments.forget_unfinished(site)
        pushes.shorten_stored(site)
    # What they were doing to repositories is settled: whatever they did not finish may begin again.
    for runner in sorted(running.left_behind(site).runners):
        count = running.take_back(site, runner)
        _log.warning("jobs of a process that ended were taken back", jobs=count)
    remove_dead(site.tree.locks)
    if left:
        _log.warning("recovered after a crash", intents=len(left) - unfinished)
    return Remaining(alive=len(found) - len(left), unfinished=unfinished)


def is_something_left(site: Site) -> bool:
    """Whether dead processes left what no job of theirs tells: something aside, or a move that is not settled.

    A worker that was killed when its job was done, and a command, have no job that somebody would take back.
    """
    builders = {aside.name.partition("-")[0] for aside in site.tree.staging.iterdir()}
    with site.store.read() as db:
        movers = {intent.worker for intent in intents.recorded(db) if intent.kind == MOVE}
    return any(not is_alive(site.tree.locks, process) for process in builders | movers)


def recover_left(site: Site) -> None:
    """Settle what this process could not settle while the database was away. What it cannot settle yet stays so."""
    _undo_left(site)
    left = {site.left.get() for _ in range(site.left.qsize())}
    if not left:
        return
    try:
        with site.store.write(access_unchanged=True) as db:
            there = [one for one in left if intents.is_still_recorded(db, one)]
        with site.store.read() as db:
            found = [intent for intent in intents.recorded(db) if intent.id in there]
    except BaseException:
        for one in left:
            site.left.put(one)
        raise
    for intent in found:
        if not _recover_push(site, intent):
            site.left.put(intent.id)


def _undo_left(site: Site) -> None:
    """Undo the renames of this process of which nobody knows whether they were committed; those that were, stay."""
    unsettled = site.tree.unsettled
    left = [unsettled.get() for _ in range(unsettled.qsize())]
    if not left:
        return
    try:
        with site.store.write() as db:
            intents.undo_all(db, site.tree)
            for intent in left:
                if intents.is_still_recorded(db, intent):
                    intents.clear(db, intent)
    except BaseException:
        for intent in left:
            unsettled.put(intent)
        raise


def _recover_push(site: Site, intent: Intent) -> bool:
    """Settle a push of a dead worker; False when something is in the way."""
    recorded = msgspec.convert(intent.detail, Recorded)
    push = Push(intent.id, recorded.repository_id, recorded.caller(), tuple(recorded.ref_updates()), recorded.action)
    try:
        # Children of the dead worker hold the repository's lock until they end; they were told to.
        pushes.recover(site, push)
    except TriviumError as error:
        _log.error("a push could not be recovered", repository_id=push.repository_id, why=str(error))
        return False
    return True


def _tidy_trash(site: Site) -> None:
    """Remove notes whose repository never got there, and bundles that were never finished."""
    trash_notes.tidy(site)
    for unfinished in site.tree.trash.glob("*.bundle.lock"):
        unfinished.unlink(missing_ok=True)
