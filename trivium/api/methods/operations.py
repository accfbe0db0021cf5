# SPDX-License-Identifier: GPL-3.0-or-later
"""Methods that work on whole repositories: fork, pull, strip, comment, caches (api-repos.md 4, 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trivium.api.arguments import AdministeredRepository, Flag, OwnUser, ReadableRepository, Someone, Text, Word
from trivium.api.methods.registered import registry
from trivium.api.objects.repositories import repository_objects
from trivium.api.objects.users import known_to
from trivium.api.registry import Call
from trivium.api.texts import Refusal, failing_as, shown, shown_path
from trivium.errors import Busy, Invalid, Locked, StorageFull
from trivium.forge.accounts import users as accounts
from trivium.forge.history import strips
from trivium.forge.pushes import from_remotes
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories import queued, viewing
from trivium.forge.repositories import user_locks as locks
from trivium.forge.repositories.requests import ForkRequest
from trivium.forge.reviews import comments as reviews
from trivium.forge.upkeep import maintenance
from trivium.turns import Pace
from trivium.vcs.errors import VcsError


def _fork_failed(given: Mapping[str, Any]) -> str:
    return f"failed to fork repository `{shown(given['repoid'])}` as `{shown_path(given['fork_name'])}`"


@registry.method(failure=_fork_failed, pace=Pace.WAITING)
def fork_repo(
    call: Call,
    repoid: ReadableRepository,
    fork_name: Text,
    owner: Someone = None,
    description: Text = "",
    copy_permissions: Flag = False,
    private: Flag | None = None,
    landing_rev: Text = "rev:tip",
) -> dict[str, Any]:
    """Make an independent copy of a repository with its whole history.

    Needs the permission to fork, repository.read on the source, and the right to create the target as in `create_repo`.
    Only super-admins choose another owner. A fork of a private repository is private, unless somebody who
    administers the source says `private` false. `task` is null, and the fork is there when the answer comes; but where
    the server sends long work to a queue, it is the id of the Celery task that makes it, as in `create_repo`.
    """
    asked = ForkRequest(
        name=fork_name,
        owner=owner,
        description=description,
        copy_permissions=copy_permissions,
        private=private,
        landing_rev=landing_rev,
    )
    with failing_as(
        f"failed to fork repository `{repoid.name}` as `{shown_path(fork_name)}`", Invalid, Busy, StorageFull, VcsError
    ):
        made = queued.fork(call.site, call.caller, repoid, asked)
    return {"msg": f"Created fork of `{repoid.name}` as `{made.name}`", "success": True, "task": made.task}


@registry.method(pace=Pace.WAITING)
def pull(call: Call, repoid: AdministeredRepository) -> dict[str, Any]:
    """Fetch what is new at the address that the repository was imported from.

    Needs repository.admin. All branches and tags are set to where the remote has them; none is deleted.
    """
    with failing_as(f"Unable to pull changes from `{repoid.name}`", Invalid, Locked, Busy, StorageFull, VcsError):
        from_remotes.pull(call.site, call.caller, repoid)
    return {"msg": f"Pulled from `{repoid.name}`", "repository": repoid.name}


@registry.method(pace=Pace.WAITING)
def strip(call: Call, repoid: AdministeredRepository, revision: Word, branch: Word) -> dict[str, Any]:
    """Remove a commit, and what follows it on a branch.

    Needs repository.admin. Other branches and tags that have the commit keep it. What is removed is kept in a bundle in
    the server's trash.
    """
    with failing_as(
        f"Unable to strip commit {shown(revision)} from repo `{repoid.name}`",
        *(Invalid, Locked, Busy, StorageFull, VcsError),
    ):
        if not isinstance(revision, str) or not isinstance(branch, str):
            raise Invalid("a text is expected")
        strips.strip(call.site, call.history, call.caller, repoid, revision, branch)
    return {"msg": f"Stripped commit {revision} from repo `{repoid.name}`", "repository": repoid.name}


@registry.method(pace=Pace.LONG)
def changeset_comment(
    call: Call,
    repoid: AdministeredRepository,
    revision: Word,
    message: Word,
    userid: OwnUser | None = None,
    status: Word = None,
) -> dict[str, Any]:
    """Comment on a commit, and with `status` vote on it: not_reviewed, approved, rejected or under_review.

    Needs repository.admin; only super-admins comment as somebody else.
    """
    if status is not None and status not in reviews.STATUSES:
        raise Refusal(f"Bad status, must be on of {list(reviews.STATUSES)} got {shown(status)}")
    with failing_as(f"failed to set comment on repository `{repoid.name}`", Invalid, Busy, StorageFull, VcsError):
        if not isinstance(revision, str) or not isinstance(message, str):
            raise Invalid("a text is expected")
        raw_id = call.history.read(repoid, lambda snapshot: snapshot.resolve(revision))
        with call.site.store.read() as db:
            author = userid or accounts.by_id(db, call.caller.user_id)
        reviews.comment(call.site, call.caller, repoid, raw_id, author, message, status)
    return {
        "msg": f"Commented on revision `{raw_id}` for repo `{repoid.name}`",
        "status_change": status,
        "success": True,
    }


def _lock_failed(given: Mapping[str, Any]) -> str:
    return f"Error occurred locking repository `{shown(given['repoid'])}`"


@registry.method(failure=_lock_failed)
def lock(
    call: Call, repoid: AdministeredRepository, locked: Flag | None = None, userid: OwnUser | None = None
) -> dict[str, Any]:
    """Lock a repository for a user, unlock it, or without `locked` say whether it is locked.

    Needs repository.admin; only super-admins lock for somebody else. A lock refuses every pull, and every push but the
    holder's.
    """
    name = repoid.name
    if locked is None:
        msg = f"Repo `{name}` not locked."
        if repoid.locked_by is not None:
            msg = f"Repo `{name}` locked by `{repoid.locked_by}` on `{locks.locked_date(repoid)}`."
        return {
            "repo": name,
            "locked": repoid.locked_by is not None,
            "locked_since": repoid.locked_on,
            "locked_by": repoid.locked_by,
            "lock_reason": repoid.lock_reason,
            "lock_state_changed": False,
            "msg": msg,
        }
    with call.site.store.read() as db:
        holder = userid or accounts.by_id(db, call.caller.user_id)
    with failing_as(f"Error occurred locking repository `{name}`", Invalid, Busy):
        present = locks.set_lock(call.site, call.caller, repoid, holder, locked=locked)
    return {
        "repo": name,
        "locked": locked,
        "locked_since": present.locked_on,
        "locked_by": holder.username,
        "lock_reason": str(locks.LockReason.API),
        "lock_state_changed": True,
        "msg": f"User `{holder.username}` set lock state for repo `{name}` to `{locked}`",
    }


@registry.method()
def get_locks(call: Call, userid: OwnUser | None = None) -> list[Any]:
    """The repositories that a user holds locked, as in `get_repos`.

    Everybody may ask for their own; super-admins for anybody's.
    """
    holder_id = userid.id if userid else call.caller.user_id
    with call.site.store.read() as db:
        listed = viewing.listed(db, repositories.locked_by(db, call.caller, holder_id))
    return repository_objects(listed, call.base_url, known_to(call.caller))


@registry.method(failure="Error occurred during cache invalidation action", pace=Pace.LONG)
def invalidate_cache(call: Call, repoid: AdministeredRepository, delete_keys: Flag = False) -> dict[str, Any]:  # noqa: ARG001
    """Forget what is kept about a repository to answer faster.

    Needs repository.admin. What is kept is never wrong; `delete_keys` makes no difference.
    """
    maintenance.invalidate_cache(call.site, call.caller, repoid)
    return {"msg": f"Cache for repository `{repoid.name}` was invalidated", "repository": repoid.name}
