# SPDX-License-Identifier: GPL-3.0-or-later
"""Which other repositories a changeset refers to, as its own files say it; nobody follows them.

They are read here, line by line: Mercurial's reader includes other files and carries out expressions that the text
brings with it.
"""

from __future__ import annotations

from typing import Any, Final

from trivium.vcs.hg.server.reading import COPIED_FROM, size_of
from trivium.vcs.hg.values import Listed

_SOURCES: Final = b".hgsub"
_STATE: Final = b".hgsubstate"
_MOST: Final = 1 << 20
"""Bytes of either file; what has more is not read."""
_ODD: Final = frozenset((b"", b".", b".."))


def subrepositories(context: Any) -> list[Listed]:
    """The subrepositories of a changeset, ordered by path; those without an address of their own are none."""
    manifest = context.manifest()
    if _SOURCES not in manifest:
        return []
    states = {path: state for state, _, path in (line.partition(b" ") for line in _lines(context, _STATE))}
    found = {}
    section = b""
    for line in _lines(context, _SOURCES):
        if line.startswith(b"["):
            section = line
        elif line[:1] not in (b"#", b";", b"%", b" ", b"\t") and not section:
            path, equals, target = (part.strip() for part in line.partition(b"="))
            if equals and _ODD.isdisjoint(path.split(b"/")) and path not in manifest:
                found[path] = Listed(path, b"r", states.get(path, b""), None, _address(target))
    return [found[path] for path in sorted(found)]


def _address(target: bytes) -> bytes:
    """An address without the name of its system, which may stand before it in brackets."""
    kind, bracket, rest = target.partition(b"]")
    return rest if bracket and kind.startswith(b"[") else target


def _lines(context: Any, name: bytes) -> list[bytes]:
    if name not in context.manifest() or size_of(context[name]) > _MOST + COPIED_FROM:
        return []
    content: bytes = context[name].data()
    return [line.rstrip(b"\r") for line in content.split(b"\n")]
