# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of addresses: which ones there are, what they say of themselves, and where others lead (system.md 2)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.browser import Browser
from tests.support.clients import Api, Person, unique
from tests.support.servers import Server
from tests.support.shelves import Shelf
from tests.support.systems import SYSTEMS, new_system
from trivium.web.static_files import static_files

HTML, TEXT, JSON = "text/html; charset=utf-8", "text/plain; charset=utf-8", "application/json; charset=utf-8"
BY_SCRIPT = {"X_Requested_With": "XMLHttpRequest"}
UNKNOWN = "f" * 12

READ = [
    ("", HTML),
    ("/", HTML),
    ("/summary", HTML),
    ("/changelog", HTML),
    ("/changelog/", HTML),
    ("/changelog?size=1&page=2", HTML),
    ("/changelog/tip/src/area.py", HTML),
    ("/changeset/{last}", HTML),
    ("/changeset/{last}/", HTML),
    ("/changeset/{last}?context=10&ignorews=1&fulldiff=1", HTML),
    ("/changeset/{first}...{last}", HTML),
    ("/changeset-diff/{last}", TEXT),
    ("/raw-changeset/{last}", TEXT),
    ("/changeset-patch/{last}", TEXT),
    ("/changeset-patch/{first}...{last}", TEXT),
    ("/changeset-download/{last}", TEXT),
    ("/compare", HTML),
    ("/compare/rev@{first}...rev@{last}", HTML),
    ("/compare/rev%40{first}...rev%40{last}?merge=1", HTML),
    ("/files", HTML),
    ("/files/", HTML),
    ("/files/tip", HTML),
    ("/files/tip//only///a", HTML),
    ("/files/{last}/src/area.py", HTML),
    ("/render/tip/README.md", HTML),
    ("/annotate/tip/src/area.py", HTML),
    ("/history/tip/src/area.py", JSON),
    ("/authors/tip/src/area.py", HTML),
    ("/raw/{last}/src/area.py", TEXT),
    ("/rawfile/{last}/data.bin", "application/octet-stream"),
    ("/diff/src/area.py?diff1={first}&diff2={last}", HTML),
    ("/diff/src/area.py?diff1={first}&diff2={last}&diff=raw", TEXT),
    ("/diff-2way/src/area.py?diff1={first}&diff2={last}", HTML),
    ("/archive/{last}.zip", "application/zip"),
    ("/branches", HTML),
    ("/tags", HTML),
    ("/bookmarks", HTML),
    ("/refs-data", JSON),
    ("/refs-data-changelog", JSON),
    ("/forks", HTML),
    ("/followers", HTML),
    ("/feed/atom", "application/atom+xml; charset=utf-8"),
    ("/feed/rss", "application/rss+xml; charset=utf-8"),
]
BY_SCRIPTS = [
    ("/changelog_summary", HTML),
    ("/changelog_details/{last}", HTML),
    ("/changeset_info/{last}", JSON),
    ("/changeset_children/{first}", JSON),
    ("/changeset_parents/{last}", JSON),
    ("/nodelist/tip", JSON),
    ("/nodelist/tip/src", JSON),
    ("/nodetree_full/tip/src", HTML),
    ("/repo_stats/{last}", JSON),
]
MISSING = [
    "/changelog/{last}/nope",
    "/changelog?branch=nope",
    "/changeset/nope",
    f"/changeset/{UNKNOWN}",
    "/changeset-diff/nope",
    "/changeset-patch/nope",
    "/changeset-download/nope",
    "/files/nope/README.md",
    "/files/tip/nope",
    "/files/tip/..%2F..%2Fetc",
    "/files/tip/.git/config",
    "/files/tip/.hg/store",
    "/files/tip/%00",
    "/raw/tip/src",
    "/raw/tip",
    "/raw/tip/%ff",
    "/rawfile/tip/nope",
    "/render/tip/src",
    "/annotate/tip/src",
    "/history/tip/src",
    "/archive/nope.zip",
    "/archive/{last}.rar",
    "/compare/rev@nope...rev@{last}",
    "/compare/branch@nope...rev@{last}",
    "/compare/nonsense",
    "/diff/src/area.py?diff1=nope&diff2={last}",
    "/feed/nope",
    "/nope",
]
_BY_THE_WAY = {"date", "set-cookie", "transfer-encoding"}


def filled(shelf: Shelf, address: str) -> str:
    return f"/{shelf.name}{address}".replace("{first}", shelf.ids[0]).replace("{last}", shelf.ids[-1])


def test_what_can_be_read(shelf: Shelf) -> None:
    """Each address with its type, and its head alone just as well."""
    for address, kind in READ:
        path = filled(shelf, address)
        answer = shelf.browser.get(path)
        assert (answer.status, answer.headers["content-type"]) == (200, kind), path
        head = shelf.browser.request("HEAD", path)
        assert (head.status, head.body) == (200, b""), path
        # A page may have become another one meanwhile; of what is sent as it is made nobody knows the length at first.
        again = shelf.browser.get(path)
        ignored = _BY_THE_WAY | (set() if "content-length" in again.headers else {"content-length"})
        assert _others(head.headers, ignored) in [_others(one.headers, ignored) for one in (answer, again)], path


def _others(headers: dict[str, str], ignored: set[str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in ignored}


def test_what_scripts_read(shelf: Shelf) -> None:
    for address, kind in BY_SCRIPTS:
        path = filled(shelf, address)
        answer = shelf.browser.get(path, **BY_SCRIPT)
        assert (answer.status, answer.headers["content-type"]) == (200, kind), path
        refused = shelf.browser.get(path)
        assert refused.status == 400, path
        assert "This is not a valid XMLHttpRequest (XHR) request" in refused.text


def test_what_is_not_there(shelf: Shelf) -> None:
    told = {address: shelf.browser.get(filled(shelf, address)).status for address in MISSING}
    assert told == dict.fromkeys(MISSING, 404)


def test_a_page_of_an_error_says_what_is_wrong(shelf: Shelf) -> None:
    for path in (f"/{shelf.name}/nope", "/_admin/nope", f"/{shelf.name}/files/tip/nope"):
        answer = shelf.browser.get(path)
        assert (answer.status, answer.headers["content-type"]) == (404, HTML), path
        assert "404" in answer.page.text
        assert answer.headers["x-frame-options"] == "DENY"


def test_what_was_kept_is_not_sent_again(shelf: Shelf) -> None:
    """Pages, bodies of full ids and feeds have tags."""
    for address in (
        "/changelog",
        "/changeset/{last}",
        "/changeset-diff/{last}",
        "/raw/{last}/data.bin",
        "/feed/rss",
    ):
        path = filled(shelf, address)
        tag = shelf.browser.get(path).headers["etag"]
        for given in (tag, f'"other", W/{tag.removeprefix("W/")}', "*"):
            again = shelf.browser.get(path, If_None_Match=given)
            assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag), path


def test_what_may_leave_compressed_has_no_strong_tag(shelf: Shelf) -> None:
    for address in ("/changelog", "/changeset/{last}", "/feed/atom", "/settings"):
        path = filled(shelf, address)
        packed, plain = (shelf.browser.get(path, Accept_Encoding=coding) for coding in ("gzip", "identity"))
        assert (packed.headers.get("content-encoding"), plain.headers.get("content-encoding")) == ("gzip", None), path
        for answer in (packed, plain):
            assert answer.headers["etag"].startswith('W/"'), path
            again = shelf.browser.get(path, If_None_Match=answer.headers["etag"], Accept_Encoding="gzip")
            assert (again.status, again.headers["vary"]) == (304, "Accept-Encoding"), path


def test_what_has_become_something_else_is_not_sent_to_who_wants_what_was(shelf: Shelf) -> None:
    """`If-Match` counts before everything else (RFC 9110, 13.2.2)."""
    for address in ("", "/changeset-patch/{last}", "/raw/{last}/data.bin", "/raw/tip/data.bin", "/feed/rss"):
        path = filled(shelf, address)
        tag = shelf.browser.get(path).headers.get("etag", "")
        strong = tag.startswith('"')
        for method in ("GET", "HEAD"):
            for given, holds in (("*", True), ('"other"', False), (f'"other", {tag}', strong), (f"W/{tag}", False)):
                answer = shelf.browser.request(method, path, If_Match=given)
                assert answer.status == (200 if holds else 412), (method, path, given)
            for also in ({"If_None_Match": tag or "*"}, {"Range": "bytes=999999-"}):
                answer = shelf.browser.request(method, path, If_Match='"other"', **also)
                assert answer.status == 412 and b"\0" not in answer.body, (method, path, also)
    page = f"/{shelf.name}/settings/caches"
    form = {"csrf_token": shelf.browser.get(page).page.token, "_method": "PUT"}
    for headers in ({"If_Match": '"other"'}, {"If_None_Match": "*"}):
        assert shelf.browser.post(page, form, **headers).status == 412
    assert shelf.browser.get(filled(shelf, "/nowhere"), If_Match='"other"').status == 404


def test_what_only_takes_forms_says_so(shelf: Shelf) -> None:
    """Although what stands there could be the rest of a branch's name."""
    for address, takes in (
        ("/changeset/{last}/comment", "POST"),
        ("/changeset/comment/preview", "POST"),
        ("/changeset/comment/1/delete", "DELETE"),
    ):
        for method in ("GET", "HEAD"):
            answer = shelf.browser.request(method, filled(shelf, address))
            assert (answer.status, answer.headers.get("allow")) == (405, takes), (method, address)
    assert shelf.browser.get(filled(shelf, "/changeset/{last}/else")).status == 404


def test_a_name_is_found_however_it_is_written(shelf: Shelf, root: Api) -> None:
    number = root("get_repo", repoid=shelf.name)["repo_id"]
    wanted = shelf.browser.get(f"/{shelf.name}/changeset-diff/{shelf.ids[0]}").body
    for written in (f"/_{number}", f"//{shelf.name}", f"/_{number}//"):
        assert shelf.browser.get(f"{written}/changeset-diff/{shelf.ids[0]}").body == wanted, written
    assert shelf.browser.get(f"/_{number}").status == 200
    assert [shelf.browser.get(path).status for path in (f"/_{number}x", "/_987654321", f"/_{number}x/summary")] == [
        404
    ] * 3


def test_numbers_and_short_ids_name_changesets(shelf: Shelf) -> None:
    number = "0" if shelf.kind != "svn" else shelf.ids[0]
    wanted = shelf.browser.get(f"/{shelf.name}/changeset-diff/{shelf.ids[0]}").body
    for revision in (shelf.ids[0][:12], number):
        assert shelf.browser.get(f"/{shelf.name}/changeset-diff/{revision}").body == wanted, revision


def test_only_what_an_address_takes(shelf: Shelf) -> None:
    for method in ("POST", "PUT", "DELETE"):
        for address in ("", "/summary", "/changeset/{last}", "/raw/tip/README.md", "/archive/{last}.zip"):
            path = filled(shelf, address)
            answer = shelf.browser.request(method, path)
            assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD"), (method, path)
    for address in ("/_admin/journal", static_files().root + "/trivium.js"):
        answer = shelf.browser.request("DELETE", address)
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD"), address


def test_nobody_gets_gzip_who_refuses_it(shelf: Shelf) -> None:
    """Pages that are whole, that come piece by piece, and files of ours."""
    for path in (
        f"/{shelf.name}/changelog",
        f"/{shelf.name}/changeset/{shelf.ids[0]}",
        static_files().root + "/trivium.js",
    ):
        assert shelf.browser.get(path, Accept_Encoding="gzip;q=0.5").headers["content-encoding"] == "gzip"
        plain = shelf.browser.get(path, Accept_Encoding="identity, gzip;q=0")
        assert "content-encoding" not in plain.headers and plain.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("kind", ["git", "hg"])
def test_names_with_slashes_name_revisions(kind: str, server: Server, root: Api, ada: Person, tmp_path: Path) -> None:
    """Encoded, and as proxies decode them."""
    system = new_system(kind, tmp_path / "home")
    name = system.new_repository(root, ada, private=True, enable_downloads=True)
    copy = system.checkout(server, name, ada)
    copy.change("first", **{"a/b.txt": "one\n"})
    copy.own_line("topic/one")
    raw_id = copy.change("second", **{"a/b.txt": "two\n"})
    browser = Browser(server.url)
    browser.sign_in(ada)
    for written in ("topic%2Fone", "topic/one"):
        for page in ("changeset", "changeset-diff", "raw-changeset", "changeset-patch", "changeset-download"):
            assert browser.get(f"/{name}/{page}/{written}").status == 200, (page, written)
        assert (
            browser.get(f"/{name}/changeset-diff/{written}").body
            == browser.get(f"/{name}/changeset-diff/{raw_id}").body
        )
        assert browser.get(f"/{name}/raw/{written}/a/b.txt").body == b"two\n"
        assert browser.get(f"/{name}/files/{written}/a").status == 200
        assert browser.get(f"/{name}/changelog/{written}/a").status == 200
        assert browser.get(f"/{name}/compare/branch@{written}...rev@{raw_id[:12]}").status == 200
        archive = browser.request("HEAD", f"/{name}/archive/{written}.tar.gz").headers
        assert archive["content-disposition"] == f"attachment; filename={name}-{raw_id[:12]}.tar.gz"


@pytest.mark.parametrize("kind", sorted(SYSTEMS))
def test_an_empty_repository(kind: str, server: Server, root: Api, ada: Person, adas: Browser, tmp_path: Path) -> None:
    name = new_system(kind, tmp_path / "home").new_repository(root, ada, private=True, enable_downloads=True)
    for page in ("files", "files/tip", "files/tip/x"):
        answer = adas.get(f"/{name}/{page}")
        assert (answer.status, answer.location) == (302, f"/{name}"), page
    for page in (
        "",
        "/changelog",
        "/branches",
        "/tags",
        "/bookmarks",
        "/compare",
        "/feed/atom",
        "/feed/rss",
        "/refs-data",
    ):
        assert adas.get(f"/{name}{page}").status == 200, page
    assert b"<item>" not in adas.get(f"/{name}/feed/rss").body
    for page in ("changeset/tip", "changeset-diff/tip", "raw/tip/x", "annotate/tip/x", "archive/tip.zip"):
        assert adas.get(f"/{name}/{page}").status == 404, page
    assert adas.get(f"/{name}/archive/tip.zip").body == b"Empty repository\n"


@pytest.mark.parametrize("kind", sorted(SYSTEMS))
def test_other_addresses_lead_to_the_right_one(
    kind: str, server: Server, root: Api, ada: Person, adas: Browser, tmp_path: Path
) -> None:
    """Names of former days, `.git` from the address of a clone, slashes in codes, and settings where they were once."""
    group = unique("group")
    root("create_repo_group", group_name=group)
    old, new = f"{group}/{unique('old')}", f"{group}/{unique('grüße & co')}"
    new_system(kind, tmp_path / "home").new_repository(root, ada, old, private=True)
    root("update_repo", repoid=old, name=new.rpartition("/")[2])
    quoted = new.replace("grüße & co", "gr%C3%BC%C3%9Fe%20%26%20co")
    leads = {
        f"/{old}": f"/{quoted}",
        f"/{old}/": f"/{quoted}",
        f"/{old}/files/a%2Fb/c?x=1&api_key=": f"/{quoted}/files/a%2Fb/c?x=1",
        f"/{quoted}/edit": f"/{quoted}/settings",
    }
    if kind == "git":
        leads |= {f"/{quoted}.git": f"/{quoted}", f"/{quoted}.git/changelog?page=2": f"/{quoted}/changelog?page=2"}
    if kind == "svn":
        leads |= {f"/{quoted}/{page}": f"/{quoted}" for page in ("pull-request", "pull-request/new", "pull-request/1")}
    for path, there in leads.items():
        answer = adas.get(path)
        assert (answer.status, answer.location) == (302, there), path
    if kind == "svn":
        assert "Action not supported for svn." in adas.get(f"/{quoted}").page.text
    for path in (f"/{quoted.replace('/', '%2F')}", f"/{quoted.replace('/', '%2f')}/summary"):
        assert adas.get(path).status == 200, path
    # A form that was open meanwhile goes there with all that was typed.
    for path, there in (
        (f"/{old}/changeset/tip/comment", f"/{quoted}/changeset/tip/comment"),
        (f"/_admin/repos/{old}", f"/_admin/repos/{quoted}"),
    ):
        answer = adas.post(path, {"_method": "PUT" if "_admin" in path else "POST"})
        assert (answer.status, answer.location) == (307, there), path
    visitor = Browser(server.url)
    assert visitor.post(f"/_admin/repos/{old}", {"_method": "PUT"}).location.startswith("/_admin/login?came_from=")
    for path in (f"/{old}", f"/{quoted}", f"/{quoted}.git", f"/{unique('nope')}"):
        assert visitor.get(path).location.startswith("/_admin/login?came_from="), path


def test_the_site_itself(server: Server, adas: Browser) -> None:
    for path in ("/_admin/ping", "/favicon.ico", "/_admin/login"):
        assert Browser(server.url).get(path).status == 200, path
    assert Browser(server.url).get("/favicon.ico").headers["content-type"].startswith("image/")
    robots = Browser(server.url).get("/robots.txt")
    assert (robots.status, robots.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    told = robots.text.splitlines()
    assert told[0] == "User-agent: *" and {"Disallow: /*/archive/", "Disallow: /*/annotate/"} <= set(told)
    ping = Browser(server.url).get("/_admin/ping").text
    assert ping.startswith("pong[") and ping.endswith("] => 127.0.0.1")
    for path in ("/_repos", "/_users", "/_user_groups", "/_goto_data"):
        assert (adas.get(path).status, adas.get(path, **BY_SCRIPT).headers["content-type"]) == (400, JSON), path
    for path in ("/_nope", "/_admin/nope", "/_static/nope", "/nope", "/nope/summary"):
        assert adas.get(path).status == 404, path


def test_whoever_sends_a_key_gets_no_cookie(server: Server) -> None:
    visitor = Browser(server.url)
    assert visitor.get("/_admin/login?api_key=x").cookies == []
    assert visitor.get("/_admin/login").cookies


def test_a_site_behind_tls_stays_there(own_server: Server) -> None:
    own_server.start(TRIVIUM_BASE_URL="https://forge.example")
    for path in ("/_admin/login", "/_static/nope", "/_admin/api"):
        headers = Browser(own_server.url).get(path).headers
        assert headers["strict-transport-security"] == "max-age=31536000", path
