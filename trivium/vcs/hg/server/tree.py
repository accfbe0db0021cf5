# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of one changeset, found by their paths without looking at each."""

from __future__ import annotations

from collections.abc import Iterator

from trivium.vcs.errors import UnknownPath
from trivium.vcs.hg.server.library import published
from trivium.vcs.hg.server.objects import Repository
from trivium.vcs.hg.server.reading import revision_of
from trivium.vcs.hg.server.subrepositories import subrepositories
from trivium.vcs.hg.values import Listed

_ID_DIGITS = 40


class Tree:
    """The text of a manifest, in which each file has a line; Mercurial has made sure that they are ordered by path.

    Sizes are not told. A subrepository is one entry, and the directories above it are there because of it.
    """

    def __init__(self, repository: Repository, raw_id: bytes) -> None:
        self.shown = published(repository)
        self.context = self.shown[revision_of(self.shown.changelog, raw_id)]
        self._text = bytes(self.context.manifest().text())
        self.links = subrepositories(self.context)

    def entry(self, path: bytes) -> Listed:
        """What is called so; raises `UnknownPath`."""
        if path:
            at = self._at(path)
            if self._text.startswith(path + b"\0", at):
                return self._line(at)[0]
            for link in self.links:
                if link.path == path:
                    return link
        self._prefix(path)
        return Listed(path, b"d")

    def children(self, path: bytes) -> list[Listed]:
        """One level of a directory; raises `UnknownPath`. What is below costs next to nothing."""
        prefix = self._prefix(path)
        found = {}
        at = self._at(prefix)
        while self._is_below(prefix, at):
            slash = self._text.find(b"/", at + len(prefix), self._text.index(b"\0", at))
            if slash < 0:
                entry, at = self._line(at)
            else:
                entry = Listed(self._text[at:slash], b"d")
                at = self._at(entry.path + b"0", at)  # which is what comes after a slash
            found[entry.path] = entry
        for link in self.links:
            if link.path.startswith(prefix):
                first, deeper, _ = link.path[len(prefix) :].partition(b"/")
                found.setdefault(prefix + first, Listed(prefix + first, b"d") if deeper else link)
        return list(found.values())

    def files(self, path: bytes, after: bytes) -> Iterator[Listed]:
        """All files below a directory that come after a path, ordered; raises `UnknownPath`."""
        prefix = self._prefix(path)
        at = self._at(max(prefix, after + b"\0"))
        while self._is_below(prefix, at):
            entry, at = self._line(at)
            yield entry

    def _prefix(self, path: bytes) -> bytes:
        """What the paths below a directory begin with."""
        if not path:
            return b""
        prefix = path + b"/"
        if not self._is_below(prefix, self._at(prefix)) and not any(
            link.path.startswith(prefix) for link in self.links
        ):
            raise UnknownPath(path.decode("utf-8", "replace"))
        return prefix

    def _is_below(self, prefix: bytes, at: int) -> bool:
        return at < len(self._text) and self._text.startswith(prefix, at)

    def _line(self, at: int) -> tuple[Listed, int]:
        """The file whose line begins there, and where the next one does."""
        name_end = self._text.index(b"\0", at)
        id_end = name_end + 1 + _ID_DIGITS
        end = self._text.index(b"\n", id_end)
        file_id = bytes.fromhex(self._text[name_end + 1 : id_end].decode("ascii"))
        return Listed(self._text[at:name_end], self._text[id_end:end], file_id), end + 1

    def _at(self, path: bytes, low: int = 0) -> int:
        """Where the first line begins whose path is this one or comes after it."""
        text, high = self._text, len(self._text)
        while low < high:
            begin = max(low, text.rfind(b"\n", low, (low + high) // 2) + 1)
            if text[begin : text.index(b"\0", begin)] < path:
                low = text.index(b"\n", begin) + 1
            else:
                high = begin
        return low
