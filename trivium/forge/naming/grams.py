# SPDX-License-Identifier: GPL-3.0-or-later
"""What names of repositories are searched by (`forge/naming/searching.py`, `forge/repositories/pages.py`)."""

from __future__ import annotations

from sqlalchemy import Connection, select

from trivium.forge.naming.former_names import below
from trivium.forge.naming.searching import REPOSITORIES, Named, called
from trivium.store.tables import repositories


def named(db: Connection, repository_id: int, name_key: str, *, new: bool = False) -> None:
    """A repository is called so from now on."""
    called(db, REPOSITORIES, [Named(repository_id, name_key, name_key)], new=new)


def group_named(db: Connection, path: str) -> None:
    """Everything inside the group `path` was called otherwise before."""
    rows = db.execute(select(repositories.c.id, repositories.c.name_key).where(below(repositories, path)))
    called(db, REPOSITORIES, [Named(repository_id, name_key, name_key) for repository_id, name_key in rows.all()])
