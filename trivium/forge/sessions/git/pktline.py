# SPDX-License-Identifier: GPL-3.0-or-later
"""Git's packet lines, and what the server looks for in a fetch; `push` has what it looks for in a push."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from typing import Final

from trivium.forge.sessions.endings import Declined, Why

FLUSH: Final = b"0000"
DELIMITER: Final = b"0001"
"""Ends, in a request of protocol v2, what the client says of itself."""
_NOTHING: Final = b"0" * 40
"""The id of no object."""
_LONGEST_MESSAGE: Final = 900
_LONGEST_BEGINNING: Final = 256 << 10
"""Bytes in which a client says what it wants and what it can do."""
_COMMAND: Final = b"command"
_LIST_REFS: Final = b"command=ls-refs"
_WANT: Final = b"want "
_WANTED = re.compile(rb"want ([0-9a-fA-F]{40})")
_LENGTH = re.compile(rb"[0-9a-fA-F]{4}")


class Malformed(Declined):
    """The client does not speak the protocol."""

    def __init__(self, how: str) -> None:
        super().__init__(Why.NOT_UNDERSTOOD, f"The request is not one of git: {how}.")


def pkt(payload: bytes) -> bytes:
    """One packet line."""
    return b"%04x" % (len(payload) + 4) + payload


def refusal(reason: str) -> bytes:
    """An error that a client of `git-upload-pack` shows to its user, whatever it asked for."""
    return pkt(b"ERR " + " ".join(reason.split()).encode()[:_LONGEST_MESSAGE] + b"\n")


def refs_told(refs: Sequence[tuple[bytes, bytes]], abilities: bytes) -> bytes:
    """Refs (names with ids) and abilities, as a service of git tells them to clients that do not speak protocol v2."""
    (first, raw_id), *others = refs or [(b"capabilities^{}", _NOTHING)]
    lines = [pkt(b"%b %b\0%b\n" % (raw_id, first, abilities)), *(pkt(b"%b %b\n" % (one, name)) for name, one in others)]
    return b"".join(lines) + FLUSH


class PacketReader:
    """Packet lines out of chunks of any size."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.separator = b""
        """The last of the packets that hold nothing: what kind of end it is."""

    def feed(self, chunk: bytes) -> Generator[bytes | None]:
        """The packets that are complete by now; None for a flush packet."""
        self._buffer += chunk
        position = 0
        try:
            while len(self._buffer) - position >= 4:
                digits = self._buffer[position : position + 4]
                if not _LENGTH.fullmatch(digits):
                    raise Malformed("there is no packet line")
                length = int(digits, 16)
                if length < 4:  # flush, and what separates parts of a request of protocol v2
                    self.separator = bytes(digits)
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

    def rest(self) -> bytes:
        """The bytes behind the last packet returned; to be called once, instead of feeding more."""
        return bytes(self._buffer)


class FetchCommand:
    """The beginning of a `git-upload-pack` request: whether it fetches, or with protocol v2 asks for refs only.

    With protocol v2 the command may stand behind what the client says of itself. The request counts as a fetch unless
    it asks for nothing but refs.
    """

    def __init__(self, *, versioned: bool) -> None:
        self._packets = PacketReader()
        self._size = 0
        self._commands: set[bytes] = set()
        self.complete = not versioned
        self.fetches = True

    def feed(self, chunk: bytes) -> None:
        """Look at the next bytes of the request, until `complete`; raises `Malformed`."""
        self._size += len(chunk)
        for packet in self._packets.feed(chunk):
            if packet is None:
                self.complete = True
                self.fetches = self._commands != {_LIST_REFS}
                return
            if packet.startswith(_COMMAND):
                self._commands.add(packet.removesuffix(b"\n"))
        if self._size > _LONGEST_BEGINNING:
            raise Malformed("it does not say what it wants")


class WantReader:
    """Reads the ids that a request of protocol v2 wants, as it passes by."""

    def __init__(self) -> None:
        self._packets = PacketReader()

    def feed(self, chunk: bytes) -> set[str]:
        """Look at the next bytes of the request: the ids that are wanted in them; raises `Malformed`."""
        found = set()
        for packet in self._packets.feed(chunk):
            if packet is not None and packet.startswith(_WANT):
                wanted = _WANTED.fullmatch(packet.removesuffix(b"\n"))
                if wanted is None:
                    raise Malformed("it wants something without an id")
                found.add(wanted[1].decode("ascii").lower())
        return found


class PackWatch:
    """The answer of `git upload-pack`: whether it brings a pack.

    `feed` returns what to send on at once. As in `PushReport`, it holds the final flush packet back: any end of the
    answer so far that could be a part of it.
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
        everything = self._held + chunk if self._held else chunk
        last = everything[-len(FLUSH) :]
        kept = len(last) - len(last.rstrip(b"0"))  # nearly always nothing, so that no pack is copied
        self._held = last[len(last) - kept :]
        return everything[:-kept] if kept else everything

    def let_go(self) -> bytes:
        """What was held back, for much more has come behind it."""
        held, self._held = self._held, b""
        return held

    def tail(self, message: str) -> bytes:
        """The end of the answer, with a line for the user (if any) where the client shows one."""
        if message and self._side_band and self._held == FLUSH:
            return pkt(b"\2" + message.encode() + b"\n") + FLUSH
        return self._held
