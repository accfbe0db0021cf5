# SPDX-License-Identifier: GPL-3.0-or-later
"""What an address means, and what every page about files begins with: the way to it, and other revisions of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from trivium.forge.history.places import TIP, Place, place
from trivium.forge.history.reading import History, Moment
from trivium.forge.repositories.finding import Repository
from trivium.vcs.abilities import Lines
from trivium.vcs.errors import UnknownPath, UnknownRevision, VcsError
from trivium.vcs.pages import EntryKind
from trivium.vcs.values import Layout, Names
from trivium.web import ids
from trivium.web.answers import Refused
from trivium.web.showing.keeping import recalled
from trivium.web.urls import quoted, quoted_segment
from trivium.web.visit import RepositoryVisit

Read = Callable[[History, Repository, str, str, Moment], Place | None]
"""Finds out what is at a path of a revision, as `forge.history.places.place`."""

_MOST_NAMES: Final = 100
_LONGEST_NAME: Final = 1000
_OF_A_NAME: Final = 100
"""Characters that a name and its id are told in, about."""


class NoCommits(Exception):
    """The repository is empty."""


@dataclass(frozen=True, slots=True)
class Switch:
    """The names that a page can be looked at under."""

    branches: dict[str, str]
    bookmarks: dict[str, str]
    tags: dict[str, str]
    """Of each kind the first names, with the full ids of their commits."""
    more: bool
    """Whether there are others."""


@dataclass(frozen=True, slots=True)
class Name:
    """One of them, and its page."""

    kind: str
    name: str
    address: str
    current: bool = False


@dataclass(frozen=True, slots=True)
class Spot:
    """A place as the head of its page shows it."""

    place: Place
    crumbs: list[tuple[str, str]]
    """From the repository's root down to the place: name and address; the last one is the place itself."""
    kind: str
    """What the revision is called by: `branch`, `bookmark`, `tag` or `commit`."""
    shown: str
    """How it is called."""
    names: list[Name] = field(default_factory=list)
    more_names: bool = False
    lasting: str = ""
    """The address that never means anything else."""


def found(visit: RepositoryVisit, revision: str, path: str, read: Read = place) -> Place:
    """What is at a path of a revision; where nobody has asked for it, `read` finds it out.

    Raises `NoCommits`, `UnknownRevision`, and `Refused` where there is nothing, with the way to what is there now.
    """
    answer = _found(visit, revision, path, read)
    if answer is None:
        raise _absent(visit, revision, path)
    return answer


def file_at(visit: RepositoryVisit, revision: str, path: str, read: Read = place) -> Place:
    """The file at a path, as `found`; raises `Refused` where there is none."""
    try:
        place = found(visit, revision, path, read)
    except NoCommits:
        raise Refused(404, "This repository is empty.") from None
    if not place.is_file:
        raise Refused(404, "There is no file at this path in this revision.")
    return place


def _found(visit: RepositoryVisit, revision: str, path: str, read: Read = place) -> Place | None:
    """As `found`; None where there is nothing."""
    moment = visit.now()
    if len(revision) > _LONGEST_NAME:
        raise UnknownRevision(revision[:_LONGEST_NAME])

    def make() -> Place | None:
        return read(visit.history, visit.repository, revision, path, moment)

    try:
        answer = recalled(visit, "place", moment.key, visit.repository.landing_rev, revision, path, make=make)
    except UnknownPath:
        return None
    if answer is None:
        raise NoCommits
    return answer


def _absent(visit: RepositoryVisit, revision: str, path: str) -> Refused:
    links = []
    if revision not in ("", TIP):
        try:
            now = _found(visit, TIP, path)
        except (UnknownRevision, NoCommits):
            now = None
        if now is not None:
            links.append((address(visit, TIP, now.path), visit.text("What is there now")))
    links.append((address(visit, revision or TIP, ""), visit.text("All files of this revision")))
    return Refused(404, "There is nothing at this path in this revision.", values={"links": links})


def address(visit: RepositoryVisit, revision: str, path: str, page: str = "files") -> str:
    """The address of a page about something in the repository."""
    rest = f"/{quoted(path)}" if path else "" if page == "files" else "/"
    return f"{visit.root}/{page}/{quoted_segment(revision)}{rest}"


def spot(visit: RepositoryVisit, place: Place, page: str = "files") -> Spot:
    """The head of a place's page; `page` is the kind of page that other names lead to."""
    switch = switch_of(visit)
    crumbs = [(visit.repository.name.rpartition("/")[2], address(visit, place.name, ""))]
    above = ""
    for name in filter(None, place.path.split("/")):
        above = f"{above}/{name}" if above else name
        crumbs.append((name, address(visit, place.name, above, "files")))
    if visit.abilities.lines is Lines.PATHS:
        kind, shown, names = _of_paths(visit, place, switch, page)
    else:
        kind, shown, names = _of_names(visit, place, switch, page)
    return Spot(place, crumbs, kind, shown, names, switch.more, address(visit, place.raw_id, place.path, page))


def _of_names(visit: RepositoryVisit, place: Place, switch: Switch, page: str) -> tuple[str, str, list[Name]]:
    """How a revision is called, and what else is there, where names point at commits."""
    wanted = visit.query.get("at_rev", "") or place.name
    kinds = (("branch", switch.branches), ("bookmark", switch.bookmarks), ("tag", switch.tags))
    names = [
        Name(kind, name, address(visit, name, place.path, page), name == wanted)
        for kind, all_ in kinds
        for name in all_
    ]
    current = next((one for one in names if one.current), None)
    if current is not None:
        return current.kind, current.name, names
    if place.name == TIP:
        branch = next((name for name, raw_id in switch.branches.items() if raw_id == place.raw_id), None)
        if branch is not None:
            return "branch", branch, names
    if place.name in (place.raw_id, TIP) or place.raw_id.startswith(place.name.lower()):
        return "commit", short(visit, place), names
    return "commit", place.name, names


def _of_paths(visit: RepositoryVisit, place: Place, switch: Switch, page: str) -> tuple[str, str, list[Name]]:
    """The same where branches are directories: what is below the one at hand is looked for below the others."""
    kinds = (("branch", switch.branches), ("tag", switch.tags))
    lines = [(kind, name) for kind, all_ in kinds for name in all_]
    here = max(
        (name for _, name in lines if place.path == name or place.path.startswith(f"{name}/")), key=len, default=None
    )
    rest = place.path[len(here) + 1 :] if here is not None else ""
    names = [
        Name(kind, name, address(visit, TIP, f"{name}/{rest}" if rest else name, page), name == here)
        for kind, name in lines
    ]
    if here is not None and place.name == TIP:
        return next(kind for kind, name in lines if name == here), here, names
    return "commit", short(visit, place), names


def short(visit: RepositoryVisit, place: Place) -> str:
    """A commit's id as it is shown."""
    return ids.shown(visit.look, visit.abilities.numbers, place.raw_id, place.number)


def switch_of(visit: RepositoryVisit) -> Switch:
    """The names that pages can be looked at under."""
    return recalled(visit, "switch", visit.now().key, make=lambda: _switch(visit), length=_length)


def _length(switch: Switch) -> int:
    return _OF_A_NAME * sum(map(len, (switch.branches, switch.bookmarks, switch.tags)))


def _switch(visit: RepositoryVisit) -> Switch:
    try:
        names = visit.history.names(visit.repository, Layout())
    except VcsError:
        names = Names({}, {}, {})
    all_ = (names.branches, names.bookmarks, names.tags)
    branches, bookmarks, tags = ({name: one[name] for name in sorted(one)[:_MOST_NAMES] if name != TIP} for one in all_)
    return Switch(branches, bookmarks, tags, any(len(one) > _MOST_NAMES for one in all_))


def is_whole(place: Place) -> bool:
    """Whether the address names the commit by its full id, so that it never means anything else."""
    return place.name == place.raw_id


def kind_word(visit: RepositoryVisit, kind: EntryKind) -> str:
    """What a place is called."""
    match kind:
        case EntryKind.EXECUTABLE:
            return visit.text("Executable file")
        case EntryKind.SYMLINK:
            return visit.text("Symbolic link")
        case EntryKind.DIRECTORY:
            return visit.text("Directory")
        case EntryKind.LINK:
            return visit.text("Linked repository")
        case _:
            return visit.text("File")


def within(path: str) -> str | None:
    """A path without dots; None when it leads out of the place where it begins."""
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if not segments:
                return None
            segments.pop()
        elif segment not in ("", "."):
            segments.append(segment)
    return "/".join(segments)
