# SPDX-License-Identifier: GPL-3.0-or-later
"""Methods about repository groups (api-repos.md 6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from trivium.access.levels import Scope, parse_permission
from trivium.api.arguments import (
    AdministeredRepoGroup,
    AnyUser,
    Flag,
    ReadableRepoGroup,
    ReadableUserGroup,
    Someone,
    SomeoneOrNobody,
    Text,
    Word,
    given,
)
from trivium.api.methods.registered import registry
from trivium.api.objects.repo_groups import repo_group_object, repo_group_objects, repo_group_page
from trivium.api.registry import Call
from trivium.api.texts import failing_as, shown_path
from trivium.errors import AlreadyExists, Busy, Forbidden, Invalid, Kind, NotFound
from trivium.forge.grants.on_objects import Subject, Target, set_permission
from trivium.forge.groups import changes, creation, repo_groups, viewing
from trivium.forge.groups.changes import RepoGroupChanges
from trivium.forge.groups.deletion import delete_group
from trivium.forge.groups.repo_groups import RepoGroup
from trivium.names import path_of

_OLD = {"usersgroupid": "usergroupid"}


def _shown(call: Call, group: RepoGroup) -> dict[str, Any]:
    """A repository group that was just changed."""
    with call.site.store.read() as db:
        return repo_group_object(group, viewing.repositories_in(db, call.caller, group))


@registry.method()
def get_repo_group(call: Call, repogroupid: ReadableRepoGroup) -> dict[str, Any]:
    """A repository group with the repositories directly inside and with who may do what with it.

    Needs group.read. Of the repositories, those are listed that the caller may read.
    """
    with call.site.store.read() as db:
        return repo_group_page(viewing.repo_group_page(db, call.caller, repogroupid))


@registry.method()
def get_repo_groups(call: Call) -> list[dict[str, Any]]:
    """The repository groups that the caller may read, sorted by name.

    Anybody may call it; super-admins get all groups.
    """
    with call.site.store.read() as db:
        return repo_group_objects(viewing.readable_repo_groups(db, call.caller))


def _creation_failed(given: Mapping[str, Any]) -> str:
    return f"failed to create repo group `{shown_path(given['group_name'])}`"


def _may_create(call: Call) -> None:
    name = call.given["group_name"]
    with call.site.store.read() as db:
        if isinstance(name, str):
            name = repo_groups.path_below(db, call.caller, call.given.get("parent"), name)
        creation.permitted_parent(db, call.caller, path_of(name) if isinstance(name, str) else "")


@registry.method(failure=_creation_failed, guard=_may_create)
def create_repo_group(
    call: Call,
    group_name: Text,
    description: Text = "",
    owner: Someone = None,
    copy_permissions: Flag = False,
    parent: Someone = None,
) -> dict[str, Any]:
    """Create a repository group, in an existing one or at top level.

    Needs the permission to create repository groups, or group.admin on the parent. Only super-admins choose another
    owner. With `copy_permissions` the group starts with the permissions of its parent. With `parent` given,
    `group_name` is only what stands below that. Names are those that `create_repo` takes, and refused, never repaired.
    A description has up to 16 KiB.
    """
    with call.site.store.read() as db:
        group_name = repo_groups.path_below(db, call.caller, parent, group_name)
    try:
        group = creation.create(
            call.site,
            call.caller,
            name=group_name,
            description=description,
            owner=owner,
            copy_permissions=copy_permissions,
        )
    except NotFound as error:
        if error.kind is Kind.USER:
            raise Invalid("unknown owner") from error
        raise
    return {"msg": f"Created new repo group `{group.name}`", "repo_group": _shown(call, group)}


@registry.method(failure="failed to update repository group `{repogroupid}`")
def update_repo_group(
    call: Call,
    repogroupid: AdministeredRepoGroup,
    group_name: Text | None = None,
    description: Text | None = None,
    owner: Someone | None = None,
    parent: SomeoneOrNobody = UNSET,
    enable_locking: Flag | None = None,
) -> dict[str, Any]:
    """Change what is given of a repository group and leave the rest; also renames and moves it with all it holds.

    Needs group.admin, also on the new parent. `group_name` is the new last segment; `parent` null moves the group to
    top level. `enable_locking` is set on everything inside as well.
    """
    try:
        group = changes.update_group(
            call.site,
            call.caller,
            repogroupid,
            RepoGroupChanges(
                name=given(group_name or None),
                description=given(description),
                owner=given(owner),
                parent=parent,
                enable_locking=given(enable_locking),
            ),
        )
    except (AlreadyExists, NotFound, Forbidden) as error:
        raise Invalid("the name, owner or parent cannot be used") from error
    return {"msg": f"updated repository group ID:{group.id} {group.name}", "repo_group": _shown(call, group)}


@registry.method()
def delete_repo_group(call: Call, repogroupid: AdministeredRepoGroup) -> dict[str, Any]:
    """Delete a repository group that holds nothing.

    Needs group.admin on it. Its name is free at once.
    """
    told = f"repo group ID:{repogroupid.id} {repogroupid.name}"
    with failing_as(f"failed to delete {told}", Invalid, Busy, NotFound, AlreadyExists):
        delete_group(call.site, call.caller, repogroupid)
    return {"msg": f"deleted {told}", "repo_group": None}


def _set(
    call: Call, group: RepoGroup, subject: Subject, perm: Any, *, grant: bool, apply_to_children: Any
) -> dict[str, Any]:
    level = parse_permission(perm, Scope.REPO_GROUP) if grant else None
    target = Target(Scope.REPO_GROUP, group.id, group.name)
    whom, given = ("user", "userid") if subject.group_id is None else ("user group", "usergroupid")
    failure = f"failed to edit permission for {whom}: `{call.echo(given)}` in repo group: `{group.name}`"
    with failing_as(failure, Invalid, Busy):
        set_permission(call.site, call.caller, target, subject, level, apply_to_children)
    done = f"Granted perm: `{perm}`" if grant else "Revoked perm"
    msg = f"{done} (recursive:{apply_to_children}) for {whom}: `{subject.name}` in repo group: `{group.name}`"
    return {"msg": msg, "success": True}


@registry.method(failure="failed to edit permission for user: `{userid}` in repo group: `{repogroupid}`")
def grant_user_permission_to_repo_group(
    call: Call,
    repogroupid: AdministeredRepoGroup,
    userid: AnyUser,
    perm: Word,
    apply_to_children: Word = "none",
) -> dict[str, Any]:
    """Give a user a permission on a repository group, replacing the one they have.

    Needs group.admin. `perm` is group.none, .read, .write or .admin. `apply_to_children` is none, repos, groups or
    all: what inside, at all depths, gets the same permission.
    """
    subject = Subject(userid.username, user_id=userid.id)
    return _set(call, repogroupid, subject, perm, grant=True, apply_to_children=apply_to_children)


@registry.method(failure="failed to edit permission for user: `{userid}` in repo group: `{repogroupid}`")
def revoke_user_permission_from_repo_group(
    call: Call, repogroupid: AdministeredRepoGroup, userid: AnyUser, apply_to_children: Word = "none"
) -> dict[str, Any]:
    """Take a user's own permission on a repository group away.

    Needs group.admin. `apply_to_children` is none, repos, groups or all.
    """
    subject = Subject(userid.username, user_id=userid.id)
    return _set(call, repogroupid, subject, None, grant=False, apply_to_children=apply_to_children)


@registry.method(
    failure="failed to edit permission for user group: `{usergroupid}` in repo group: `{repogroupid}`",
    aliases=("grant_users_group_permission_to_repo_group",),
    renamed=_OLD,
)
def grant_user_group_permission_to_repo_group(
    call: Call,
    repogroupid: AdministeredRepoGroup,
    usergroupid: ReadableUserGroup,
    perm: Word,
    apply_to_children: Word = "none",
) -> dict[str, Any]:
    """Give the members of a user group a permission on a repository group.

    Needs group.admin, and usergroup.read on the user group. `apply_to_children` is none, repos, groups or all.
    """
    subject = Subject(usergroupid.name, group_id=usergroupid.id)
    return _set(call, repogroupid, subject, perm, grant=True, apply_to_children=apply_to_children)


@registry.method(
    failure="failed to edit permission for user group: `{usergroupid}` in repo group: `{repogroupid}`",
    aliases=("revoke_users_group_permission_from_repo_group",),
    renamed=_OLD,
)
def revoke_user_group_permission_from_repo_group(
    call: Call, repogroupid: AdministeredRepoGroup, usergroupid: ReadableUserGroup, apply_to_children: Word = "none"
) -> dict[str, Any]:
    """Take the permission of a user group on a repository group away.

    Needs group.admin, and usergroup.read on the user group. `apply_to_children` is none, repos, groups or all.
    """
    subject = Subject(usergroupid.name, group_id=usergroupid.id)
    return _set(call, repogroupid, subject, None, grant=False, apply_to_children=apply_to_children)
