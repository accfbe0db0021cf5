# SPDX-License-Identifier: GPL-3.0-or-later
"""One file of a branch is written, or removed, by a commit that the server makes.

The objects are durable before the branch moves, and until then nothing reaches them: a kill in between leaves what
housekeeping removes. The branch moves only from where its editor saw it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

import pygit2
from pygit2.enums import FileMode, ObjectType

from trivium.vcs.errors import HeadMoved, NotAccepted, NotPossible, UnknownPath, VcsError
from trivium.vcs.git.command import GitCommand
from trivium.vcs.git.objects import ZERO, open_repository, target_of
from trivium.vcs.git.reserved import is_dot_git
from trivium.vcs.paths import clean_path
from trivium.vcs.values import FileCommit, RefUpdate

# Of libgit2 as a whole; beside this only HEAD is ever written with it.
pygit2.settings.enable_fsync_gitdir(True)

_QUICKLY: Final = 1
"""How well what is only looked at is compressed."""
_FIRST: Final = 1_000
"""Before the repository's own objects."""


def made(command: GitCommand, path: Path, wanted: FileCommit) -> RefUpdate:
    """Make the commit, which nothing reaches yet; returns how its branch is to move.

    Git judges what is new as if it were pushed, before it is in the repository. Raises `HeadMoved`, `UnknownPath`,
    `NotAccepted`, `NotPossible` and `VcsError`.
    """
    name = f"refs/heads/{wanted.branch}"
    file = clean_path(wanted.path)
    if not file or any(map(is_dot_git, file.split("/"))):
        raise UnknownPath(file)
    most = command.max_object_bytes
    if most and len(wanted.content or b"") > most:
        raise NotAccepted(f"the file has {len(wanted.content or b'')} bytes, max_object_bytes is {most}")
    with (
        tempfile.TemporaryDirectory(prefix="trivium-") as aside,
        open_repository(path) as repository,
        open_repository(path) as building,
    ):
        if (target_of(repository, name) or ZERO) != wanted.parent:
            raise HeadMoved(wanted.branch)
        objects = Path(aside, "objects")
        _build_in(building, objects)
        parents = [] if wanted.parent == ZERO else [pygit2.Oid(hex=wanted.parent)]
        tree = building[parents[0]].peel(pygit2.Tree) if parents else None
        new = [] if wanted.content is None else [building.create_blob(wanted.content)]
        changed = _rewritten(building, tree, file.split("/"), new[0] if new else None, new)
        whole = changed if changed is not None else building.TreeBuilder().write()
        if tree is not None and whole == tree.id:
            raise NotPossible("the file is the same as before")
        who = pygit2.Signature(wanted.author, wanted.email)
        raw_id = building.create_commit(None, who, who, f"{wanted.message.rstrip()}\n", whole, parents)
        new = list(dict.fromkeys([*new, whole, raw_id]))
        command.judge(_packed(building, new, Path(aside)), objects, path)
        for one in new:
            kind, content, *_ = building.odb.read(one)
            repository.write(kind, content)
    return RefUpdate(name, wanted.parent, str(raw_id))


def _build_in(repository: pygit2.Repository, place: Path) -> None:
    """Have new objects written to another directory: what git does not take would be found as damage in its own."""
    place.mkdir()
    repository.odb.add_backend(pygit2.OdbBackendLoose(str(place), _QUICKLY, False), _FIRST)


def _packed(repository: pygit2.Repository, ids: list[pygit2.Oid], place: Path) -> Path:
    """A pack of some objects, in a directory."""

    def add(packing: pygit2.PackBuilder) -> None:
        for one in ids:
            packing.add(one)

    repository.pack(place, pack_delegate=add, n_threads=1)
    return next(place.glob("*.pack"))


def move(command: GitCommand, path: Path, update: RefUpdate) -> None:
    """Let a branch hold what was made; raises `HeadMoved` when it is not where it was any more, and `VcsError`."""
    try:
        command.run("update-ref", update.name, update.new, update.old, cwd=path)
    except VcsError:
        with open_repository(path) as repository:
            if (target_of(repository, update.name) or ZERO) != update.old:
                raise HeadMoved(update.name) from None
        raise


def _rewritten(
    repository: pygit2.Repository,
    tree: pygit2.Tree | None,
    segments: list[str],
    blob: pygit2.Oid | None,
    new: list[pygit2.Oid],
) -> pygit2.Oid | None:
    """A tree with another file at a path, which joins the `new`; None when nothing is left in it.

    No `blob`: the file is removed.
    """
    builder = repository.TreeBuilder(tree) if tree is not None else repository.TreeBuilder()
    name, rest = segments[0], segments[1:]
    entry = tree[name] if tree is not None and name in tree else None
    if rest:
        if entry is not None and entry.type != ObjectType.TREE:
            raise UnknownPath("/".join(segments))
        below = entry if isinstance(entry, pygit2.Tree) else None
        if below is None and blob is None:
            raise UnknownPath("/".join(segments))
        changed = _rewritten(repository, below, rest, blob, new)
        if changed is not None:
            builder.insert(name, changed, FileMode.TREE)
        else:
            builder.remove(name)
    elif blob is not None:
        if entry is not None and entry.type != ObjectType.BLOB:
            raise UnknownPath(name)
        mode = FileMode(entry.filemode) if entry is not None else FileMode.BLOB
        builder.insert(name, blob, FileMode.BLOB if mode == FileMode.LINK else mode)
    else:
        if entry is None or entry.type != ObjectType.BLOB:
            raise UnknownPath(name)
        builder.remove(name)
    if not len(builder):
        return None
    new.append(builder.write())
    return new[-1]
