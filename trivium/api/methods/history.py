# SPDX-License-Identifier: GPL-3.0-or-later
"""Methods that read repositories: changesets and nodes (api-repos.md 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from trivium.api.arguments import Number, ReadableRepository, Word
from trivium.api.methods.registered import registry
from trivium.api.objects.history import commit_object, node_object
from trivium.api.registry import Call
from trivium.api.texts import Refusal, failing_as, shown
from trivium.errors import Invalid
from trivium.forge.history import asked
from trivium.forge.history.asked import Entries, Form, TooMany
from trivium.forge.history.reading import Details
from trivium.turns import Pace
from trivium.vcs.errors import UnknownRevision, VcsError
from trivium.vcs.model import Snapshot
from trivium.vcs.paths import clean_path

_NOT_A_TEXT: Final = "commit_id must be a string value"
_FETCHING: Final = "Error occurred during commit fetching"
_NODE_DETAILS: Final = ("basic", "full")
_COMMIT: Final = Form("api commit", commit_object)
_NODE: Final = Form("api node", node_object)


def _details(given: Any) -> Details:
    if given not in tuple(Details):
        raise Refusal(f"ret_type must be one of {','.join(Details)}")
    return Details(given)


@registry.method(pace=Pace.LONG)
def get_repo_changeset(call: Call, repoid: ReadableRepository, revision: Word, details: Word = "basic") -> Any:
    """One changeset of a repository.

    Needs repository.read. `revision` is an id, the beginning of one, a position in the list of commits, a branch, a
    tag, or `tip`. `details` is basic, extended (with the files that it touched) or full (with their diffs).
    """
    wanted = _details(details)
    if not isinstance(revision, str):
        raise Refusal(_NOT_A_TEXT)
    try:
        return asked.changeset(call.history, repoid, revision, wanted, _COMMIT)
    except UnknownRevision as error:
        raise Refusal(f"Commit `{revision}` does not exist in repository `{repoid.name}`") from error
    except VcsError as error:
        raise Refusal(_FETCHING) from error


@registry.method(pace=Pace.LONG)
def get_repo_changesets(
    call: Call, repoid: ReadableRepository, start_rev: Word, limit: Number, details: Word = "basic"
) -> Any:
    """Changesets of a repository from one on, oldest first, over all branches.

    Needs repository.read. At most `limit` of them; -1 means all. Each is what `get_repo_changeset` shows.
    """
    wanted = _details(details)
    if not isinstance(start_rev, str):
        raise Refusal(_NOT_A_TEXT)
    count = _limit(limit)
    if count is not None and count <= 0:
        return []
    try:
        return asked.changesets(call.history, repoid, start_rev, count, wanted, _COMMIT)
    except TooMany as error:
        raise Refusal(f"{_FETCHING}: {error}") from None
    except VcsError as error:
        raise Refusal(_FETCHING) from error


def _limit(given: Any) -> int | None:
    """The number of an argument; None for -1, which means all."""
    if isinstance(given, str) and given.removeprefix("-").isascii() and given.removeprefix("-").isdigit():
        given = int(given[:12])
    if not isinstance(given, int) or isinstance(given, bool):
        raise Refusal(_FETCHING, "limit is a whole number, -1 for all")
    return None if given == -1 else given


def _nodes_failed(given: Mapping[str, Any]) -> str:
    return f"failed to get repo: `{shown(given['repoid'])}` nodes"


@registry.method(failure=_nodes_failed, pace=Pace.LONG)
def get_repo_nodes(
    call: Call,
    repoid: ReadableRepository,
    revision: Word,
    root_path: Word,
    ret_type: Word = "all",
    details: Word = "basic",
    max_file_bytes: Number = None,
) -> Any:
    """Everything below a directory of a repository at a revision: a flat list, directories first.

    Needs repository.read. `ret_type` is all, dirs or files; `details` full adds the content of text files, up to
    `max_file_bytes` each if that is given.
    """
    if ret_type not in tuple(Entries):
        raise Refusal(f"ret_type must be one of {','.join(Entries)}")
    if details not in _NODE_DETAILS:
        raise Refusal(f"ret_type must be one of {','.join(_NODE_DETAILS)}")
    most = max_file_bytes if isinstance(max_file_bytes, int) and not isinstance(max_file_bytes, bool) else None
    failure = f"failed to get repo: `{repoid.name}` nodes"

    def where(snapshot: Snapshot) -> tuple[str, str]:
        if not isinstance(revision, str) or not isinstance(root_path, str):
            raise Invalid("a text is expected")
        path = clean_path(root_path)
        return snapshot.resolve(revision), path

    with failing_as(failure, VcsError, Invalid):
        return asked.nodes(
            call.history, repoid, where, Entries(ret_type), _NODE, with_content=details == "full", most=most
        )
