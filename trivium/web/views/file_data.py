# SPDX-License-Identifier: GPL-3.0-or-later
"""What scripts ask about files: other revisions, authors, all paths, last changes (system.md 2.3)."""

from __future__ import annotations

from trivium.access.levels import Level
from trivium.vcs.pages import EntryKind
from trivium.web.answers import Json, Part, Refused
from trivium.web.registering import view
from trivium.web.showing import authorship, directories
from trivium.web.showing.places import NoCommits, file_at, found
from trivium.web.visit import RepositoryVisit

_EMPTY = "This repository is empty."


@view("GET", "/{repository}/history/{revision}/{path*}", needs=Level.READ, word="FilesController:history")
def history(visit: RepositoryVisit, revision: str, path: str) -> Json:
    """The revisions in which a file can be looked at."""
    return Json(authorship.history(visit, file_at(visit, revision, path)))


@view("GET", "/{repository}/authors/{revision}/{path*}", needs=Level.READ, word="FilesController:authors")
def authors(visit: RepositoryVisit, revision: str, path: str) -> Part:
    """The people who changed a file."""
    return Part(authorship.authors(visit, file_at(visit, revision, path)).encode())


@view(
    "GET",
    "/{repository}/nodelist/{revision}",
    "/{repository}/nodelist/{revision}/{path*}",
    needs=Level.READ,
    word="FilesController:nodelist",
    script_only=True,
)
def nodelist(visit: RepositoryVisit, revision: str, path: str = "") -> Json:
    """All paths below a directory, for the file finder."""
    try:
        place = found(visit, revision, path)
    except NoCommits:
        return Json({"nodes": []})
    if place.kind is not EntryKind.DIRECTORY:
        raise Refused(404, "There is no directory at this path in this revision.")
    return Json(directories.finder(visit, place))


@view(
    "GET",
    "/{repository}/nodetree_full/{revision}",
    "/{repository}/nodetree_full/{revision}/{path*}",
    needs=Level.READ,
    word="FilesController:nodetree_full",
    script_only=True,
)
def nodetree_full(visit: RepositoryVisit, revision: str, path: str = "") -> Part:
    """The rows of a directory with their last changes, or the last change of a file: what pages do not wait for."""
    try:
        place = found(visit, revision, path)
    except NoCommits:
        raise Refused(404, _EMPTY) from None
    if place.kind is EntryKind.DIRECTORY:
        return Part(directories.directory(visit, place).rows.encode("utf-8", "surrogateescape"))
    if place.kind is EntryKind.LINK:
        return Part(b"")
    change = authorship.last_change(visit, place)
    return Part(authorship.change_line(visit, change).encode("utf-8", "surrogateescape") if change else b"")
