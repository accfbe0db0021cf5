# SPDX-License-Identifier: GPL-3.0-or-later
"""Git repositories are kept fast: packs merged, the commit graph with its path filters written, refs packed.

Nothing here waits for pushes or makes them wait. Objects that no ref reaches are left alone for weeks: a push may be
about to use them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

from trivium.procs.spawn import FirstWords, words_of
from trivium.vcs.errors import VcsError
from trivium.vcs.git.command import GitCommand

_MANY_PACKS: Final = 8
_SAMPLE: Final = "17"
"""One of the 256 directories of loose objects, as good as any."""
_MANY_IN_SAMPLE: Final = 2
_MANY_REFS: Final = 500
_LARGE_PACK: Final = 256 << 10
_LEFT_ALONE: Final = 256 << 20
"""Bytes from which a pack is not rewritten to merge small ones, however few objects it has."""
_POLL: Final = 0.05
_GRAPH: Final = ("commit-graph", "write", "--reachable", "--changed-paths")
_USUAL: Final = (
    ("repack", "-d", "-q", "--geometric=2", "--write-midx", "--write-bitmap-index"),
    (*_GRAPH, "--split", "--no-progress"),
)
_THOROUGH: Final = (
    ("pack-refs", "--all", "--prune"),
    ("repack", "-a", "-d", "-q", "--cruft", "--cruft-expiration=2.weeks.ago", "--write-bitmap-index"),
    ("prune", "--expire=2.weeks.ago"),
    (*_GRAPH, "--split=replace", "--no-progress"),
)

PURGE: Final = (
    ("repack", "-a", "-d", "-q", "--write-bitmap-index"),
    ("prune", "--expire=now"),
    (*_GRAPH, "--split=replace", "--no-progress"),
)
"""For times when nobody else is at work: objects that no ref reaches are removed."""


def is_untidy(path: Path) -> bool:
    """Whether the usual chores are worth while; costs a few directory listings."""
    packs = [entry.stat() for entry in _entries(path / "objects" / "pack") if entry.name.endswith(".pack")]
    graph = _written(path / "objects" / "info" / "commit-graphs" / "commit-graph-chain")
    return (
        _are_scattered([pack.st_size for pack in packs])
        or sum(1 for _ in _entries(path / "objects" / _SAMPLE)) > _MANY_IN_SAMPLE
        or any(pack.st_mtime > graph and pack.st_size >= _LARGE_PACK for pack in packs)
        or _has_many_refs(path)
    )


def tidy(command: GitCommand, path: Path, *, thorough: bool, keep: int, check: Callable[[], None]) -> None:
    """Do the chores, one after the other; raises what `check` raises, and `VcsError`.

    Git inherits the descriptor `keep`, so that its lock is held as long as git works.
    """
    for words in _THOROUGH if thorough else _USUAL:
        large = () if thorough or words[0] != "repack" else _large_packs(path)
        _run(command, path, (*words, *large), keep, check)
    if not thorough and _has_many_refs(path):
        _run(command, path, _THOROUGH[0], keep, check)


def _are_scattered(sizes: list[int]) -> bool:
    """Whether many packs, by their sizes, are not worth a file of their own.

    A pack is worth one if it is twice as large as the next smaller one: merging those would copy much for little gain.
    """
    small = sorted(size for size in sizes if size < _LEFT_ALONE)
    return len(small) > _MANY_PACKS and any(larger < 2 * smaller for smaller, larger in pairwise(small))


def _large_packs(path: Path) -> tuple[str, ...]:
    """Options of `git repack` that leave large packs as they are."""
    packs = (entry for entry in _entries(path / "objects" / "pack") if entry.name.endswith(".pack"))
    return tuple(f"--keep-pack={entry.name}" for entry in packs if entry.stat().st_size >= _LEFT_ALONE)


def _run(command: GitCommand, path: Path, words: tuple[str, ...], keep: int, check: Callable[[], None]) -> None:
    process = subprocess.Popen(
        command.tied_with_helpers("--git-dir=.", *words),
        cwd=path,
        env=command.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        pass_fds=(keep,),
    )
    assert process.stderr is not None
    errors = FirstWords(process.stderr)
    try:
        while process.returncode is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_POLL)
                break
            check()
    except BaseException:
        # On this signal git and its children remove their locks and temporary files.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        raise
    if process.returncode:
        raise VcsError(f"git {words[0]} ended with {process.returncode}: {words_of(errors.get())}")


def _entries(directory: Path) -> Iterator[os.DirEntry[str]]:
    with contextlib.suppress(FileNotFoundError), os.scandir(directory) as entries:
        yield from entries


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _has_many_refs(path: Path) -> bool:
    """Whether many refs are files of their own."""
    count = 0
    for _, _, files in os.walk(path / "refs"):
        count += len(files)
        if count > _MANY_REFS:
            return True
    return False
