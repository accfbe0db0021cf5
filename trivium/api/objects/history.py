# SPDX-License-Identifier: GPL-3.0-or-later
"""The history and the contents of repositories as answers show them (api-repos.md 2.3 to 2.5, api-reviews.md 5)."""

from __future__ import annotations

from typing import Any

import msgspec

from trivium.forge.history.contents import FileFacts
from trivium.forge.history.reading import Commit, Details, extension_of, mimetype_of
from trivium.vcs.values import FileChange, Names, Node

Json = dict[str, Any]


def commit_object(commit: Commit, details: Details) -> Json:
    """A commit with as much of its changes as was asked for (api-repos.md 2.3, 2.4)."""
    shown: Json = msgspec.structs.asdict(commit.changeset)
    shown["diff"] = list(map(_change_object, commit.changes))
    if details is Details.FULL and commit.refs is not None:
        shown["refs"] = {
            "branches": commit.refs.branches,
            "bookmarks": commit.refs.bookmarks,
            "tags": commit.refs.tags,
        }
    return shown


def _change_object(change: FileChange) -> Json:
    return {
        "filename": change.path,
        "op": change.op,
        "old_revision": change.old_revision,
        "new_revision": change.new_revision,
        "raw_diff": change.diff,
        "stats": {"added": change.added, "deleted": change.deleted, "binary": change.binary},
    }


def node_object(node: Node, facts: FileFacts | None) -> Json:
    """An entry of a tree (api-repos.md 2.5), but for its content; directories and submodules have no facts."""
    return {
        "name": node.path,
        "type": node.kind,
        "md5": facts.md5 if facts else None,
        "binary": facts.binary if facts else None,
        "size": facts.size if facts else None,
        "extension": extension_of(node.path) if facts else None,
        "mimetype": mimetype_of(node.path, binary=facts.binary) if facts else None,
        "lines": facts.lines if facts else None,
    }


def names_object(names: Names) -> Json:
    """All names of a repository (api-reviews.md 5)."""
    return {
        "bookmarks": names.bookmarks,
        "branches": names.branches,
        "branches_closed": names.closed,
        "tags": names.tags,
    }
