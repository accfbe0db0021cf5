# SPDX-License-Identifier: GPL-3.0-or-later
"""Commits are read from their bytes: what git takes is shown, in whatever state it is."""

from __future__ import annotations

from pathlib import Path

import pygit2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.vcs.errors import VcsError
from trivium.vcs.git.commit import Unclear, _parsed, _parsed_by_lines, read_commit
from trivium.vcs.git.objects import peeled

TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
OID = pygit2.Oid(hex="1" * 40)
GOOD = b"A <a@example.org> 1100000000 +0000"


def parsed(author: bytes, committer: bytes = GOOD, more: bytes = b"", message: bytes = b"m\n"):  # type: ignore[no-untyped-def]
    return _parsed(OID, b"tree %b\nauthor %b\ncommitter %b\n%b\n%b" % (TREE.encode(), author, committer, more, message))


@pytest.mark.parametrize(
    ("line", "author", "moment"),
    [
        (GOOD, "A <a@example.org>", 1100000000),
        (b"no email 1100000000 +0000", "no email <>", 1100000000),
        (b" 1100000000 +0000", " <>", 1100000000),
        (b"<a@example.org> 1100000000 +0000", " <a@example.org>", 1100000000),
        (b"A <> 1100000000 +0000", "A <>", 1100000000),
        (b"A<a@example.org> 1100000000 +0000", "A <a@example.org>", 1100000000),
        (b"A <a@example.org>1100000000 +0000", "A <a@example.org>", 1100000000),
        (b"A <a@example.org 1100000000 +0000", "A <a@example.org>", 1100000000),
        (b"A > B <a@example.org> 1100000000 +0000", "A > B <a@example.org>", 1100000000),
        (b"A <a@example.org> 01100000000 +0000", "A <a@example.org>", 1100000000),
        (b"A <a@example.org> 1100000000 UTC", "A <a@example.org>", 1100000000),
        (b"A <a@example.org> -1 +0000", "A <a@example.org>", 0),
        (b"A <a@example.org>", "A <a@example.org>", 0),
        (b"J\xf6rg <j@example.org> 1100000000 +0000", "J\ufffdrg <j@example.org>", 1100000000),
        (b"", " <>", 0),
    ],
)
def test_an_author_is_shown_whatever_is_wrong_with_the_line(line: bytes, author: str, moment: int) -> None:
    commit = parsed(line)
    assert (commit.author, commit.author_time) == (author, moment)


@pytest.mark.parametrize("committer", [b"A <a@b 11 +0000", b"A > B <a@b> 11 +0000", b"A <a@b> x", b""])
def test_the_order_of_flawed_commits_is_left_to_git(committer: bytes) -> None:
    with pytest.raises(Unclear):
        _ = parsed(GOOD, committer).commit_time


@given(st.binary(max_size=80), st.binary(max_size=80), st.binary(max_size=40))
def test_no_line_stops_a_commit_from_being_read(author: bytes, committer: bytes, encoding: bytes) -> None:
    lines = [line.replace(b"\n", b"") for line in (author, committer, encoding)]
    parsed(lines[0], lines[1], b"encoding " + lines[2] + b"\n", b"message")


@given(
    st.from_regex(rb"[^\n]{0,9}<[^\n]{0,9}> ?[0-9]{1,13} [+-][0-9]{3,5}", fullmatch=True),
    st.binary(max_size=40),
    st.lists(st.sampled_from([b"2" * 40, b"a" * 40]), max_size=3),
    st.sampled_from([b"", b"\n", b"encoding latin-1\n", b"gpgsig -----\n a\n", b"parent " + b"3" * 40 + b"\n"]),
    st.binary(max_size=40),
)
def test_an_orderly_commit_is_read_at_once_as_it_is_line_by_line(
    author: bytes, committer: bytes, parents: list[bytes], more: bytes, message: bytes
) -> None:
    head = b"".join(b"parent %b\n" % parent for parent in parents)
    lines = b"tree %b\n%bauthor %b\ncommitter %b\n%b" % (TREE.encode(), head, author, committer, more)
    raw = lines + b"\n" + message
    assert _parsed(OID, raw) == _parsed_by_lines(OID, raw)


@pytest.mark.parametrize(
    ("encoding", "message", "shown"),
    [
        ("ISO-8859-1", "Grüße\n".encode("latin-1"), "Grüße\n"),
        ("cp1251", "мир\n".encode("cp1251"), "мир\n"),
        ("Shift_JIS", "日本\n".encode("shift_jis"), "日本\n"),
        ("punycode", b"a-b\n", "a-b\n"),
        ("zip", b"x\n", "x\n"),
        ("no such thing", "ü\n".encode(), "ü\n"),
    ],
)
def test_a_message_in_another_encoding_is_decoded(encoding: str, message: bytes, shown: str) -> None:
    assert parsed(GOOD, more=f"encoding {encoding}\n".encode(), message=message).message == shown


def test_tags_of_tags_are_followed_and_what_is_flawed_in_them_does_not_matter(tmp_path: Path) -> None:
    repository = pygit2.init_repository(str(tmp_path / "r"), bare=True)
    tree = repository.TreeBuilder().write()
    raw = b"tree %b\nauthor x\ncommitter y 1\n\nm" % str(tree).encode()
    commit = repository.odb.write(pygit2.enums.ObjectType.COMMIT, raw)
    first = repository.odb.write(pygit2.enums.ObjectType.TAG, b"object %b\ntype commit\n" % str(commit).encode())
    second = repository.odb.write(pygit2.enums.ObjectType.TAG, b"object %b\ntagger <\n" % str(first).encode())
    assert peeled(repository, str(second)) == commit
    assert peeled(repository, str(tree)) is None
    assert peeled(repository, "2" * 40) is None
    assert read_commit(repository, str(commit)).author == "x <>"
    with pytest.raises(VcsError):
        read_commit(repository, str(tree))
