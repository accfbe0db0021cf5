# SPDX-License-Identifier: GPL-3.0-or-later
"""`svn:externals`: what a directory says of other places that clients put into it.

A line is `[-r N] URL[@PEG] NAME`, or as it was before Subversion 1.5 `NAME [-r N] URL`. Lines that clients would refuse
are passed over, for nothing keeps them from being committed by others.
"""

from __future__ import annotations

import re
import shlex
from typing import Final

_MOST: Final = 64 << 10
"""Bytes of the property that are read."""
_LONGEST: Final = 4096
"""Characters of one line; `shlex` takes time by the square of a word."""
_MOST_LINKS: Final = 1000
_REVISION: Final = re.compile(r"-r([0-9]{1,10})?")
_PEG: Final = re.compile(r"@([0-9]{1,10}|HEAD)?\Z")
_RELATIVE: Final = ("../", "^/", "/")


def externals_of(value: bytes) -> dict[str, tuple[str, str]]:
    """The name of each external, which may have slashes, with its address as written and the revision or ""."""
    found: dict[str, tuple[str, str]] = {}
    for line in value[:_MOST].decode("utf-8", "replace").splitlines():
        if len(line) > _LONGEST or line.lstrip().startswith("#"):
            continue
        told = _external(line)
        if told is not None:
            found[told[0]] = told[1:]
        if len(found) >= _MOST_LINKS:
            break
    return found


def _external(line: str) -> tuple[str, str, str] | None:
    """Name, address and revision of one line."""
    try:
        words = shlex.split(line)
    except ValueError:  # a quotation that does not end
        return None
    revision = ""
    first = False
    for place, word in enumerate(words):
        told = _REVISION.fullmatch(word)
        if told:
            number = told[1] or (words[place + 1] if place + 1 < len(words) else "")
            if not number.isdecimal():
                return None
            revision, first = number, place == 0
            del words[place : place + (1 if told[1] else 2)]
            break
    if len(words) != 2:
        return None
    if first or _is_address(words[0]):
        address, name = words
        peg = _PEG.search(address)
        if peg:
            address = address[: peg.start()]
            revision = revision or (peg[1] or "").removeprefix("HEAD")
    elif "://" in words[1]:
        name, address = words
    else:
        return None
    segments = [segment for segment in name.split("/") if segment not in ("", ".")]
    if not address or name.startswith("/") or not segments or ".." in segments:
        return None
    return "/".join(segments), address, revision


def _is_address(word: str) -> bool:
    return "://" in word or word.startswith(_RELATIVE)
