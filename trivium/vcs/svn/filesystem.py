# SPDX-License-Identifier: GPL-3.0-or-later
"""The file system in a Subversion repository, and its revisions.

The library opens a repository in 40 microseconds and keeps its reads in caches of the process, so nothing is pooled
here: an open repository whose directory was replaced would go on answering from the old one.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trivium.vcs.errors import VcsError
from trivium.vcs.texts import text_of
from trivium.vcs.values import Changeset, Parent, RefUpdate

_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", re.ASCII)


@contextlib.contextmanager
def open_filesystem(path: Path) -> Iterator[Any]:
    """The file system of the repository at `path`. Every error of libsvn, now or later, is a `VcsError`."""
    # Loaded at the first read of Subversion: a worker that serves none saves 15 MB.
    from subvertpy import SubversionException
    from subvertpy.repos import Repository

    try:
        yield Repository(str(path)).fs()
    except (SubversionException, OSError) as error:  # errors with a number of the system are OSError
        raise VcsError(f"the Subversion repository {path} cannot be read: {error}") from error


def youngest(filesystem: Any) -> int:
    return int(filesystem.youngest_revision())


def changeset_of(filesystem: Any, number: int) -> Changeset:
    """A revision as everybody sees it (api-repos.md 2.2)."""
    told = filesystem.revision_proplist(number).get
    raw_id = str(number)
    # By position: a list makes a hundred of these at once.
    return Changeset(
        raw_id,
        raw_id,
        number - 1,
        text_of(told("svn:author", b"")),
        _moment(text_of(told("svn:date", b""))),
        text_of(told("svn:log", b"")),
        (Parent(str(number - 1)),) if number > 1 else (),
        None,
    )


def _moment(date: str) -> str:
    """`svn:date` to the second, as the other systems have it; a revision may have lost it."""
    return date[:19] if _DATE.fullmatch(date) else "1970-01-01T00:00:00"


def revision_update(number: int) -> RefUpdate:
    """A commit, as a push reports it."""
    return RefUpdate("", str(number - 1), str(number))
