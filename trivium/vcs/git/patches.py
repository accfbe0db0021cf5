# SPDX-License-Identifier: GPL-3.0-or-later
"""Diffs and patches of a Git repository, made by git itself, for `git apply` and `git am` (system.md 2.4).

It is given ids of trees that were read, and behind `--` a path which is no pattern. Nothing that a repository or a user
configures has a say: neither programs that convert or compare, nor prefixes and colours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from email.charset import QP, Charset
from email.header import Header
from email.utils import format_datetime
from typing import Final

from trivium.vcs.errors import UnknownPath
from trivium.vcs.git.commit import Commit
from trivium.vcs.git.large_files import diff_of, large_files, without
from trivium.vcs.git.opened import Opened
from trivium.vcs.pages import MOST_CONTEXT, DiffOptions
from trivium.vcs.paths import path_within

_EMPTY_TREE: Final = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""Every git knows it, whether the repository has it or not."""
_PATIENCE: Final = 600.0
"""Seconds that git may take for one diff, while somebody waits for it."""
_PLAIN: Final = (
    *("-r", "-p", "--full-index", "--binary", "--no-color", "--no-ext-diff", "--no-textconv", "--no-relative"),
    *("--src-prefix=a/", "--dst-prefix=b/", "--submodule=short", "--ignore-submodules=none", "--diff-algorithm=myers"),
)
_SEPARATOR: Final = "Mon Sep 17 00:00:00 2001"
"""What git writes at the head of every message, so that programs know it for a patch."""
_LINE: Final = 76
_LONGEST_WORD: Final = 900
"""Characters; a line of a message may have 998."""
_SPECIAL: Final = re.compile(r'[()<>@,;:\\".\[\]]')
_BREAKS: Final = re.compile(r"diff -|Index: |---(?: \S|\s*$)|From ")
"""How a line begins that ends the message for `git am`, or begins another one."""
_HEADS: Final = re.compile(r">?From\b|[!-9;-~]+:|\[PATCH\]")
"""How a line begins that `git am` would take for a header, where a body has just begun."""


def raw_diff(opened: Opened, old: str | None, new: str, options: DiffOptions) -> Iterator[bytes]:
    """As `model.Snapshot.raw_diff`."""
    opened.check_visible(old, new)
    return _diff(opened, old, new, options)


def patch(opened: Opened, raw_id: str, options: DiffOptions) -> Iterator[bytes]:
    """As `model.Snapshot.patch`."""
    commit = opened.commit(raw_id)
    parent = str(commit.parent_ids[0]) if commit.parent_ids else None
    return _together(header(commit), _diff(opened, parent, raw_id, options))


def _together(head: bytes, diff: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from diff


def _diff(opened: Opened, old: str | None, new: str, options: DiffOptions) -> Iterator[bytes]:
    try:
        path = path_within(options.path)
    except UnknownPath:
        return
    trees = (str(opened.commit(old).tree_id) if old else _EMPTY_TREE, str(opened.commit(new).tree_id))
    context = min(max(options.context, 0), MOST_CONTEXT)
    large = large_files(opened, old, new, options)
    left_out = [path.decode("utf-8", "surrogateescape") for path in without(large)]
    words = [
        *("diff-tree", *_PLAIN, f"--unified={context:d}"),
        "--find-renames" if options.renames else "--no-renames",
        *(["--ignore-all-space"] if options.ignore_space else []),
        *(*trees, "--", *([f":(literal){path}"] if path else []), *left_out),
    ]
    yield from opened.command.pieces(*words, cwd=opened.path, timeout=_PATIENCE)
    for pair in large:
        yield from diff_of(opened, pair)


def header(commit: Commit) -> bytes:
    """What stands before the diff of a patch: a message as `git format-patch` writes it."""
    subject, body = _parted(commit.message)
    lines = [
        f"From {commit.id} {_SEPARATOR}",
        f"From: {_sender(commit.author)}",
        f"Date: {format_datetime(datetime.fromisoformat(commit.author_moment))}",
        f"Subject: {_folded(f'[PATCH] {subject}')}",
    ]
    if not all(map(str.isascii, [*body, commit.author])):
        lines += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=UTF-8", "Content-Transfer-Encoding: 8bit"]
    return "\n".join([*lines, "", *body, "---", "", ""]).encode("utf-8", "replace")


def _parted(message: str) -> tuple[str, list[str]]:
    """The first paragraph of a message in one line, and the lines of the others as they can be sent."""
    # Only line feeds end lines here: a message may have characters in it that end lines elsewhere.
    first, _, rest = "\n".join(line.rstrip() for line in message.split("\n")).strip("\n").partition("\n\n")
    body = rest.strip("\n").split("\n") if rest else []
    sent = [f" {line}" if _BREAKS.match(line) else line for line in body]
    if sent and _HEADS.match(sent[0]):
        sent[0] = f" {sent[0]}"
    return first.replace("\n", " "), sent


def _sender(author: str) -> str:
    """An author as a header has one."""
    name, _, address = author.rpartition(" <")
    address = "".join(one for one in address.removesuffix(">") if one.isprintable())
    if not name.isascii() or not name.isprintable() or "=?" in name:
        name = _encoded(name, "From")
    elif _SPECIAL.search(name):
        name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{name} <{address}>"


def _folded(subject: str) -> str:
    """A subject in lines that are not too long."""
    words = subject.split(" ")
    if not subject.isascii() or not subject.isprintable() or "=?" in subject or max(map(len, words)) > _LONGEST_WORD:
        return _encoded(subject, "Subject")
    lines = [""]
    room = _LINE - len("Subject:")
    for word in words:
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines.append(word)
            room = _LINE - 1
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return "\n ".join(lines)


def _encoded(text: str, name: str) -> str:
    charset = Charset("utf-8")
    charset.header_encoding = QP
    return Header(text, charset, _LINE, name).encode("\n")
