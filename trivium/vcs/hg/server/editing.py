# SPDX-License-Identifier: GPL-3.0-or-later
"""One file of a branch is written, or removed, by a changeset that the server makes."""

from __future__ import annotations

import time
from typing import Any

from mercurial import context, error, pathutil, phases
from mercurial.node import nullid

from trivium.vcs.errors import HeadMoved, NotPossible, UnknownPath
from trivium.vcs.hg.server.library import Watched, open_repository
from trivium.vcs.hg.server.objects import Repository


def commit(
    base: Any,
    target: int,
    *,
    branch: bytes,
    parent: bytes,
    path: bytes,
    content: bytes | None,
    user: bytes,
    message: bytes,
    publishes: bool,
) -> list[tuple[str, str, str]]:
    """Make the changeset; returns what moved. Raises `HeadMoved` when its parent is not a head of the branch."""
    repository = open_repository(base, target)
    if repository.svfs.exists(b"journal"):
        repository.recover()
    watched = Watched(repository)
    with repository.wlock(), repository.lock(), repository.transaction(b"commit") as transaction:
        if not _is_head(repository, branch, parent):
            raise HeadMoved(branch.decode("utf-8", "replace"))
        before = repository[parent] if parent != nullid else repository[nullid]
        old = before[path] if path in before else None  # noqa: SIM401  # a changeset has no `get`
        _check(before, path, old is not None, writes=content is not None)
        if old is not None and content is not None and old.data() == content:
            raise NotPossible("the file is the same as before")

        def file_of(_: Any, ctx: Any, name: bytes) -> Any:
            if content is None:
                return None
            executable = old is not None and b"x" in old.flags()
            return context.memfilectx(repository, ctx, name, content, islink=False, isexec=executable)

        made = context.memctx(
            repository,
            (parent, nullid),
            message,
            [path],
            file_of,
            user=user,
            date=(int(time.time()), 0),
            extra={b"branch": branch},
        )
        node = repository.commitctx(made)
        phase = phases.public if publishes else phases.draft
        phases.advanceboundary(repository, transaction, phase, [node])
    return watched.updates


def _is_head(repository: Repository, branch: bytes, parent: bytes) -> bool:
    if parent == nullid:
        return len(repository.changelog) == 0
    try:
        return parent in repository.branchmap().branchheads(branch)
    except KeyError:
        return False


def _check(before: Any, path: bytes, exists: bool, *, writes: bool) -> None:
    """Raise `UnknownPath` where no file can be, or none is to be removed."""
    try:
        pathutil.pathauditor(before.repo().root, realfs=False)(path)
    except error.Abort:
        raise UnknownPath(path.decode("utf-8", "replace")) from None
    above = path
    while b"/" in above:
        above = above.rpartition(b"/")[0]
        if above in before:
            raise UnknownPath(path.decode("utf-8", "replace"))
    if exists is False and (not writes or before.hasdir(path)):
        raise UnknownPath(path.decode("utf-8", "replace"))
