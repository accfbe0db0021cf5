# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded intents: how one change of the database and the disk becomes all or nothing (security.md 5).

Every change of the tree is one rename: a creation moves what was built aside to its place, a deletion moves a
repository to the trash, a group moves with all it holds. `carry_out` does, in this order:

1. commit a row that says which rename (of several repositories: which renames) is about to happen;
2. in one transaction: change the rows, remove that row, rename, make the rename durable, commit.

A crash before the rename, or between rename and commit, leaves the row: the database still shows the old state,
and the directory is moved back. A crash after the commit leaves no row: the change is complete. So the database is
always right, and nothing ever has to be guessed.

Between the look at recorded renames and the commit a writer holds the lock `RENAMES` (`store/locks.py`). So it knows
that a recorded rename on the disk was left behind. It moves that back first (`undo_all`) and never builds its plan on
it.

A database with a server of its own may go away during the commit. Then nobody knows whether that happened, until it is
back and shows whether the row is still there. A rename waits for that as long as for a lock.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Final, TypeVar

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError

from trivium.errors import AlreadyExists, DatabaseAway, Kind
from trivium.names import key_of
from trivium.store.engine import Store
from trivium.store.locks import RENAMES, lock
from trivium.store.query import Change, Query
from trivium.store.tables import intents, now, repo_groups, repositories
from trivium.tree.disk import Tree, sync_directory

MOVE: Final = "move"
_PAUSE: Final = 0.2
"""Seconds between two questions whether the database is back."""

T = TypeVar("T")

_INSERT = Change(insert(intents))
_DELETE = Change(delete(intents).where(intents.c.id == bindparam("intent")))
_RECORDED = select(intents).order_by(intents.c.created_on, intents.c.id)
_ONE = Query(select(intents.c.id).where(intents.c.id == bindparam("intent")))
_REGISTERED = (
    select(repositories.c.id)
    .where(repositories.c.name_key == bindparam("key"), repositories.c.name == bindparam("name"))
    .union_all(
        select(repo_groups.c.id).where(
            repo_groups.c.name_key == bindparam("key"), repo_groups.c.name == bindparam("name")
        )
    )
)


@dataclass(frozen=True, slots=True)
class Intent:
    """One recorded intent. The code that wrote `kind` knows the form of `detail`."""

    id: str
    worker: str
    kind: str
    detail: dict[str, object]


@dataclass(frozen=True, slots=True)
class Move:
    """One rename below the root."""

    source: Path
    target: Path


def record(db: Connection, *, worker: str, kind: str, detail: dict[str, object]) -> str:
    """Write an intent; returns its id."""
    intent = secrets.token_hex(16)
    _INSERT.run(
        db,
        {
            "id": intent,
            "worker": worker,
            "kind": kind,
            "detail": msgspec.json.encode(detail).decode(),
            "created_on": now(),
        },
    )
    return intent


def begin(store: Store, *, worker: str, kind: str, detail: dict[str, object], in_doubt: SimpleQueue[str]) -> str:
    """Write an intent in a transaction of its own; returns its id.

    Where the database goes away meanwhile it may stand there all the same: `in_doubt` gets it, for `recover_left`.
    """
    intent = ""
    try:
        with store.write(access_unchanged=True) as db:
            intent = record(db, worker=worker, kind=kind, detail=detail)
    except DatabaseAway:
        if intent:
            in_doubt.put(intent)
        raise
    return intent


def clear(db: Connection, intent: str) -> bool:
    """Remove an intent: what it spoke of is done, or undone. False: somebody else has just done so.

    On PostgreSQL that may be a transaction of our own, on a connection that was given up during its commit.
    """
    return _DELETE.run(db, {"intent": intent}) == 1


def is_still_recorded(db: Connection, intent: str) -> bool:
    """Whether an intent is there, for who gave up the connection that wrote it: where that is not decided, it waits."""
    try:
        with db.begin_nested():
            # The same key a second time waits for the end of the first transaction.
            _INSERT.run(db, {"id": intent, "worker": "", "kind": "", "detail": "{}", "created_on": now()})
    except IntegrityError:
        return True
    return not clear(db, intent)


def recorded(db: Connection) -> list[Intent]:
    """All intents, oldest first."""
    return [Intent(row.id, row.worker, row.kind, msgspec.json.decode(row.detail)) for row in db.execute(_RECORDED)]


def is_recorded(db: Connection, intent: str) -> bool:
    """Whether an intent is still there."""
    return _ONE.first(db, {"intent": intent}) is not None


def carry_out(
    store: Store,
    tree: Tree,
    *,
    worker: str,
    moves: Sequence[Move],
    change: Callable[[Connection], T],
    told_apart: bool = False,
    adds: bool = False,
) -> T:
    """Do `change` in a transaction together with the renames `moves`; all of it happens, or nothing.

    `change` must raise when the plan behind `moves` no longer holds; then nothing has happened. Raises
    `AlreadyExists` when something stands at a target. `told_apart` and `adds` as in `Store.write`.
    """
    detail: dict[str, object] = {
        "moves": [[tree.relative(move.source), tree.relative(move.target)] for move in moves],
        "known_by": [_known_by(tree, move.source) for move in moves],
    }
    intent = begin(store, worker=worker, kind=MOVE, detail=detail, in_doubt=tree.unsettled)
    results: list[T] = []

    def rename() -> None:
        results.clear()
        with store.write(told_apart=told_apart, adds=adds) as db:
            undo_all(db, tree)
            results.append(change(db))
            clear(db, intent)
            _move(moves)

    try:
        store.again(rename)
    except DatabaseAway:
        if _was_committed(store, tree, intent, patient=bool(results)):
            return results[0]
        raise
    except BaseException:
        # After a failed commit the renames are still there. If this fails too, the row stays for others.
        _undo(store, tree, intent)
        raise
    return results[0]


def _undo(store: Store, tree: Tree, intent: str) -> bool:
    """Undo a rename unless it was committed; returns whether it was not."""
    with store.write() as db:
        undone = intent in undo_all(db, tree)
        clear(db, intent)
    return undone


def _was_committed(store: Store, tree: Tree, intent: str, *, patient: bool) -> bool:
    """Whether a commit happened during which the database went away; if it did not, the rename is undone.

    Raises `DatabaseAway` when that does not come back in time. Then the row stays for others.
    """
    deadline = time.monotonic() + (store.busy_timeout if patient else 0)
    while True:
        try:
            return not _undo(store, tree, intent)
        except DatabaseAway:
            if time.monotonic() > deadline:
                tree.unsettled.put(intent)
                raise
            time.sleep(_PAUSE)


def undo_all(db: Connection, tree: Tree) -> list[str]:
    """Move back everything that was moved and not committed; returns the intents that recorded it.

    Nobody else renames anything until the transaction ends. Undoing what was undone, or never happened, does nothing.
    """
    lock(db, RENAMES)
    found = [intent for intent in recorded(db) if intent.kind == MOVE]
    for intent in reversed(found):
        moves = msgspec.convert(intent.detail["moves"], list[tuple[str, str]])
        known = intent.detail.get("known_by") or [None] * len(moves)
        known_by = msgspec.convert(known, list[tuple[bool, int] | None])
        for (source, target), identity in reversed(list(zip(moves, known_by, strict=True))):
            # A name is in the database only after somebody's commit: then this rename was not left behind.
            if db.execute(_REGISTERED, {"name": target, "key": key_of(target)}).first():
                continue
            # What stands there now may be something else of the same name.
            if identity is None or identity == _known_by(tree, tree.root / target):
                _move_back(tree.root / source, tree.root / target)
    return [intent.id for intent in found]


def _known_by(tree: Tree, path: Path) -> tuple[bool, int] | None:
    """How a directory is recognised: whether it is on the device of the root, and its inode.

    The number of a device may change when the machine starts again.
    """
    try:
        state = path.lstat()
    except FileNotFoundError:
        return None
    return state.st_dev == tree.root.stat().st_dev, state.st_ino


def _move(moves: Sequence[Move]) -> None:
    """Do the renames and make them durable; all of them or none."""
    done: list[Move] = []
    try:
        for move in moves:
            _rename(move.source, move.target)
            done.append(move)
        for directory in {path.parent for move in moves for path in (move.source, move.target)}:
            sync_directory(directory)
    except BaseException:
        for move in reversed(done):
            _rename(move.target, move.source)
        raise


def _move_back(source: Path, target: Path) -> None:
    if os.path.lexists(target) and not os.path.lexists(source):
        source.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _rename(target, source)
        sync_directory(source.parent)
        sync_directory(target.parent)


def _rename(source: Path, target: Path) -> None:
    # rename(2) would silently replace an empty directory.
    if os.path.lexists(target):
        raise AlreadyExists(Kind.REPOSITORY, target.name)
    os.rename(source, target)
