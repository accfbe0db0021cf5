# SPDX-License-Identifier: GPL-3.0-or-later
"""Commits are removed from a repository (api-repos.md 5, strip)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trivium.access.caller import Caller
from trivium.forge.caches.files import RepositoryCache
from trivium.forge.history.reading import History
from trivium.forge.pushes import settling as pushes
from trivium.forge.repositories import user_locks
from trivium.forge.repositories.finding import Repository
from trivium.forge.site import Site
from trivium.names import is_clean_text
from trivium.store.tables import now
from trivium.tree.kernel_locks import RepositoryLock
from trivium.vcs.abilities import Act
from trivium.vcs.budget import present
from trivium.vcs.errors import UnknownRevision
from trivium.vcs.model import Snapshot
from trivium.vcs.values import Changeset

_AT_A_TIME: Final = 500


MOST_LISTED: Final = 1_000
"""Commits that `preview` names; there may be more."""


@dataclass(frozen=True, slots=True)
class Doomed:
    """What a strip would remove."""

    raw_id: str
    """Of the commit that is named."""
    branch: str
    """Where it is removed."""
    commits: tuple[Changeset, ...]
    """All of them, the newest first; at most `MOST_LISTED`."""
    more: bool


def preview(history: History, caller: Caller, repository: Repository, revision: str, branch: str) -> Doomed:
    """What `strip` would remove; raises what that would raise, and changes nothing."""
    site = history.site
    if not is_clean_text(branch) or not is_clean_text(revision):
        raise UnknownRevision(revision)
    user_locks.check(caller, repository, writes=True)
    back_end = site.back_ends[repository.kind]
    back_end.abilities.check(Act.STRIP)

    def look(snapshot: Snapshot) -> Doomed:
        raw_id = snapshot.resolve(revision)
        update = back_end.strip(site.tree.path_of(history.now(repository).name), raw_id, branch)
        if update.new.strip("0"):
            found = snapshot.changesets(snapshot.lacking(update.new, update.old, MOST_LISTED + 1))
        else:
            found = _with_descendants(snapshot, raw_id)
        return Doomed(raw_id, branch, tuple(found[:MOST_LISTED]), len(found) > MOST_LISTED)

    return history.read(repository, look)


def _with_descendants(snapshot: Snapshot, raw_id: str) -> list[Changeset]:
    """A commit and all that has it among its ancestors, the newest first; a little more than `MOST_LISTED` at most.

    The list of commits has parents before their children.
    """
    found: list[Changeset] = []
    doomed = {raw_id}
    at = snapshot.position(raw_id)
    while len(found) <= MOST_LISTED and (ids := snapshot.ids(at, _AT_A_TIME)):
        present().check()
        for one in snapshot.changesets(list(ids)):
            if one.raw_id in doomed or any(parent.raw_id in doomed for parent in one.parents):
                doomed.add(one.raw_id)
                found.append(one)
        at += len(ids)
    return found[::-1]


def strip(site: Site, history: History, caller: Caller, repository: Repository, revision: str, branch: str) -> None:
    """Remove a commit and what follows it; a bundle in the trash keeps them.

    Raises `VcsError`, `Locked` by somebody else, or `Busy`, with nothing changed. Like a push it is recorded before it
    begins: after a crash the branch is where it was or where it should be, and the journal says which.
    """
    if not is_clean_text(branch) or not is_clean_text(revision):
        raise UnknownRevision(revision)
    user_locks.check(caller, repository, writes=True)
    back_end = site.back_ends[repository.kind]
    back_end.abilities.check(Act.STRIP)
    with RepositoryLock(site.tree.locks, repository.id).exclusive(site.settings.exclusive_timeout):
        with history.open(repository) as snapshot:
            raw_id = snapshot.resolve(revision)
        path = site.tree.path_of(history.now(repository).name)
        update = back_end.strip(path, raw_id, branch)
        bundle = site.tree.trash / f"{now().replace(':', '')}-{repository.id}-{raw_id[:12]}.bundle"
        push = pushes.begin(site, caller, repository.id, [update], action=pushes.STRIP)
        try:
            back_end.apply_strip(path, update, bundle)
        except BaseException:
            pushes.recover_alone(site, push)
            raise
        finally:
            RepositoryCache(site, repository.id).clear()  # it has answers about the removed commits
        pushes.finish(site, push, [update])
