# SPDX-License-Identifier: GPL-3.0-or-later
"""The refs that are told to a client before a push or a fetch, as git would tell them, but without starting it.

Starting git once more for each push, only to tell a few refs, took a seventh of the processor time of a push of one
commit (`make bench git`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pygit2
from pygit2.enums import ObjectType

from trivium.vcs.git.command import HIDDEN
from trivium.vcs.git.ref_files import Ref, Unclear, read_refs

_FEW: Final = 1000
"""The most refs that are told here; git tells more of them faster, and holds up nobody meanwhile."""
_HIDDEN: Final = f"{HIDDEN}/".encode()
_MORE_TO_TELL: Final = ("shallow", "objects/info/alternates")
"""Files of a repository without all of its history, or with the objects of another one, which a push is told of."""
_LARGEST_CONFIG: Final = 64 << 10
_SPEAKS_OF_REFS = re.compile(rb"hiderefs|lsrefs|include|extensions", re.IGNORECASE)
"""What the configuration of a repository may say that changes which refs are told, or where they stand."""
_LONGEST_CHAIN: Final = 20
"""The longest chain of tags that point at tags."""
_LARGEST_TAG: Final = 1 << 20
_TAG = re.compile(rb"object ([0-9a-f]{40})\ntype (commit|tree|blob|tag)\ntag [^\n]+\n.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RefsAsked:
    """Which refs a client of protocol v2 wants to be told, and what of them (`ls-refs`)."""

    prefixes: tuple[bytes, ...] = (b"",)
    symbolic: bool = False
    """Whether it wants to know where symbolic refs lead."""
    peeled: bool = False
    unborn: bool = False
    """Whether it wants to know of the branch that `HEAD` names and that does not exist yet."""


def refs_for_push(path: Path) -> list[tuple[bytes, bytes]] | None:
    """Names of refs with the ids that they hold, in git's order; None when git itself has to tell them.

    Git itself tells many refs, and refs that do not simply hold an existing object.
    """
    if any(os.path.lexists(path / name) for name in _MORE_TO_TELL):
        return None
    try:
        return [(ref.name, ref.raw_id) for ref in _refs(path, RefsAsked(prefixes=(b"refs/",)))]
    except Unclear:
        return None


def refs_for_fetch(path: Path, asked: RefsAsked) -> list[Ref] | None:
    """The refs that were asked for, in git's order; None as for `refs_for_push`."""
    try:
        return list(_refs(path, asked))
    except Unclear:
        return None


def _refs(path: Path, asked: RefsAsked) -> Iterator[Ref]:
    _check_configuration(path)
    found = read_refs(path, asked.prefixes, most=_FEW)
    try:
        objects = pygit2.Odb(str(path / "objects"))
        for ref in found:
            if (ref.name + b"/").startswith(_HIDDEN):
                continue
            if not ref.raw_id:
                if asked.unborn and asked.symbolic:
                    yield ref
                continue
            held = pygit2.Oid(hex=ref.raw_id.decode())
            if held not in objects:
                raise Unclear
            yield replace(ref, peeled=_peeled(objects, held)) if asked.peeled and ref.peeled is None else ref
    except (pygit2.GitError, KeyError, ValueError, OSError) as error:
        raise Unclear from error


def _check_configuration(path: Path) -> None:
    """Raise `Unclear` for a repository whose own configuration has a say in what is told."""
    try:
        with (path / "config").open("rb") as file:
            said = file.read(_LARGEST_CONFIG)
    except FileNotFoundError:
        return
    except OSError as error:
        raise Unclear from error
    if len(said) == _LARGEST_CONFIG or _SPEAKS_OF_REFS.search(said) or os.path.lexists(path / "commondir"):
        raise Unclear


def _peeled(objects: pygit2.Odb, held: pygit2.Oid) -> bytes:
    """The object behind a tag; empty for an object that is no tag. Raises `Unclear` for a tag that is not plain."""
    found = held
    kind, size = objects.read_header(held)
    for _ in range(_LONGEST_CHAIN):
        if kind != ObjectType.TAG:
            return b"" if found is held else str(found).encode()
        plain = _TAG.match(objects.read(found)[1]) if size <= _LARGEST_TAG else None
        if plain is None:
            break
        found = pygit2.Oid(hex=plain[1].decode())
        kind, size = objects.read_header(found)
        if ObjectType(kind).name != plain[2].decode().upper():
            break
    raise Unclear
