# SPDX-License-Identifier: GPL-3.0-or-later
"""Methods of the later line that read repositories: names, single files, trees for a search (api-reviews.md 5)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from trivium.api.arguments import Flag, Number, ReadableRepository, Word
from trivium.api.methods.registered import registry
from trivium.api.numbers import whole_number
from trivium.api.objects.history import names_object
from trivium.api.registry import Call
from trivium.api.texts import Refusal, failing_as, shown
from trivium.errors import Invalid
from trivium.forge.history import asked
from trivium.forge.history.asked import Form
from trivium.forge.history.contents import FileFacts, facts_of
from trivium.forge.history.reading import FileAt, extension_of, mimetype_of
from trivium.forge.repositories import settings as repository_settings
from trivium.forge.repositories.finding import Repository
from trivium.turns import Pace
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

    def where(snapshot: Snapshot) -> tuple[str, str]:
        raw_id = snapshot.resolve(commit_id)
        return raw_id, _path(file_path)

    missing = f"File `{shown(file_path)}` does not exist at commit `{commit_id}`"
    with _unknown_commit(repoid, commit_id), failing_as(missing, UnknownPath):
        return _file_object(call.history.file(repoid, where), details, encoding, most)


def _unknown_commit(repository: Repository, given: object) -> Any:
    return failing_as(f"Commit `{shown(given)}` does not exist in repository `{repository.name}`", UnknownRevision)


def _path(given: Any) -> str:
    if not isinstance(given, str):
        raise UnknownPath(str(type(given)))
    return clean_path(given)


def _file_object(file: FileAt, details: str, encoding: str, most: int | None) -> dict[str, Any]:
    node, content = file.node, file.content
    facts = facts_of(content, with_content=False)
    found: dict[str, Any] = {
        "name": node.path.rpartition("/")[2],
        "type": "file",
        "binary": facts.binary,
        "size": facts.size,
        "extension": extension_of(node.path),
        "mimetype": mimetype_of(node.path, binary=facts.binary is not False),
        "path": node.path,
        "commit_id": file.raw_id,
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

    def where(snapshot: Snapshot) -> tuple[str, str]:
        if not isinstance(commit_id, str):
            raise Invalid(_NOT_A_TEXT)
        return snapshot.resolve(commit_id), _path(root_path)

    with failing_as(f"failed to get repo: `{repoid.name}` nodes", VcsError, Invalid):
        return asked.files(call.history, repoid, where, _TREE_FILE)


def _tree_file_object(node: Node, facts: FileFacts) -> dict[str, Any]:
    return {
        "name": node.path,
        "type": "file",
        "size": facts.size,
        "binary": facts.binary,
        "extension": extension_of(node.path),
        "md5": facts.md5,
    }


_TREE_FILE: Final = Form("api file of a tree", _tree_file_object)
