# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories are looked through for damage: a few each day, so that each has its turn, and whenever somebody asks.

One at a time in all processes, behind everything else. A look changes nothing, and ends when somebody wants the
repository alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial
from typing import Final

import msgspec
import structlog
from sqlalchemy import Connection, bindparam, func, select

from trivium.access.caller import Caller, the_system
from trivium.access.levels import Level
from trivium.errors import Busy, NotFound, TriviumError
from trivium.forge.events import journal
from trivium.forge.events.repositories import RepositoryVerified
from trivium.forge.jobs.job import JobKind, moment
from trivium.forge.jobs.reasons import Reason
from trivium.forge.jobs.running import Work
from trivium.forge.jobs.submission import submit
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories.finding import Repository
from trivium.forge.repositories.queued import caller_of
from trivium.forge.site import Site
from trivium.store import tables
from trivium.store.query import Query
from trivium.tree.kernel_locks import RepositoryLock, one_at_a_time
from trivium.vcs.errors import Interrupted, VcsError

_log = structlog.get_logger(__name__)

_DAY: Final = 86_400.0
_MOST_TOLD: Final = 20
"""Lines of the journal; the log of a job has more."""


class VerifyArguments(msgspec.Struct, frozen=True):
    """Which repository."""

    repository_id: int


VERIFY: Final = JobKind("verify_repository", VerifyArguments, pause=300.0, long=True)


class Damaged(TriviumError):
    """Something of a repository is damaged."""


class Unchecked(VcsError):
    """A repository could not be looked through; the message is for administrators."""

    public = Reason.NOT_CHECKED.value


def ask_for_verification(site: Site, caller: Caller, repository: Repository) -> str | None:
    """Have a repository looked through by a job; returns its id, or None when one waits for that already."""
    return submit(
        site,
        caller,
        VERIFY,
        VerifyArguments(repository.id),
        subject=repository.name,
        repository_id=repository.id,
        owner_id=repository.owner_id,
        only_one=f"verify {repository.id}",
    )


def verify(site: Site, caller: Caller, repository: Repository, check: Callable[[], None]) -> list[str]:
    """Look through a repository and journal what was found; returns what is damaged, line by line.

    Raises `Busy` while another one is looked through, `Interrupted` when somebody wants the repository alone,
    `VcsError` when it cannot be looked at, and what `check` raises.
    """
    with one_at_a_time(site.tree.locks / "integrity") as alone:
        if not alone:
            raise Busy(Reason.ANOTHER_CHECKED)
        found = _found(site, repository, check)
    told = RepositoryVerified(
        subject=repository.name, repository_id=repository.id, sound=not found, problems=found[:_MOST_TOLD]
    )
    with site.store.write(access_unchanged=True) as db:
        journal.record(db, caller, told)
    if found:
        _log.error("a repository is damaged", repository=repository.name, problems=found[:_MOST_TOLD])
    return found


def _found(site: Site, repository: Repository, check: Callable[[], None]) -> list[str]:
    back_end, path = site.back_ends[repository.kind], site.tree.path_of(repository.name)
    lock = RepositoryLock(site.tree.locks, repository.id)

    def check_both() -> None:
        check()
        if lock.is_wanted():
            raise Interrupted(Reason.WANTED_ALONE)

    with lock.shared(site.settings.exclusive_timeout):
        found = back_end.verify(path, check_both)
        if found:
            # What somebody wrote meanwhile may have seemed damaged: that does not seem so twice.
            again = frozenset(back_end.verify(path, check_both))
            found = [line for line in found if line in again]
    return found


def carry_out(site: Site, work: Work, arguments: VerifyArguments) -> None:
    """Look through the repository that a job names; raises `Damaged`, with the lines in the log of the job."""
    caller = caller_of(site, work.job)
    with site.store.read() as db:
        repository = repositories.find(db, caller, arguments.repository_id, Level.ADMIN)
    try:
        found = verify(site, caller, repository, work.check)
    except Interrupted:
        raise
    except VcsError as error:
        raise Unchecked(str(error)) from error
    for line in found:
        work.log(line)
    if found:
        raise Damaged(Reason.DAMAGED)
    work.log("nothing is damaged")


def verify_some(site: Site, work: Work) -> None:
    """Look through those repositories whose turn it is today (verify_days)."""
    due = partial(_due, days=site.settings.verify_days)
    with site.store.read() as db:
        chosen = due(db) if site.settings.verify_days else []
    for number, repository_id in enumerate(chosen):
        work.check()
        work.tell(number, len(chosen), "repositories")
        try:
            with site.store.read() as db:
                repository = repositories.find(db, the_system(), repository_id, Level.READ)
            verify(site, the_system(), repository, work.check)
        except (Interrupted, NotFound):
            continue  # tomorrow, or never
        except VcsError as error:
            _log.warning("a repository could not be checked", repository_id=repository_id, why=str(error))


def damaged(db: Connection, days: int, most: int) -> list[str]:
    """Names of repositories whose last look for damage has found some, at most so many.

    `days` as in verify_days: by twice as many each was looked through again, so that older looks say nothing.
    """
    given = {"since": moment(-2 * days * _DAY)} if days else {}
    return [name for (name,) in _damaged(since=bool(days)).all(db, given | {"most": most})]


@cache
def _damaged(*, since: bool) -> Query:
    told, later = tables.journal, tables.journal.alias("later")
    looks = told.c.action == RepositoryVerified.action
    if since:
        looks &= told.c.id >= select(func.min(told.c.id)).where(told.c.at >= bindparam("since")).scalar_subquery()
    again = select(later.c.id).where(
        later.c.action == RepositoryVerified.action,
        later.c.repository_id == told.c.repository_id,
        later.c.id > told.c.id,
    )
    return Query(
        select(tables.repositories.c.name)
        .join(told, told.c.repository_id == tables.repositories.c.id)
        .where(looks, told.c.detail.contains('"sound":false', autoescape=True), ~again.exists())
        .order_by(tables.repositories.c.name)
        .limit(bindparam("most"))
    )


def _due(db: Connection, days: int) -> list[int]:
    """The repositories that nobody has looked through for so many days, of all as many as are due each day.

    Those that were never looked through come first, then those for which it was longest ago.
    """
    journal_, table = tables.journal, tables.repositories
    last = (
        select(journal_.c.repository_id, func.max(journal_.c.at).label("at"))
        .where(journal_.c.action == RepositoryVerified.action, journal_.c.repository_id.is_not(None))
        .group_by(journal_.c.repository_id)
        .subquery()
    )
    at = func.coalesce(last.c.at, "")
    most = math.ceil(db.execute(select(func.count()).select_from(table)).scalar_one() / days)
    waiting = (
        select(table.c.id)
        .select_from(table.outerjoin(last, last.c.repository_id == table.c.id))
        .where(at < moment(-days * _DAY))
        .order_by(at, table.c.id)
        .limit(most)
    )
    return list(db.execute(waiting).scalars())
