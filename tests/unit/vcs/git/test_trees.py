# SPDX-License-Identifier: GPL-3.0-or-later
"""How much differs between two trees: counted from their bytes, whatever old programs wrote into them."""

from __future__ import annotations

from pathlib import Path

import pygit2
import pytest
from pygit2.enums import ObjectType

from trivium.vcs.budget import Budget, Exhausted
from trivium.vcs.errors import VcsError
from trivium.vcs.git.trees import Trees

FILE = bytes(19) + b"\1"
OTHER = b" \0\n4" * 5
"""An id whose bytes look like what stands around ids."""


@pytest.fixture
def repository(tmp_path: Path) -> pygit2.Repository:
    return pygit2.init_repository(tmp_path / "r.git", bare=True)


def tree(repository: pygit2.Repository, *entries: tuple[bytes, bytes, bytes]) -> bytes:
    raw = b"".join(b"%b %b\0%b" % entry for entry in entries)
    return repository.odb.write(ObjectType.TREE, raw).raw


def differ(repository: pygit2.Repository, old: bytes | None, new: bytes | None) -> int:
    """How many files and directories differ, found out by the least limit that lets them pass."""
    for most in range(20):
        try:
            Trees(repository, Budget()).check_changes(old, new, most)
        except Exhausted:
            continue
        return most
    raise AssertionError("too many")


@pytest.mark.parametrize("directory", [b"40000", b"040000", b"0040000"])
def test_what_two_trees_share_is_not_counted(repository: pygit2.Repository, directory: bytes) -> None:
    below = [tree(repository, (b"100644", b"a", FILE), (b"100644", b"b b", one)) for one in (FILE, OTHER)]
    old, new = (
        tree(repository, (b"100644", b"a", FILE), (b"160000", b"module", one), (directory, b"z", deeper))
        for one, deeper in zip((FILE, OTHER), below, strict=True)
    )
    assert differ(repository, old, old) == 0
    assert differ(repository, old, new) == 3  # the link, the directory, and the file in it
    assert differ(repository, old, None) == differ(repository, None, old) == 5


def test_a_file_that_becomes_a_directory_counts_with_all_that_is_in_it(repository: pygit2.Repository) -> None:
    below = tree(repository, (b"100644", b"a", FILE), (b"100755", b"b", OTHER))
    old, new = tree(repository, (b"100644", b"x", FILE)), tree(repository, (b"40000", b"x", below))
    assert differ(repository, old, new) == differ(repository, new, old) == 3


@pytest.mark.parametrize("raw", [
    b"100644 a", b"100644 a\0" + FILE[:19], b"100644\0" + FILE, b"10064x a\0" + FILE, b"100644 a\0" + FILE + b"1",
])  # fmt: skip
def test_a_damaged_tree_is_said_to_be_damaged(raw: bytes) -> None:
    with pytest.raises(VcsError, match="damaged"):
        Trees(_Holding(raw), Budget()).check_changes(None, FILE, 10)  # type: ignore[arg-type]


class _Holding:
    """A repository in which every object is the same."""

    def __init__(self, raw: bytes) -> None:
        self.odb = self
        self._raw = raw

    def read(self, _: object) -> tuple[ObjectType, bytes]:
        return ObjectType.TREE, self._raw
