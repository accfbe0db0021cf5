# SPDX-License-Identifier: GPL-3.0-or-later
"""Links to other repositories: to which of those that are hosted here, if the visitor may read it (web.md 2.2)."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote, urlsplit

from trivium.access.levels import Level
from trivium.forge.repositories.finding import Repository, find, readable_among
from trivium.names import MAX_DEPTH
from trivium.vcs.abilities import Links
from trivium.vcs.pages import TreeEntry
from trivium.web.showing.places import within
from trivium.web.urls import quoted, quoted_segment
from trivium.web.visit import RepositoryVisit

_MOST: Final = 100
"""Links of one page that are looked up."""
_SAVED: Final = frozenset({"http", "https", "ssh", "git", "svn", "svn+ssh"})


def hosted(visit: RepositoryVisit, entries: Iterable[TreeEntry]) -> dict[str, str]:
    """Path of a link → address of the page that it leads to here; others are left out. One statement for all."""
    wanted: dict[str, tuple[TreeEntry, list[tuple[str, str]]]] = {}
    for entry in entries:
        candidates = _candidates(visit, visit.repository.name, entry)
        if candidates and len(wanted) < _MOST:
            wanted[entry.path] = entry, candidates
    if not wanted:
        return {}
    names = {name for _, candidates in wanted.values() for name, _ in candidates}
    readable = visit.ask(readable_among, names)
    found = {}
    for path, (entry, candidates) in wanted.items():
        for name, rest in candidates:
            if name in readable:
                found[path] = _page(visit, entry, name, rest)
                break
    return found


def repositories(visit: RepositoryVisit, own: Repository, entries: Iterable[TreeEntry]) -> dict[str, Repository]:
    """Path of a link in a repository → the repository of the same system here that it leads to, if it may be read."""
    wanted: dict[str, list[str]] = {}
    for entry in entries:
        if len(wanted) < _MOST:
            wanted[entry.path] = [name for name, rest in _candidates(visit, own.name, entry) if not rest]
    names = {name for each in wanted.values() for name in each}
    if not names:
        return {}
    with visit.site.store.read() as db:
        readable = {
            name: find(db, visit.caller, name, Level.READ) for name in sorted(readable_among(db, visit.caller, names))
        }
    leads = {path: next((readable[name] for name in each if name in readable), None) for path, each in wanted.items()}
    return {path: found for path, found in leads.items() if found is not None and found.kind == own.kind}


def _page(visit: RepositoryVisit, entry: TreeEntry, name: str, rest: str) -> str:
    root = visit.urls.repository(name)
    if not entry.id and not rest:
        return root
    return f"{root}/files/{quoted_segment(entry.id or 'tip')}{'/' + quoted(rest) if rest else ''}"


def _candidates(visit: RepositoryVisit, own: str, entry: TreeEntry) -> list[tuple[str, str]]:
    """The repositories that an address may lead to, the shortest name first, each with the path in it."""
    path = _path_here(visit, own, entry)
    if path is None:
        return []
    segments = [segment for segment in path.split("/") if segment]
    found = []
    for count in range(1, min(len(segments), MAX_DEPTH) + 1):
        name, rest = "/".join(segments[:count]), "/".join(segments[count:])
        found.append((name, rest))
        ending = visit.abilities.ending
        if ending and name.endswith(ending):
            found.append((name.removesuffix(ending), rest))
    return found


def _path_here(visit: RepositoryVisit, own: str, entry: TreeEntry) -> str | None:
    """The path that an address in the repository `own` has below this site; None for the address of another."""
    target = entry.target
    if not target or "\\" in target:
        return None
    above = visit.asked.root
    if target.startswith("^/"):
        return within(f"{own}/{target[2:]}")
    try:
        parts = urlsplit(target)
        host = urlsplit(visit.urls.origin).hostname
    except ValueError:
        return None
    path = unquote(parts.path)
    if parts.scheme or target.startswith("//"):
        if parts.hostname != host or (parts.scheme and parts.scheme not in _SAVED):
            return None
    elif not path.startswith("/"):
        # Git and Mercurial read it from the repository's own address, Subversion from the directory that it is in.
        start = f"{own}/{posixpath.dirname(entry.path)}" if visit.abilities.links is Links.EXTERNALS else own
        return within(f"{start}/{path}")
    if above and not path.startswith(f"{above}/"):
        return None
    return within(path[len(above) :])
