# SPDX-License-Identifier: GPL-3.0-or-later
"""Methods about repositories (api-repos.md 3, 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from trivium.access.levels import Scope, parse_permission
from trivium.api.arguments import (
    AdministeredRepository,
    AnyUser,
    Flag,
    ReadableRepository,
    ReadableUserGroup,
    Someone,
    Text,
    Word,
    given,
)
from trivium.api.methods.registered import registry
from trivium.api.objects.history import names_object
from trivium.api.objects.repositories import page_parts, repository_objects, repository_page
from trivium.api.objects.users import known_to
from trivium.api.registry import Call
from trivium.api.remembered import Parts
from trivium.api.texts import Refusal, failing_as, shown_path
from trivium.errors import AlreadyExists, Busy, Invalid, NotFound
from trivium.forge.grants.on_objects import Subject, Target, set_permission
from trivium.forge.pushes import settling as pushes
from trivium.forge.repositories import changes, creation, queued, viewing
from trivium.forge.repositories import fields as repository_fields
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories import settings as repository_settings
from trivium.forge.repositories.changes import RepositoryChanges
from trivium.forge.repositories.finding import Repository
from trivium.forge.repositories.requests import CreationRequest
from trivium.forge.repositories.viewing import RepositoryPage
from trivium.names import last_segment, parent_of, path_of
from trivium.turns import Pace

_OLD_GROUP = {"usersgroupid": "usergroupid"}
_OLD_URI = {"remote_uri": "clone_uri"}


def _pace_of_reading(given: Mapping[str, Any]) -> Pace:
    """Reading the repository itself takes time by its size. A caller that asks for a cached answer has it at once."""
    cached = given.get("cache", True) in (True, None) and given.get("with_revision_names", False) in (False, None)
    return Pace.AT_ONCE if cached else Pace.LONG


@registry.method(failure="failed to get repository `{repoid}`", pace=Pace.AT_ONCE, paced_by=_pace_of_reading)
def get_repo(
    call: Call, repoid: ReadableRepository, cache: Flag = True, with_revision_names: Flag = False
) -> dict[str, Any]:
    """A repository with its members and followers.

    Needs repository.read. With `cache` false the last changeset is read from the repository first; with
    `with_revision_names` its branches, bookmarks and tags are told too.
    """
    names: dict[str, Any] = {}
    if not cache:
        pushes.refresh(call.site, repoid.id)
    if with_revision_names:
        with call.site.store.read() as db:
            layout = repository_settings.layout_of(db, repoid)
        names = names_object(call.history.names(repoid, layout))
        names["branches"] = {**names["branches"], **names.pop("branches_closed")}
    with call.site.store.read() as db:
        repository = repoid if cache else repositories.by_id(db, call.caller, repoid.id)
    return repository_page(repository, call.base_url, _parts(call, repository)) | names


def _parts(call: Call, repository: Repository) -> Parts:
    """What `get_repo` shows beside the row: remembered for super-admins, for strangers, and for each user in it.

    The row is read anew for each call, and says who holds the lock.
    """
    looked_at: RepositoryPage | None = None

    def page() -> RepositoryPage:
        nonlocal looked_at
        if looked_at is None:
            with call.site.store.read() as db:
                looked_at = viewing.page(db, repository)
        return looked_at

    key = (repository.id, repository.locked_by_id)
    known = known_to(call.caller)
    if known != "everybody":
        people = call.remember(("people", *key), lambda: {"ids": page().people}, about=repository)
        known = known if known in msgspec.json.decode(people["ids"]) else None
    return call.remember(("page", *key, known), lambda: page_parts(page(), known), about=repository)


@registry.method()
def get_repos(call: Call, root: Someone = None, traverse: Flag = True) -> list[Any]:
    """The repositories that the caller may read, sorted by name.

    Anybody may call it; super-admins get all repositories. With `root` only those in that repository group; with
    `traverse` false only those directly inside it, or at top level.
    """
    root = None if root == "" else root
    with call.site.store.read() as db:
        listed = viewing.readable(db, call.caller, root=root, traverse=traverse)
    return repository_objects(listed, call.base_url, known_to(call.caller))


def _creation_failed(given: Mapping[str, Any]) -> str:
    return f"failed to create repository `{shown_path(given['repo_name'])}`"


def _may_create(call: Call) -> None:
    name = call.given["repo_name"]
    with call.site.store.read() as db:
        creation.check_may_create(db, call.caller, path_of(name) if isinstance(name, str) else "")


@registry.method(failure=_creation_failed, guard=_may_create, pace=Pace.WAITING, renamed=_OLD_URI)
def create_repo(
    call: Call,
    repo_name: Text,
    repo_type: Text,
    owner: Someone = None,
    description: Text = "",
    private: Flag = False,
    clone_uri: Text | None = None,
    landing_rev: Text = "rev:tip",
    enable_statistics: Flag = False,
    enable_locking: Flag = False,
    enable_downloads: Flag = False,
    copy_permissions: Flag = False,
) -> dict[str, Any]:
    r"""Create a repository, and the repository groups in its name that do not exist.

    Needs the permission to create repositories, or repository group permissions on the group that will hold it.
    Only super-admins choose another owner. `task` is null, and the repository is there when the answer comes; but where
    the server sends long work to a queue, an import (`clone_uri`) is done later: `task` is the id of the Celery task,
    which `get_task` tells of, and `get_repo` finds the repository when it is there.

    A name has up to 255 characters and 8 segments of up to 80. A segment may have letters of every script in their
    composed form (NFC), digits, blanks inside and most punctuation, but none of `\ : * ? " < > | # % { } ^`, no back
    quote and no control characters. It does not begin with a dot or hyphen, nor end with a dot, `.git` or `.lock`; is
    no underscore with a number; and is not `info`, `objects`, `HEAD`, `git-upload-pack`, `git-receive-pack` or `!svn`.
    The first one does not begin with an underscore. Names are unique ignoring case. What is not so is refused, never
    repaired. A description has up to 16 KiB.

    Where an import fails, `error_detail` says why, for instance that the remote server refused the credentials.
    """
    asked = CreationRequest(
        name=repo_name,
        kind=repo_type,
        owner=owner,
        description=description,
        private=private,
        landing_rev=landing_rev,
        enable_statistics=enable_statistics,
        enable_locking=enable_locking,
        enable_downloads=enable_downloads,
        copy_permissions=copy_permissions,
    )
    made = queued.create(call.site, call.caller, asked, clone_uri=clone_uri)
    return {"msg": f"Created new repository `{made.name}`", "success": True, "task": made.task}


@registry.method(failure="failed to update repo `{repoid}`", pace=Pace.WAITING, renamed=_OLD_URI)
def update_repo(
    call: Call,
    repoid: AdministeredRepository,
    name: Text | None = None,
    owner: Someone | None = None,
    group: Someone | None = None,
    description: Text | None = None,
    private: Flag | None = None,
    clone_uri: Text | None = None,
    landing_rev: Text | None = None,
    enable_statistics: Flag | None = None,
    enable_locking: Flag | None = None,
    enable_downloads: Flag | None = None,
    fields: Text | None = None,
    fork_of: Someone | None = None,
    repo_name: Text | None = None,
) -> dict[str, Any]:
    r"""Change what is given of a repository and leave the rest; also renames and moves it.

    Needs repository.admin. `name` is the new last segment, `group` the group to move to (an empty text: top level);
    or `repo_name` is the whole new name, with the groups, which must exist.
    `fields` is `key=value,key2=value2`, with `\,` for a comma in a value; unknown keys are ignored.
    """
    if repo_name:
        path = path_of(repo_name)
        name = last_segment(path) if name is None else name
        if group is None and parent_of(path) != parent_of(repoid.name):
            group = parent_of(path)
    try:
        updated = changes.update_repository(
            call.site,
            call.caller,
            repoid,
            RepositoryChanges(
                name=given(name),
                group=given(group),
                owner=given(owner),
                description=given(description),
                private=given(private),
                clone_uri=given(clone_uri),
                landing_rev=given(landing_rev),
                enable_statistics=given(enable_statistics),
                enable_locking=given(enable_locking),
                enable_downloads=given(enable_downloads),
                fields=repository_fields.parse_fields(fields) if fields else UNSET,
                fork_of=given(fork_of),
            ),
        )
    except AlreadyExists as error:
        raise Invalid("the name is taken") from error
    with call.site.store.read() as db:
        listed = viewing.listed(db, [updated])
    (shown,) = repository_objects(listed, call.base_url, known_to(call.caller))
    return {"msg": f"updated repo ID:{updated.id} {updated.name}", "repository": shown}


@registry.method(pace=Pace.WAITING)
def delete_repo(call: Call, repoid: AdministeredRepository, forks: Word = "") -> dict[str, Any]:
    """Delete a repository; its name is free at once.

    Needs repository.admin. With `forks` given, `detach` makes its forks independent and `delete` deletes them and
    their forks too, which needs repository.admin on every one of them.
    """
    with failing_as(f"failed to delete repository `{repoid.name}`", Invalid, Busy, NotFound, AlreadyExists):
        count = changes.delete_repository(call.site, call.caller, repoid, forks)
    suffix = {"detach": f" Detached {count} forks", "delete": f" Deleted {count} forks"}.get(forks, "")
    return {"msg": f"Deleted repository `{repoid.name}`{suffix}", "success": True}


@registry.method(failure="failed to create new field for repository `{repoid}`")
def add_field_to_repo(
    call: Call, repoid: AdministeredRepository, key: Text, label: Text = "", description: Text = ""
) -> dict[str, Any]:
    """Add an extra field to a repository, with an empty value.

    Needs repository.admin. The value is set by `update_repo` and shown as `ex_<key>`.
    """
    try:
        repository_fields.add_field(call.site, call.caller, repoid, key, label=label, description=description)
    except AlreadyExists as error:
        raise Refusal(f"Field with key `{key}` exists for repo `{call.echo('repoid')}`") from error
    return {"msg": f"Added new repository field `{key}`", "success": True}


@registry.method(failure="failed to delete field for repository `{repoid}`")
def remove_field_from_repo(call: Call, repoid: AdministeredRepository, key: Text) -> dict[str, Any]:
    """Remove an extra field of a repository with its value.

    Needs repository.admin.
    """
    try:
        repository_fields.remove_field(call.site, call.caller, repoid, key)
    except NotFound as error:
        raise Refusal(f"Field with key `{key}` does not exists for repo `{call.echo('repoid')}`") from error
    return {"msg": f"Deleted repository field `{key}`", "success": True}


def _target(repository: Repository) -> Target:
    return Target(Scope.REPOSITORY, repository.id, repository.name)


@registry.method(failure="failed to edit permission for user: `{userid}` in repo: `{repoid}`")
def grant_user_permission(call: Call, repoid: AdministeredRepository, userid: AnyUser, perm: Word) -> dict[str, Any]:
    """Give a user a permission on a repository, replacing the one they have.

    Needs repository.admin. `perm` is repository.none, .read, .write or .admin; the user `default` stands for
    everybody.
    """
    level = parse_permission(perm, Scope.REPOSITORY)
    set_permission(call.site, call.caller, _target(repoid), Subject(userid.username, user_id=userid.id), level)
    msg = f"Granted perm: `{perm}` for user: `{userid.username}` in repo: `{repoid.name}`"
    return {"msg": msg, "success": True}


@registry.method(failure="failed to edit permission for user: `{userid}` in repo: `{repoid}`")
def revoke_user_permission(call: Call, repoid: AdministeredRepository, userid: AnyUser) -> dict[str, Any]:
    """Take a user's own permission on a repository away; what they have by other ways stays.

    Needs repository.admin.
    """
    set_permission(call.site, call.caller, _target(repoid), Subject(userid.username, user_id=userid.id), None)
    msg = f"Revoked perm for user: `{userid.username}` in repo: `{repoid.name}`"
    return {"msg": msg, "success": True}


@registry.method(
    failure="failed to edit permission for user group: `{usergroupid}` in repo: `{repoid}`",
    aliases=("grant_users_group_permission",),
    renamed=_OLD_GROUP,
)
def grant_user_group_permission(
    call: Call, repoid: AdministeredRepository, usergroupid: ReadableUserGroup, perm: Word
) -> dict[str, Any]:
    """Give the members of a user group a permission on a repository, replacing the one they have.

    Needs repository.admin, and usergroup.read on the user group.
    """
    level = parse_permission(perm, Scope.REPOSITORY)
    subject = Subject(usergroupid.name, group_id=usergroupid.id)
    set_permission(call.site, call.caller, _target(repoid), subject, level)
    msg = f"Granted perm: `{perm}` for group: `{usergroupid.name}` in repo: `{repoid.name}`"
    return {"msg": msg, "success": True}


@registry.method(
    failure="failed to edit permission for user group: `{usergroupid}` in repo: `{repoid}`",
    aliases=("revoke_users_group_permission",),
    renamed=_OLD_GROUP,
)
def revoke_user_group_permission(
    call: Call, repoid: AdministeredRepository, usergroupid: ReadableUserGroup
) -> dict[str, Any]:
    """Take the permission of a user group on a repository away.

    Needs repository.admin, and usergroup.read on the user group.
    """
    subject = Subject(usergroupid.name, group_id=usergroupid.id)
    set_permission(call.site, call.caller, _target(repoid), subject, None)
    msg = f"Revoked perm for group: `{usergroupid.name}` in repo: `{repoid.name}`"
    return {"msg": msg, "success": True}
