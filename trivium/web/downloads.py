# SPDX-License-Identifier: GPL-3.0-or-later
"""What a file is called that a browser saves (RFC 6266, security.md S-12)."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

_PLAIN: Final = frozenset("-._+")


def attachment(name: str) -> str:
    """The value of `Content-Disposition` for a file to be saved under a name."""
    return "attachment; " + _file_name(name)


def inline(name: str) -> str:
    """The same for a file to be shown, whose name is used when it is saved."""
    return "inline; " + _file_name(name)


def _file_name(name: str) -> str:
    if name and all(one.isascii() and (one.isalnum() or one in _PLAIN) for one in name):
        return f"filename={name}"
    return in_both_ways(name)


def in_both_ways(name: str) -> str:
    """A file's name for a header, whatever is in it: for old clients also in ASCII, without what could end the text."""
    plain = "".join(one if one.isascii() and one.isprintable() and one not in '"\\%' else "_" for one in name)
    encoded = quote(name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"), safe="")
    return f"filename=\"{plain}\"; filename*=UTF-8''{encoded}"
