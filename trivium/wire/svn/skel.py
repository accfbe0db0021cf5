# SPDX-License-Identifier: GPL-3.0-or-later
"""The POST that begins a transaction, in Subversion's own notation (skel): parsed here and written anew.

A skel is an atom or a list of skels. Apache reads nested lists to any depth, until its stack ends. Clients send nothing
but `( create-txn )` and `( create-txn-with-props ( NAME VALUE … ) )`.
"""

from __future__ import annotations

import re
from typing import Final

from trivium.wire.admission import Refused

_BLANKS: Final = re.compile(rb"[ \t\n\f\r]*")
_LENGTH: Final = re.compile(rb"([0-9]{1,9})[ \t\n\f\r]")
_WORD: Final = re.compile(rb"[A-Za-z][^ \t\n\f\r()\[\]]*")
_DEEPEST: Final = 3
_MOST: Final = 10_000
"""Atoms."""


def rewritten(text: bytes) -> bytes:
    """The same request, written anew; raises `Refused` for other texts."""
    match _parsed(text):
        case [b"create-txn"]:
            return b"( create-txn )"
        case [b"create-txn-with-props", [*properties]]:
            atoms = [atom for atom in properties if isinstance(atom, bytes)]
            if len(atoms) == len(properties) and len(atoms) % 2 == 0:
                said = b" ".join(b"%d %s" % (len(atom), atom) for atom in atoms)
                return b"( create-txn-with-props ( " + said + b" ) )"
    raise _unreadable()


def _parsed(text: bytes) -> object:
    """The outermost list, of atoms and lists."""
    open_ones: list[list[object]] = [[]]
    at = _after(_BLANKS, text, 0)
    atoms = 0
    while at < len(text):
        sign = text[at : at + 1]
        if sign == b"(":
            inner: list[object] = []
            open_ones[-1].append(inner)
            open_ones.append(inner)
            at += 1
        elif sign == b")":
            open_ones.pop()
            at += 1
        else:
            atom, at = _atom(text, at)
            open_ones[-1].append(atom)
            atoms += 1
        if not 1 <= len(open_ones) <= _DEEPEST or atoms > _MOST:
            raise _unreadable()
        at = _after(_BLANKS, text, at)
    if len(open_ones) != 1 or len(open_ones[0]) != 1:
        raise _unreadable()
    return open_ones[0][0]


def _atom(text: bytes, at: int) -> tuple[bytes, int]:
    """The atom that begins there, and where it ends: a word, or any bytes after their number."""
    if found := _WORD.match(text, at):
        return found[0], found.end()
    found = _LENGTH.match(text, at)
    if found is None or found.end() + int(found[1]) > len(text):
        raise _unreadable()
    end = found.end() + int(found[1])
    return text[found.end() : end], end


def _after(pattern: re.Pattern[bytes], text: bytes, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _unreadable() -> Refused:
    return Refused(400, "Subversion has no such request.")
