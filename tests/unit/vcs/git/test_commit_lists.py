# SPDX-License-Identifier: GPL-3.0-or-later
"""The files in which lists of commits are kept, in a directory that anybody may remove."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from trivium.vcs.git.commit_lists import CommitLists

IDS = bytes(range(40))


def test_a_list_is_kept_extended_and_forgotten_with_its_directory(tmp_path: Path) -> None:
    lists = CommitLists(tmp_path / "commits")
    lists.write("a", IDS)
    lists.extend("a", "b", IDS[:20])
    found = lists.read("b")
    assert lists.read("a") is None and found is not None and found[:] == IDS + IDS[:20]
    shutil.rmtree(tmp_path / "commits")
    assert lists.read("b") is None


def test_who_reads_and_writes_while_others_remove_the_directory_is_not_disturbed(tmp_path: Path) -> None:
    directory = tmp_path / "commits"
    done = threading.Event()

    def remove() -> None:
        while not done.is_set():
            shutil.rmtree(directory, ignore_errors=True)

    removing = threading.Thread(target=remove)
    removing.start()
    try:
        lists = CommitLists(directory)
        for _ in range(500):
            lists.write("a", IDS)
            found = lists.read("a")
            assert found is None or found[:] == IDS
            lists.extend("a", "b", IDS)
    finally:
        done.set()
        removing.join()
