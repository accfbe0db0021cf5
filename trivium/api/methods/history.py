# SPDX-License-Identifier: GPL-3.0-or-later
"""Methods that read repositories: changesets and nodes (api-repos.md 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from trivium.api.arguments import Number, ReadableRepository, Word
from trivium.api.methods.registered import registry
from trivium.api.objects import commit_object, node_object
from trivium.api.registry import Call, Pace
from trivium.api.texts import Refusal, shown
from trivium.errors import Invalid
from trivium.forge.caches import RepositoryCache
from trivium.forge.history import Details, FileFacts, budget_of, facts_of
from trivium.forge.repositories import Repository
from trivium.vcs.budget import spending
from trivium.vcs.model import LARGEST_COMPARED, Node, Snapshot, UnknownRevision, VcsError
from trivium.vcs.paths import clean_path

_NOT_A_TEXT: Final = "commit_id must be a string value"
_FETCHING: Final = "Error occurred during commit fetching"
_NODE_TYPES: Final = ("all", "dirs", "files")
_NODE_DETAILS: Final = ("basic", "full")


def _details(given: Any) -> Details:
    if given not in tuple(Details):
        raise Refusal(f"ret_type must be one of {','.join(Details)}")
    return Details(given)


def _kept(call: Call, repository: Repository, key: object, make: Callable[[], object]) -> msgspec.Raw:
    """An answer from the repository's cache, or made and kept there."""
    cache = RepositoryCache(call.site, repository.id)
    content = cache.get(key)
    if content is None:
        with spending(lambda: budget_of(call.site.settings)) as budget:
            content = msgspec.json.encode(make())
        if not budget.cut:
            cache.put(key, content)
    return msgspec.Raw(content)


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
        return _kept(
            call,
            repoid,
            ("changeset", moment.key, revision, wanted),
            lambda: commit_object(call.history.commit(repoid, revision, wanted, moment), wanted),
        )
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

        def make() -> list[Any]:
            enough = most + 1 if count is None else min(count, most + 1)
            commits = call.history.commits(repoid, start_rev, enough, wanted, moment)
            if len(commits) > most:
                raise Refusal(f"{_FETCHING}: more than {most} changesets at once (max_api_items)")
            return [commit_object(commit, wanted) for commit in commits]

        return _kept(call, repoid, ("changesets", moment.key, start_rev, count, wanted), make)
    except VcsError as error:
        raise Refusal(_FETCHING) from error


def _limit(given: Any) -> int | None:
    """The number of an argument; None for -1, which means all."""
    if isinstance(given, str) and given.removeprefix("-").isascii() and given.removeprefix("-").isdigit():
        given = int(given[:12])
    if not isinstance(given, int) or isinstance(given, bool):
        raise Refusal(_FETCHING)
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
        return _kept(
            call,
            repoid,
            key,
            lambda: list(_described(call, snapshot, snapshot.nodes(raw_id, path), ret_type, details == "full", most)),
        )

    try:
        return call.history.read(repoid, look)
    except (VcsError, Invalid) as error:
        raise Refusal(failure) from error


def _described(
    call: Call, snapshot: Snapshot, nodes: list[Node], wanted: str, with_content: bool, most: int | None
) -> Iterator[Any]:
    """Nodes as the answer shows them; the contents of one answer are bounded together."""
    settings = call.site.settings
    left = settings.max_api_answer
    shown = [node for node in nodes if wanted == "all" or (node.kind == "dir") == (wanted == "dirs")]
    contents = snapshot.contents([node for node in shown if node.kind == "file"], LARGEST_COMPARED)
    for node in shown:
        facts: FileFacts | None = None
        if node.kind == "file":
            found = next(contents)
            fits = found.size <= min(left, settings.max_api_file) and (most is None or found.size <= most)
            facts = facts_of(found, with_content=with_content and fits)
            left -= len(facts.content or "")
        yield node_object(node, facts, with_content=with_content)
