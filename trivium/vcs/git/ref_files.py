# SPDX-License-Identifier: GPL-3.0-or-later
"""Refs as git's own files have them, for readers who want few of them and do not want to start git.

Each ref is a file of its own (`refs/heads/…`) or a line of `packed-refs`, where the file counts. libgit2 reads all of
them before it tells the first, and takes the line for a ref whose file is damaged. Here all that is not plain is left
to git.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

HEAD: Final = b"HEAD"
_TOP: Final = b"refs/"
_CHAIN: Final = 4
"""How many symbolic refs may lead to one another."""
_LONGEST: Final = 4096
"""Bytes of a ref's file."""
_ID = re.compile(rb"[0-9a-f]{40}\n")
_SYMBOLIC = re.compile(rb"ref: (refs/[^\n]+)\n")
_NOT_IN_NAMES = re.compile(rb"[\0-\x20\x7f~^:?*\[\\]|@\{|\.\.|//|/\.|\.lock/|\.(?:lock)?\Z|/\Z")
_LINE = re.compile(rb"([0-9a-f]{40}) (refs/[^\n]+)\n(?:\^([0-9a-f]{40})\n)?")
_TRAITS: Final = {b"fully-peeled", b"sorted"}
"""What every git since 2018 says of `packed-refs` in its first line."""


class Unclear(Exception):
    """Only git itself can tell these refs: they are many, or one of them is not plain."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A ref, and what it holds or leads to."""

    name: bytes
    raw_id: bytes
    """Empty: it leads to a ref that does not exist."""
    target: bytes = b""
    """The ref to which a symbolic one leads in the end."""
    peeled: bytes | None = None
    """What the tag that it holds is a tag of; empty when it holds no tag, None when that is not known."""


def read_refs(path: Path, prefixes: Collection[bytes], *, most: int) -> list[Ref]:
    """The refs of the repository at `path` whose names begin with one of `prefixes`, `HEAD` first, in git's order.

    As in git's own lists no symbolic ref leads to nowhere, but for `HEAD`. Whether the objects exist is not known.
    Raises `Unclear`, also when there are more than `most`.
    """
    wanted = _distinct(prefixes)
    try:
        # First the files: a ref that moves into `packed-refs` meanwhile is seen twice, and not never.
        files = _files(path, wanted, most)
        head = _content(path, HEAD) or b""
        if not (_ID.fullmatch(head) or _SYMBOLIC.fullmatch(head)):
            raise Unclear  # without it this is no repository
        if HEAD.startswith(wanted):
            files[HEAD] = head
        beside = _led_to(path, files)
        with _packed(path) as packed:
            lines = (ref for prefix in wanted for ref in packed.below(prefix))
            refs = {ref.name: ref for ref in islice(lines, most + 1)}
            if len(refs) > most:
                raise Unclear
            for name, content in files.items():
                refs.pop(name, None)
                if (ref := _resolved(name, content, beside, packed)) is not None:
                    refs[name] = ref
    except (OSError, ValueError) as error:
        raise Unclear from error
    if len(refs) > most:
        raise Unclear
    return sorted(refs.values(), key=lambda ref: ref.name)  # "HEAD" < "refs/"


def _distinct(prefixes: Collection[bytes]) -> tuple[bytes, ...]:
    """These prefixes without those that begin with another one."""
    kept: list[bytes] = []
    for prefix in sorted(prefixes):
        if not kept or not prefix.startswith(kept[-1]):
            kept.append(prefix)
    return tuple(kept)


def _files(path: Path, wanted: tuple[bytes, ...], most: int) -> dict[bytes, bytes]:
    """What the files of refs say whose names begin in a wanted way."""
    found: dict[bytes, bytes] = {}
    directories = [_TOP]
    while directories:
        above = directories.pop()
        try:
            entries = os.scandir(os.path.join(os.fsencode(path), above))
        except FileNotFoundError:
            if above == _TOP:
                raise
            continue  # its last ref is gone
        with entries:
            for entry in entries:
                if entry.name.startswith(b".") or entry.name.endswith(b".lock"):
                    continue
                if entry.is_symlink():
                    raise Unclear
                name = above + entry.name
                if entry.is_dir(follow_symlinks=False):
                    name += b"/"
                    if name.startswith(wanted) or any(prefix.startswith(name) for prefix in wanted):
                        directories.append(name)
                elif name.startswith(wanted) and (content := _content(path, name)) is not None:
                    found[name] = content
                    if len(found) > most:
                        raise Unclear
    return found


def _content(path: Path, name: bytes) -> bytes | None:
    """What the file of a ref says; None without one."""
    if name != HEAD and _NOT_IN_NAMES.search(name):
        raise Unclear
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(os.path.join(os.fsencode(path), name), flags)
    except FileNotFoundError:
        return None
    try:
        return os.read(descriptor, _LONGEST)
    except IsADirectoryError:  # the refs below it are gone
        return None
    finally:
        os.close(descriptor)


def _led_to(path: Path, files: dict[bytes, bytes]) -> dict[bytes, bytes | None]:
    """These refs, and what the files of those say to which they lead."""
    known: dict[bytes, bytes | None] = dict(files)
    for content in files.values():
        for _ in range(_CHAIN):
            leads = _SYMBOLIC.fullmatch(content)
            if leads is None:
                break
            if leads[1] not in known:
                known[leads[1]] = _content(path, leads[1])
            content = known[leads[1]] or b""
    return known


def _resolved(name: bytes, content: bytes, known: dict[bytes, bytes | None], packed: _Packed) -> Ref | None:
    """What a ref with a file holds; None when it leads to nowhere."""
    target = b""
    for _ in range(_CHAIN):
        if _ID.fullmatch(content):
            return Ref(name, content[:-1], target)
        leads = _SYMBOLIC.fullmatch(content)
        if leads is None:
            raise Unclear
        target = leads[1]
        found = known[target]
        if found is None:
            held = packed.find(target)
            if held is not None:
                return Ref(name, held.raw_id, target)
            return Ref(name, b"", target) if name == HEAD else None
        content = found
    raise Unclear


@contextlib.contextmanager
def _packed(path: Path) -> Iterator[_Packed]:
    """The file `packed-refs` as it is now, whoever replaces it."""
    try:
        descriptor = os.open(path / "packed-refs", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        yield _Packed(b"")
        return
    try:
        if os.fstat(descriptor).st_size:
            with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as data:
                yield _Packed(data)
        else:
            yield _Packed(b"")
    finally:
        os.close(descriptor)


class _Packed:
    """Refs in the order of their names, each a line; some have the object behind their tag in a second one."""

    def __init__(self, data: bytes | mmap.mmap) -> None:
        self._data = data
        self._first = 0
        if data:
            head = data[: data.find(b"\n") + 1]
            if not head.startswith(b"# pack-refs with: ") or not set(head.split()) >= _TRAITS:
                raise Unclear
            self._first = len(head)

    def below(self, prefix: bytes) -> Iterator[Ref]:
        """The refs whose names begin with `prefix`."""
        position = self._position(prefix)
        while position < len(self._data):
            line = self._at(position)
            if not line[2].startswith(prefix):
                return
            yield Ref(line[2], line[1], peeled=line[3] or b"")
            position = line.end()

    def find(self, name: bytes) -> Ref | None:
        first = next(self.below(name), None)
        return first if first is not None and first.name == name else None

    def _position(self, wanted: bytes) -> int:
        """Where the first ref stands whose name does not come before `wanted`."""
        low, high = self._first, len(self._data)
        while low < high:
            middle = self._line_around(low, (low + high) // 2)
            line = self._at(middle)
            if line[2] < wanted:
                low = line.end()
            else:
                high = middle
        return low

    def _line_around(self, low: int, position: int) -> int:
        """Where the ref begins in whose lines a position is; not before `low`."""
        begins = self._data.rfind(b"\n", low, position) + 1 or low
        if self._data[begins : begins + 1] == b"^":
            begins = self._data.rfind(b"\n", low, begins - 1) + 1 or low
        return begins

    def _at(self, position: int) -> re.Match[bytes]:
        line = _LINE.match(self._data, position)
        if line is None or _NOT_IN_NAMES.search(line[2]):
            raise Unclear
        return line
