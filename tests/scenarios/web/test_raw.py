# SPDX-License-Identifier: GPL-3.0-or-later
"""Files as they are: every byte, declared so that no browser runs them (system.md 2.4, security.md 7)."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.browser import Browser
from tests.support.clients import Api, Person
from tests.support.servers import Server
from tests.support.shelves import Shelf
from tests.support.systems import SYSTEMS, new_system

SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'"


def test_every_byte_of_every_file(shelf: Shelf) -> None:
    for path, content in shelf.files.items():
        for page in ("raw", "rawfile"):
            answer = shelf.browser.get(shelf.at(f"{page}/tip/{quote(path)}"))
            assert (answer.status, answer.body) == (200, content), (page, path)
            assert answer.headers["content-length"] == str(len(content))
            assert answer.headers["content-security-policy"] == SANDBOX
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "set-cookie" not in answer.headers


TYPES = [
    ("mark.png", "image/png", "inline"),
    ("README.md", "text/plain; charset=utf-8", "inline"),
    ("latin.txt", "text/plain; charset=utf-8", "inline"),
    ("page.html", "text/plain; charset=utf-8", "inline"),
    ("drawing.svg", "text/plain; charset=utf-8", "inline"),
    ("fake.png", "text/plain; charset=utf-8", "inline"),
    ("run.js", "text/plain; charset=utf-8", "inline"),
    ("empty.txt", "text/plain; charset=utf-8", "inline"),
    ("data.bin", "application/octet-stream", "attachment; filename=data.bin"),
]
SAVED_TYPES = [
    ("mark.png", "image/png"),
    ("README.md", "text/markdown"),
    ("page.html", "application/octet-stream"),
    ("drawing.svg", "application/octet-stream"),
    ("run.js", "application/octet-stream"),
    ("data.bin", "application/octet-stream"),
    ("crlf.txt", "text/plain; charset=utf-8"),
]


def test_raw_shows_what_cannot_be_run(shelf: Shelf) -> None:
    told = {path: shelf.browser.request("HEAD", shelf.at(f"raw/tip/{path}")).headers for path, _, _ in TYPES}
    assert [(path, told[path]["content-type"], told[path]["content-disposition"]) for path, _, _ in TYPES] == TYPES


def test_rawfile_is_for_saving(shelf: Shelf) -> None:
    told = {path: shelf.browser.get(shelf.at(f"rawfile/tip/{path}")).headers for path, _ in SAVED_TYPES}
    assert [(path, told[path]["content-type"]) for path, _ in SAVED_TYPES] == SAVED_TYPES
    assert all(told[path]["content-disposition"] == f"attachment; filename={path}" for path, _ in SAVED_TYPES)
    odd = shelf.browser.get(shelf.at(f"rawfile/tip/{quote('grüße & co/x y#%.txt')}"))
    assert odd.headers["content-disposition"] == (
        "attachment; filename=\"x y#_.txt\"; filename*=UTF-8''x%20y%23%25.txt"
    )


def test_a_head_is_told_without_the_content(shelf: Shelf) -> None:
    for path in ("large.txt", "data.bin"):
        answer = shelf.browser.request("HEAD", shelf.at(f"raw/tip/{path}"))
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["content-length"] == str(len(shelf.files[path]))


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=1990-99999", 1990, 2000),
        ("bytes=1990-", 1990, 2000),
        ("bytes=-7", 1993, 2000),
        ("bytes=-99999", 0, 2000),
    ],
)
def test_a_part_is_given(shelf: Shelf, wanted: str, start: int, end: int) -> None:
    answer = shelf.browser.get(shelf.at("raw/tip/data.bin"), Range=wanted)
    assert (answer.status, answer.body) == (206, shelf.files["data.bin"][start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/2000"
    assert answer.headers["content-length"] == str(end - start)
    assert answer.headers["content-type"] == "application/octet-stream"


def test_what_is_no_part_is_refused_and_what_is_no_range_passed_over(shelf: Shelf) -> None:
    address = shelf.at("raw/tip/data.bin")
    for wanted in ("bytes=2000-", "bytes=5000-6000", "bytes=-0"):
        answer = shelf.browser.get(address, Range=wanted)
        assert (answer.status, answer.body, answer.headers["content-range"]) == (416, b"", "bytes */2000")
    for wanted in ("bytes=0-1,5-6", "bytes=7-3", "bytes=-", "lines=1-2", "bytes=a-b", "bytes=" + "9" * 100 + "-"):
        answer = shelf.browser.get(address, Range=wanted)
        assert (answer.status, answer.headers["accept-ranges"]) == (200, "bytes")
        assert answer.body == shelf.files["data.bin"]
    assert shelf.browser.get(shelf.at("raw/tip/empty.txt"), Range="bytes=0-").status == 416
    assert shelf.browser.request("HEAD", address, Range="bytes=0-1").status == 200


def test_a_full_id_has_a_strong_tag(shelf: Shelf) -> None:
    address = shelf.at(f"raw/{shelf.ids[-1]}/data.bin")
    first = shelf.browser.get(address)
    tag = first.headers["etag"]
    assert tag.startswith('"') and first.headers["cache-control"] == "private, max-age=0, must-revalidate"
    again = shelf.browser.get(address, If_None_Match=tag)
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert shelf.browser.get(shelf.at(f"raw/{shelf.ids[-1]}/mark.png")).headers["etag"] != tag
    assert "etag" not in shelf.browser.get(shelf.at("raw/tip/data.bin")).headers
    part = shelf.browser.get(address, Range="bytes=0-3", If_Range=tag)
    assert (part.status, part.body) == (206, shelf.files["data.bin"][:4])
    for other in ('"other"', f"W/{tag}", "Sun, 29 Nov 2026 00:00:00 GMT"):
        assert shelf.browser.get(address, Range="bytes=0-3", If_Range=other).status == 200


@pytest.mark.parametrize("page", ["raw", "rawfile"])
def test_there_is_no_file(shelf: Shelf, page: str) -> None:
    for path in (
        "src",
        "nothing",
        "src/area.py/x",
        "README.md/..",
        "a/../README.md",
        "%2e%2e/README.md",
        ".git/config",
    ):
        answer = shelf.browser.get(shelf.at(f"{page}/tip/{path}"))
        assert answer.status == 404, path
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert shelf.browser.get(shelf.at(f"{page}/nowhere/README.md")).status == 404
    assert shelf.browser.get(shelf.at(f"{page}/tip/x%00y")).status == 404


def test_an_older_revision_has_older_bytes(shelf: Shelf) -> None:
    assert shelf.browser.get(shelf.at(f"raw/{shelf.ids[0]}/gone.txt")).body == b"soon gone\n"
    assert shelf.browser.get(shelf.at(f"raw/{shelf.ids[-1]}/gone.txt")).status == 404
    assert b"import os" in shelf.browser.get(shelf.at(f"raw/{shelf.ids[0]}/src/area.py")).body


def test_strangers_get_nothing(shelf: Shelf, browser: Browser, adas: Browser) -> None:
    assert browser.get(shelf.at("raw/tip/README.md")).location.startswith("/_admin/login?came_from=")
    assert adas.get(shelf.at("raw/tip/README.md")).status == 404


@pytest.mark.parametrize("kind", SYSTEMS)
def test_a_large_file_comes_whole_and_in_parts(
    kind: str, server: Server, root: Api, ada: Person, adas: Browser, tmp_path: Path
) -> None:
    content = os.urandom(5 << 20)
    system = new_system(kind, tmp_path / "home")
    name = system.new_repository(root, ada, private=True)
    system.checkout(server, name, ada).change("A large one", large=content)
    assert adas.get(f"/{name}/raw/tip/large").body == content
    part = adas.get(f"/{name}/raw/tip/large", Range="bytes=-1000")
    assert (part.status, part.body) == (206, content[-1000:])


def test_a_key_opens_raw_and_not_what_is_called_nearly_so(keyed_server: Server, tmp_path: Path) -> None:
    root = keyed_server.api(keyed_server.admin_key)
    owner = root.new_user()
    system = new_system("git", tmp_path / "home")
    name = system.new_repository(root, owner, private=True)
    system.checkout(keyed_server, name, owner).change("One", **{"a.txt": "one\n"})
    visitor = Browser(keyed_server.url)
    opened = visitor.get(f"/{name}/raw/tip/a.txt?api_key={owner.key}", Range="bytes=0-1")
    assert (opened.status, opened.body, opened.headers["cache-control"]) == (206, b"on", "private, no-store")
    for page in ("rawfile", "files", "annotate", "history"):
        answer = visitor.get(f"/{name}/{page}/tip/a.txt?api_key={owner.key}")
        assert (answer.status, owner.key in answer.location) == (302, False), page


def test_a_charset_may_be_asked_for(shelf: Shelf) -> None:
    told = {
        asked: shelf.browser.get(shelf.at(f"raw/tip/latin.txt?default_encoding={asked}")).headers["content-type"]
        for asked in ("iso-8859-1", "ISO-8859-1", "latin1", "nonsense", "x;%20charset=utf-7", "", "utf8")
    }
    latin, usual = "text/plain; charset=ISO-8859-1", "text/plain; charset=utf-8"
    assert list(told.values()) == [latin, latin, latin, usual, usual, usual, "text/plain; charset=UTF-8"]
