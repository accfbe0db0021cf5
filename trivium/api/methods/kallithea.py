# SPDX-License-Identifier: GPL-3.0-or-later
"""Methods under the names, and in the shapes, that Kallithea's clients know (api-reviews.md 7)."""

from __future__ import annotations

import re
from typing import Any, Final

from trivium.api.arguments import Flag, Number, ReadableRepository, Word
from trivium.api.methods.registered import registry
from trivium.api.numbers import whole_number
from trivium.api.registry import Call
from trivium.api.texts import Refusal, failing_as
from trivium.errors import Invalid
from trivium.forge.history.asked import TooMany
from trivium.forge.history.reading import Details
from trivium.forge.history.selection import Selection, selected
from trivium.forge.reviews import comments as reviews
from trivium.forge.reviews.comments import Comment
from trivium.turns import Pace
from trivium.vcs.abilities import Lines
from trivium.vcs.errors import UnknownRevision, VcsError
from trivium.vcs.values import Changeset, FileChange

_FETCHING: Final = "Error occurred during commit fetching"
_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?(?:\.[0-9]{1,6})?)?")
_LISTS: Final = {"A": "added", "M": "changed", "D": "removed"}


@registry.method(failure=_FETCHING, pace=Pace.LONG)
def get_changesets(
    call: Call,
    repoid: ReadableRepository,
    start: Word = None,
    end: Word = None,
    start_date: Word = None,
    end_date: Word = None,
    branch_name: Word = None,
    reverse: Flag = False,
    with_file_list: Flag = False,
    max_revisions: Number = None,
) -> list[Any]:
    """Changesets of a repository from one to another, both included, oldest first or in `reverse`.

    Needs repository.read. The dates are ISO 8601, UTC; `branch_name` keeps those that are on a branch. At most
    `max_revisions` are told; `with_file_list` also which files each of them added, changed and removed. A method of
    Kallithea: `get_repo_changesets` is the documented one.
    """
    if branch_name is not None and call.site.back_ends[repoid.kind].abilities.lines is Lines.PATHS:
        raise Refusal(_FETCHING)
    with failing_as(_FETCHING, Invalid, VcsError):
        wanted = Selection(
            start=_text(start),
            end=_text(end),
            since=_moment(start_date, "0000-00-00T00:00:00"),
            until=_moment(end_date, "9999-99-99T99:99:99"),
            branch=_text(branch_name),
            reverse=reverse,
            count=None if max_revisions is None else whole_number(max_revisions, "max_revisions"),
        )
        try:
            found = selected(call.history, repoid, wanted, with_files=with_file_list)
        except TooMany as error:
            raise Refusal(f"{_FETCHING}: {error}") from None
    shown = [_shown(commit.changeset) | {"author": commit.changeset.author} for commit in found]
    if with_file_list:
        shown = [one | _files(commit.changes) for one, commit in zip(shown, found, strict=True)]
    return shown


def _text(given: Any) -> str | None:
    if given is not None and not isinstance(given, str):
        raise Invalid("a text is expected")
    return given or None


def _moment(given: Any, default: str) -> str:
    """A moment to compare with those of changesets."""
    if given is None or given == "":
        return default
    found = _MOMENT.fullmatch(given) if isinstance(given, str) else None
    if found is None:
        raise Invalid("a date is written as 2014-03-05 or 2014-03-05T13:25:46")
    return f"{found[1]}T{found[2] or '00:00'}{found[3] or ':00'}"


def _shown(changeset: Changeset) -> dict[str, Any]:
    return {
        "raw_id": changeset.raw_id,
        "short_id": changeset.short_id,
        "date": changeset.date,
        "message": changeset.message,
        "revision": changeset.revision,
    }


def _files(changes: tuple[FileChange, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {name: [] for name in _LISTS.values()}
    for change in changes:
        found[_LISTS[change.op]].append(change.path)
    return found


@registry.method(failure=_FETCHING, pace=Pace.LONG)
def get_changeset(
    call: Call,
    repoid: ReadableRepository,
    raw_id: Word,
    with_reviews: Flag = False,
    with_comments: Flag = False,
    with_inline_comments: Flag = False,
) -> dict[str, Any]:
    """One changeset of a repository, with the files that it added, changed and removed.

    Needs repository.read. On request also the votes on it, and what was said about it. A method of Kallithea:
    `get_repo_changeset` is the documented one.
    """
    if not isinstance(raw_id, str):
        raise Refusal("commit_id must be a string value")
    unknown = f"Commit `{raw_id}` does not exist in repository `{repoid.name}`"
    with failing_as(_FETCHING, VcsError), failing_as(unknown, UnknownRevision):
        commit = call.history.commit(repoid, raw_id, Details.EXTENDED)
    changeset = commit.changeset
    shown = _shown(changeset) | {"author": _person(changeset.author)} | _files(commit.changes)
    if not (with_reviews or with_comments or with_inline_comments):
        return shown
    settings = call.site.settings
    with call.site.store.read() as db:
        said = reviews.comments(
            db,
            repoid,
            limit=settings.max_api_items,
            most_bytes=settings.max_api_answer,
            raw_id=changeset.raw_id,
        )
    said = [comment for comment in said if not comment.deleted]
    if with_reviews:
        shown["reviews"] = _votes(said)
    if with_comments:
        shown["comments"] = [_said(comment) for comment in said if comment.place is None]
    if with_inline_comments:
        shown["inline_comments"] = [
            _said(comment) | {"f_path": comment.place.path, "line_no": comment.place.line}
            for comment in said
            if comment.place is not None
        ]
    return shown


def _person(author: str) -> dict[str, str]:
    """`Name <mail>` in its parts."""
    name, found, rest = author.partition("<")
    return {"name": name.strip() if found else author.strip(), "email": rest.partition(">")[0].strip()}


def _votes(said: list[Comment]) -> list[dict[str, Any]]:
    """The newest vote of each reviewer."""
    newest = {comment.author: comment for comment in said if comment.status is not None}
    return [
        {"reviewer": author, "modified_at": comment.created_on, "status": comment.status}
        for author, comment in newest.items()
    ]


def _said(comment: Comment) -> dict[str, Any]:
    return {
        "comment_id": comment.id,
        "username": comment.author,
        "text": comment.text,
        "created_on": comment.created_on,
    }
