# SPDX-License-Identifier: GPL-3.0-or-later
"""Methods of the later line that read repositories: names, single files, trees for a search (api-reviews.md 5)."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any, Final

from trivium.api.arguments import Flag, Number, ReadableRepository, Word
from trivium.api.methods.registered import registry
from trivium.api.numbers import whole_number
from trivium.api.objects.history import names_object
from trivium.api.registry import Call, Pace
from trivium.api.texts import Refusal, failing_as, shown
from trivium.errors import Invalid
from trivium.forge.caches.answers import Draft
from trivium.forge.history.contents import facts_of
from trivium.forge.history.kept import kept
from trivium.forge.history.reading import extension_of, mimetype_of
from trivium.forge.repositories import settings as repository_settings
from trivium.forge.repositories.finding import Repository
from trivium.vcs.errors import UnknownPath, UnknownRevision, VcsError
from trivium.vcs.model import Snapshot
from trivium.vcs.paths import clean_path
from trivium.vcs.values import Content, Node

_DETAILS: Final = ("minimal", "basic", "full")
_ENCODINGS: Final = ("text", "base64")
_NOT_A_TEXT: Final = "commit_id must be a string value"


def _refs_failed(given: Mapping[str, Any]) -> str:
    return f"failed to get refs of repository `{shown(given['repoid'])}`"


@registry.method(failure=_refs_failed, pace=Pace.LONG)
def get_repo_refs(call: Call, repoid: ReadableRepository) -> dict[str, Any]:
    """All branches, closed branches, bookmarks and tags of a repository, each with the commit that it stands for.

    Needs repository.read. An annotated tag stands for the commit behind it. Of Subversion they are the paths that the
    settings `vcs_svn_branch` and `vcs_svn_tag` of the repository name, with the revision that last touched them.
    """
    with call.site.store.read() as db:
        layout = repository_settings.layout_of(db, repoid)
    return names_object(call.history.names(repoid, layout))


def _file_failed(given: Mapping[str, Any]) -> str:
    return f"failed to get file `{shown(given['file_path'])}` of repository `{shown(given['repoid'])}`"


@registry.method(failure=_file_failed, pace=Pace.LONG)
def get_repo_file(
    call: Call,
    repoid: ReadableRepository,
    commit_id: Word,
    file_path: Word,
    max_file_bytes: Number = None,
    details: Word = "basic",
    cache: Flag = True,  # noqa: ARG001
    encoding: Word = "text",
) -> dict[str, Any]:
    """One file of a repository at a commit.

    Needs repository.read. `details` is minimal, basic (also checksum and number of lines) or full (also the content).
    The content is null for binary files and for those larger than `max_file_bytes` or the server's limit; with
    `encoding` base64 it is given of any file. Of a file beyond the server's limit (max_api_file) only the size is told.
    """
    if details not in _DETAILS:
        raise Refusal(f"ret_type must be one of {','.join(_DETAILS)}")
    if encoding not in _ENCODINGS:
        raise Refusal(f"encoding must be one of {','.join(_ENCODINGS)}")
    most = None if max_file_bytes is None else whole_number(max_file_bytes, "max_file_bytes")
    if not isinstance(commit_id, str):
        raise Refusal(_NOT_A_TEXT)

    def look(snapshot: Snapshot) -> dict[str, Any]:
        raw_id = snapshot.resolve(commit_id)
        node = snapshot.file(raw_id, _path(file_path))
        found = next(snapshot.contents([node], call.site.settings.max_api_file))
        return _file_object(node, raw_id, found, details, encoding, most)

    missing = f"File `{shown(file_path)}` does not exist at commit `{commit_id}`"
    with _unknown_commit(repoid, commit_id), failing_as(missing, UnknownPath):
        return call.history.read(repoid, look)


def _unknown_commit(repository: Repository, given: object) -> Any:
    return failing_as(f"Commit `{shown(given)}` does not exist in repository `{repository.name}`", UnknownRevision)


def _path(given: Any) -> str:
    if not isinstance(given, str):
        raise UnknownPath(str(type(given)))
    return clean_path(given)


def _file_object(
    node: Node, raw_id: str, content: Content, details: str, encoding: str, most: int | None
) -> dict[str, Any]:
    facts = facts_of(content, with_content=False)
    found: dict[str, Any] = {
        "name": node.path.rpartition("/")[2],
        "type": "file",
        "binary": facts.binary,
        "size": facts.size,
        "extension": extension_of(node.path),
        "mimetype": mimetype_of(node.path, binary=facts.binary is not False),
        "path": node.path,
        "commit_id": raw_id,
    }
    if details != "minimal":
        found["md5"] = facts.md5
        found["lines"] = facts.lines
    if details == "full":
        fits = content.data is not None and (most is None or content.size <= most)
        found["content"] = _content(content, encoding) if fits else None
    return found


def _content(content: Content, encoding: str) -> str | None:
    if encoding == "base64":
        return base64.b64encode(content.data or b"").decode("ascii")
    return facts_of(content, with_content=True).content


@registry.method(pace=Pace.LONG)
def get_repo_fts_tree(call: Call, repoid: ReadableRepository, commit_id: Word, root_path: Word) -> Any:
    """All files below a directory of a repository, for whoever makes an index for searching.

    Needs repository.read. Checksums tell which files have changed since; they are null for files beyond the server's
    limit (max_api_file).
    """
    settings = call.site.settings
    failure = f"failed to get repo: `{repoid.name}` nodes"

    def look(snapshot: Snapshot) -> Any:
        if snapshot.is_empty():
            return []
        if not isinstance(commit_id, str):
            raise Invalid(_NOT_A_TEXT)
        raw_id, path = snapshot.resolve(commit_id), _path(root_path)

        def make(draft: Draft) -> None:
            nodes = [node for node in snapshot.nodes(raw_id, path) if node.kind == "file"]
            if len(nodes) > settings.max_api_nodes:
                raise Invalid(f"more than {settings.max_api_nodes} files at once (max_api_nodes)")
            draft.write_value(_described(call, repoid, snapshot, nodes))

        return kept(call.site, repoid, ("fts", raw_id, path), make)

    with failing_as(failure, VcsError, Invalid):
        return call.history.read(repoid, look)


def _described(call: Call, repository: Repository, snapshot: Snapshot, nodes: list[Node]) -> Iterator[dict[str, Any]]:
    """Files as the answer shows them."""
    most = call.site.settings.max_api_file
    told = call.history.facts(repository, snapshot, nodes, with_content=False)
    for node, facts in zip(nodes, told, strict=True):
        read = facts.size <= most
        yield {
            "name": node.path,
            "type": "file",
            "size": facts.size,
            "binary": facts.binary if read else None,
            "extension": extension_of(node.path),
            "md5": facts.md5 if read else None,
        }
