# SPDX-License-Identifier: GPL-3.0-or-later
"""Bounds on the contents of a bundle, checked before they are held in memory (security.md 6).

A few bytes may claim to be, or grow to, any length: a compressed bundle, a delta against a large file, a list that is
read whole. Each is refused with a sentence that the client shows, and the transaction is rolled back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from mercurial import bundle2, changegroup, error, mdiff, revlog, util
from mercurial.utils import compression

from trivium.vcs.hg.limits import HgLimits

_FREE: Final = 16 << 20
"""Bytes to which every compressed bundle may grow, whatever its size."""
_MOST_SIDE: Final = 64 << 20
"""Bytes of a part of a bundle other than history: such parts are read whole."""
_HEADERS: Final = 64 << 10
_PIECE: Final = 4 << 10
"""Bytes of a compressed bundle that are inflated at once; some kinds grow ten thousand times."""
_HISTORY: Final = b"changegroup"


def install(limits: HgLimits) -> None:
    """Make Mercurial respect the limits, in this process and those that it forks."""
    _bound_pieces(limits.object_bytes)
    _bound_revisions(limits.object_bytes)
    _bound_parts()
    _bound_inflation(limits.inflate_ratio)


def _too_large() -> error.Abort:
    return error.Abort(b"a file or another object is larger than the server allows (max_object_bytes)")


def _bound_pieces(most: int) -> None:
    """Bound the lengths that a bundle announces."""

    def read_exactly(stream: Any, size: int) -> Any:
        if size > most + _HEADERS:
            raise _too_large()
        return util.readexactly(stream, size)

    changegroup.readexactly = read_exactly


def _bound_revisions(most: int) -> None:
    """Bound the results of deltas."""
    plain = revlog.revlog.addgroup

    def checked(log: Any, deltas: Iterator[Any]) -> Iterator[Any]:
        for found in deltas:
            if found.compression is not None:
                raise error.Abort(b"pieces that are compressed one by one are not accepted")
            if found.raw_text is not None:
                size = len(found.raw_text)
            else:
                base = log.index.get_rev(found.delta_base)
                size = mdiff.patchedsize(0 if base in (None, -1) else log.rawsize(base), found.delta)
            if size > most:
                raise _too_large()
            yield found

    def add_group(self: Any, deltas: Iterator[Any], *arguments: Any, **named: Any) -> Any:
        return plain(self, checked(self, deltas), *arguments, **named)

    revlog.revlog.addgroup = add_group


def _bound_parts() -> None:
    """Bound the parts of a bundle other than its history."""
    plain: Callable[..., Iterator[bytes]] = bundle2.unbundlepart._payloadchunks  # noqa: SLF001

    def chunks(self: Any) -> Iterator[bytes]:
        size = 0
        for chunk in plain(self):
            size += len(chunk)
            if size > _MOST_SIDE and self.type != _HISTORY:
                raise error.Abort(b"a part of the bundle is larger than the server allows")
            yield chunk

    bundle2.unbundlepart._payloadchunks = chunks  # noqa: SLF001


def _bound_inflation(ratio: int) -> None:
    """Bound bundles that are compressed as a whole; all bytes read from them are inflated at once."""
    base = compression._CompressedStreamReader  # noqa: SLF001
    begin = base.__init__

    def in_small_pieces(self: Any, source: Any) -> None:
        begin(self, source)
        read = self._reader
        self._reader = lambda size: read(min(size, _PIECE))
        self._taken = self._given = 0

    def bounded(plain: Callable[[Any, bytes], None]) -> Callable[[Any, bytes], None]:
        def inflate(self: Any, piece: bytes) -> None:
            plain(self, piece)
            self._taken += len(piece)
            self._given += sum(map(len, self._pending))
            if self._given > _FREE + ratio * self._taken:
                raise error.Abort(b"the bundle grows more than the server allows (max_inflate_ratio)")

        return inflate

    base.__init__ = in_small_pieces
    for reader in base.__subclasses__():
        reader._decompress = bounded(reader._decompress)  # noqa: SLF001
