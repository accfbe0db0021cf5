# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories are brought up to date from the server that they came from (api-repos.md 5, pull)."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Final

from sqlalchemy import bindparam, select

from trivium.access.caller import Caller
from trivium.egress.policy import RemoteUrl, admit_remote, parse_remote
from trivium.errors import Busy, Cancelled, Invalid, StorageFull
from trivium.forge.events.moves import PulledFromRemote
from trivium.forge.events.repositories import RemotePullFailed
from trivium.forge.jobs.running import Work
from trivium.forge.pushes import settling as pushes
from trivium.forge.repositories import growth, user_locks
from trivium.forge.repositories.creation import myself, transfer_limits
from trivium.forge.repositories.failed_transfers import failures_told
from trivium.forge.repositories.finding import Repository
from trivium.forge.repositories.import_turns import import_turn
from trivium.forge.site import Site
from trivium.store.query import Query
from trivium.store.tables import repositories
from trivium.tree.kernel_locks import RepositoryLock
from trivium.vcs.abilities import Act
from trivium.vcs.errors import Killed, PartlyDone

_REMOTE = Query(
    select(repositories.c.name, repositories.c.clone_uri, repositories.c.clone_secret).where(
        repositories.c.id == bindparam("repository_id")
    )
)


_GIVEN_UP: Final = (Cancelled, Busy)
"""How a job ends a transfer: somebody does not want it any more, or another process goes on with it."""
_CUT_SHORT: Final = (Killed, StorageFull, *_GIVEN_UP)
"""After these a program was ended in the middle of its work."""


def pull(site: Site, caller: Caller, repository: Repository, *, work: Work | None = None) -> int:
    """Fetch from the repository's `clone_uri`, for the job `work` if one does it; returns how many refs moved.

    Raises `Invalid`, `VcsError`, `Locked` by somebody else, or `Busy`, with nothing acknowledged; and `Cancelled`.

    The address is judged anew each time; no connection of the database is used while bytes move.
    """
    user_locks.check(caller, repository, writes=True)
    lock = RepositoryLock(site.tree.locks, repository.id)
    with contextlib.ExitStack() as once_free, lock.shared(site.settings.exclusive_timeout):
        with site.store.read() as db:
            row = _REMOTE.first(db, {"repository_id": repository.id})
        if row is None or not row[1]:
            raise Invalid("the repository has no remote address", about="clone_uri")
        name, shown, secret = row
        address = opened_remote(site, shown, secret)
        telling = failures_told(site, caller, RemotePullFailed, name, repository_id=repository.id, remote=address)
        # What a job does was counted when it was asked for.
        with import_turn(site, caller, counted=work is None), telling:
            return _fetch(site, caller, repository, site.tree.path_of(name), address, once_free, work)


def _fetch(
    site: Site,
    caller: Caller,
    repository: Repository,
    path: Path,
    address: RemoteUrl,
    once_free: contextlib.ExitStack,
    work: Work | None,
) -> int:
    """Fetch, and record what moved. A fetch cut short is settled `once_free`, when nobody uses the repository."""
    back_end = site.back_ends[repository.kind]
    back_end.abilities.check(Act.PULL)
    remote = admit_remote(site.settings, address, myself=myself(site, caller))
    growth.check_room(site, repository.id)
    push = pushes.begin(site, caller, repository.id, (), action=PulledFromRemote.action)
    try:
        moved = back_end.pull(remote, path, transfer_limits(site, path, work))
    except _CUT_SHORT:
        once_free.callback(pushes.try_to_recover, site, push)
        raise
    except PartlyDone as error:
        if isinstance(error.__cause__, _CUT_SHORT):
            once_free.callback(pushes.try_to_recover, site, replace(push, updates=tuple(error.moved)))
            if isinstance(error.__cause__, _GIVEN_UP):
                raise error.__cause__ from error
            raise
        pushes.finish(site, push, error.moved)
        raise
    except BaseException:
        # If this fails as well, the intent stays: once it is gone, nobody looks again.
        pushes.refresh(site, repository.id)
        pushes.finish(site, push, [])
        raise
    pushes.finish(site, push, moved)
    return len(moved)


def opened_remote(site: Site, shown: str, secret: bytes | None) -> RemoteUrl:
    """A stored address with its credentials."""
    plain = parse_remote(shown)
    url = RemoteUrl(plain.url, "", "")
    if secret is None:
        return url
    username, _, password = site.ring.open(secret, f"remote {url.url}").partition("\n")
    return RemoteUrl(url.url, username, password)
