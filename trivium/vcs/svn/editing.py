# SPDX-License-Identifier: GPL-3.0-or-later
"""One file is written, or removed, by a revision that the server makes: `svnadmin load` of a dump of one revision.

Nobody else works on the repository meanwhile, for `svnadmin load` asks nobody what they have seen. It adds the revision
in one step. Only then what it wrote is given to the account that Apache runs as; after a kill `recover` does that.
"""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from trivium.procs.spawn import run, words_of
from trivium.procs.ties import tied
from trivium.vcs.errors import HeadMoved, NotPossible, UnknownPath, VcsError
from trivium.vcs.paths import clean_path
from trivium.vcs.svn.command import SvnCommand
from trivium.vcs.svn.filesystem import open_filesystem, revision_update, youngest
from trivium.vcs.values import FileCommit, RefUpdate

_TIMEOUT: Final = 120.0
_OF_CLIENTS: Final = ".svn"
"""What clients keep to themselves in a working copy: nobody could check out what has such a name in it."""


def commit(command: SvnCommand, path: Path, wanted: FileCommit) -> RefUpdate:
    """Make the revision; raises `HeadMoved`, `UnknownPath`, `NotPossible` and `VcsError`, with nothing changed."""
    file = clean_path(wanted.path)
    with open_filesystem(path) as filesystem:
        number = youngest(filesystem)
        if str(number) != (wanted.parent.lstrip("0") or "0"):
            raise HeadMoved(wanted.parent)
        nodes = _nodes(filesystem.revision_root(number), file, wanted.content, wanted.directories)
    if holder := _holder(command, path, file):
        raise NotPossible("the file is locked by %(holder)s", holder=holder)
    dump = b"SVN-fs-dump-format-version: 2\n\n" + _revision(wanted.message, wanted.username) + nodes
    _run(command, path, ["load", "--quiet", "--ignore-uuid", "."], dump)
    command.hand_over(path)
    return revision_update(number + 1)


def _nodes(root: Any, file: str, content: bytes | None, beside: tuple[str, ...]) -> bytes:
    """The nodes of the dump: directories on the way and `beside` it that are missing, and the file."""
    is_there = bool(root.is_file(file))
    segments = file.split("/")
    above = ["/".join(segments[:depth]) for depth in range(1, len(segments))]
    if (
        not file
        or root.is_dir(file)
        or any(root.is_file(place) for place in (*above, *beside))
        or (content is None and not is_there)
        or (content is not None and any(segment.lower() == _OF_CLIENTS for segment in segments))
    ):
        raise UnknownPath(file)
    missing = b"".join(
        b"Node-path: %s\nNode-kind: dir\nNode-action: add\n\n\n" % place.encode()
        for place in (*above, *beside)
        if not root.is_dir(place)
    )
    if content is None:
        return b"Node-path: %s\nNode-action: delete\n\n\n" % file.encode()
    action = b"change" if is_there else b"add"
    head = b"Node-path: %s\nNode-kind: file\nNode-action: %s\n" % (file.encode(), action)
    size = b"Text-content-length: %d\nContent-length: %d\n\n" % (len(content), len(content))
    return missing + head + size + content + b"\n\n"


def _revision(message: str, author: str) -> bytes:
    """The head of the dump's revision. Its number says nothing: what is loaded gets the next one."""
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    values = {"svn:log": message, "svn:author": author, "svn:date": moment}
    properties = b"".join(
        b"K %d\n%s\nV %d\n%s\n" % (len(name), name.encode(), len(value.encode()), value.encode())
        for name, value in values.items()
    )
    properties += b"PROPS-END\n"
    return b"Revision-number: 1\nProp-content-length: %d\nContent-length: %d\n\n%s\n" % (
        len(properties),
        len(properties),
        properties,
    )


def _holder(command: SvnCommand, path: Path, file: str) -> str:
    """Who has locked a file; nothing where nobody has."""
    said = _run(command, path, ["lslocks", ".", f"/{file}"]).decode("utf-8", "replace")
    found: dict[str, str] = {}
    for line in said.splitlines():
        name, _, value = line.partition(": ")
        found.setdefault(name, value)
    return found.get("Owner", "") if found.get("Path") == f"/{file}" else ""


def _run(command: SvnCommand, path: Path, arguments: list[str], stdin: bytes = b"") -> bytes:
    """A command of svnadmin in the repository, wherever that is moved meanwhile."""
    words = tied([command.available.svnadmin, *arguments], last="KILL")
    try:
        done = run(words, cwd=path, environment=command.environment, stdin=stdin, timeout=_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise VcsError(f"svnadmin {arguments[0]}: {error}") from error
    if done.returncode:
        raise VcsError(f"svnadmin {arguments[0]} ended with {done.returncode}: {words_of(done.stderr)}")
    return done.stdout
