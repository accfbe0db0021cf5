# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories that were made elsewhere and put into the root by hand (docs/administration.md).

A prepared repository must not lead the server out of its directory, or make it run something.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from trivium.vcs.errors import VcsError


def check_self_contained(top: Path, *, harmless: Callable[[str, str], bool] = lambda *_: False) -> None:
    """Raise `VcsError` when `top` is or holds anything but directories and files, such as a link to elsewhere.

    A link is allowed when `harmless` says so of its place below `top` and its target.
    """
    if not top.is_dir() or top.is_symlink():
        raise VcsError(f"{top.name} is no directory")
    waiting = [top]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                elif not entry.is_file(follow_symlinks=False):
                    place = str(Path(entry.path).relative_to(top))
                    if not (entry.is_symlink() and harmless(place, str(Path(entry.path).readlink()))):
                        raise VcsError(f"{place} is a link, or no file at all")


def check_without(top: Path, *names: str) -> None:
    """Raise `VcsError` when one of these files is there: it refers to something outside the repository."""
    for name in names:
        if (top / name).exists():
            raise VcsError(f"it needs another repository, which {name} names")
