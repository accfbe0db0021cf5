# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths inside repositories, as users write them."""

from __future__ import annotations

from trivium.vcs.errors import UnknownPath


def clean_path(path: str) -> str:
    """A path without empty segments; raises `UnknownPath` for a path that no tree can hold.

    It is looked up in a tree, never on the disk. Some systems would resolve dots, and some libraries would read a path
    only to its first NUL; neither must matter.
    """
    segments = [segment for segment in path.split("/") if segment]
    if "\0" in path or ".." in segments or "." in segments:
        raise UnknownPath(path)
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise UnknownPath(path) from error
    return "/".join(segments)
