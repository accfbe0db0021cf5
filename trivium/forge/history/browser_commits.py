# SPDX-License-Identifier: GPL-3.0-or-later
"""Small changes of files that somebody makes in a browser (web.md 2.2): each is a push of one commit.

It is recorded before it begins and settled afterwards as a push is, so that the journal, its listeners, the caches and
the lock that users see hear of it in the same way. A kill in between leaves the branch where it was or where it should
be, and the next start journals which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.errors import Forbidden, Invalid
from trivium.forge.accounts import users as accounts
from trivium.forge.history.places import OF_SYSTEMS, TIP
from trivium.forge.history.reading import History
from trivium.forge.pushes import settling as pushes
from trivium.forge.pushes.settling import Push
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories import growth, user_locks
from trivium.forge.repositories.finding import Repository
from trivium.forge.repositories.settings import publishes
from trivium.forge.site import Site
from trivium.names import is_clean_text
from trivium.tree.kernel_locks import RepositoryLock
from trivium.vcs.abilities import Lines
from trivium.vcs.errors import HeadMoved, NotPossible, UnknownPath, UnknownRevision
from trivium.vcs.model import Snapshot
from trivium.vcs.values import FileCommit, Layout, RefUpdate

MAX_CONTENT: Final = 512 << 10
"""Bytes of a file that is edited in a browser."""
_MAX_MESSAGE: Final = 64 << 10
_MAX_SEGMENT: Final = 255
"""Bytes of one name in a path: no file system of a clone takes a longer one."""
_TRIES: Final = 3
_NOBODY: Final = "unknown@localhost"
_TRUNK: Final = "trunk"
_BESIDE: Final = ("branches", "tags")


class Conflict(Exception):
    """Somebody else has changed the same file since it was opened."""

    def __init__(self, head: str, content: bytes | None) -> None:
        super().__init__("the file was changed in the meantime")
        self.head = head
        """Where the branch is now, a full id."""
        self.content = content
        """What the file holds there; None: it is gone, or something else stands there."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one file, as somebody sends it."""

    branch: str
    seen: str
    """The full id of the branch's head when the file was opened."""
    path: str
    content: bytes | None
    """None: the file is removed."""
    message: str
    adds: bool = False
    """Whether there must be no such file yet."""
    usual_layout: bool = False
    """Where branches are directories: whether it goes below `trunk`, and the other usual ones are made with it."""


def branch_at(history: History, repository: Repository, name: str, raw_id: str) -> str | None:
    """The branch of which a commit is the head, `name` if that is one of several; None: it is the head of none."""
    branches = _heads(history, repository)
    if branches.get(name) == raw_id:
        return name
    return min((one for one, head in branches.items() if head == raw_id), default=None)


def first_branch(history: History, repository: Repository) -> tuple[str, str]:
    """The branch that the first file of an empty repository goes to, and the id that stands for its missing head."""
    branch = history.read(repository, lambda snapshot: snapshot.first_branch())
    return branch or TIP, history.site.back_ends[repository.kind].empty_changeset().raw_id


def _heads(history: History, repository: Repository) -> Mapping[str, str]:
    """What can be added to: name → the full id that it holds. Where branches are paths: the youngest revision.

    In an empty repository it is the branch of the first commit.
    """
    back_end = history.site.back_ends[repository.kind]

    def look(snapshot: Snapshot) -> Mapping[str, str]:
        if snapshot.is_empty():
            return {snapshot.first_branch() or TIP: back_end.empty_changeset().raw_id}
        if back_end.abilities.lines is Lines.PATHS:
            return {TIP: snapshot.resolve(TIP)}
        return snapshot.names(Layout()).branches

    return history.read(repository, look)


def commit(site: Site, history: History, caller: Caller, repository: Repository, edit: Edit) -> str:
    """Record the change at the head of its branch; returns the new commit's full id.

    Raises `Conflict`, `Forbidden`, `Locked`, `Busy`, `StorageFull`, `Invalid` with the argument that it is about,
    `UnknownPath`, `NotAccepted` where a push would be refused as well, and `VcsError`, with nothing changed.
    """
    back_end = site.back_ends[repository.kind]
    if not back_end.abilities.edits:
        raise NotPossible("files of this system are not edited in the browser")
    # Subversion takes no other line ends in a message, and in the others they would end no line.
    edit = replace(edit, message=edit.message.replace("\r\n", "\n").replace("\r", "\n"))
    _check(edit)
    with site.store.read() as db:
        present = repositories.find(db, caller, repository.id, Level.WRITE)
        author = accounts.by_id(db, caller.user_id)
        public = publishes(db, repository.id)
    if present.archived or caller.anonymous:
        raise Forbidden
    user_locks.check(caller, present, writes=True)
    if edit.usual_layout and back_end.abilities.lines is Lines.PATHS:
        edit = replace(edit, path=f"{_TRUNK}/{edit.path}")
    name = " ".join(f"{author.firstname} {author.lastname}".split()) or author.username
    lock = RepositoryLock(site.tree.locks, repository.id)
    hold = lock.exclusive if back_end.abilities.edits_alone else lock.shared
    with hold(site.settings.exclusive_timeout):
        growth.check_room(site, repository.id)
        for left in reversed(range(_TRIES)):
            wanted = FileCommit(
                branch=edit.branch,
                parent=_head(history, present, edit),
                path=edit.path,
                content=edit.content,
                username=author.username,
                author=_signature(name),
                email=_signature(author.email or _NOBODY),
                message=edit.message,
                publishes=public,
                directories=_BESIDE if edit.usual_layout else (),
            )
            try:
                return _pushed(site, history, caller, present, wanted)
            except HeadMoved:
                if not left:
                    raise
    raise AssertionError("unreachable")


def _check(edit: Edit) -> None:
    if not edit.message.strip():
        raise Invalid("A change has a message.", about="message")
    if len(edit.message.encode("utf-8", "surrogatepass")) > _MAX_MESSAGE:
        raise Invalid("This is too long.", about="message")
    if edit.content is not None and len(edit.content) > MAX_CONTENT:
        raise Invalid("A file of more than %(most)s bytes is not edited here.", about="content", most=MAX_CONTENT)
    if not is_clean_text(edit.path) or any(ord(one) < 32 or ord(one) == 127 for one in edit.path) or "\\" in edit.path:
        raise Invalid("A path has no such characters.", about="path")
    segments = edit.path.split("/")
    if edit.adds and any(len(segment.encode("utf-8", "surrogateescape")) > _MAX_SEGMENT for segment in segments):
        raise Invalid("A name in a path has at most %(most)s bytes.", about="path", most=_MAX_SEGMENT)
    if any(segment.lower() in OF_SYSTEMS for segment in segments):
        raise UnknownPath(edit.path)
    if not is_clean_text(edit.branch) or not is_clean_text(edit.message):
        raise UnknownRevision(edit.branch)


def _signature(text: str) -> str:
    """A name or an address as it may stand in a commit."""
    return "".join(one for one in text if one.isprintable() and one not in "<>").strip() or "unknown"


def _head(history: History, repository: Repository, edit: Edit) -> str:
    """Where the branch is now; raises `Conflict` when the file is not what its editor saw."""
    head = _heads(history, repository).get(edit.branch)
    if head is None:
        raise UnknownRevision(edit.branch)

    def look(snapshot: Snapshot) -> bool:
        now = None if snapshot.is_empty() else _id_at(snapshot, head, edit.path)
        if edit.adds:
            if now is not None:
                raise Conflict(head, _content(snapshot, head, edit.path))
        elif head == edit.seen:
            if now is None:
                return False
        elif now is None or not _is_as_seen(snapshot, edit, head, now):
            raise Conflict(head, _content(snapshot, head, edit.path))
        if now is not None and edit.content is not None and edit.content == _content(snapshot, head, edit.path):
            raise Invalid("The file says this already.", about="content")
        return True

    # What is not there is told here: of an error of the system `read` would wait for the end of our own exclusive work.
    if not history.read(repository, look):
        raise UnknownPath(edit.path)
    return head


def _is_as_seen(snapshot: Snapshot, edit: Edit, head: str, now: str) -> bool:
    """Whether the file at the branch's head, with the id `now`, is what its editor saw."""
    try:
        seen = snapshot.resolve(edit.seen)
    except UnknownRevision:  # it was rewritten
        return False
    if _id_at(snapshot, seen, edit.path) == now:
        return True
    # One content may have several ids.
    content = _content(snapshot, head, edit.path)
    return content is not None and content == _content(snapshot, seen, edit.path)


def _id_at(snapshot: Snapshot, raw_id: str, path: str) -> str | None:
    try:
        return snapshot.entry(raw_id, path).id
    except UnknownPath:
        return None


def _content(snapshot: Snapshot, raw_id: str, path: str) -> bytes | None:
    try:
        entry = snapshot.entry(raw_id, path)
        pieces, size = [], 0
        for piece in snapshot.stream(entry):
            pieces.append(piece)
            size += len(piece)
            if size > MAX_CONTENT:
                return None
        return b"".join(pieces)
    except UnknownPath:
        return None


def _pushed(site: Site, history: History, caller: Caller, repository: Repository, wanted: FileCommit) -> str:
    back_end = site.back_ends[repository.kind]
    path = site.tree.path_of(history.now(repository).name)
    begun: list[Push] = []

    def announce(updates: Sequence[RefUpdate]) -> None:
        begun.append(pushes.begin(site, caller, repository.id, updates))

    try:
        moved = back_end.commit(path, wanted, announce)
    except BaseException:
        for push in begun:
            # If this fails as well, the intent stays: once it is gone, nobody looks again.
            pushes.refresh(site, repository.id)
            pushes.finish(site, push, [])
        raise
    pushes.finish(site, begun[0], moved)
    return moved[0].new
