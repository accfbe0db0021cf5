# SPDX-License-Identifier: GPL-3.0-or-later
"""Git's packet lines, as far as the server looks into them: the commands of a push, and its report.

Everything else of the protocol is git's own business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from trivium.vcs.model import RefUpdate

FLUSH: Final = b"0000"
_MAX_COMMANDS: Final = 64 << 20
_LENGTH = re.compile(rb"[0-9a-fA-F]{4}")


class Malformed(Exception):
    """The client does not speak the protocol."""


def pkt(payload: bytes) -> bytes:
    """One packet line."""
    return b"%04x" % (len(payload) + 4) + payload


class PacketReader:
    """Packet lines out of chunks of any size."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> Iterator[bytes | None]:
        """The packets that are complete by now; None for a flush packet."""
        self._buffer += chunk
        position = 0
        try:
            while len(self._buffer) - position >= 4:
                digits = self._buffer[position : position + 4]
                if not _LENGTH.fullmatch(digits):
                    raise Malformed("there is no packet line")
                length = int(digits, 16)
                if length < 4:
                    position += 4
                    yield None
                    continue
                if len(self._buffer) - position < length:
                    return
                payload = bytes(self._buffer[position + 4 : position + length])
                position += length
                yield payload
        finally:
            del self._buffer[:position]


class PushCommands:
    """The head of a `git-receive-pack` request: which refs are to move, and what the client understands."""

    def __init__(self) -> None:
        self._packets = PacketReader()
        self._size = 0
        self.complete = False
        self.updates: list[RefUpdate] = []
        self.capabilities: frozenset[str] = frozenset()

    def feed(self, chunk: bytes) -> None:
        """Look at the next bytes of the request, until `complete`."""
        self._size += len(chunk)
        if self._size > _MAX_COMMANDS:
            raise Malformed("the list of commands does not end")
        for packet in self._packets.feed(chunk):
            if packet is None:
                self.complete = True
                return
            line, _, capabilities = packet.partition(b"\0")
            if capabilities:
                self.capabilities = frozenset(capabilities.decode("utf-8", "replace").split())
            words = line.rstrip(b"\n").split(b" ", 2)
            if len(words) == 3 and words[0] not in (b"shallow", b"push-cert"):
                try:
                    old, new, name = (word.decode() for word in words)
                except UnicodeDecodeError as error:
                    raise Malformed("the name of a ref is not UTF-8") from error
                self.updates.append(RefUpdate(name, old, new))

    @property
    def wants_report(self) -> bool:
        return bool(self.capabilities & {"report-status", "report-status-v2"})

    @property
    def side_band(self) -> bool:
        return "side-band-64k" in self.capabilities


class FetchCommand:
    """The beginning of a `git-upload-pack` request: whether it fetches, or with protocol v2 asks for refs only."""

    def __init__(self, *, versioned: bool) -> None:
        self._packets = PacketReader()
        self.complete = not versioned
        self.fetches = True

    def feed(self, chunk: bytes) -> None:
        """Look at the next bytes of the request, until `complete`."""
        for packet in self._packets.feed(chunk):
            self.complete = True
            self.fetches = packet is not None and packet.rstrip(b"\n") == b"command=fetch"
            return


class PackWatch:
    """The answer of `git upload-pack`: whether it brings a pack.

    `feed` returns what to send on at once; the final flush packet is held back, as in `PushReport`.
    """

    def __init__(self) -> None:
        self._packets = PacketReader()
        self._held = b""
        self._side_band = False
        self.has_pack = False

    def feed(self, chunk: bytes) -> bytes:
        """Look at the next bytes of the answer, up to the pack, and return those that may be sent."""
        if not self.has_pack:
            try:
                for packet in self._packets.feed(chunk):
                    if packet is not None and packet.startswith(b"\1PACK"):
                        self.has_pack = self._side_band = True
                        break
            except Malformed:
                # Without a side band the pack follows bare, and is no packet.
                self.has_pack = True
        everything = self._held + chunk
        self._held = everything[-len(FLUSH) :]
        return everything[: -len(FLUSH)]

    def tail(self, message: str) -> bytes:
        """The end of the answer, with a line for the user (if any) where the client shows one."""
        if message and self._side_band and self._held == FLUSH:
            return pkt(b"\2" + message.encode() + b"\n") + FLUSH
        return self._held


class PushReport:
    """The answer of `git receive-pack`: which refs did move.

    `feed` returns what to send on at once; the final flush packet is held back, so that something can be said
    before it (`tail`).
    """

    def __init__(self, *, side_band: bool) -> None:
        self._side_band = side_band
        self._outer = PacketReader()
        self._inner = PacketReader()
        self._held = b""
        self._accepted: set[str] = set()
        self._ended = False
        self._closed = False

    def feed(self, chunk: bytes) -> bytes:
        """Look at the next bytes of the answer and return those that may be sent."""
        for packet in self._outer.feed(chunk):
            self._closed = packet is None
            if not self._side_band:
                self._line(packet)
            elif packet is not None and packet[:1] == b"\1":
                for line in self._inner.feed(packet[1:]):
                    self._line(line)
        everything = self._held + chunk
        self._held = everything[-len(FLUSH) :]
        return everything[: -len(FLUSH)]

    def tail(self, message: str) -> bytes:
        """The end of the answer, with a line for the user (if any) where the client shows one."""
        if message and self._side_band and self._closed:
            return pkt(b"\2" + message.encode() + b"\n") + FLUSH
        return self._held

    def accepted(self, updates: list[RefUpdate]) -> list[RefUpdate] | None:
        """Which of the commands git carried out; None when it did not get to say so."""
        return [update for update in updates if update.name in self._accepted] if self._ended else None

    def _line(self, line: bytes | None) -> None:
        if line is None:
            self._ended = True
        elif line.startswith(b"ok "):
            self._accepted.add(line[3:].rstrip(b"\n").decode("utf-8", "surrogateescape"))
