# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the schema of a database up to date, step by step, after a backup. A step is done whole or not at all.

A kill in the middle of a step rolls it back; the next start goes on from there (security.md R-6).
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, inspect, text

from trivium.errors import StartRefused
from trivium.store.engine import Store
from trivium.store.locks import SCHEMA, lock
from trivium.store.postgresql import make_alike
from trivium.store.tables import now

if TYPE_CHECKING:  # to load it takes longer than the rest of a start that finds nothing to do
    from alembic.config import Config

_MIGRATIONS: Final = Path(__file__).parent / "migrations"


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


def _known() -> list[str]:
    """All revisions that this code knows, oldest first."""
    return sorted(file.name.partition("_")[0] for file in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


def head() -> str:
    """The newest revision that this code knows."""
    return _known()[-1]


def revision_of(store: Store) -> str | None:
    """The revision of a database; None before the first step."""
    with store.read() as db:
        return _revision(db)


def _revision(db: Connection) -> str | None:
    if not inspect(db).has_table("alembic_version"):
        return None
    revision: str | None = db.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision


def check(store: Store) -> None:
    """Raise `StartRefused` unless a database has the newest schema."""
    present, newest = revision_of(store), head()
    if present == newest:
        return
    _check_known(present)
    raise StartRefused("the database is that of an older Trivium; run: trivium upgrade-db")


def _check_known(revision: str | None) -> None:
    """A database that a newer Trivium has changed is left alone (security.md R-24)."""
    if revision is not None and revision not in _known():
        raise StartRefused("the database was changed by a newer Trivium; start that version")


def upgrade(store: Store, backups: Path) -> bool:
    """Bring a database to the newest revision; True when there was something to do.

    Raises `StartRefused` for a database that a newer Trivium has changed.
    """
    present = revision_of(store)
    if present == head():
        return False
    _check_known(present)
    check_encoding(store)
    if present is not None:
        back_up(store, backups)
    # What is cached belongs to processes that have ended; older tables may lack the columns of the stamp.
    with store.write(access_unchanged=True) if present is not None else store.write_bare() as db:
        lock(db, SCHEMA)
        if _revision(db) == head():
            return False  # another process was quicker
        if store.url.get_backend_name() == "postgresql":
            # A step may write large tables anew.
            db.execute(text("SET LOCAL statement_timeout = 0"))
        build(db)
    return True


def build(db: Connection) -> None:
    """Take all steps that are still to be taken, in the transaction of the caller."""
    from alembic import command

    config = _config()
    config.attributes["connection"] = db
    command.upgrade(config, "head")
    if db.dialect.name == "postgresql":
        make_alike(db)


def check_encoding(store: Store) -> None:
    """Refuse a database of PostgreSQL that cannot hold every text."""
    if store.url.get_backend_name() == "postgresql":
        with store.read() as db:
            encoding = db.execute(text("SHOW server_encoding")).scalar_one()
        if encoding != "UTF8":
            raise StartRefused(f"the database has the encoding {encoding}; create one with ENCODING 'UTF8'")


def back_up(store: Store, backups: Path) -> Path | None:
    """Copy an SQLite database aside; other databases are backed up with their own tools."""
    if store.url.get_backend_name() != "sqlite" or not store.url.database:
        return None
    backups.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = backups / f"before-upgrade-{now().replace(':', '')}.db"
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    source = sqlite3.connect(store.url.database)
    copy = sqlite3.connect(target)
    try:
        source.backup(copy)
    finally:
        copy.close()
        source.close()
    return target
