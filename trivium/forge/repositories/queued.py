# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports and forks that another program carries out, where a queue is configured (system.md 4, decisions.md A22).

Whatever can be refused is refused at once. Then the name is reserved, and whoever asked is told the id of the task. If
nobody else can be told, the work is done here and now.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple, TypeVar

import msgspec

from trivium.access.caller import Caller, the_system
from trivium.access.levels import Level
from trivium.egress.policy import admit_remote
from trivium.errors import Invalid, NotFound
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.users import User
from trivium.forge.events.repositories import ImportFailed
from trivium.forge.jobs.job import Job, JobKind
from trivium.forge.jobs.reasons import Reason
from trivium.forge.jobs.running import Work
from trivium.forge.jobs.submission import submit, submit_elsewhere
from trivium.forge.repositories import creation
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories.failed_transfers import failures_told
from trivium.forge.repositories.finding import Repository
from trivium.forge.repositories.import_turns import count_import
from trivium.forge.repositories.requests import CreationRequest, ForkRequest
from trivium.forge.site import Site
from trivium.vcs.abilities import Act

Request = TypeVar("Request", CreationRequest, ForkRequest)


class ImportArguments(msgspec.Struct, frozen=True, kw_only=True):
    """What is imported; where from is the job's secret, for it may hold a password."""

    wanted: CreationRequest
    listening: tuple[str, int] | None
    """Where the server listens that was asked (decisions.md W10)."""
    with_secret: bool = True


class ForkArguments(msgspec.Struct, frozen=True, kw_only=True):
    """What is copied."""

    source_id: int
    wanted: ForkRequest


IMPORT: Final = JobKind("import_repository", ImportArguments, long=True, reserves=True)
FORK: Final = JobKind("fork_repository", ForkArguments, long=True, reserves=True)


class Made(NamedTuple):
    """What became of a wish."""

    name: str
    """The full name."""
    task: str | None
    """The job that creates it; None: it is there."""


def create(
    site: Site, caller: Caller, asked: CreationRequest, *, clone_uri: str | None = None, waits: bool = True
) -> Made:
    """As `creation.create`, perhaps by a job.

    `waits` false: an import is always one, because whoever asked looks how far it is instead of waiting.
    """
    if not clone_uri or (waits and not site.jobs.elsewhere):
        return Made(creation.create(site, caller, asked, clone_uri=clone_uri), None)
    made, owner = creation.admitted(site, caller, asked, clone_uri=clone_uri)
    assert made.remote is not None
    with failures_told(site, caller, ImportFailed, made.path, remote=made.remote):
        site.back_ends[made.kind].abilities.check(Act.IMPORT)
        admit_remote(site.settings, made.remote, myself=creation.myself(site, caller))
    count_import(site, caller)
    enter = submit_elsewhere if waits else submit
    task = enter(
        site,
        caller,
        IMPORT,
        ImportArguments(wanted=_named(asked, made.path, owner), listening=site.listening),
        subject=made.path,
        owner_id=owner.id,
        secret=clone_uri,
    )
    if task is None:
        creation.create(site, caller, asked, clone_uri=clone_uri, counted=False)
    return Made(made.path, task)


def fork(site: Site, caller: Caller, source: Repository, asked: ForkRequest, *, waits: bool = True) -> Made:
    """As `creation.fork`, perhaps by a job; `waits` as in `create`."""
    if waits and not site.jobs.elsewhere:
        return Made(creation.fork(site, caller, source, asked), None)
    made, owner = creation.admitted_fork(site, caller, source, asked)
    arguments = ForkArguments(source_id=source.id, wanted=_named(asked, made.path, owner))
    enter = submit_elsewhere if waits else submit
    task = enter(site, caller, FORK, arguments, subject=made.path, owner_id=owner.id)
    if task is None:
        creation.fork(site, caller, source, asked)
    return Made(made.path, task)


def _named(asked: Request, path: str, owner: User) -> Request:
    """The same request with what its names mean now: they may mean something else when the job begins."""
    return msgspec.structs.replace(asked, name=path, owner=None if asked.owner is None else owner.id)


def carry_out_import(site: Site, work: Work, arguments: ImportArguments) -> None:
    """Import what a job is told to."""
    here = replace(site, listening=arguments.listening)
    creation.create(here, caller_of(site, work.job), arguments.wanted, clone_uri=work.secret(), work=work)


def carry_out_fork(site: Site, work: Work, arguments: ForkArguments) -> None:
    """Copy what a job is told to."""
    caller = caller_of(site, work.job)
    with site.store.read() as db:
        source = repositories.find(db, caller, arguments.source_id, Level.READ)
    creation.fork(site, caller, source, arguments.wanted, work=work)


def caller_of(site: Site, job: Job) -> Caller:
    """Who asked for a job, with the rights that they have now; raises `Invalid` when they may do nothing any more."""
    if job.user_id == the_system().user_id:
        return the_system()
    try:
        with site.store.read() as db:
            user = accounts.by_id(db, job.user_id)
    except NotFound as error:
        raise Invalid(Reason.NO_ACCOUNT) from error
    if not user.active:
        raise Invalid(Reason.NO_ACTIVE_ACCOUNT)
    return user.as_caller(job.address)
