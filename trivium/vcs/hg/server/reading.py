# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a Mercurial repository: its list of changesets, their changes, trees (api-repos.md 2, 3).

Only published changesets are shown. Ids arrive as full ids that were handed out before; no text of a user is evaluated
here.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from mercurial import bookmarks, error, node

from trivium.vcs.errors import TooLarge, UnknownPath, UnknownRevision
from trivium.vcs.hg.server.library import published, text_of
from trivium.vcs.hg.server.objects import Repository
from trivium.vcs.hg.values import Change, Entry, Index, State
from trivium.vcs.values import LARGEST_COMPARED, Changeset, Parent

_MOST_MESSAGE: Final = 64 << 10
"""Bytes of a message that are told (decisions.md A21)."""
MOST_AUTHOR: Final = 4 << 10
_KEPT_OPEN: Final = 64
"""Histories of files that stay open for further questions."""
COPIED_FROM: Final = 8 << 10
"""Bytes before a content that may tell the source of its copy."""


def index(repository: Repository) -> Index:
    """The names and ids against which revisions are resolved."""
    shown = published(repository)
    revisions = list(shown.changelog.revs())
    branches = shown.branchmap()
    return Index(
        ids=_ids(shown, revisions),
        revisions=None if len(revisions) == len(repository) else revisions,
        branches={text_of(name): _hex(branches.branchtip(name)) for name in branches},
        tags={text_of(name): _hex(raw_id) for name, raw_id in shown.tags().items() if raw_id != node.nullid},
        bookmarks=_bookmarks(shown),
        closed=[text_of(name) for name in branches if not branches.branchheads(name)],
    )


def state(repository: Repository) -> tuple[State, Changeset | None]:
    """The facts that tell one state of the history from another, and its last changeset."""
    shown = published(repository)
    revisions = list(shown.changelog.revs())
    digest = hashlib.sha1(_ids(shown, revisions), usedforsecurity=False)
    digest.update(msgspec.json.encode(None if len(revisions) == len(repository) else revisions))
    marks = _bookmarks(shown)
    if not revisions:
        return State(digest.hexdigest(), 0, "", marks), None
    last = _changeset(shown.changelog, revisions[-1])
    return State(digest.hexdigest(), len(revisions), last.raw_id, marks), last


def changesets(repository: Repository, ids: bytes) -> list[Changeset]:
    """Changesets by their ids."""
    changelog = published(repository).changelog
    return [_changeset(changelog, revision_of(changelog, raw_id)) for raw_id in split(ids)]


def added_since(repository: Repository, tip: str) -> list[tuple[str, str]]:
    """Id and branch of the changesets that came after `tip`; all when that is empty, none when it is gone.

    Places in the list tell nothing here: a changeset that became obsolete since is not in it any more.
    """
    first = 0
    if tip:
        last = repository.changelog.index.get_rev(bytes.fromhex(tip))
        if last is None:
            return []
        first = last + 1
    changelog = published(repository).changelog
    return [
        (_hex(changelog.node(revision)), text_of(changelog.branchinfo(revision)[0]))
        for revision in changelog.revs(first)
    ]


def present(repository: Repository, ids: bytes) -> list[bool]:
    """Which of these ids are in the repository, hidden or not."""
    changelog = repository.changelog
    return [changelog.hasnode(raw_id) for raw_id in split(ids)]


def changes(
    repository: Repository, ids: bytes, contents: bool, most: int | None = None
) -> Iterator[tuple[list[Change], Iterator[bytes | None]]]:
    """The changes of each changeset, compared with its first parent; then the old and new contents, file by file.

    A content is None where there is none, and for files that have more than `most` bytes before or after.
    """
    most = LARGEST_COMPARED if most is None else min(most, LARGEST_COMPARED)
    shown = published(repository)
    # The history of a file is asked for its old and new content, and for the source of a copy.
    object.__setattr__(shown, "file", functools.lru_cache(_KEPT_OPEN)(shown.file))
    for raw_id in split(ids):
        context = shown[revision_of(shown.changelog, raw_id)]
        found = _compared(context)
        yield found, _pairs(shown, found, most) if contents else iter(())


def nodes(repository: Repository, raw_id: bytes, path: str, most: int | None = None) -> list[Entry]:
    """All files below a directory; none when `path` is a file. Raises `UnknownPath`; `TooLarge` beyond `most`."""
    shown = published(repository)
    manifest = shown[revision_of(shown.changelog, raw_id)].manifest()
    wanted = path.encode("utf-8", "surrogateescape")
    if wanted in manifest:
        return []
    prefix = wanted + b"/" if wanted else b""
    listed = (Entry(name, file_id) for name, file_id, _ in manifest.iterentries() if name.startswith(prefix))
    found = list(itertools.islice(listed, None if most is None else most + 1))
    if most is not None and len(found) > most:
        raise TooLarge(path)
    if not found and prefix:
        raise UnknownPath(path)
    return found


def file(repository: Repository, raw_id: bytes, path: str) -> Entry:
    """One file; raises `UnknownPath`."""
    shown = published(repository)
    manifest = shown[revision_of(shown.changelog, raw_id)].manifest()
    wanted = path.encode("utf-8", "surrogateescape")
    if not wanted or wanted not in manifest:
        raise UnknownPath(path)
    return Entry(wanted, manifest[wanted])


def sizes(repository: Repository, files: list[tuple[bytes, bytes]]) -> list[int]:
    """How many bytes files have, by path and file id."""
    return [_shown_size(repository.file(path), file_id) for path, file_id in files]


def _shown_size(log: Any, file_id: bytes) -> int:
    """The size of a file; for a large one the stored size, which includes a copy's source, so that nothing is read."""
    stored = stored_size(log, file_id)
    return stored if stored > LARGEST_COMPARED else int(log.size(log.rev(file_id)))


def contents(
    repository: Repository, files: list[tuple[bytes, bytes]], most: int | None = None
) -> Iterator[bytes | None]:
    """The contents of files, by path and file id; None for those that have more than `most` bytes."""
    for path, file_id in files:
        yield content_of(repository, path, file_id, most)


def few_contents(repository: Repository, files: list[tuple[bytes, bytes]], most: int) -> list[bytes | None]:
    """The contents of a few small files together; as for `contents`."""
    return list(contents(repository, files, most))


def size_of(file: Any) -> int:
    """About how many bytes a file context has; Mercurial's own answer may read them all."""
    return stored_size(file.filelog(), file.filenode())


def stored_size(log: Any, file_id: bytes) -> int:
    """The size of the stored text, without reading it; the text of a copied file begins with the source."""
    try:
        return int(log.get_revlog().rawsize(log.rev(file_id)))
    except error.LookupError as unknown:
        raise UnknownRevision(file_id.hex()) from unknown


def content_of(repository: Repository, path: bytes, file_id: bytes, most: int | None = None) -> bytes | None:
    log = repository.file(path)
    if most is not None and stored_size(log, file_id) > most + COPIED_FROM:
        return None
    try:
        content = bytes(log.read(file_id))
    except error.CensoredNodeError:
        return b""
    return content if most is None or len(content) <= most else None


def _compared(context: Any) -> list[Change]:
    parent = context.p1()
    old, new = parent.manifest(), context.manifest()
    copied: dict[bytes, bytes] = context.p1copies()
    found = []
    renamed = {source for target, source in copied.items() if target not in old and source not in new}
    for path, ((old_id, old_flags), (new_id, new_flags)) in sorted(old.diff(new).items()):
        if new_id is None:
            if path not in renamed:
                found.append(Change(path, "D", path, old_id, old_flags=old_flags))
        elif old_id is not None:
            found.append(Change(path, "M", path, old_id, new_id, old_flags, new_flags))
        elif (source := copied.get(path)) is not None and source in old:
            found.append(Change(path, "M", source, old[source], new_id, old.flags(source), new_flags))
        else:
            found.append(Change(path, "A", new_id=new_id, new_flags=new_flags))
    return found


def _pairs(repository: Repository, found: list[Change], most: int) -> Iterator[bytes | None]:
    for change in found:
        for path, file_id in ((change.old_path, change.old_id), (change.path, change.new_id)):
            yield None if file_id is None else content_of(repository, path, file_id, most)


def _ids(repository: Repository, revisions: list[int]) -> bytes:
    return b"".join(map(repository.changelog.node, revisions))


def _bookmarks(repository: Repository) -> dict[str, str]:
    """Those bookmarks that clients are told of and that point at a changeset: a strip may leave some without."""
    found = bookmarks.listbinbookmarks(repository)
    return {text_of(name): _hex(raw_id) for name, raw_id in found if raw_id != node.nullid}


def split(ids: bytes) -> Iterator[bytes]:
    return (ids[at : at + 20] for at in range(0, len(ids), 20))


def _hex(raw_id: bytes) -> str:
    return raw_id.hex()


def revision_of(changelog: Any, raw_id: bytes) -> int:
    try:
        return int(changelog.rev(raw_id))
    except (error.LookupError, error.WdirUnsupported) as unknown:
        raise UnknownRevision(raw_id.hex()) from unknown


def _changeset(changelog: Any, revision: int) -> Changeset:
    """A changeset as everybody sees it (api-repos.md 2.2); without Mercurial's context objects, which cost thrice."""
    entry = changelog.changelogrevision(revision)
    raw_id = _hex(changelog.node(revision))
    return Changeset(
        raw_id=raw_id,
        short_id=raw_id[:12],
        revision=revision,
        author=shortened(entry.user, MOST_AUTHOR),
        date=_moment(entry.date[0]),
        message=shortened(entry.description, _MOST_MESSAGE),
        parents=tuple(
            Parent(_hex(changelog.node(parent))) for parent in changelog.parentrevs(revision) if parent != node.nullrev
        ),
        branch=text_of(entry.extra.get(b"branch", b"default")),
    )


def shortened(raw: bytes, most: int) -> str:
    """A text of at most so many bytes; what is more is left out, and half a character with it."""
    if len(raw) <= most:
        return text_of(raw)
    while raw[most] & 0xC0 == 0x80 and most > 0:
        most -= 1
    return text_of(raw[:most])


def _moment(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(int(seconds), UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return "1970-01-01T00:00:00"
