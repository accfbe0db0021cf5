# SPDX-License-Identifier: GPL-3.0-or-later
"""Files as Mercurial stores them: what its library makes of them is made here in pieces."""

from __future__ import annotations

import hashlib
import itertools
import struct
import tracemalloc
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mercurial import mdiff, zstd
from mercurial.revlogutils import constants

from tests.support.places import Place
from trivium.vcs.errors import UnknownRevision, VcsError
from trivium.vcs.hg.server import stored
from trivium.vcs.hg.server.sizes import exact_size

NOTHING = b"\0" * 20
COPY = b"\x01\ncopy: a\ncopyrev: 0\n\x01\n"


class Log:
    """A file's history of which every version but the first is stored as a difference from the one before."""

    def __init__(self, place: Path, chunks: list[bytes], texts: list[bytes], *, inline: bool = False) -> None:
        self._chunks, self._texts = chunks, texts
        self._format_version, self._format_flags = constants.REVLOGV1, 0
        self._inner = SimpleNamespace(inline=inline, index_file=place / "log", data_file=place / "log")
        self.index = SimpleNamespace(entry_size=64)
        between = b"i" * 64 if inline else b""
        (place / "log").write_bytes(b"".join(between + chunk for chunk in chunks))
        self.names = [hashlib.sha1(NOTHING + NOTHING + text).digest() for text in texts]

    @staticmethod
    def opener(path: Path) -> Any:
        return path.open("rb")

    def get_revlog(self) -> Log:
        return self

    def rev(self, name: bytes) -> int:
        return self.names.index(name)

    def node(self, revision: int) -> bytes:
        return self.names[revision]

    def parents(self, _: bytes) -> tuple[bytes, bytes]:
        return NOTHING, NOTHING

    def parentrevs(self, _: int) -> tuple[int, int]:
        return -1, -1

    def flags(self, _: int) -> int:
        return 0

    def iscensored(self, _: int) -> bool:
        return False

    def rawsize(self, revision: int) -> int:
        return len(self._texts[revision])

    def start(self, revision: int) -> int:
        return sum(map(len, self._chunks[:revision]))

    def length(self, revision: int) -> int:
        return len(self._chunks[revision])

    def _deltachain(self, revision: int) -> tuple[list[int], bool]:
        return list(range(revision + 1)), False


def packed(data: bytes, how: str) -> bytes:
    if not data:
        return b""
    if how == "zlib":
        return zlib.compress(data)
    if how == "zstd":
        return bytes(zstd.ZstdCompressor().compress(data))
    return data if data[:1] == b"\0" else b"u" + data


def new_log(place: Path, texts: list[bytes], ways: list[str], *, inline: bool = False) -> Log:
    differences = [texts[0], *(mdiff.textdiff(old, new) for old, new in itertools.pairwise(texts))]
    return Log(place, [packed(one, ways[at % 3]) for at, one in enumerate(differences)], texts, inline=inline)


@pytest.fixture
def nothing_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is small is treated as what is large."""
    for name, most in (("_HELD", -1), ("_PIECE", 7), ("_SMALL", 20), ("_MOST_OPEN", 2), ("_MOST_PASSED", 3)):
        monkeypatch.setattr(stored, name, most)


WAYS = ["zlib", "zstd", "plain"]
TEXT = st.lists(
    st.sampled_from([b"one\n", b"two\n", b"\0\xff\n", b"a longer line of a file\n", b"no end"]), max_size=30
)


@pytest.mark.usefixtures("nothing_held")
@given(st.lists(TEXT.map(b"".join), min_size=1, max_size=12), st.permutations(WAYS), st.booleans())
def test_every_version_is_made_of_those_before(
    tmp_path_factory: pytest.TempPathFactory, texts: list[bytes], ways: list[str], inline: bool
) -> None:
    log = new_log(tmp_path_factory.mktemp("log"), texts, ways, inline=inline)
    for text, name in zip(texts, log.names, strict=True):
        assert b"".join(stored.content(log, name)) == text
        assert stored.beginning(log, log.rev(name), 5)[:5] == text[:5]


@pytest.mark.usefixtures("nothing_held")
def test_the_origin_of_a_copy_is_no_part_of_the_file(tmp_path: Path) -> None:
    for text, shown in (
        (COPY + b"content\n", b"content\n"),
        (COPY, b""),
        (b"\x01\n\x01\n\x01\nmarked", b"\x01\nmarked"),
        (b"\x01", b"\x01"),
        (b"x" + COPY, b"x" + COPY),
    ):
        log = new_log(tmp_path, [text], WAYS)
        assert b"".join(stored.content(log, log.names[0])) == shown
    for endless in (b"\x01\nno end", b"\x01\n" + b"x" * 100_000):
        log = new_log(tmp_path, [endless], WAYS)
        with pytest.raises(VcsError, match="no end"):
            list(stored.content(log, log.names[0]))


@pytest.mark.usefixtures("nothing_held")
def test_what_is_broken_does_not_come_whole(tmp_path: Path) -> None:
    text = b"".join(b"%d\n" % number for number in range(100))
    log = new_log(tmp_path, [text], ["plain"] * 3)
    log._chunks[0] = text.replace(b"99", b"98")
    (tmp_path / "log").write_bytes(b"u" + log._chunks[0])
    log._chunks[0] = b"u" + log._chunks[0]
    come = []
    with pytest.raises(VcsError, match="not what was once stored"):
        come += list(stored.content(log, log.names[0]))
    assert come == []
    for hunks in (
        [(5, 4, b"")],
        [(0, 101, b"")],
        [(90, 95, b"x"), (10, 20, b"y")],
        [(-1, 2, b"z")],
    ):
        delta = b"u" + b"".join(struct.pack(">lll", start, end, len(data)) + data for start, end, data in hunks)
        broken = Log(tmp_path, [b"u" + b"x" * 100, delta], [b"x" * 100, b"never"])
        with pytest.raises(VcsError, match="difference that"):
            list(stored.content(broken, broken.names[1]))
    for chunk in (b"u" + struct.pack(">lll", 0, 1, 50) + b"short", b"u\0\0"):
        broken = Log(tmp_path, [b"u" + b"x" * 100, chunk], [b"x" * 100, b"never"])
        with pytest.raises(VcsError, match="does not fit"):
            list(stored.content(broken, broken.names[1]))
    strange = Log(tmp_path, [b"?what"], [b"never"])
    with pytest.raises(VcsError, match="not known here"):
        list(stored.content(strange, strange.names[0]))


def test_an_unknown_version(hg_place: Place) -> None:
    raw_id = hg_place.change(x="x" * 100_000)
    with hg_place.open() as snapshot:
        (entry,) = snapshot.children(raw_id, "")
        unknown = type(entry)(entry.path, entry.kind, "11" * 20 + entry.id[40:], entry.size)
        with pytest.raises(UnknownRevision):
            list(snapshot.stream(unknown))


@pytest.mark.parametrize("how", ["zlib", "zstd"])
def test_nobody_holds_a_large_file(tmp_path: Path, how: str) -> None:
    old, changed = b"\n" * (24 << 20), b"y\n" * (8 << 20)
    difference = struct.pack(">lll", 1 << 20, 9 << 20, len(changed)) + changed
    new = b"".join((old[: 1 << 20], changed, old[9 << 20 :]))
    log = Log(tmp_path, [packed(old, how), packed(difference, how)], [old, new])
    digest, expected, size = hashlib.sha1(), hashlib.sha1(new).digest(), len(new)
    del old, new, changed, difference
    log._texts = [b"x" * (5 << 20)] * 2
    tracemalloc.start()
    try:
        for piece in stored.content(log, log.names[1]):
            digest.update(piece)
            size -= len(piece)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
        tracemalloc.reset_peak()
        assert len(stored.beginning(log, 1, 1000)) >= 1000
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert (size, digest.digest()) == (0, expected)


def test_mercurial_agrees(hg_place: Place) -> None:
    """A repository that its own client made: grown, copied, with lines that come and go."""
    lines = [b"%d of many long lines of a file\n" % number for number in range(150_000)]
    contents = []
    for step in range(2):
        lines[step * 1000 : step * 1000 + 5] = [b"another %d\n" % step] * (step + 3)
        contents.append((hg_place.change(large=b"".join(lines)), "large", b"".join(lines)))
    copied = hg_place.rename("large", "copied")
    contents.append((copied, "copied", b"".join(lines)))
    with hg_place.open() as snapshot:
        for raw_id, path, content in contents:
            entry = snapshot.entry(raw_id, path)
            assert entry.size == len(content)
            pieces = list(snapshot.stream(entry))
            assert b"".join(pieces) == content
            assert max(map(len, pieces)) <= 1 << 20


def test_the_size_of_a_copy_is_found_without_the_whole(tmp_path: Path) -> None:
    text = COPY + b"x" * 100_000
    log = new_log(tmp_path, [text], WAYS)
    assert exact_size(log, log.names[0]) == 100_000
