# SPDX-License-Identifier: GPL-3.0-or-later
"""What an administrator wants to know of the installation: versions, room on disks, and what needs attention."""

from __future__ import annotations

import platform
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from sqlalchemy import Connection, Table, func, literal_column, select

from trivium import __version__
from trivium.access.caller import Caller
from trivium.errors import Forbidden
from trivium.forge.events import outbox
from trivium.forge.events.outbox import Trouble
from trivium.forge.site import Site
from trivium.forge.upkeep import integrity
from trivium.store.query import Query
from trivium.store.tables import jobs, repo_groups, repositories, user_groups, users

_PACKAGES: Final = ("SQLAlchemy", "pygit2", "mercurial", "subvertpy", "uvicorn", "Jinja2", "celery", "psycopg")
_TROUBLES_SHOWN: Final = 20
_COUNTED: Final = (repositories, repo_groups, users, user_groups)


def _count(table: Table) -> Any:
    """Rows of a table; `default` is no user. It is always there, and to pass over it means a look at each row."""
    counted: Any = select(func.count()).select_from(table).scalar_subquery()
    return (counted - literal_column("1") if table is users else counted).label(table.name)


_FAILED: Final = select(func.count()).where(jobs.c.state == "failed").scalar_subquery().label("failed")
_COUNTS: Final = Query(select(*(_count(table) for table in _COUNTED), _FAILED))


@dataclass(frozen=True, slots=True)
class Disk:
    """The room where something is kept."""

    what: str
    """`data` or `repositories`."""
    total: int
    free: int

    @property
    def percent(self) -> int:
        """How much of it is used."""
        return 100 * (self.total - self.free) // self.total if self.total else 0


@dataclass(frozen=True, slots=True)
class System:
    """All of it."""

    versions: list[tuple[str, str]]
    disks: list[Disk]
    counts: list[tuple[str, int]]
    findings: list[str]
    """What needs attention: a word for each, of which pages have the sentence."""
    undelivered: list[Trouble]
    damaged: list[str]
    """Repositories whose last look for damage has found some."""


def system(db: Connection, caller: Caller, site: Site) -> System:
    """What is known of the installation now. Raises `Forbidden` for others than super-admins."""
    if not caller.super_admin:
        raise Forbidden
    places = (("data", site.settings.data), ("repositories", site.settings.root))
    disks = []
    for what, path in places:
        if path.is_dir():
            usage = shutil.disk_usage(path)
            disks.append(Disk(what, usage.total, usage.free))
    counts, failed = _counts(db)
    undelivered = outbox.troubles(db, most=_TROUBLES_SHOWN)
    damaged = integrity.damaged(db, site.settings.verify_days, _TROUBLES_SHOWN)
    findings = list(_findings(site, disks, failed=failed, undelivered=len(undelivered)))
    if damaged:
        findings.append("damaged")
    return System(list(_versions(db, site)), disks, counts, findings, undelivered, damaged)


def tell_again(site: Site, caller: Caller, subscriber: str, event_id: int) -> bool:
    """Have an event tried again that a subscriber has not taken; returns whether there was one."""
    if not caller.super_admin:
        raise Forbidden
    return outbox.try_again(site, caller, subscriber, event_id)


def _counts(db: Connection) -> tuple[list[tuple[str, int]], int]:
    """How many there are of each kind, and how many jobs have failed: one statement."""
    row = _COUNTS.first(db, {})
    assert row is not None
    *found, failed = row
    return [(table.name, count) for table, count in zip(_COUNTED, found, strict=True)], failed


def _versions(db: Connection, site: Site) -> Iterator[tuple[str, str]]:
    yield "Trivium", __version__
    yield "Python", platform.python_version()
    yield "Linux", platform.release()
    if db.dialect.name == "sqlite":
        yield "SQLite", sqlite3.sqlite_version
    else:
        yield "PostgreSQL", ".".join(str(part) for part in db.dialect.server_version_info or ())
    yield from _installed()
    yield "Systems", ", ".join(sorted(site.back_ends))


@cache
def _installed() -> list[tuple[str, str]]:
    """The versions of packages, which stay as long as the process: each is a file to read."""
    found = []
    for package in _PACKAGES:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:  # an extra that is not installed
            continue
    return found


def _findings(site: Site, disks: list[Disk], *, failed: int, undelivered: int) -> Iterator[str]:
    settings = site.settings
    for disk in disks:
        if disk.free < settings.min_free_bytes:
            yield "full"
    if not settings.root.is_dir():
        yield "no-root"
    for kind in ("git", "hg", "svn"):
        if kind not in site.back_ends:
            yield "no-system"
    if not settings.mail_goes:
        yield "no-mail"
    elif not settings.mails_links:
        yield "no-links"
    if not settings.encrypted:
        yield "no-https"
    if failed:
        yield "jobs"
    if undelivered:
        yield "undelivered"
