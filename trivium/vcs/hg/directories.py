# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of a Mercurial repository, as pages and downloads see them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from trivium.vcs.budget import present
from trivium.vcs.errors import UnknownPath
from trivium.vcs.hg.client import HgProcesses
from trivium.vcs.hg.index import HgIndex
from trivium.vcs.hg.reader import Reader
from trivium.vcs.hg.values import Listed
from trivium.vcs.pages import EntryKind, Properties, TreeEntry
from trivium.vcs.paths import raw_path

_ID_BYTES: Final = 20
_SMALL: Final = 256 << 10
"""Bytes of a file for which nobody need be forked."""
_PIECE: Final = 128 << 10
_MOST_AHEAD: Final = 100
_PATIENCE: Final = 10.0
"""Seconds for the last changes of a directory, if nobody says less."""
_MOST_WALKED: Final = 1_000_000
"""Changesets that are asked for them."""
_KINDS: Final = {
    b"x": EntryKind.EXECUTABLE,
    b"l": EntryKind.SYMLINK,
    b"d": EntryKind.DIRECTORY,
    b"r": EntryKind.LINK,
}


class Directories(Reader):
    """What is in them."""

    def __init__(self, processes: HgProcesses, index: HgIndex, directory: int, *others: int) -> None:
        super().__init__(processes, index, directory, *others)
        self._listed: tuple[list[Listed], int] = ([], 0)
        """Files that were listed last, and which of them is looked at."""
        self._ahead: dict[tuple[bytes, bytes], bytes] = {}
        """Contents that will be asked for next."""

    def entry(self, raw_id: str, path: str) -> TreeEntry:
        wanted: dict[str, Any] = {"raw_id": bytes.fromhex(raw_id), "path": raw_path(path)}
        return _entry(self._processes.ask(Listed, "entry", self._directory, **wanted))

    def children(self, raw_id: str, path: str) -> list[TreeEntry]:
        wanted: dict[str, Any] = {"raw_id": bytes.fromhex(raw_id), "path": raw_path(path)}
        found = self._processes.ask(list[Listed], "children", self._directory, **wanted)
        budget = present()
        for one in found:
            budget.spend(1, len(one.path))
        return sorted(map(_entry, found), key=_directories_first)

    def last_changes(self, raw_id: str, path: str) -> dict[str, str]:
        """As `model.Snapshot.last_changes`.

        A changeset touched what it lists: `hg log -l 1 -r "::<raw_id>" <entry>`, merged lines of development included,
        where Git leaves out those that contributed nothing to what there is. When the time ends, the files that are
        left are told by when their content came into being, which says nothing of a flag that changed since, and
        directories are left out. Subrepositories always are.
        """
        budget = present()
        asked: dict[str, Any] = {"raw_id": bytes.fromhex(raw_id), "path": raw_path(path), "most": _MOST_WALKED}
        asked["seconds"] = min(_PATIENCE, budget.left)
        found, cut = self._processes.ask(tuple[dict[bytes, bytes], bool], "last_changes", self._directory, **asked)
        budget.cut |= cut
        budget.spend(len(found), sum(map(len, found)))
        return {text_of_path(name): changeset.hex() for name, changeset in found.items()}

    def files_below(self, raw_id: str, path: str) -> Iterator[TreeEntry]:
        asked: dict[str, Any] = {"raw_id": bytes.fromhex(raw_id), "path": raw_path(path)}
        budget = present()
        after, is_last = b"", False
        while not is_last:
            # Nobody keeps a process waiting for a reader who takes an hour.
            budget.check()
            found, is_last = self._processes.ask(
                tuple[list[Listed], bool], "files_below", self._directory, after=after, **asked
            )
            for number, one in enumerate(found):
                budget.spend(1, len(one.path))
                self._listed = (found, number)
                yield _entry(one)
                after = one.path

    def parts(self, raw_id: str) -> list[TreeEntry]:
        found = self._processes.ask(list[Listed], "subrepositories", self._directory, raw_id=bytes.fromhex(raw_id))
        return [_entry(one) for one in found]

    def stream(self, entry: TreeEntry) -> Iterator[bytes]:
        if entry.kind in (EntryKind.DIRECTORY, EntryKind.LINK):
            raise UnknownPath(entry.path)
        found = bytes.fromhex(entry.id)
        path, file_id = found[_ID_BYTES:], found[:_ID_BYTES]
        if entry.size is not None and entry.size <= _SMALL:
            data = self._small(path, file_id)
            if data is not None:
                yield data
                return
        with self._processes.stream("stream", self._directory, path=path, file_id=file_id) as stream:
            yield from stream.pieces()

    def _small(self, path: bytes, file_id: bytes) -> bytes | None:
        """The content of a small file; those that an archive asks for next come with it, a piece of them together."""
        kept = self._ahead.pop((path, file_id), None)
        if kept is not None:
            return kept
        wanted = [(path, file_id)]
        found, number = self._listed
        if found and (found[number].path, found[number].file_id) == (path, file_id):
            room = _PIECE
            for one in found[number + 1 : number + _MOST_AHEAD]:
                size = one.size or 0
                room -= size
                if room < 0:
                    break
                if size <= _SMALL:
                    wanted.append((one.path, one.file_id))
        contents = self._processes.ask(list[bytes | None], "few_contents", self._directory, files=wanted, most=_SMALL)
        self._ahead = {one: data for one, data in zip(wanted[1:], contents[1:], strict=True) if data is not None}
        return contents[0]

    def properties(self, raw_id: str, path: str) -> Properties:
        """Mercurial has none."""
        self.entry(raw_id, path)
        return {}


def text_of_path(path: bytes) -> str:
    """A path as `pages.TreeEntry` tells it."""
    return path.decode("utf-8", "surrogateescape")


def kind_of(flags: bytes) -> EntryKind:
    """What a file is by its flags."""
    return _KINDS.get(flags, EntryKind.FILE)


def id_of(path: bytes, file_id: bytes) -> str:
    """What a file is found under, as `values.Node.id`."""
    return f"{file_id.hex()}{path.hex()}"


def _entry(found: Listed) -> TreeEntry:
    kind = kind_of(found.flags)
    path = text_of_path(found.path)
    if kind == EntryKind.DIRECTORY:
        return TreeEntry(path, kind, "")
    if kind == EntryKind.LINK:
        return TreeEntry(path, kind, found.file_id.decode("utf-8", "replace"), None, text_of_path(found.target))
    return TreeEntry(path, kind, id_of(found.path, found.file_id), found.size)


def _directories_first(entry: TreeEntry) -> tuple[bool, str]:
    return entry.kind != EntryKind.DIRECTORY, entry.path
