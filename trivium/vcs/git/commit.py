# SPDX-License-Identifier: GPL-3.0-or-later
"""Git's commits, read from their bytes: the server shows every commit that it accepts.

libgit2 refuses commits of old tools that every git takes: an author without an address or a name, a bracket that is not
closed, an odd date. So it only delivers the bytes. The first part of a commit is enough for all that is shown; a huge
commit is not loaded whole.
"""

from __future__ import annotations

import codecs
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final, NamedTuple

import msgspec
import pygit2
from pygit2.enums import ObjectType

from trivium.vcs.errors import VcsError
from trivium.vcs.git.command import GitCommand
from trivium.vcs.values import MOST_OF_A_MESSAGE

_LARGE: Final = 1 << 20
"""Bytes of a commit of which only the beginning is read."""
_MOST_PARENTS: Final = 1000
_ORDERLY: Final = re.compile(rb"[^<>\n]*<[^<>\n]*> [0-9]{1,12} [+-][0-9]{4}")
_LINKS: Final = re.compile(rb"tree ([0-9a-f]{40})\n((?:parent [0-9a-f]{40}\n)*+)")
_PLAIN: Final = re.compile(
    rb"tree ([0-9a-f]{40})\n((?:parent [0-9a-f]{40}\n)*+)"
    rb"author (([^<>\n]*)<([^<>\n]*)> ([0-9]{1,12}) [+-][0-9]{4})\ncommitter ([^\n]*)\n\n"
)
"""The head of nearly every commit: without a signature, an encoding, or anything odd."""
_COMMITTED: Final = re.compile(rb"\ncommitter [^\n]*> ([0-9]{1,12}) ")
_ZONE: Final = re.compile(rb"([+-])([0-9]{2})([0-5][0-9])")
_NO_TEXT: Final = frozenset({"punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined", "utf-7"})
"""Names of Python's codecs that are refused as encodings."""


class Unclear(VcsError):
    """Only git can tell when a commit was made."""


class Commit(msgspec.Struct, frozen=True):
    """The content of a commit."""

    id: pygit2.Oid
    tree_id: pygit2.Oid
    parent_ids: tuple[pygit2.Oid, ...]
    author: str
    """`Name <address>`."""
    author_time: int
    """Seconds since the epoch."""
    author_line: bytes
    """As it stands in the commit, as `committer` does: name, address, seconds and zone."""
    committer: bytes
    encoding: str
    """Of all texts."""
    signed: bool
    """Whether there is a signature, whatever it is worth."""
    message: str

    @property
    def author_moment(self) -> str:
        """ISO 8601 with the zone in which it was made."""
        return zoned(self.author_line)

    @property
    def committed_by(self) -> str:
        """`Name <address>`; empty when nobody is named."""
        return _person(self.committer, self.encoding) if self.committer else ""

    @property
    def committed_at(self) -> str:
        """As `author_moment`."""
        return zoned(self.committer) if self.committer else ""

    @property
    def commit_time(self) -> int:
        """When it was made, by which git orders commits; raises `Unclear`."""
        if not _ORDERLY.fullmatch(self.committer):
            raise Unclear(str(self.id))
        return _time_of(self.committer)


def read_commit(repository: pygit2.Repository, raw_id: str, command: GitCommand | None = None) -> Commit:
    """The commit with this full id; raises `VcsError`, and `KeyError` when there is no such object.

    Without `command` a huge commit cannot be read.
    """
    oid = pygit2.Oid(hex=raw_id)
    objects = repository.odb
    kind, size = objects.read_header(oid)
    if kind != ObjectType.COMMIT:
        raise VcsError(f"{raw_id} is not a commit")
    if size <= _LARGE:
        raw: bytes = objects.read(oid)[1]
    elif command is not None:
        raw = command.beginning("cat-file", "commit", raw_id, cwd=repository.path, most=_LARGE)
    else:
        raise VcsError(f"the commit {raw_id} is too large")
    return _parsed(oid, raw)


class Links(NamedTuple):
    """What a commit leads to, as hexadecimal ids."""

    tree: str
    parents: tuple[str, ...]
    time: int
    """Seconds since the epoch at which it was committed; 0 when that is not clear."""


def read_links(repository: pygit2.Repository, raw_id: str, command: GitCommand) -> Links:
    """What a commit leads to: in a fifth of the time that `read_commit` takes."""
    kind, raw = repository.odb.read(raw_id)
    orderly = _LINKS.match(raw)
    if kind == ObjectType.COMMIT and orderly and len(orderly[2]) < 48 * _MOST_PARENTS:
        moment = _COMMITTED.search(raw)
        parents = orderly[2].decode("ascii").split("\n")[:-1]
        return Links(orderly[1].decode("ascii"), tuple(line[7:] for line in parents), int(moment[1]) if moment else 0)
    commit = read_commit(repository, raw_id, command)
    return Links(str(commit.tree_id), tuple(map(str, commit.parent_ids)), _time_of(commit.committer))


def _parsed(oid: pygit2.Oid, raw: bytes) -> Commit:
    plain = _PLAIN.match(raw)
    if plain is None or len(plain[2]) > 48 * _MOST_PARENTS:
        return _parsed_by_lines(oid, raw)
    tree, parents, author, name, address, seconds, committer = plain.groups()
    return Commit(
        oid,
        pygit2.Oid(hex=tree.decode("ascii")),
        tuple([pygit2.Oid(hex=line[7:]) for line in parents.decode("ascii").split("\n")[:-1]]),
        f"{name.strip().decode('utf-8', 'replace')} <{address.decode('utf-8', 'replace')}>",
        int(seconds),
        author,
        committer,
        "utf-8",
        False,
        _message(raw[plain.end() :], "utf-8"),
    )


def _message(raw: bytes, encoding: str) -> str:
    """What is shown of a message; git itself shows nothing of what follows a NUL."""
    return raw[: 4 * MOST_OF_A_MESSAGE].partition(b"\0")[0].decode(encoding, "replace")


def _parsed_by_lines(oid: pygit2.Oid, raw: bytes) -> Commit:
    head, _, message = raw.partition(b"\n\n")
    tree = ""
    parents: list[pygit2.Oid] = []
    lines = {b"author": b"", b"committer": b"", b"encoding": b""}
    signed = False
    try:
        for line in head.split(b"\n"):
            word, _, rest = line.partition(b" ")
            if word == b"parent" and len(parents) < _MOST_PARENTS:
                parents.append(pygit2.Oid(hex=rest.decode("ascii")))
            elif word == b"tree" and not tree:
                tree = rest.decode("ascii")
            elif word in lines and not lines[word]:
                lines[word] = rest
            elif word.startswith(b"gpgsig"):
                signed = True
        tree_id = pygit2.Oid(hex=tree)
    except ValueError as error:
        raise VcsError(f"the commit {oid} is damaged") from error
    encoding = _encoding(lines[b"encoding"])
    return Commit(
        oid,
        tree_id,
        tuple(parents),
        _person(lines[b"author"], encoding),
        _time_of(lines[b"author"]),
        lines[b"author"],
        lines[b"committer"],
        encoding,
        signed,
        _message(message, encoding),
    )


def _encoding(named: bytes) -> str:
    """The encoding that a commit names, if it is one."""
    if not named or len(named) > 40:
        return "utf-8"
    try:
        found: Any = codecs.lookup(named.decode("ascii"))
        if found._is_text_encoding and found.name not in _NO_TEXT:  # noqa: SLF001  # what bytes.decode looks at
            return str(found.name)
    except (LookupError, ValueError):
        pass
    return "utf-8"


def _person(line: bytes, encoding: str) -> str:
    """`Name <address>` of a line about an author or committer."""
    name, address = _who(line)
    return f"{name.decode(encoding, 'replace')} <{address.decode(encoding, 'replace')}>"


def _who(line: bytes) -> tuple[bytes, bytes]:
    """Name and address of an author, as git takes them apart."""
    name, opened, rest = line.partition(b"<")
    if not opened:
        return _without_date(name), b""
    address, closed, _ = rest.partition(b">")
    return name.strip(), address if closed else _without_date(address)


def _without_date(text: bytes) -> bytes:
    """A text without the moment and the zone at its end."""
    *before, moment, zone = (b"", b"", *text.rsplit(None, 2))
    return before[-1] if moment.isdigit() and zone else text.strip()


def _time_of(line: bytes) -> int:
    """The moment in a line about an author or committer; 0 when there is none."""
    after = line.rpartition(b">")[2][-80:].split()
    words = after if b">" in line else line[-80:].split()[-2:]
    return int(words[0]) if words and words[0].isdigit() and len(words[0]) < 20 else 0


def moment(seconds: int) -> str:
    """A moment as it is shown."""
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return "1970-01-01T00:00:00"


def zoned(line: bytes) -> str:
    """The moment in a line about an author or committer, in ISO 8601 with the zone that the line names."""
    words = line.rpartition(b">")[2][-80:].split()
    zone = _ZONE.fullmatch(words[1]) if len(words) > 1 else None
    minutes = int(zone[2]) * 60 + int(zone[3]) if zone else 0
    if zone is None or minutes >= 24 * 60:
        minutes = 0
    elif zone[1] == b"-":
        minutes = -minutes
    try:
        found = datetime.fromtimestamp(_time_of(line), timezone(timedelta(minutes=minutes)))
        return found.isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return "1970-01-01T00:00:00+00:00"
