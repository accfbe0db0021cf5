# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read from a Mercurial repository: its list of changesets, what they changed, trees (api-repos.md 2, 3).

Only what is published is shown. Ids arrive as full ids that were handed out before; nothing that a user sent is
evaluated here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
from mercurial import bookmarks, error, node

from trivium.vcs.hgserver.library import Repository, published, text_of
from trivium.vcs.hgvalues import Change, Entry, Index, State
from trivium.vcs.model import LARGEST_COMPARED, Changeset, Parent, UnknownPath, UnknownRevision


def index(repository: Repository) -> Index:
    """Everything that revisions are resolved against."""
    shown = published(repository)
    revisions = list(shown.changelog.revs())
    branches = shown.branchmap()
    return Index(
        ids=_ids(shown, revisions),
        revisions=None if len(revisions) == len(repository) else revisions,
        branches={text_of(name): _hex(branches.branchtip(name)) for name in branches},
        tags={text_of(name): _hex(raw_id) for name, raw_id in shown.tags().items() if raw_id != node.nullid},
        bookmarks=_bookmarks(shown),
    )


def state(repository: Repository) -> tuple[State, Changeset | None]:
    """What tells one state of the history from another, and its last changeset."""
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
    return [_changeset(changelog, revision_of(changelog, raw_id)) for raw_id in _split(ids)]


def added_since(repository: Repository, count: int, tip: str) -> list[tuple[str, str]]:
    """Id and branch of the changesets that came after the first `count`; none when `tip` was not the last of those."""
    shown = published(repository)
    changelog = shown.changelog
    revisions = list(changelog.revs())
    if count > len(revisions) or (count and _hex(changelog.node(revisions[count - 1])) != tip):
        return []
    found = (_changeset(changelog, revision) for revision in revisions[count:])
    return [(changeset.raw_id, changeset.branch or "") for changeset in found]


def present(repository: Repository, ids: bytes) -> list[bool]:
    """Which of these ids are in the repository, hidden or not."""
    changelog = repository.changelog
    return [changelog.hasnode(raw_id) for raw_id in _split(ids)]


def changes(
    repository: Repository, ids: bytes, contents: bool
) -> Iterator[tuple[list[Change], Iterator[bytes | None]]]:
    """For each changeset what it did, compared with its first parent; then the old and new contents, file by file.

    A content is None where there is none, and for files too large to compare.
    """
    shown = published(repository)
    for raw_id in _split(ids):
        context = shown[revision_of(shown.changelog, raw_id)]
        found = _compared(context)
        yield found, _pairs(repository, found) if contents else iter(())


def nodes(repository: Repository, raw_id: bytes, path: str) -> list[Entry]:
    """All files below a directory; none when `path` is a file. Raises `UnknownPath`."""
    shown = published(repository)
    manifest = shown[revision_of(shown.changelog, raw_id)].manifest()
    wanted = path.encode("utf-8", "surrogateescape")
    if wanted in manifest:
        return []
    prefix = wanted + b"/" if wanted else b""
    found = [Entry(name, file_id) for name, file_id, _ in manifest.iterentries() if name.startswith(prefix)]
    if not found and prefix:
        raise UnknownPath(path)
    return found


def sizes(repository: Repository, files: list[tuple[bytes, bytes]]) -> list[int]:
    """About how many bytes files have, by path and file id; no content is read. Never less than they have."""
    return [_size(repository.file(path), file_id) for path, file_id in files]


def contents(
    repository: Repository, files: list[tuple[bytes, bytes]], most: int | None = None
) -> Iterator[bytes | None]:
    """The contents of files, by path and file id; None for those that have more than `most` bytes."""
    for path, file_id in files:
        too_large = most is not None and _size(repository.file(path), file_id) > most
        yield None if too_large else _content(repository, path, file_id)


def _size(log: Any, file_id: bytes) -> int:
    """Of what is stored, without reading it; that begins with where the file was copied from, if it was."""
    return int(log.get_revlog().rawsize(log.rev(file_id)))


def _content(repository: Repository, path: bytes, file_id: bytes) -> bytes:
    try:
        return bytes(repository.file(path).read(file_id))
    except error.CensoredNodeError:
        return b""


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


def _pairs(repository: Repository, found: list[Change]) -> Iterator[bytes | None]:
    for change in found:
        for path, file_id in ((change.old_path, change.old_id), (change.path, change.new_id)):
            if file_id is None:
                yield None
                continue
            log = repository.file(path)
            yield None if _size(log, file_id) > LARGEST_COMPARED else _content(repository, path, file_id)


def _ids(repository: Repository, revisions: list[int]) -> bytes:
    return b"".join(map(repository.changelog.node, revisions))


def _bookmarks(repository: Repository) -> dict[str, str]:
    """Those that clients are told of, and which point at a changeset: a strip may leave them with none."""
    found = bookmarks.listbinbookmarks(repository)
    return {text_of(name): _hex(raw_id) for name, raw_id in found if raw_id != node.nullid}


def _split(ids: bytes) -> Iterator[bytes]:
    return (ids[at : at + 20] for at in range(0, len(ids), 20))


def _hex(raw_id: bytes) -> str:
    return raw_id.hex()


def revision_of(changelog: Any, raw_id: bytes) -> int:
    try:
        return int(changelog.rev(raw_id))
    except (error.LookupError, error.WdirUnsupported) as unknown:
        raise UnknownRevision(raw_id.hex()) from unknown


def _changeset(changelog: Any, revision: int) -> Changeset:
    """A changeset as everybody sees it (api-repos.md 2.2); read past Mercurial's context objects, which cost thrice."""
    entry = changelog.changelogrevision(revision)
    raw_id = _hex(changelog.node(revision))
    return Changeset(
        raw_id=raw_id,
        short_id=raw_id[:12],
        revision=revision,
        author=text_of(entry.user),
        date=_moment(entry.date[0]),
        message=text_of(entry.description),
        parents=tuple(
            Parent(_hex(changelog.node(parent))) for parent in changelog.parentrevs(revision) if parent != node.nullrev
        ),
        branch=text_of(entry.extra.get(b"branch", b"default")),
    )


def _moment(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(int(seconds), UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return "1970-01-01T00:00:00"
