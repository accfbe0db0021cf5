# SPDX-License-Identifier: GPL-3.0-or-later
"""The two texts of a push: its commands, and the report about them.

Git gets no command that was not understood here. The head of a request is read once and written anew
(`PushCommands.head`), so that git cannot find an unrecorded change in it. The rest of the protocol is git's own
business.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from trivium.forge.sessions.git.pktline import FLUSH, Malformed, PacketReader, pkt
from trivium.vcs.errors import says_that_the_disk_is_full
from trivium.vcs.values import RefUpdate

_LARGEST_HEAD: Final = 16 << 20
"""Bytes of commands, some 130,000 refs."""
_COMMAND = re.compile(rb"([0-9a-fA-F]{40}) ([0-9a-fA-F]{40}) ([^\0\n]{1,4096})")
_SHALLOW = re.compile(rb"shallow [0-9a-fA-F]{40}")
_BAND: Final = 8 << 10
"""Bytes of a report in one packet."""
_LONGEST_REASON: Final = 900
_TOGETHER: Final = 1000
"""Commands that are written at once."""
NOT_UTF_8: Final = b"the name of a branch or tag must be UTF-8"
_NOT_ATOMIC: Final = b"atomic push failure"


class PushCommands:
    """The head of a `git-receive-pack` request: which refs are to move, and what the client understands."""

    def __init__(self) -> None:
        self._packets = PacketReader()
        self._size = 0
        self._shallow: list[bytes] = []
        self._first = b""
        """The capabilities as they came."""
        self.complete = False
        self.updates: list[RefUpdate] = []
        self.refused: list[bytes] = []
        """Names that are refused, each by itself, because they are not UTF-8."""
        self.capabilities: frozenset[str] = frozenset()
        self.rest = b""
        """What came behind the commands in the same chunk: push options or the pack."""

    def feed(self, chunk: bytes) -> None:
        """Look at the next bytes of the request, until `complete`."""
        self._size += len(chunk)
        if self._size - len(chunk) > _LARGEST_HEAD:
            raise Malformed("the list of commands does not end")
        packets = self._packets.feed(chunk)
        for packet in packets:
            if packet is None:
                packets.close()
                self.complete = True
                self.rest = self._packets.rest()
                return
            self._line(packet)

    def _line(self, packet: bytes) -> None:
        line, marked, capabilities = packet.partition(b"\0")
        if not marked:
            line = line.removesuffix(b"\n")
        if marked and (self.updates or self.refused or self._first):
            raise Malformed("capabilities belong to the first command")
        if command := _COMMAND.fullmatch(line):
            if marked:
                self._first = capabilities.removesuffix(b"\n")
                self.capabilities = frozenset(self._first.decode("utf-8", "replace").split())
            old, new, name = command.groups()
            try:
                self.updates.append(RefUpdate(name.decode(), old.decode().lower(), new.decode().lower()))
            except UnicodeDecodeError:
                self.refused.append(name)
        elif _SHALLOW.fullmatch(line) and not marked:
            self._shallow.append(line)
        elif line.startswith(b"push-cert"):
            raise Malformed("signed pushes (push certificates) are not taken here")
        else:
            raise Malformed("there is something else among its commands")

    def head(self) -> Iterator[bytes]:
        """The commands that were understood, as git is to read them; in pieces, for there may be very many."""
        lines = itertools.chain(map(pkt, self._shallow), self._written()) if self.updates else iter(())
        while piece := b"".join(itertools.islice(lines, _TOGETHER)):
            yield piece
        yield FLUSH

    def _written(self) -> Iterator[bytes]:
        for number, update in enumerate(self.updates):
            words = f"{update.old} {update.new} {update.name}".encode()
            yield pkt(words if number else words + b"\0" + self._first)

    @property
    def asks_nothing(self) -> bool:
        """The client only tries whether it may push."""
        return not self.updates and not self.refused

    @property
    def fails_as_one(self) -> bool:
        """Whether one refused command makes the whole push fail."""
        return bool(self.refused) and (not self.updates or "atomic" in self.capabilities)

    @property
    def wants_report(self) -> bool:
        return bool(self.capabilities & {"report-status", "report-status-v2"})

    @property
    def side_band(self) -> bool:
        return "side-band-64k" in self.capabilities

    @property
    def quiet(self) -> bool:
        return "quiet" in self.capabilities

    def refusal(self, reason: str) -> bytes:
        """The whole answer to a push of which nothing is taken; `reason` is what git shows to the user."""
        said = _in_one_line(reason)
        names = [update.name.encode() for update in self.updates]
        return self._answer(b"unpack " + said, ((name, said) for name in [*names, *self.refused]))

    def failure(self, reason: str) -> bytes:
        """The whole answer when the outcome of a push is unknown, for clients with a side band."""
        return pkt(b"\3" + _in_one_line(reason) + b"\n") + FLUSH

    def refusal_of_names(self) -> bytes:
        """The whole answer when refused names make the whole push fail."""
        names = ((update.name.encode(), _NOT_ATOMIC) for update in self.updates)
        return self._answer(b"unpack ok", [*names, *((name, NOT_UTF_8) for name in self.refused)])

    def _answer(self, unpacked: bytes, refused: Iterable[tuple[bytes, bytes]]) -> bytes:
        lines = [pkt(unpacked + b"\n"), *(pkt(b"ng %b %b\n" % one) for one in refused)]
        report = b"".join(lines) + FLUSH
        return b"".join(_banded(report)) + FLUSH if self.side_band else report


class PushReport:
    """The answer of `git receive-pack`: which refs did move.

    `feed` returns what to send on at once: messages of git and hooks to the user. The report itself is held back
    (`tail`), so that the client hears of nothing before it is recorded.
    """

    def __init__(self, *, side_band: bool, refused: Sequence[bytes] = ()) -> None:
        self._side_band = side_band
        self._refused = refused
        self._outer = PacketReader()
        self._inner = PacketReader()
        self._lines: list[bytes] = []
        self._accepted: set[str] = set()
        self._ended = False
        self._closed = False
        self.no_room = False
        """Whether git said that the disk is full."""

    def feed(self, chunk: bytes) -> bytes:
        """Look at the next bytes of the answer and return those that may be sent."""
        said = []
        for packet in self._outer.feed(chunk):
            self._closed = packet is None
            if not self._side_band:
                self._line(packet)
            elif packet is not None and packet[:1] == b"\1" and len(packet) > 1:
                for line in self._inner.feed(packet[1:]):
                    self._line(line)
            elif packet is not None:  # also an empty one of the report, by which git says that it is still there
                said.append(pkt(packet))
                self.no_room |= says_that_the_disk_is_full(packet.decode("utf-8", "replace"))
        return b"".join(said)

    def tail(self, message: str) -> bytes:
        """The end of the answer, with a line for the user (if any) where the client shows one."""
        lines = list(self._lines)
        if self._ended:
            lines += [pkt(b"ng %b %b\n" % (name, NOT_UTF_8)) for name in self._refused] + [FLUSH]
        if not self._side_band:
            return b"".join(lines)
        said = pkt(b"\2" + message.encode() + b"\n") if message else b""
        return b"".join(_banded(b"".join(lines))) + (said + FLUSH if self._closed else b"")

    @property
    def unpack_failed(self) -> bool:
        """Whether git could not take the pack in."""
        return any(line[4:].startswith(b"unpack ") and line[4:] != b"unpack ok\n" for line in self._lines[:1])

    def accepted(self, updates: list[RefUpdate]) -> list[RefUpdate] | None:
        """Which of the commands git carried out; None when it did not get to say so."""
        return [update for update in updates if update.name in self._accepted] if self._ended else None

    def _line(self, line: bytes | None) -> None:
        if self._ended:
            return
        if line is None:
            self._ended = True
            return
        self._lines.append(pkt(line))
        if line.startswith(b"ok "):
            self._accepted.add(line[3:].removesuffix(b"\n").decode("utf-8", "surrogateescape"))


def _banded(report: bytes) -> Iterator[bytes]:
    """A report in the packets of its side band."""
    return (pkt(b"\1" + report[at : at + _BAND]) for at in range(0, len(report), _BAND))


def _in_one_line(reason: str) -> bytes:
    return " ".join(reason.split()).encode()[:_LONGEST_REASON]
