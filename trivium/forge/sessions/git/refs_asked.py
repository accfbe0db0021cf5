# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `ls-refs` of protocol v2: what a client asks, and what it is told without starting git."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from trivium.forge.sessions.git.pktline import DELIMITER, FLUSH, Malformed, PacketReader, pkt
from trivium.vcs.git.advertisement import RefsAsked, refs_for_fetch
from trivium.vcs.git.ref_files import Ref

LONGEST: Final = 60 << 10
"""Bytes of a question that is answered here."""
_MOST_PREFIXES: Final = 500
_COMMAND: Final = b"command=ls-refs"
_AGENT: Final = b"agent="
_FORMAT: Final = b"object-format=sha1"
_PREFIX: Final = b"ref-prefix "
_UNBORN: Final = b"ls-refs=unborn\n"
"""How git says among its abilities that it tells of unborn branches."""


def refs_asked(request: bytes, abilities: bytes) -> RefsAsked | None:
    """What a whole request asks of a git that has told these abilities; None when git has to read it itself.

    That is so for all that git might refuse, and for what usual clients do not ask.
    """
    packets = PacketReader()
    parts: list[list[bytes]] = [[]]
    ends = []
    try:
        for packet in packets.feed(request):
            if packet is None:
                ends.append(packets.separator)
                parts.append([])
            else:
                parts[-1].append(packet.removesuffix(b"\n"))
    except Malformed:
        return None
    if ends not in ([FLUSH], [DELIMITER, FLUSH]) or parts[-1] or packets.rest() or b"\0" in request:
        return None
    of_itself, arguments = parts[0], parts[1]
    others = [line for line in of_itself if line != _COMMAND]
    if len(others) != len(of_itself) - 1 or not all(line.startswith(_AGENT) or line == _FORMAT for line in others):
        return None
    flags = {line for line in arguments if not line.startswith(_PREFIX)}
    prefixes = [line.removeprefix(_PREFIX) for line in arguments if line.startswith(_PREFIX)]
    known = {b"peel", b"symrefs"} | ({b"unborn"} if _UNBORN in abilities else set())
    if not flags <= known or len(prefixes) > _MOST_PREFIXES:
        return None
    return RefsAsked(
        prefixes=tuple(prefixes) or (b"",),
        symbolic=b"symrefs" in flags,
        peeled=b"peel" in flags,
        unborn=b"unborn" in flags,
    )


def refs_answered(path: Path, asked: RefsAsked) -> bytes | None:
    """What git would answer about the repository at `path`; None when it has to do so itself."""
    refs = refs_for_fetch(path, asked)
    return None if refs is None else b"".join(pkt(_line(ref, asked)) for ref in refs) + FLUSH


def _line(ref: Ref, asked: RefsAsked) -> bytes:
    line = b"%b %b" % (ref.raw_id or b"unborn", ref.name)
    if asked.symbolic and ref.target:
        line += b" symref-target:" + ref.target
    if asked.peeled and ref.peeled:
        line += b" peeled:" + ref.peeled
    return line + b"\n"
