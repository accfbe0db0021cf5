# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of repositories that are held in the middle, for as long as a test wants."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path


def held_program(name: str, directory: Path) -> tuple[Path, Path, Path]:
    """A git or svnadmin that waits in each copy until a file is there; and the file that says that it waits."""
    program, begun, go = directory / f"held-{name}", directory / f"{name}-begun", directory / f"{name}-goes"
    program.write_text(
        f'#!/bin/sh\ncase "$*" in *clone*|*fetch*|*hotcopy*) touch {begun}; while [ ! -e {go} ]; do sleep 0.02; done;;'
        f' esac\nexec {name} "$@"\n'
    )
    program.chmod(0o755)
    return program, begun, go


@contextlib.contextmanager
def held_repository(path: Path) -> Iterator[None]:
    """A repository of Mercurial of which no copy gets further than to its beginning."""
    lock = path / ".hg" / "store" / "lock"
    lock.symlink_to("another-host:1")  # nobody here can say whether that process is alive
    try:
        yield
    finally:
        lock.unlink()
