# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose rights a change alters, so that workers keep what they remember of everybody else.

Every transaction that may alter what somebody sees makes `access_stamp.version` grow. Most alter what everybody may
do, and make `access_stamp.everybody` grow as well. Those of `Store.write(told_apart=True)` do not: they say here whose
rights change. What a user may do stays true for one value of `everybody` and one of their `users.rights_version`.

A new repository alters what everybody may do, and every list. It does not alter what is told of a repository that was
there before, nor who may be told: that rests on its rows, on accounts, user groups and credentials, and the rows of a
new repository are its own. So a creation (`Store.write(adds=True)`) leaves `access_stamp.standing`, and what is
remembered of one repository, found by its id, rests on that. Whatever says that something is *not* there, or which of
several are, rests on `version`.

All these transactions begin with the row of `access_stamp`, so they follow each other on every database. A user who
joins a group has what it was given before, and any later grant to the group finds the user in it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select, update

from trivium.store.query import Change
from trivium.store.tables import DEFAULT_USER_ID, access_stamp, user_group_members, users


class Stamp(NamedTuple):
    """A state of all rights."""

    version: int
    """Differs after every change that could alter what somebody may see."""
    everybody: int
    """Differs after every change that could alter what everybody may do."""
    standing: int
    """Differs after every change that could alter what is told of something that is there already, or to whom."""


STAMP_COLUMNS = (
    select(access_stamp.c.version).scalar_subquery().label("stamp"),
    select(access_stamp.c.everybody).scalar_subquery().label("stamp_of_everybody"),
    select(access_stamp.c.standing).scalar_subquery().label("stamp_of_standing"),
)
"""A `Stamp`, for a statement that looks up something else."""

_STANDING = Change(update(access_stamp).values(standing=access_stamp.c.standing + 1))
_EVERYBODY = Change(update(access_stamp).values(everybody=access_stamp.c.everybody + 1))
_GROW = Change(update(users).where(users.c.id == bindparam("user")).values(rights_version=users.c.rights_version + 1))
_MEMBERS = (
    select(users.c.id)
    .join(user_group_members, user_group_members.c.user_id == users.c.id)
    .where(user_group_members.c.user_group_id == bindparam("group"))
    # Other transactions also write several accounts, and do so in the order of their ids.
    .order_by(users.c.id)
)


def rights_change(db: Connection, *, user_id: int | None = None, group_id: int | None = None) -> None:
    """Say that the transaction changes the rights of a user, or of all members of a user group.

    What changes for the user `default` changes for everybody.
    """
    if user_id == DEFAULT_USER_ID:
        _EVERYBODY.run(db, {})
    elif user_id is not None:
        _GROW.run(db, {"user": user_id})
    else:
        told: list[dict[str, Any]] = [{"user": member} for (member,) in db.execute(_MEMBERS, {"group": group_id})]
        if told:
            db.execute(_GROW.statement, told)


def standing_changes(db: Connection) -> None:
    """Say that the transaction, which adds something, also alters what is told of something else."""
    _STANDING.run(db, {})
