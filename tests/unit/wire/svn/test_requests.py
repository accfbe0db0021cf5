# SPDX-License-Identifier: GPL-3.0-or-later
"""Which requests of Subversion's clients pass: by method and kind of resource, and by what they name (S-4, S-8)."""

from __future__ import annotations

from itertools import product

import pytest

from trivium.wire.admission import Refused
from trivium.wire.svn import requests
from trivium.wire.svn.xml import Document

PLACES = {
    "": "", "me": "me", "vcc": "vcc/default", "bln": "bln/1", "rev": "rev/1", "bc": "bc/1/a", "rvr": "rvr/1/a",
    "ver": "ver/1/a", "act": "act/x-1", "wbl": "wbl/x-1/1", "wrk": "wrk/x-1/a", "txn": "txn/1-1", "vtxn": "vtxn/1-1",
    "txr": "txr/1-1/a", "vtxr": "vtxr/1-1/a",
}  # fmt: skip
MADE = ("wrk", "txr", "vtxr")


def inside(place: str) -> tuple[str, ...]:
    return ("!svn", *place.split("/")) if place else ("a",)


def is_let_through(method: str, kind: str) -> bool:
    try:
        requests.check_target(method, kind)
    except Refused:
        return False
    return True


@pytest.mark.parametrize("kind", PLACES)
def test_what_is_being_made_is_the_only_thing_that_changes(kind: str) -> None:
    """Whatever else may be asked: no method changes a revision, and nothing is read of a transaction but its files."""
    assert requests.kind_of(inside(PLACES[kind])) == kind
    passes = {method for method in requests.READS | requests.WRITES if is_let_through(method, kind)}
    changing = passes & {"PUT", "DELETE", "MKCOL", "MOVE", "PROPPATCH"}
    assert not changing or kind in requests.WORKING
    if kind in requests.WORKING:
        # Apache ends over these, or tells who made it: no client asks.
        assert not passes & {"PROPFIND", "REPORT", "OPTIONS", "LOCK", "CHECKOUT", "MERGE", "COPY"}
    assert "MERGE" not in passes or kind == ""
    assert "MOVE" not in passes


@pytest.mark.parametrize("place", [
    "none", "txn", "txn/1-1/a", "txr", "vcc", "vcc/other", "bln/x", "rev/-1", "rvr/99999999999", "rvr/2147483648/a",
    "me/a", "bc", "act", "act/../x", "act/x/y", "wbl/x", "txr/.x/a", "txr/ /a", "rvr/\u0661/a",
])  # fmt: skip
def test_there_is_nothing_else(place: str) -> None:
    with pytest.raises(Refused) as refused:
        requests.kind_of(("!svn", *place.split("/")))
    assert refused.value.status == 404


@pytest.mark.parametrize("kind", PLACES)
def test_copies_go_into_what_is_being_made(kind: str) -> None:
    if kind in MADE:
        requests.check_destination(inside(PLACES[kind]))
        return
    with pytest.raises(Refused, match="Only commits change"):
        requests.check_destination(inside(PLACES[kind]))


@pytest.mark.parametrize("name", ["%2e", "a%2F", "%2f", "a%2f.%2fb", "a%2f%2fb", "%2e%2fa"])
def test_a_lock_that_would_end_its_process_is_refused(name: str) -> None:
    for names in product(("a", name), repeat=2):
        if name in names:
            with pytest.raises(Refused, match="cannot be locked"):
                requests.check_lockable(names)
    requests.check_lockable(("a", "100%", "%20", "a%2fb", "...", ".b"))


@pytest.mark.parametrize("query", [b"kw=1", b"w=../../etc", b"create=now", b"x" * 5000])
def test_of_a_query_apache_hears_of_revisions_only(query: bytes) -> None:
    assert requests.query_of("GET", b"p=3&" + query + b"&r=07") == b"p=3&r=7"
    assert requests.query_of("PROPFIND", b"p=3&" + query) == b""


@pytest.mark.parametrize("query", [b"p=x", b"r=-1", b"p=", b"p=99999999999", b"&" * 200, b"p=%D9%A1"])
def test_a_revision_in_a_query_is_a_number(query: bytes) -> None:
    with pytest.raises(Refused):
        requests.query_of("GET", query)


@pytest.mark.parametrize(("namespace", "name"), [
    ("DAV:", "version-tree"), ("DAV:", "expand-property"), ("svn:", "get-locks"), ("DAV:", "update-report"),
    ("", "log-report"), ("svn:", "replay"),
])  # fmt: skip
def test_reports_are_those_of_subversion(namespace: str, name: str) -> None:
    with pytest.raises(Refused, match="no such report"):
        requests.check_report(Document(namespace, name, b""))


def test_what_hands_out_files_is_a_pull() -> None:
    assert requests.check_report(Document("svn:", "update-report", b""))
    assert not requests.check_report(Document("svn:", "log-report", b""))
