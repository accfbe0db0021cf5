# SPDX-License-Identifier: GPL-3.0-or-later
"""An archive ends where it would be larger than one may be, when nobody could tell that before it began."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from trivium.forge.history import archives
from trivium.forge.history.archives import ArchiveTooLarge
from trivium.vcs.pages import EntryKind, TreeEntry

FILES = [TreeEntry(f"d/{number}", EntryKind.FILE, "", 488) for number in range(10)]


class Snapshot:
    """A revision with ten files, each of which takes a thousand bytes of an archive."""

    @staticmethod
    def files_below(raw_id: str, path: str) -> Iterator[TreeEntry]:
        assert (raw_id, path) == ("1", "")
        return iter(FILES)

    @staticmethod
    def stream(entry: TreeEntry) -> Iterator[bytes]:
        yield b"x" * (entry.size or 0)


class History:
    """One in which the only revision is read."""

    def __init__(self, most: int) -> None:
        self.site = SimpleNamespace(settings=SimpleNamespace(max_archive_bytes=most))

    def stream(self, _: Any, pieces: Callable[[Any], Iterator[bytes]]) -> Iterator[bytes]:
        return pieces(Snapshot())


@pytest.mark.parametrize("ending", sorted(archives.TYPES))
@pytest.mark.parametrize(("most", "fits"), [(0, True), (10_000, True), (9_999, False)])
def test_it_ends_before_the_file_that_is_too_much(ending: str, most: int, fits: bool) -> None:
    history: Any = History(most)
    repository: Any = None
    when = archives.datetime(2020, 1, 1, tzinfo=archives.UTC)
    pieces = archives._made(history, [archives._Part("", repository, "1")], "folder", ending, when)
    if fits:
        assert b"".join(pieces)
    else:
        with pytest.raises(ArchiveTooLarge, match="max_archive_bytes"):
            list(pieces)


@pytest.mark.parametrize("ending", sorted(archives.TYPES))
def test_nothing_is_written_through_a_link(ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A manifest of Mercurial may list a link and files below it; a link may be as long as a file."""
    kinds = {"a": EntryKind.SYMLINK, "a/evil": EntryKind.FILE, "ab": EntryKind.FILE, "b/l": EntryKind.SYMLINK}
    files = [TreeEntry(path, kind, "", 9) for path, kind in kinds.items()]
    files += [TreeEntry("b/l/x/evil", EntryKind.FILE, "", 9), TreeEntry("long", EntryKind.SYMLINK, "", 5_000)]
    monkeypatch.setattr(Snapshot, "files_below", staticmethod(lambda _id, _path: iter(files)))
    history: Any = History(0)
    repository: Any = None
    when = archives.datetime(2020, 1, 1, tzinfo=archives.UTC)
    made = io.BytesIO(b"".join(archives._made(history, [archives._Part("", repository, "1")], "f", ending, when)))
    if ending == ".zip":
        names = zipfile.ZipFile(made).namelist()
    else:
        with tarfile.open(fileobj=made) as found:
            names = found.getnames()
            assert found.getmember("f/long").isfile() and found.getmember("f/b/l").issym()
    assert names == ["f/a", "f/ab", "f/b/l", "f/long"]


def test_of_very_many_files_only_some_are_looked_at_before(monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot: Any = Snapshot()
    assert archives._is_too_large(snapshot, "1", 9_999)
    assert not archives._is_too_large(snapshot, "1", 10_000)
    monkeypatch.setattr(archives, "_LOOKED_AT_FIRST", 5)
    assert not archives._is_too_large(snapshot, "1", 9_999)
    assert archives._is_too_large(snapshot, "1", 4_999)
