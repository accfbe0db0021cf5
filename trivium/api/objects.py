# SPDX-License-Identifier: GPL-3.0-or-later
"""The documented JSON shapes (api-users.md 4, api-repos.md 2); secrets are masked here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from typing import Any, Final
from urllib.parse import quote

import msgspec
from sqlalchemy import Connection

from trivium.access.keys import MASK
from trivium.access.levels import Level, Scope
from trivium.access.permissions import global_names, levels_by_name
from trivium.api.registry import Call
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.users import Account, User
from trivium.forge.gists.gists import Gist
from trivium.forge.grants import on_objects as grants
from trivium.forge.groups import user_groups
from trivium.forge.groups.repo_groups import RepoGroup
from trivium.forge.groups.user_groups import UserGroup
from trivium.forge.history.contents import FileFacts
from trivium.forge.history.reading import Commit, Details, extension_of, mimetype_of
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories import user_locks
from trivium.forge.repositories.finding import Repository
from trivium.forge.reviews.comments import Comment
from trivium.forge.reviews.commit_checks import Check
from trivium.http.addresses import parse_network
from trivium.vcs.values import Names, Node

Json = dict[str, Any]

_PLAIN = re.compile(r"[A-Za-z0-9_.\-/]*").fullmatch


class Sight(IntEnum):
    """How much of a user somebody sees (decisions.md A20)."""

    NAMES = 0
    """As strangers see a user: the name, and nothing else."""
    DETAILS = 1
    """As users see themselves, and super-admins see them, among others: everything but keys."""
    KEYS = 2
    """As users see themselves, and as super-admins do who ask for users."""


def user_object(account: Account, sight: Sight) -> Json:
    """A user (api-users.md 4.1). What somebody may not see is null or empty; keys are masked."""
    user = account.user
    keys = list(account.keys) if sight is Sight.KEYS and account.keys else [MASK]
    if sight is Sight.NAMES:
        return _STRANGER | {
            "user_id": user.id,
            "username": user.username,
            "firstname": user.firstname,
            "lastname": user.lastname,
        }
    return {
        "user_id": user.id,
        "username": user.username,
        "firstname": user.firstname,
        "lastname": user.lastname,
        "email": user.email,
        "emails": account.emails,
        "active": user.active,
        "admin": user.admin,
        "api_key": keys[0],
        "api_keys": keys,
        "ip_addresses": account.addresses,
        "extern_name": user.extern_name,
        "extern_type": user.extern_type,
        "last_login": user.last_login,
        "language": None,
    }


_STRANGER: Final[Json] = {
    # In the order of the documented object.
    "user_id": None,
    "username": None,
    "firstname": None,
    "lastname": None,
    "email": None,
    "emails": (),
    "active": None,
    "admin": None,
    "api_key": MASK,
    "api_keys": (MASK,),
    "ip_addresses": (),
    "extern_name": "",
    "extern_type": "",
    "last_login": None,
    "language": None,
}


def user_objects(call: Call, db: Connection, users: Iterable[User], *, secrets: bool) -> list[Json]:
    """Users as the caller may see them, with their keys if `secrets`: a fixed number of statements."""
    ring = call.site.ring if secrets and not call.site.settings.mask_api_keys else None
    everything = Sight.KEYS if secrets else Sight.DETAILS
    caller = call.caller
    return [
        user_object(account, everything if caller.super_admin or account.user.id == caller.user_id else Sight.NAMES)
        for account in accounts.accounts(db, users, ring)
    ]


def own_user_object(call: Call, db: Connection, user: User) -> Json:
    """A user as they see themselves, or as a super-admin sees them."""
    return user_objects(call, db, [user], secrets=True)[0]


def permissions_object(call: Call, db: Connection, user: User) -> msgspec.Raw:
    """What a user may do (api-users.md 4.1, 7); names on which they may do nothing are for super-admins only."""
    asked = user.as_caller("")
    with_none = call.caller.super_admin

    def levels(scope: Scope) -> dict[str, str]:
        names = {int(level): scope.name_of(level) for level in Level}
        found = levels_by_name(db, asked, scope)
        return {name: names[level] for name, level in found.items() if level or with_none}

    def permissions() -> Json:
        return {
            "global": global_names(db, asked),
            "repositories": levels(Scope.REPOSITORY),
            "repositories_groups": levels(Scope.REPO_GROUP),
            "user_groups": levels(Scope.USER_GROUP),
        }

    return call.remember(("permissions", user.id, with_none), permissions, rights_of=user)


def address_row(network: str) -> Json:
    """A range of addresses (api-users.md 4.5)."""
    parsed = parse_network(network)
    return {"ip_addr": str(parsed), "ip_range": [str(parsed[0]), str(parsed[-1])]}


def member_rows(db: Connection, scope: Scope, object_id: int) -> list[Json]:
    """Who may do what with an object (api-users.md 4.3, api-repos.md 2.6).

    Those of user groups tell the names of users twice: clients look for either.
    """
    return [
        {
            "name": member.name,
            "permission": scope.name_of(member.level),
            "origin": member.origin,
            "type": "user_group" if member.is_group else "user",
        }
        | ({"username": member.name} if scope is Scope.USER_GROUP and not member.is_group else {})
        for member in grants.members(db, scope, object_id)
    ]


def user_group_object(group: UserGroup, users: Sequence[Json]) -> Json:
    """A user group with its members' user objects (api-users.md 4.2)."""
    return {
        "users_group_id": group.id,
        "group_name": group.name,
        "group_description": group.description,
        "active": group.active,
        "owner": group.owner,
        "users": users,
    }


def one_user_group(call: Call, db: Connection, group: UserGroup, *, secrets: bool) -> Json:
    """A user group that was just looked up or changed."""
    listed = user_objects(call, db, user_groups.members(db, group.id), secrets=secrets)
    return user_group_object(group, listed)


class RepositoryObject(msgspec.Struct, gc=False):
    """A repository, as `get_repos` lists it (api-repos.md 2.1); made by the thousand, so no dictionary."""

    repo_id: int
    repo_name: str
    repo_type: str
    clone_uri: str
    private: bool
    created_on: str
    description: str
    landing_rev: list[str]
    owner: str
    fork_of: str | None
    enable_downloads: bool
    enable_locking: bool
    enable_statistics: bool
    last_changeset: msgspec.Raw
    """Stored as the answer wants it: not parsed only to be written again."""
    url: str
    locked_by: Json | None
    locked_date: str | None
    lock_reason: str | None


def listed_repository(repository: Repository, base_url: str, holder: Json | None = None) -> RepositoryObject:
    """A repository without its extra fields; `holder` is the user object of whoever holds it locked, if it is."""
    name = repository.name
    return RepositoryObject(
        repository.id,
        name,
        repository.kind,
        repository.clone_uri or "",
        repository.private,
        repository.created_on,
        repository.description,
        repository.landing_rev.split(":", 1),
        repository.owner,
        repository.fork_of,
        repository.enable_downloads,
        repository.enable_locking,
        repository.enable_statistics,
        msgspec.Raw(repository.last_changeset),
        f"{base_url}/{name if _PLAIN(name) else quote(name)}",
        holder,
        user_locks.locked_date(repository) if holder else None,
        repository.lock_reason,
    )


def lock_holders(call: Call, db: Connection, of: Iterable[Repository]) -> dict[int | None, Json]:
    """The user objects of everybody who holds one of these repositories locked, by their ids."""
    ids = {repository.locked_by_id for repository in of if repository.locked_by_id is not None}
    if not ids:
        return {}
    holders = accounts.by_ids(db, ids)
    return {shown["user_id"]: shown for shown in user_objects(call, db, holders, secrets=False)}


def repository_objects(
    call: Call, db: Connection, listed: Sequence[Repository], fields: dict[int, dict[str, str]]
) -> list[RepositoryObject | Json]:
    """Repositories with their extra fields, if they have any: a fixed number of statements."""
    holders = lock_holders(call, db, listed)
    base_url = call.base_url
    shown = [
        listed_repository(repository, base_url, holders.get(repository.locked_by_id) if holders else None)
        for repository in listed
    ]
    if not fields:
        return list(shown)
    return [
        msgspec.structs.asdict(one) | extra_fields(fields[one.repo_id]) if one.repo_id in fields else one
        for one in shown
    ]


def repository_object(call: Call, db: Connection, repository: Repository) -> RepositoryObject | Json:
    """One repository with its extra fields."""
    return repository_objects(call, db, [repository], repositories.fields_of(db, [repository.id]))[0]


def extra_fields(fields: dict[str, str]) -> Json:
    """The extra fields of a repository, as its object shows them."""
    return {f"ex_{key}": value for key, value in fields.items()}


def full_repository_object(call: Call, db: Connection, repository: Repository) -> Json:
    """A repository with members and followers, as `get_repo` shows it."""

    def part(name: str, make: Callable[[], object]) -> msgspec.Raw:
        return call.remember((name, repository.id), make)

    def followers() -> list[Json]:
        return user_objects(call, db, repositories.followers(db, repository.id), secrets=False)

    holder = lock_holders(call, db, [repository]).get(repository.locked_by_id)
    shown = msgspec.structs.asdict(listed_repository(repository, call.base_url, holder))
    shown["members"] = members = part("members", lambda: member_rows(db, Scope.REPOSITORY, repository.id))
    shown["permissions"] = members
    shown["followers"] = _followers(call, repository, followers)
    extra = part("fields", lambda: repositories.fields(db, repository.id))
    if bytes(extra) != b"{}":
        shown.update(extra_fields(msgspec.json.decode(extra)))
    return shown


def _followers(call: Call, repository: Repository, make: Callable[[], list[Json]]) -> msgspec.Raw:
    """Who follows a repository: remembered once for super-admins, once for strangers, and for each of themselves."""
    caller = call.caller
    if caller.super_admin:
        return call.remember(("followers", repository.id, "all"), make)
    ids = call.remember(("follower ids", repository.id), lambda: [one["user_id"] for one in make()])
    whose = caller.user_id if caller.user_id in msgspec.json.decode(ids) else None
    return call.remember(("followers", repository.id, whose), make)


def repo_group_object(group: RepoGroup, names: Sequence[str]) -> Json:
    """A repository group; `names` are those of the repositories directly inside (api-repos.md 2.7)."""
    return {
        "group_id": group.id,
        "group_name": group.name,
        "group_description": group.description,
        "parent_group": group.parent,
        "owner": group.owner,
        "repositories": names,
    }


def commit_object(commit: Commit, details: Details) -> Json:
    """A commit with as much of its changes as was asked for (api-repos.md 2.3, 2.4)."""
    shown: Json = msgspec.structs.asdict(commit.changeset)
    shown["diff"] = [
        {
            "filename": change.path,
            "op": change.op,
            "old_revision": change.old_revision,
            "new_revision": change.new_revision,
            "raw_diff": change.diff,
            "stats": {"added": change.added, "deleted": change.deleted, "binary": change.binary},
        }
        for change in commit.changes
    ]
    if details is Details.FULL and commit.refs is not None:
        shown["refs"] = {
            "branches": commit.refs.branches,
            "bookmarks": commit.refs.bookmarks,
            "tags": commit.refs.tags,
        }
    return shown


def node_object(node: Node, facts: FileFacts | None) -> Json:
    """An entry of a tree (api-repos.md 2.5), but for its content; directories and submodules have no facts."""
    return {
        "name": node.path,
        "type": node.kind,
        "md5": facts.md5 if facts else None,
        "binary": facts.binary if facts else None,
        "size": facts.size if facts else None,
        "extension": extension_of(node.path) if facts else None,
        "mimetype": mimetype_of(node.path, binary=facts.binary) if facts else None,
        "lines": facts.lines if facts else None,
    }


_STATUS_LABELS: Final = {
    "not_reviewed": "Not Reviewed",
    "approved": "Approved",
    "rejected": "Rejected",
    "under_review": "Under Review",
}


def comment_object(comment: Comment) -> Json:
    """A comment on a commit (api-reviews.md 2.2)."""
    status = comment.status
    line = comment.place.line if comment.place else None
    return {
        "comment_id": comment.id,
        "comment_text": comment.text,
        "comment_type": comment.kind,
        "comment_status": [] if status is None else {"status": status, "status_lbl": _STATUS_LABELS[status]},
        "comment_f_path": comment.place.path if comment.place else None,
        "comment_lineno": line,
        "comment_author": {
            "active": comment.author_active,
            "full_name_or_username": comment.author_name,
            "username": comment.author,
        },
        "comment_created_on": comment.created_on,
        "comment_resolved_by": comment.resolved_by,
        "pull_request_version": None,
        "comment_pull_request_id": None,
        "comment_commit_id": comment.revision,
        "comment_thread_id": comment.resolves or comment.id,
        "comment_state": comment.state,
        "comment_current_lineno": line,
        "comment_edited_on": comment.edited_on,
    }


def check_object(check: Check, raw_id: str) -> Json:
    """What a program says of a commit (api-reviews.md 3, set_commit_status)."""
    return {
        "commit_id": raw_id,
        "context": check.context,
        "state": check.state,
        "url": check.url,
        "description": check.description,
        "author": check.author,
        "updated_on": check.updated_on,
    }


def names_object(names: Names) -> Json:
    """All names of a repository (api-reviews.md 5)."""
    return {
        "bookmarks": names.bookmarks,
        "branches": names.branches,
        "branches_closed": names.closed,
        "tags": names.tags,
    }


def gist_object(call: Call, gist: Gist, content: dict[str, str] | None) -> Json:
    """A gist (api-users.md 4.4)."""
    alias = call.site.settings.gist_alias_url
    url = alias.replace("{gistid}", gist.access_id) if alias else f"{call.base_url}/_admin/gists/{gist.access_id}"
    return {
        "gist_id": gist.id,
        "type": gist.kind,
        "access_id": gist.access_id,
        "description": gist.description,
        "url": url,
        "expires": gist.expires,
        "created_on": gist.created_on,
        "modified_at": gist.modified_on,
        "content": content,
    }
