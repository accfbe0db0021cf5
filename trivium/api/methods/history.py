# SPDX-License-Identifier: GPL-3.0-or-later
"""Methods that read repositories: changesets and nodes (api-repos.md 3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from trivium.api.arguments import Number, ReadableRepository, Word
from trivium.api.methods.registered import registry
from trivium.api.objects.history import commit_object, node_object
from trivium.api.registry import Call, Pace
from trivium.api.texts import Refusal, shown
from trivium.errors import Invalid
from trivium.forge.caches.answers import Draft
from trivium.forge.history.kept import kept
from trivium.forge.history.reading import Details
from trivium.forge.repositories.finding import Repository
from trivium.vcs.errors import UnknownRevision, VcsError
from trivium.vcs.model import Snapshot
from trivium.vcs.paths import clean_path
from trivium.vcs.values import Node

_NOT_A_TEXT: Final = "commit_id must be a string value"
_FETCHING: Final = "Error occurred during commit fetching"
_NODE_TYPES: Final = ("all", "dirs", "files")
_NODE_DETAILS: Final = ("basic", "full")


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
        moment = call.history.now(repoid)

        def make(draft: Draft) -> None:
            draft.write_value(commit_object(call.history.commit(repoid, revision, wanted, moment), wanted))

        return kept(call.site, repoid, ("changeset", moment.key, revision, wanted), make)
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
    most = call.site.settings.max_api_items
    if count is not None and count <= 0:
        return []
    try:
        moment = call.history.now(repoid)

        enough = most + 1 if count is None else min(count, most + 1)

        def make(draft: Draft) -> None:
            def look(snapshot: Snapshot) -> None:
                ids = snapshot.ids(snapshot.start(start_rev), enough)
                if len(ids) > most:
                    raise Refusal(f"{_FETCHING}: more than {most} changesets at once (max_api_items)")
                commits = call.history.described(repoid, snapshot, ids, wanted)
                draft.write_value(commit_object(commit, wanted) for commit in commits)

            call.history.read(repoid, look, moment)

        return kept(call.site, repoid, ("changesets", moment.key, start_rev, count, wanted), make)
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
    if ret_type not in _NODE_TYPES:
        raise Refusal(f"ret_type must be one of {','.join(_NODE_TYPES)}")
    if details not in _NODE_DETAILS:
        raise Refusal(f"ret_type must be one of {','.join(_NODE_DETAILS)}")
    most = max_file_bytes if isinstance(max_file_bytes, int) and not isinstance(max_file_bytes, bool) else None
    failure = f"failed to get repo: `{repoid.name}` nodes"

    def look(snapshot: Snapshot) -> Any:
        if snapshot.is_empty():
            return []
        if not isinstance(revision, str) or not isinstance(root_path, str):
            raise Invalid("a text is expected")
        path = clean_path(root_path)
        raw_id = snapshot.resolve(revision)
        key = ("nodes", raw_id, path, ret_type, details, most)

        def make(draft: Draft) -> None:
            nodes = snapshot.nodes(raw_id, path)
            draft.write_value(_described(call, repoid, snapshot, nodes, ret_type, details == "full", most))

        return kept(call.site, repoid, key, make)

    try:
        return call.history.read(repoid, look)
    except (VcsError, Invalid) as error:
        raise Refusal(failure) from error


def _described(
    call: Call,
    repository: Repository,
    snapshot: Snapshot,
    nodes: list[Node],
    wanted: str,
    with_content: bool,
    most: int | None,
) -> Iterator[Any]:
    """Nodes as the answer shows them; the contents of one answer are bounded together."""
    settings = call.site.settings
    left = settings.max_api_answer
    shown = [node for node in nodes if wanted == "all" or (node.kind == "dir") == (wanted == "dirs")]
    files = [node for node in shown if node.kind == "file"]
    told = call.history.entries(repository, snapshot, files, node_object, form="node", with_content=with_content)
    for node in shown:
        if node.kind != "file":
            nothing = {"content": None} if with_content else {}
            yield node_object(node, None) | nothing
            continue
        entry = next(told)
        if not with_content:
            yield entry.head
            continue
        fits = entry.size <= left and (most is None or entry.size <= most)
        left -= entry.length if fits else 0
        yield entry.shown(with_content=fits)
    next(told, None)
