# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers to OPTIONS that are remembered: each command of a client asks two to five times what the server can do.

What mod_dav_svn answers depends on the request, on what the repository is and on its youngest revision, which stands in
a header of its own (`vcs.svn.heads`). It does not depend on the path in the repository, but for the methods that are
allowed there, and those the door names (`requests.allow`). So an answer is given again to the same request with the
revision that is the youngest then. Who may ask is decided before, as always.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from itertools import chain
from typing import Final

from trivium.vcs.svn.heads import Head

_YOUNGEST: Final = b"svn-youngest-rev"
_MOST: Final = 500
"""Answers that one worker remembers; then it begins anew."""
_LARGEST: Final = 4 << 10
"""Bytes of a request or answer that is remembered."""

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class _Known:
    identity: tuple[int, ...]
    before: Headers
    after: Headers
    """What stands before and behind the youngest revision."""
    tells_youngest: bool
    body: bytes


class KnownOptions:
    """The memory of one worker."""

    def __init__(self) -> None:
        self._known: dict[Hashable, _Known] = {}

    def found(self, asked: Hashable, head: Head) -> tuple[Headers, bytes] | None:
        """The answer to a request, as the client sees it, of a repository that has come so far."""
        known = self._known.get(asked)
        if known is None or known.identity != head.identity:
            return None
        youngest = [(_YOUNGEST, b"%d" % head.youngest)] if known.tells_youngest else []
        return [*known.before, *youngest, *known.after], known.body

    def keep(self, asked: Hashable, head: Head, headers: Headers, body: bytes) -> None:
        """Remember what was answered; `head` was looked at before that was asked for."""
        if _size(headers) + len(body) > _LARGEST:
            return
        if len(self._known) >= _MOST:
            self._known.clear()
        names = [name for name, _ in headers]
        at = names.index(_YOUNGEST) if _YOUNGEST in names else len(names)
        self._known[asked] = _Known(head.identity, headers[:at], headers[at + 1 :], at < len(names), body)


def asked_by(headers: Headers, body: bytes, *about: Hashable) -> Hashable | None:
    """What a request asks, with all that could make a difference to the answer; None when that is too much."""
    return None if _size(headers) + len(body) > _LARGEST else (tuple(headers), body, *about)


def _size(headers: Headers) -> int:
    return sum(map(len, chain.from_iterable(headers)))
