# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever reads repositories: what each kind of question needs."""

from __future__ import annotations

from collections.abc import Sequence

from trivium.vcs.hg.client import HgProcesses
from trivium.vcs.hg.index import HgIndex


class Reader:
    """The way to the processes, and the open directory of the repository that they are asked about."""

    def __init__(self, processes: HgProcesses, index: HgIndex, directory: int, *others: int) -> None:
        """`others` are directories of repositories that are read together with this one."""
        self._processes = processes
        self._index = index
        self._directory = directory
        self._directories = (directory, *others)


def joined(raw_ids: Sequence[str]) -> bytes:
    """Ids as requests have them."""
    return bytes.fromhex("".join(raw_ids))
