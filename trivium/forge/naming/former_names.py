# SPDX-License-Identifier: GPL-3.0-or-later
"""Former names of repositories: readers are sent on from them until somebody takes the name (W3).

The API does not know them: an old name is gone there at once (api-repos.md 4, update_repo). All functions
belong in the transaction of the change that they record.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, or_, select

from trivium.access.stamps import standing_changes
from trivium.names import key_of
from trivium.store.tables import former_names, repo_groups, repositories

_MOST: Final = 20
"""Former names that are kept of one repository; the oldest go."""


def left(db: Connection, repository_id: int, name: str) -> None:
    """A repository is not called `name` any more."""
    taken(db, name)
    db.execute(insert(former_names).values(name_key=key_of(name), name=name, repository_id=repository_id))
    newest = (
        select(former_names.c.id)
        .where(former_names.c.repository_id == repository_id)
        .order_by(former_names.c.id.desc())
        .limit(_MOST)
    )
    db.execute(
        delete(former_names).where(former_names.c.repository_id == repository_id, former_names.c.id.not_in(newest))
    )


def had(db: Connection, repository_id: int, names: list[str]) -> None:
    """Give a restored repository its former names, in this order, except those that others have or had since."""
    for name in names:
        key = key_of(name)
        if not any(
            db.execute(select(table.c.id).where(table.c.name_key == key)).first() is not None
            for table in (former_names, repositories, repo_groups)
        ):
            left(db, repository_id, name)


def taken(db: Connection, name: str) -> None:
    """A repository or group is called `name` from now on."""
    gone = db.execute(delete(former_names).where(former_names.c.name_key == key_of(name)))
    if gone.rowcount:
        standing_changes(db)  # the name led to another repository until now


def group_left(db: Connection, path: str) -> None:
    """The repositories inside the group `path` are about to get other names: a fixed number of statements."""
    inside = select(repositories.c.name_key, repositories.c.name, repositories.c.id).where(below(repositories, path))
    db.execute(
        delete(former_names).where(former_names.c.name_key.in_(inside.with_only_columns(repositories.c.name_key)))
    )
    db.execute(insert(former_names).from_select(["name_key", "name", "repository_id"], inside))


def group_taken(db: Connection, path: str) -> None:
    """A group, and everything inside it, is called as the rows say now."""
    for table in (repo_groups, repositories):
        present = select(table.c.name_key).where(or_(table.c.name == path, below(table, path)))
        db.execute(delete(former_names).where(former_names.c.name_key.in_(present)))


def below(table: Any, path: str) -> Any:
    """Everything below a group, at any depth; compared literally, for a name may have `%` and `_`."""
    prefix = path + "/"
    return func.substr(table.c.name, 1, len(prefix)) == prefix
