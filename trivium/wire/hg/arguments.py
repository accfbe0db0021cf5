# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of Mercurial's requests on their way to it: gathered here, and taken apart by its process alone.

They stand in the query (clients before 1.9), in numbered headers, or at the beginning of the body.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from trivium.access.caller import Caller
from trivium.errors import Busy

MOST: Final = 4 << 20
"""Bytes of arguments in a body; five thousand heads are 200 KiB."""
_MOST_HELD: Final = 64 << 20
"""Bytes that a worker holds for all clients, and for one of them."""
_MOST_HELD_FOR_ONE: Final = 8 << 20


def in_headers(headers: Iterable[tuple[bytes, bytes]], prefix: bytes) -> bytes:
    """A text that is spread over the headers `prefix`1, `prefix`2, and so on."""
    found = {name: value for name, value in headers if name.startswith(prefix)}
    pieces: list[bytes] = []
    while (piece := found.get(prefix + b"%d" % (len(pieces) + 1))) is not None:
        pieces.append(piece)
    return b"".join(pieces)


class Room:
    """The room in this process for arguments on their way; nobody may fill it alone."""

    def __init__(self, most: int = _MOST_HELD, most_for_one: int = _MOST_HELD_FOR_ONE) -> None:
        self._left = most
        self._most_for_one = most_for_one
        self._held: Counter[int | str] = Counter()

    @contextlib.contextmanager
    def of(self, caller: Caller) -> Iterator[Held]:
        """The part of one request, given back at its end. Visitors share an account, but not a part."""
        held = Held(self, caller.address if caller.anonymous else caller.user_id)
        try:
            yield held
        finally:
            self.give(held.who, -held.size)

    def give(self, who: int | str, size: int) -> None:
        """Give a client more room; raises `Busy` when there is none."""
        if size > self._left or self._held[who] + size > self._most_for_one:
            raise Busy("too many arguments at once")
        self._left -= size
        self._held[who] += size
        if not self._held[who]:
            del self._held[who]


class Held:
    """The room of one request."""

    def __init__(self, room: Room, who: int | str) -> None:
        self._room = room
        self.who = who
        self.size = 0

    def more(self, size: int) -> None:
        """Take room for bytes that came; raises `Busy` when there is none."""
        self._room.give(self.who, size)
        self.size += size
