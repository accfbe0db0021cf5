# SPDX-License-Identifier: GPL-3.0-or-later
"""Methods of the later line about comments on commits (api-reviews.md 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from trivium.api.arguments import AnyUser, Flag, List, Number, OwnUser, ReadableRepository, Word
from trivium.api.methods.registered import registry
from trivium.api.numbers import whole_number
from trivium.api.objects.reviews import comment_object
from trivium.api.registry import Call
from trivium.api.texts import Refusal, failing_as, shown
from trivium.errors import Busy, Invalid, StorageFull
from trivium.forge.accounts import users as accounts
from trivium.forge.repositories.finding import Repository
from trivium.forge.reviews import comment_changes
from trivium.forge.reviews import comments as reviews
from trivium.forge.reviews.recipients import recipients
from trivium.turns import Pace
from trivium.vcs.errors import UnknownRevision, VcsError

_MOST_RECIPIENTS: Final = 100


def _check_kind(given: Any) -> None:
    if given not in reviews.KINDS:
        raise Refusal(f"comment_type must be one of {','.join(reviews.KINDS)}")


def _comment_failed(given: Mapping[str, Any]) -> str:
    return f"failed to set comment on repository `{shown(given['repoid'])}`"


def _reading_failed(given: Mapping[str, Any]) -> str:
    return f"failed to get comments of repository `{shown(given['repoid'])}`"


@registry.method(failure=_comment_failed, pace=Pace.LONG)
def comment_commit(
    call: Call,
    repoid: ReadableRepository,
    commit_id: Word,
    message: Word,
    status: Word = None,
    comment_type: Word = "note",
    resolves_comment_id: Number = None,
    extra_recipients: List = None,
    userid: OwnUser | None = None,
    send_email: Flag = True,
    filepath: Word = None,
    lineno: Number = None,
) -> dict[str, Any]:
    """Comment on a commit, and with `status` vote on it: not_reviewed, approved, rejected or under_review.

    Needs repository.read; only super-admins comment as somebody else. `comment_type` is note or todo; a todo is open
    until a comment resolves it, which names it as `resolves_comment_id`. With `filepath` and `lineno` the comment
    stands beside a line: `n12` on the new side, `o12` on the old. `extra_recipients` are users who should hear of it;
    those who may not read the repository are dropped, the others noted in the journal and told in `recipients`.
    By mail those hear of it, and the commit's author and who commented on it before, unless `send_email` is false.
    """
    name = repoid.name
    if status is not None and status not in reviews.STATUSES:
        raise Refusal(f"Bad status, must be on of {list(reviews.STATUSES)} got {shown(status)}")
    _check_kind(comment_type)
    told = _recipients(call, repoid, extra_recipients)
    with failing_as(f"failed to set comment on repository `{name}`", Invalid, Busy, StorageFull, VcsError):
        if not isinstance(commit_id, str) or not isinstance(message, str):
            raise Invalid("a text is expected")
        place = reviews.place_of(filepath, lineno)
        raw_id = call.history.read(repoid, lambda snapshot: snapshot.resolve(commit_id))
        with call.site.store.read() as db:
            author = userid or accounts.by_id(db, call.caller.user_id)
        unsolved = f"Comment `{shown(resolves_comment_id)}` is not an open todo of commit `{raw_id}`"
        with failing_as(unsolved, reviews.NotAnOpenTodo):
            comment_id = reviews.comment(
                call.site,
                call.caller,
                repoid,
                raw_id,
                author,
                message,
                status,
                kind=comment_type,
                place=place,
                resolves=_todo(resolves_comment_id),
                recipients=told,
                mail=send_email,
            )
    answer = {
        "msg": f"Commented on commit `{raw_id}` for repository `{name}`",
        "status_change": status,
        "success": True,
        "comment_id": comment_id,
    }
    return answer | ({"recipients": told} if told else {})


def _todo(given: Any) -> int | None:
    if given is None:
        return None
    try:
        return whole_number(given, "resolves_comment_id")
    except Invalid as error:
        raise reviews.NotAnOpenTodo(str(error)) from error


def _recipients(call: Call, repository: Repository, given: Any) -> list[str]:
    """Those of the named users who may read the repository; `given` is a list, or a text with commas."""
    if isinstance(given, str):
        given = [one.strip() for one in given.split(",", _MOST_RECIPIENTS) if one.strip()]
    if given is None:
        return []
    if not isinstance(given, list) or len(given) > _MOST_RECIPIENTS:
        raise Refusal(f"extra_recipients must be a list of at most {_MOST_RECIPIENTS} users")
    with call.site.store.read() as db:
        return recipients(db, repository, given)


@registry.method(failure=_reading_failed, pace=Pace.LONG)
def get_repo_comments(
    call: Call,
    repoid: ReadableRepository,
    commit_id: Word = None,
    comment_type: Word = None,
    userid: AnyUser | None = None,
    after: Number = None,
) -> list[Any]:
    """The comments on commits of a repository, oldest first.

    Needs repository.read. `commit_id`, `comment_type` (note or todo) and `userid` narrow them down. A list that is cut
    by the server's limit (max_api_items) goes on `after` the id of its last comment.
    """
    if comment_type is not None:
        _check_kind(comment_type)
    if commit_id is not None and not isinstance(commit_id, str):
        raise Refusal("commit_id must be a string value")
    with failing_as("after must be the id of a comment", Invalid):
        start = 0 if after is None else whole_number(after, "after")
    raw_id = None
    if commit_id is not None:
        with failing_as(f"Commit `{commit_id}` does not exist in repository `{repoid.name}`", UnknownRevision):
            raw_id = call.history.read(repoid, lambda snapshot: snapshot.resolve(commit_id))
    with call.site.store.read() as db:
        found = reviews.comments(
            db,
            repoid,
            limit=call.site.settings.max_api_items,
            most_bytes=call.site.settings.max_api_answer,
            raw_id=raw_id,
            kind=comment_type,
            author=userid,
            after=start,
        )
    return [comment_object(comment) for comment in found]


@registry.method(failure="failed to edit comment `{comment_id}`")
def edit_comment(call: Call, comment_id: Number, message: Word) -> dict[str, Any]:
    """Give a comment on a commit another text.

    Its author may call it. The files that the new text links to are those of the comment from now on, see
    `file_store_add`.
    """
    with call.site.store.read() as db:
        found = comment_changes.find(db, call.caller, comment_id)
    comment_changes.check_may_edit(call.caller, found)
    with failing_as(f"failed to edit comment `{found.comment.id}`", Invalid, Busy):
        if not isinstance(message, str):
            raise Invalid("a text is expected")
        return comment_object(comment_changes.edit(call.site, call.caller, found.comment.id, message))


@registry.method(failure="failed to delete comment `{comment_id}`")
def delete_comment(call: Call, comment_id: Number) -> dict[str, Any]:
    """Delete a comment on a commit, with the vote that came with it.

    Its author may call it, and whoever has repository.admin. One that another comment answers loses its text and its
    vote, and stays as `deleted` until the answer is deleted too.
    """
    with call.site.store.read() as db:
        found = comment_changes.find(db, call.caller, comment_id)
    comment_changes.check_may_delete(call.caller, found)
    with failing_as(f"failed to delete comment `{found.comment.id}`", Invalid, Busy):
        comment_changes.remove(call.site, call.caller, found.comment.id)
    return {"msg": f"Deleted comment `{found.comment.id}`", "success": True}
