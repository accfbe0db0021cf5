# SPDX-License-Identifier: GPL-3.0-or-later
"""A new repository and its rows, in whatever way it comes to be (`creation`, `rescans`, `trash`)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, insert

from trivium.access.caller import Caller
from trivium.access.levels import Level, Scope
from trivium.access.permissions import REPO_GROUPS, REPOSITORIES, global_permissions
from trivium.egress.policy import RemoteUrl
from trivium.errors import Invalid
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.users import User
from trivium.forge.bounds import check_description
from trivium.forge.events import journal
from trivium.forge.events.groups import RepoGroupCreated
from trivium.forge.events.repositories import RepositoryCreated
from trivium.forge.grants.on_objects import copy_rows, factory_level, grant_row
from trivium.forge.groups import repo_groups
from trivium.forge.groups.creation import insert_group
from trivium.forge.naming import former_names, grams
from trivium.forge.repositories.finding import Repository, stored_changeset
from trivium.forge.site import Site
from trivium.names import check_path, key_of
from trivium.store.engine import insert_id
from trivium.store.tables import DEFAULT_USER_ID, now, repository_followers
from trivium.store.tables import repositories as table
from trivium.vcs.values import History

_SHOWN: Final = 80
"""Characters of a value that cannot be used."""
_LANDING_REV = re.compile(r"(rev|branch|tag|book):[^\x00-\x1f\x7f]{1,240}")


@dataclass(frozen=True, slots=True)
class NewRepository:
    """The wanted repository; `check` says whether it is possible at all."""

    path: str
    kind: str
    description: str
    private: bool
    landing_rev: str
    enable_statistics: bool = False
    enable_locking: bool = False
    enable_downloads: bool = False
    permissions_of_group: bool = False
    """Start with the rows of the group that holds it."""
    permissions_of: Repository | None = None
    """Start with the rows of this repository."""
    fork_of: Repository | None = None
    remote: RemoteUrl | None = None
    """Where later pulls fetch from."""
    imported: bool = False
    """It starts with the history of a repository elsewhere."""
    archived: bool = False

    def check(self, site: Site) -> None:
        check_path(self.path)
        if self.kind not in site.back_ends:
            raise Invalid(
                "%(kind)s is not a kind of repository: %(kinds)s are",
                about="kind",
                kind=repr(self.kind[:_SHOWN]),
                kinds=", ".join(site.back_ends),
            )
        check_description(self.description)
        check_landing_rev(self.landing_rev)


def check_landing_rev(landing_rev: str) -> str:
    """`<type>:<name>` with one of the documented types (system.md 6.2)."""
    if not _LANDING_REV.fullmatch(landing_rev):
        raise Invalid(
            "%(given)s is not a landing revision: that is <type>:<name>, such as branch:main, and the"
            " type is rev, branch, tag or book",
            about="landing_rev",
            given=repr(landing_rev[:_SHOWN]),
        )
    return landing_rev


def seal_remote(site: Site, remote: RemoteUrl | None) -> dict[str, object]:
    """The columns in which a remote address is stored: shown without its password, the password sealed."""
    if remote is None:
        return {"clone_uri": None, "clone_secret": None}
    secret = site.ring.seal(f"{remote.username}\n{remote.password}", f"remote {remote.url}")
    return {"clone_uri": remote.shown, "clone_secret": secret if remote.username or remote.password else None}


def insert_repository(
    db: Connection,
    site: Site,
    caller: Caller,
    wanted: NewRepository,
    owner: User,
    history: History,
    *,
    event: Callable[..., RepositoryCreated] = RepositoryCreated,
) -> int:
    """The rows of a new repository: groups on the way, itself, permissions, its first follower, the journal.

    `event` makes the event for the journal.
    """
    above = repo_groups.ancestry(db, caller, wanted.path)
    parent_id = above.deepest.id if above.deepest else None
    creator = caller.user_id or owner.id
    moment = now()
    for missing in above.missing:
        parent_id = insert_group(
            db, path=missing, parent_id=parent_id, owner_id=creator, description=f"{missing} group"
        )
        journal.record(db, caller, RepoGroupCreated(subject=missing, owner=caller.username))
    repository_id = insert_id(
        db,
        table,
        name=wanted.path,
        name_key=key_of(wanted.path),
        group_id=parent_id,
        kind=wanted.kind,
        owner_id=owner.id,
        description=wanted.description,
        private=wanted.private,
        archived=wanted.archived,
        landing_rev=wanted.landing_rev,
        enable_downloads=wanted.enable_downloads,
        enable_locking=wanted.enable_locking or bool(above.deepest and above.deepest.enable_locking),
        enable_statistics=wanted.enable_statistics,
        fork_of_id=wanted.fork_of.id if wanted.fork_of else None,
        created_on=moment,
        updated_on=moment,
        last_changeset=stored_changeset(history.last),
        history_state=history.state,
        **seal_remote(site, wanted.remote),
    )
    grams.named(db, repository_id, key_of(wanted.path), new=True)
    former_names.taken(db, wanted.path)
    if wanted.permissions_of is not None:
        copy_rows(db, REPOSITORIES, wanted.permissions_of.id, REPOSITORIES, repository_id)
    elif wanted.permissions_of_group and parent_id is not None:
        copy_rows(db, REPO_GROUPS, parent_id, REPOSITORIES, repository_id)
    else:
        default = factory_level(
            global_permissions(db, accounts.by_id(db, DEFAULT_USER_ID).as_caller("")), Scope.REPOSITORY
        )
        grant_row(db, REPOSITORIES, repository_id, user_id=DEFAULT_USER_ID, level=default)
    if wanted.private:
        grant_row(db, REPOSITORIES, repository_id, user_id=DEFAULT_USER_ID, level=Level.NONE)
    db.execute(insert(repository_followers).values(repository_id=repository_id, user_id=owner.id))
    created = event(
        subject=wanted.path,
        repository_id=repository_id,
        kind=wanted.kind,
        private=wanted.private,
        owner=owner.username,
        fork_of=wanted.fork_of.name if wanted.fork_of else None,
        imported=wanted.imported,
    )
    journal.record(db, caller, created)
    return repository_id
