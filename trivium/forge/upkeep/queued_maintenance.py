# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance that nobody waits for: of one repository, or of all, one after another (system.md 2.7, 2.8)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
import structlog
from sqlalchemy import select

from trivium.access.caller import Caller, the_system
from trivium.access.levels import Level
from trivium.errors import Forbidden, Invalid, NotFound
from trivium.forge.jobs.job import JobKind
from trivium.forge.jobs.running import Work
from trivium.forge.jobs.submission import submit
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories.finding import Repository
from trivium.forge.repositories.queued import caller_of
from trivium.forge.site import Site
from trivium.forge.upkeep import maintenance
from trivium.store import tables
from trivium.vcs.errors import VcsError

_log = structlog.get_logger(__name__)

_MOST_TOLD: Final = 100
"""Repositories in the log of a job."""


class MaintenanceArguments(msgspec.Struct, frozen=True):
    """Which repository; None: all, one after another."""

    repository_id: int | None


MAINTENANCE: Final = JobKind("maintain_repositories", MaintenanceArguments, long=True)
"""What was in good order already takes little time, so that another attempt does no harm."""


def ask_for(site: Site, caller: Caller, repository: Repository) -> str | None:
    """Have a repository that the caller administers put in good order; returns the job's id, None: one waits."""
    return submit(
        site,
        caller,
        MAINTENANCE,
        MaintenanceArguments(repository.id),
        subject=repository.name,
        repository_id=repository.id,
        only_one=f"maintenance {repository.id}",
    )


def ask_for_all(site: Site, caller: Caller) -> str | None:
    """Have all repositories put in good order; as `ask_for`. Raises `Forbidden` for others than super-admins."""
    if not caller.super_admin:
        raise Forbidden
    return submit(site, caller, MAINTENANCE, MaintenanceArguments(None), subject="", only_one="maintenance")


def carry_out(site: Site, work: Work, arguments: MaintenanceArguments) -> None:
    """Put in good order what a job names. Of all, those that cannot be are told, and the others follow."""
    caller = caller_of(site, work.job)
    if arguments.repository_id is not None:
        with site.store.read() as db:
            repository = repositories.find(db, caller, arguments.repository_id, Level.ADMIN)
        for said in maintenance.carry_out(site, caller, repository, work.check):
            work.log(said)
        return
    if not caller.super_admin:
        raise Invalid("only super-admins may do this")
    failed = 0
    for repository in _all(site, work):
        try:
            maintenance.carry_out(site, caller, repository, work.check)
        except VcsError as error:
            failed += 1
            if failed <= _MOST_TOLD:
                work.log(f"{repository.name}: {error.public or 'it could not be put in good order'}")
            _log.warning("maintenance failed", repository=repository.name, why=str(error))
    work.log(f"{failed} failed" if failed else "all are in good order")


def _all(site: Site, work: Work) -> Iterator[Repository]:
    """Each repository when its turn comes, if it is still there."""
    with site.store.read() as db:
        ids = db.execute(select(tables.repositories.c.id).order_by(tables.repositories.c.id)).scalars().all()
    for number, repository_id in enumerate(ids):
        work.check()
        work.tell(number, len(ids), "repositories")
        try:
            with site.store.read() as db:
                repository = repositories.by_id(db, the_system(), repository_id)
        except NotFound:
            continue
        yield repository
    work.tell(len(ids), len(ids), "repositories")
