# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths inside repositories, as users write them."""

from __future__ import annotations

from trivium.vcs.errors import UnknownPath


def clean_path(path: str) -> str:
    """A path without empty segments; raises `UnknownPath` for a path that no tree can hold.

    It is looked up in a tree, never on the disk. Some systems would resolve dots, and some libraries would read a path
    only to its first NUL; neither must matter.
    """
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise UnknownPath(path) from error
    return _without_empty(path)


def raw_path(path: str) -> bytes:
    """The same for a path in which bytes that are no UTF-8 are surrogates, as in `pages.TreeEntry.path`."""
    return path_within(path).encode("utf-8", "surrogateescape")


def path_within(path: str) -> str:
    """The same as text, in which the surrogates stay."""
    found = _without_empty(path)
    try:
        found.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise UnknownPath(path) from error
    return found


def _without_empty(path: str) -> str:
    segments = [segment for segment in path.split("/") if segment]
    if "\0" in path or ".." in segments or "." in segments:
        raise UnknownPath(path)
    return "/".join(segments)
