# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of a revision: streamed, and for one revision always the same bytes (system.md 2.5)."""

from __future__ import annotations

import bz2
import contextlib
import hashlib
import itertools
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from trivium import __version__
from trivium.access.caller import Caller
from trivium.errors import TriviumError
from trivium.forge.events import journal
from trivium.forge.events.repositories import ArchiveDownloaded
from trivium.forge.history.reading import History
from trivium.forge.repositories.finding import Repository
from trivium.forge.site import Site
from trivium.vcs.errors import UnknownRevision
from trivium.vcs.model import Snapshot
from trivium.vcs.pages import EntryKind, TreeEntry

TYPES: Final = {".zip": "application/zip", ".tar.gz": "application/x-gzip", ".tar.bz2": "application/x-bzip2"}
"""What an archive's name ends with → its type."""
_LEVEL: Final = 6
_PIECE: Final = 256 << 10
_BLOCK: Final = 512
_RECORD: Final = 10_240
_MOST_KEPT: Final = 4 << 30
"""Bytes of archives that are kept, of all repositories together."""
_FIRST_YEAR: Final = 1980
_LAST_YEAR: Final = 2107
_LARGE: Final = 1 << 31
_LONGEST_TARGET: Final = 4096
"""Bytes of a symbolic link's target, as Linux has them; what is longer is a file."""
_IS_DIRECTORY: Final = 0x10
"""As those archives say it that come from elsewhere."""
_MOST_PARTS: Final = 100
"""Subrepositories of one archive."""
_LOOKED_AT_FIRST: Final = 10_000
"""Files that are looked at before an archive begins."""


class NoArchive(TriviumError):
    """There is no such archive; the message is the documented text."""


class ArchiveTooLarge(TriviumError):
    """There is more in the revision than an archive may hold (`max_archive_bytes`)."""


class DownloadsDisabled(TriviumError):
    """The repository gives no archives away (`enable_downloads`)."""


Leads = Callable[[Repository, Sequence[TreeEntry]], Mapping[str, Repository]]
"""Answers to which repositories the links of one lead, by their paths; those that lead nowhere are left out."""


@dataclass(frozen=True, slots=True)
class _Part:
    """What an archive has from one repository."""

    folder: str
    """Where that is; empty, or with a slash at its end."""
    repository: Repository
    raw_id: str


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that can be read."""

    file_name: str
    type: str
    tag: str
    """Another one for another content."""
    pieces: Iterator[bytes]
    length: int | None
    """In bytes; None while it is being made."""
    between: Callable[[int, int], Iterator[bytes]] | None
    """The bytes from one position up to, not including, another; None while it is being made."""


def open_archive(
    history: History, caller: Caller, repository: Repository, name: str, *, leads: Leads | None, kept: bool, told: bool
) -> Archive:
    """The archive that a file name means: a revision and what it ends with.

    With `leads`, subrepositories are in it, as far as it finds them. `kept`: whether one that was made before will do.
    `told`: whether the journal hears of it. Raises `DownloadsDisabled`, `NoArchive`, and `ArchiveTooLarge` where the
    first files show that already.
    """
    if not repository.enable_downloads:
        raise DownloadsDisabled
    ending = next((ending for ending in TYPES if name.endswith(ending)), None)
    if ending is None:
        raise NoArchive("Unknown archive type")
    revision = name.removesuffix(ending)

    def look(snapshot: Snapshot) -> tuple[str, str, str | None] | None:
        if snapshot.is_empty():
            return None
        raw_id = snapshot.resolve(revision)
        (changeset,) = snapshot.changesets([raw_id])
        return raw_id, changeset.date, snapshot.era

    try:
        found = history.read(repository, look)
    except UnknownRevision as error:
        raise NoArchive(f"Unknown revision {revision}") from error
    if found is None:
        raise NoArchive("Empty repository")
    raw_id, date, era = found
    mark = "-sub" if leads else ""
    parts = _parts(history, repository, raw_id, leads) if leads else []
    if parts:
        kept = False  # what others may read is another archive
    short = raw_id[:12]
    file_name = f"{repository.name.replace('/', '_')}-{mark}{short}{ending}"
    folder = f"{repository.name.rpartition('/')[2]}-{short}"
    # All that the bytes depend on: after a rename the folder is another, and a number may come to mean something else.
    inner = [(one.folder, one.repository.id, one.raw_id) for one in parts]
    tag = f"{raw_id}{mark}-{_short_digest(repr((__version__, repository.id, era, folder, inner)))}{ending}"
    place = _place(history.site, repository.id, tag)
    at_hand = _kept(place) if kept else None
    if at_hand is not None:
        pieces: Iterator[bytes] = at_hand
    else:
        most = history.site.settings.max_archive_bytes
        if most and history.read(repository, lambda snapshot: _is_too_large(snapshot, raw_id, most)):
            raise ArchiveTooLarge
        when = datetime.fromisoformat(date).replace(tzinfo=UTC)
        pieces = _made(history, [_Part("", repository, raw_id), *parts], folder, ending, when)
        if kept and place is not None:
            pieces = _keeping(history.site, place, pieces)
    if told:
        with history.site.store.write(access_unchanged=True) as db:
            event = ArchiveDownloaded(subject=repository.name, repository_id=repository.id, file=file_name)
            journal.record(db, caller, event)
    length, between = (at_hand.length, at_hand.between) if at_hand is not None else (None, None)
    return Archive(file_name, TYPES[ending], tag, pieces, length, between)


def _links(raw_id: str, snapshot: Snapshot) -> list[TreeEntry]:
    return snapshot.parts(raw_id)


def _resolved(revision: str, snapshot: Snapshot) -> str:
    return snapshot.resolve(revision)


def _parts(history: History, repository: Repository, raw_id: str, leads: Leads) -> list[_Part]:
    """The subrepositories of a revision, and those of these, as far as they are hosted here and have what is wanted."""
    found: list[_Part] = []
    waiting = [_Part("", repository, raw_id)]
    while waiting:
        above = waiting.pop(0)
        links = history.read(above.repository, partial(_links, above.raw_id))
        ids = {link.path: link.id for link in links if link.id}
        for path, inner in leads(above.repository, [link for link in links if link.id]).items():
            if len(found) == _MOST_PARTS:
                return found
            try:
                inner_id = history.read(inner, partial(_resolved, ids[path]))
            except UnknownRevision:
                continue
            part = _Part(f"{above.folder}{path}/", inner, inner_id)
            found.append(part)
            waiting.append(part)
    return found


class _Kept(Iterator[bytes]):
    """An archive that was made before, or a part of it; it can be read to its end, whoever removes it meanwhile."""

    def __init__(self, descriptor: int, start: int, end: int) -> None:
        self._stream = os.fdopen(descriptor, "rb", buffering=0)
        self._at = start
        self._end = end

    @property
    def length(self) -> int:
        """Bytes that are still to be read."""
        return self._end - self._at

    def __next__(self) -> bytes:
        piece = os.pread(self._stream.fileno(), min(_PIECE, self.length), self._at) if self.length else b""
        if not piece:
            self.close()
            raise StopIteration
        self._at += len(piece)
        return piece

    def between(self, start: int, end: int) -> Iterator[bytes]:
        return _Kept(os.dup(self._stream.fileno()), start, end)

    def close(self) -> None:
        self._stream.close()


def _kept(place: Path | None) -> _Kept | None:
    """An archive that was made before."""
    if place is not None:
        with contextlib.suppress(OSError):
            descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
            return _Kept(descriptor, 0, os.fstat(descriptor).st_size)
    return None


def _is_too_large(snapshot: Snapshot, raw_id: str, most: int) -> bool:
    """Whether the first files are too large for an archive; of very many not all are looked at before it begins."""
    size = 0
    for entry in itertools.islice(snapshot.files_below(raw_id, ""), _LOOKED_AT_FIRST):
        size += _room_of(entry)
        if size > most:
            return True
    return False


def _room_of(entry: TreeEntry) -> int:
    """Bytes of a member that is not compressed."""
    return _BLOCK + (entry.size or 0)


def _made(history: History, parts: Sequence[_Part], folder: str, ending: str, when: datetime) -> Iterator[bytes]:
    writer: _Writer = _Zip(when) if ending == ".zip" else _Tar(when, ending)
    most, size = history.site.settings.max_archive_bytes, 0
    links: set[str] = set()

    def pieces(part: _Part, snapshot: Snapshot) -> Iterator[bytes]:
        nonlocal size
        for entry in snapshot.files_below(part.raw_id, ""):
            size += _room_of(entry)
            if most and size > most:
                raise ArchiveTooLarge(f"the archive would be larger than {most} bytes (max_archive_bytes)")
            path = part.folder + entry.path
            if not _stays_inside(path) or _is_below(path, links):
                continue
            if entry.kind is EntryKind.SYMLINK:
                if (entry.size or 0) > _LONGEST_TARGET:
                    entry = replace(entry, kind=EntryKind.FILE)
                else:
                    links.add(path)
            yield from writer.member(f"{folder}/{path}", entry, snapshot.stream)

    for part in parts:
        yield from history.stream(part.repository, partial(pieces, part))
    yield from writer.end()


def _stays_inside(path: str) -> bool:
    """Whether a file lands in its folder, also where a backslash is a slash."""
    parts = path.split("/")
    return not any(part in ("", ".") or ".." in part.split("\\") for part in parts)


def _is_below(path: str, links: set[str]) -> bool:
    """Whether a file would be written where a link of the archive leads, as a manifest that was forged may have it."""
    return bool(links) and any(path[:at] in links for at, one in enumerate(path) if one == "/")


def _short_digest(told: str) -> str:
    return hashlib.sha256(told.encode()).hexdigest()[:16]


class _Writer(Protocol):
    """Writes an archive, piece by piece."""

    def member(self, path: str, entry: TreeEntry, content: Callable[[TreeEntry], Iterator[bytes]]) -> Iterator[bytes]:
        """One file or symbolic link, or a directory with nothing in it."""
        ...

    def end(self) -> Iterator[bytes]:
        """What comes after the last one."""
        ...


class _Tar:
    """A compressed tar archive."""

    def __init__(self, when: datetime, ending: str) -> None:
        self._when = int(when.timestamp())
        self._written = 0
        if ending == ".tar.gz":
            # The header of gzip has no time in it.
            self._packer: Any = zlib.compressobj(_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        else:
            self._packer = bz2.BZ2Compressor()

    def member(self, path: str, entry: TreeEntry, content: Callable[[TreeEntry], Iterator[bytes]]) -> Iterator[bytes]:
        info = tarfile.TarInfo(path)
        info.mtime = self._when
        info.uname = info.gname = "root"
        if entry.kind is EntryKind.DIRECTORY:
            info.type, info.mode = tarfile.DIRTYPE, 0o755
        elif entry.kind is EntryKind.SYMLINK:
            info.type, info.mode = tarfile.SYMTYPE, 0o777
            info.linkname = b"".join(content(entry)).decode("utf-8", "surrogateescape")
        else:
            info.mode = 0o755 if entry.kind is EntryKind.EXECUTABLE else 0o644
            info.size = entry.size or 0
        yield self._packed(info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape"))
        if info.type != tarfile.REGTYPE:
            return
        left = info.size
        for piece in content(entry):
            left -= len(piece)
            yield self._packed(piece)
        if left:
            raise OSError("a file has another length than it said")
        yield self._packed(b"\0" * (-info.size % _BLOCK))

    def end(self) -> Iterator[bytes]:
        blocks = self._written + 2 * _BLOCK
        yield self._packed(b"\0" * (2 * _BLOCK + -blocks % _RECORD))
        yield self._packer.flush()

    def _packed(self, data: bytes) -> bytes:
        self._written += len(data)
        return bytes(self._packer.compress(data))


class _Zip:
    """A zip archive."""

    def __init__(self, when: datetime) -> None:
        year = min(max(when.year, _FIRST_YEAR), _LAST_YEAR)
        self._when = (year, when.month, when.day, when.hour, when.minute, when.second)
        self._sink = _Sink()
        file: Any = self._sink
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)

    def member(self, path: str, entry: TreeEntry, content: Callable[[TreeEntry], Iterator[bytes]]) -> Iterator[bytes]:
        # Names in zip archives are text; a byte that is none is written as its number.
        name = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        directory = entry.kind is EntryKind.DIRECTORY
        info = zipfile.ZipInfo(f"{name}/" if directory else name, self._when)
        info.create_system = 3
        if directory:
            info.external_attr = (stat.S_IFDIR | 0o755) << 16 | _IS_DIRECTORY
            info.CRC = 0  # of nothing
            self._zip.mkdir(info)
            yield self._sink.taken()
            return
        info.compress_type = zipfile.ZIP_DEFLATED
        link = entry.kind is EntryKind.SYMLINK
        mode = stat.S_IFLNK | 0o777 if link else stat.S_IFREG | 0o644
        if entry.kind is EntryKind.EXECUTABLE:
            mode |= 0o111
        info.external_attr = mode << 16
        with self._zip.open(info, "w", force_zip64=(entry.size or 0) >= _LARGE) as member:
            for piece in content(entry):
                member.write(piece)
                yield self._sink.taken()
        yield self._sink.taken()

    def end(self) -> Iterator[bytes]:
        self._zip.close()
        yield self._sink.taken()


class _Sink:
    """A file that nobody can go back in; what was written to it is taken away."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing to do: what was written is there."""

    def taken(self) -> bytes:
        found = b"".join(self._pieces)
        self._pieces.clear()
        return found


def _place(site: Site, repository_id: int, name: str) -> Path | None:
    directory = site.archives_of(repository_id)
    return None if directory is None else directory / name


def _keeping(site: Site, place: Path, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same pieces, which are kept as well once they are all there; a full disk only means that they are not."""
    temporary = place.with_name(f".{place.name}.{os.getpid()}.{id(pieces)}")
    file = None
    with contextlib.suppress(OSError):
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if shutil.disk_usage(place.parent).free > site.settings.min_free_bytes:
            file = temporary.open("xb")
    try:
        for piece in pieces:
            if file is not None:
                try:
                    file.write(piece)
                except OSError:
                    file.close()
                    file = None
            yield piece
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()
                temporary.replace(place)
                _make_room(place.parent.parent)
    finally:
        if file is not None:
            file.close()
        temporary.unlink(missing_ok=True)
        close = getattr(pieces, "close", None)
        if close is not None:
            close()


def _make_room(directory: Path) -> None:
    """Remove the archives that were made longest ago, while there are too many bytes of them."""
    found = []
    for path in directory.glob("*/*"):
        with contextlib.suppress(OSError):
            state = path.stat()
            found.append((state.st_mtime, state.st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= _MOST_KEPT:
            return
        path.unlink(missing_ok=True)
        total -= size
