# SPDX-License-Identifier: GPL-3.0-or-later
"""`svn:externals` in both its forms, and what no client would take."""

from __future__ import annotations

import pytest

from trivium.vcs.svn.externals import externals_of


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("http://h/x name", ("name", "http://h/x", "")),
        ("http://h/x@12 name", ("name", "http://h/x", "12")),
        ("http://h/x@HEAD name", ("name", "http://h/x", "")),
        ("http://user@h/x name", ("name", "http://user@h/x", "")),
        ("-r 5 http://h/x@12 name", ("name", "http://h/x", "5")),
        ("-r5 ^/trunk name", ("name", "^/trunk", "5")),
        ("../x a/b/", ("a/b", "../x", "")),
        ("//h/x ./name", ("name", "//h/x", "")),
        ("/svn/x name", ("name", "/svn/x", "")),
        ('"http://h/a b" "my name"', ("my name", "http://h/a b", "")),
        (r"http://h/a\ b na\me", ("name", "http://h/a b", "")),
        ("name http://h/x", ("name", "http://h/x", "")),
        ("name -r 5 http://h/x", ("name", "http://h/x", "5")),
        ("name -r5 http://h/x@3", ("name", "http://h/x@3", "5")),
        ("  http://h/x   name  ", ("name", "http://h/x", "")),
    ],
)
def test_both_forms(line: str, told: tuple[str, str, str]) -> None:
    name, *rest = told
    assert externals_of(f"# a remark\n{line}\r\n\n".encode()) == {name: tuple(rest)}


@pytest.mark.parametrize(
    "line",
    [
        *("", "#x http://h/x", "http://h/x", "a b", "a b c", "http://h/x ../up", "http://h/x /abs", "http://h/x ."),
        *("-r x http://h/x n", "-r", "http://h/x n -r", '"http://h/x n', "http://h/x " + "n" * 5000, "-r 1 n", "@1 n"),
    ],
)
def test_what_clients_would_refuse_is_passed_over(line: str) -> None:
    assert externals_of(line.encode()) == {}
    assert externals_of(f"{line}\nhttp://h/x ok".encode()) == {"ok": ("http://h/x", "")}


def test_there_is_an_end() -> None:
    assert len(externals_of(b"".join(b"//h n%d\n" % number for number in range(5000)))) == 1000
    assert externals_of(b"\xff//h/x\xff n\n//h/\xff n") == {"n": ("//h/�", "")}
