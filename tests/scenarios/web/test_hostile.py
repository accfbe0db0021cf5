# SPDX-License-Identifier: GPL-3.0-or-later
"""What nobody may do to the pages, or learn from them (security.md 4, 6, 7)."""

from __future__ import annotations

import re
import socket
import zipfile
from io import BytesIO
from urllib.parse import urlsplit

import pytest

from tests.support.browser import Answer, Browser
from tests.support.clients import Api, Git, Person
from tests.support.repositories import found_below
from tests.support.servers import Server
from tests.support.systems import SYSTEMS
from tests.support.waiting import until
from trivium.web.registering import every_view
from trivium.web.views import load

load()
ODD = (
    "%00",
    "%ff",
    "%ed%a0%80",
    "%0d%0aX-Evil:%20b",
    "..",
    "%2e%2e",
    "--help",
    "9" * 25,
    "-1",
    "<?t x?>",
    "a...b",
    "%",
)
"""What somebody may write where an address has a name."""
QUERIES = (
    "",
    "after=%ff&before=%00&page=99999999999999999999&size=-1",
    "after=9223372036854775808&q=%00&find=%ff&query=%ed%a0%80",
    "context=99999999999999999&layout=x&ignorews=2&fulldiff=1&default_encoding=utf-7",
    "diff1=%ff&diff2=%00&diff=raw&target_repo=%00&left=%ff&right=-x",
    "diff1=tip&diff2=tip&diff=download&at_rev=%ff&branch=%00&parent=2",
    "came_from=//evil.example&api_key%5B%5D=x&auth_token=&_method=DELETE",
)


def raw(server: Server, request: bytes) -> bytes:
    """What is answered to exactly these bytes."""
    target = urlsplit(server.url)
    with socket.create_connection((target.hostname or "", target.port or 80), timeout=60) as connection:
        connection.sendall(request)
        said = b""
        while piece := connection.recv(65536):
            said += piece
    return said


def without_request(answer: Answer) -> tuple[int, str]:
    """What somebody may compare two refusals by."""
    return answer.status, answer.page.text.split("Request")[0]


@pytest.mark.parametrize("host", ["[", "]", "[]", "[::1", "[1.2.3.4]", "a b", "x/y", "@", "%", "\xff"])
def test_no_host_keeps_a_page_from_being_answered(server: Server, host: str) -> None:
    request = f"GET /_admin/login HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    assert raw(server, request.encode("latin-1")).startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 400 "))


@pytest.mark.parametrize("kind", SYSTEMS)
def test_no_address_is_our_fault(server: Server, shelves: object, kind: str) -> None:
    """Each view with odd names and parameters: none fails, and none puts a line into the head of its answer."""
    shelf = shelves(kind)  # type: ignore[operator]
    browser, number = shelf.browser, 0
    for view in every_view():
        if not view.of_repository and kind != "git":
            continue  # the same for all systems
        for rule in view.rules:
            for _ in range(4):
                number += 1
                start = [shelf.name] if view.of_repository else []
                names = [
                    ODD[(number * 7 + at) % len(ODD)] if "{" in one else one for at, one in enumerate(rule.segments)
                ]
                if number % 2 and "{revision}" in rule.segments:
                    names[rule.segments.index("{revision}")] = "tip"
                path = "/" + "/".join(start + names)
                script = {"X_Requested_With": "XMLHttpRequest"} if view.script_only else {}
                answer = browser.get(f"{path}?{QUERIES[number % len(QUERIES)]}".replace(" ", "%20"), **script)
                assert answer.status < 500, (path, answer.text)
                assert "x-evil" not in answer.headers, path
    assert number > 100 or kind != "git"


def test_no_form_is_waited_for_twice(project: str, adas: Browser) -> None:
    for path in (f"/{project}/no-page", f"/{project}/changelog", f"/{project}", "/no/where", "/_admin/nothing"):
        assert adas.post(path, {"a": "b"}).status in (403, 404, 405)


def test_a_form_that_does_not_come_is_given_up(own_server: Server) -> None:
    own_server.start(TRIVIUM_BODY_IDLE_TIMEOUT="1", TRIVIUM_REQUEST_TIMEOUT="2")
    request = b"POST /_admin/login HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\na=b"
    assert raw(own_server, request).startswith(b"HTTP/1.1 408 ")


def test_a_key_tells_nobody_which_repositories_there_are(server: Server, keyed_server: Server) -> None:
    root = keyed_server.api(keyed_server.admin_key)
    stranger = root.new_user()
    hidden = root.new_repo(private=True)
    deep = root.new_repo(f"{root.new_repo_group(private=True).name}/inner", private=True)
    feed_key = keyed_server.new_token(stranger.name, "feed")
    for key in (stranger.key, feed_key, "0" * 40):
        for page in ("feed/atom", "raw/tip/a.txt", "changeset-diff/tip", "changelog", "", "nothing", "raw/feed/atom/x"):
            told = set()
            for name in (hidden.name, f"{hidden.name}x", f"_{hidden.id}", "_99999999", deep.name, "no/where"):
                answer = Browser(keyed_server.url).get(f"/{name}/{page}?api_key={key}")
                told.add((answer.status, answer.location.replace(name.replace("/", "%2F"), ""), answer.status))
            assert len(told) == 1, (page, told)


def test_nothing_but_its_reader_is_told_of_a_hidden_repository(root: Api, adas: Browser, ada: Person) -> None:
    seen = root.new_repo(owner=ada.name, private=True).name
    hidden = root.new_repo(private=True)
    for address in (
        f"/{seen}/compare/rev@a...rev@b?target_repo={{}}",
        f"/{seen}/compare?left=a&right=b&target_repo={{}}",
        "/_profiles/{}",
        "/_admin/gists/{}",
        "/{}/changelog",
    ):
        there, missing = (adas.get(address.format(name)) for name in (hidden.name, hidden.name + "x"))
        assert there.status == missing.status
        assert there.page.text.split("Request")[0] == missing.page.text.replace(hidden.name + "x", hidden.name).split(
            "Request"
        )[0].replace(hidden.name + "x", hidden.name)
    script = {"X_Requested_With": "XMLHttpRequest"}
    for address in ("/_goto_data?query={}", "/_repos?query={}"):
        assert hidden.name.encode() not in adas.get(address.format(hidden.name), **script).body
    assert hidden.name not in adas.get("/").text


def test_a_forged_form_does_nothing(server: Server, adas: Browser, ada: Person) -> None:
    path, name = "/_admin/my_account/preferences", "/_admin/logout"
    token = adas.get(path).page.token
    stranger = Browser(server.url).get("/_admin/login").page.token
    for fields, headers in (
        ({}, {}),
        ({"csrf_token": ""}, {}),
        ({"csrf_token": stranger}, {}),
        ({"csrf_token": token[:-1]}, {}),
        ({"csrf_token": token}, {"Origin": "http://evil.example"}),
        ({"csrf_token": token}, {"Origin": "null"}),
        ({"csrf_token": token}, {"Sec_Fetch_Site": "cross-site"}),
        ({"csrf_token": token}, {"Sec_Fetch_Site": "same-site"}),
        ({"csrf_token": token}, {"Content_Type": "text/plain"}),
        ({"csrf_token": token, "_method": "put"}, {}),
        ({"csrf_token": token}, {"X_Rc_Auth_Token": ada.key}),
    ):
        for address in (path, name):
            assert adas.post(address, {"theme": "dark", **fields}, **headers).status in (403, 405), (fields, headers)
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"):
        assert adas.request(method, name).status >= 400
    assert adas.get("/_admin/my_account/password").status == 200


def test_no_page_is_confirmed_whose_tokens_have_ended(server: Server, root: Api, ada: Person) -> None:
    browser = Browser(server.url)
    name = root.new_repo(owner=ada.name, private=True).name
    pages = ("/", f"/{name}", "/_admin/journal", "/_admin/my_account/preferences")
    assert browser.sign_in(ada).status == 302
    old = {page: browser.get(page).headers["etag"] for page in pages}
    browser.cookies.clear()  # the session has ended
    assert browser.sign_in(ada).status == 302
    for page, tag in old.items():
        answer = browser.get(page, If_None_Match=tag)
        assert answer.status == 200
        assert browser.get(page, If_None_Match=answer.headers["etag"]).status == 304
    assert browser.post("/_admin/my_account/preferences", {"csrf_token": answer.page.token}).status == 302


def test_what_is_told_once_is_not_lost_on_a_page_that_takes_long(adas: Browser, shelf: object) -> None:
    browser: Browser = shelf.browser  # type: ignore[attr-defined]
    address = f"/{shelf.name}/changeset/{shelf.ids[1]}?context=7&layout=unified"  # type: ignore[attr-defined]
    said = browser.send("/_admin/my_account/preferences", came_from=address)
    assert said.location == address
    assert "Saved." in browser.get(address).page.text
    assert "Saved." not in browser.get(address).page.text


def test_no_cookie_of_others_says_something(server: Server, browser: Browser) -> None:
    for value in ("0" * 32 + b'"evil"'.hex(), "evil", "\xff" * 40, "0" * 4000, ""):
        browser.cookies = {"rhodecode_said": value, "rhodecode_preferences": value, "rhodecode_form": value}
        answer = browser.get("/_admin/login")
        assert answer.status == 200 and "evil" not in answer.text


def test_what_is_sent_to_nobody_is_not_read(server: Server, root: Api, ada: Person, git: Git) -> None:
    name = root.new_repo(owner=ada.name, private=True, enable_downloads=True).name
    work = git.new_work(name)
    (work / "large.bin").write_bytes(bytes(64 << 20))
    git.commit(work, "large", **{"a.txt": "a\n"})
    git.out("push", server.clone_url(name, ada), "master", cwd=work)
    browser = Browser(server.url)
    assert browser.sign_in(ada).status == 302
    target = urlsplit(server.url)
    cookies = "; ".join(f"{key}={value}" for key, value in browser.cookies.items())
    request = f"GET /{name}/archive/tip.zip HTTP/1.1\r\nHost: x\r\nCookie: {cookies}\r\n\r\n"
    kept = server.data / "archives"
    for _ in range(20):  # more than one account has places for
        with socket.create_connection((target.hostname or "", target.port or 80), timeout=60) as connection:
            connection.sendall(request.encode())
            assert connection.recv(15).startswith(b"HTTP/1.1 200")
    until(lambda: browser.get(f"/{name}/raw/tip/a.txt").body == b"a\n")
    until(lambda: found_below(kept, ".*") == [])


def test_nothing_moves_in_what_programs_report(server: Server, root: Api) -> None:
    odd = "a\u202eb\u3164<b>"
    number = root("store_exception", exc_data_json={odd: f"{odd}\n{odd}"}, prefix=odd)["exc_id"]
    browser = Browser(server.url)
    assert browser.sign_in(server.administrator).status == 302
    for page in ("", f"/{number}"):
        answer = browser.get(f"/_admin/settings/exceptions{page}")
        assert answer.status == 200
        assert not {"\u202e", "\u3164"} & {*answer.text} and "<b>" not in answer.text
        assert "U+202E" in answer.page.text and "U+3164" in answer.page.text


def test_no_archive_reaches_out_of_its_folder(server: Server, root: Api, ada: Person, adas: Browser, git: Git) -> None:
    name = root.new_repo(owner=ada.name, private=True, enable_downloads=True).name
    work = git.new_work(name)
    for odd in ("..\\..\\evil.txt", "a\\b.txt", "good.txt"):
        (work / odd).write_text("x\n")
    git.run("add", "--all", cwd=work)
    late = "@5000000000 +0000"
    git.run("commit", "--quiet", "-m", "odd", cwd=work, GIT_AUTHOR_DATE=late, GIT_COMMITTER_DATE=late)
    git.out("push", server.clone_url(name, ada), "master", cwd=work)
    answer = adas.get(f"/{name}/archive/tip.zip")
    assert answer.status == 200
    with zipfile.ZipFile(BytesIO(answer.body)) as found:
        members = [one.filename.partition("/")[2] for one in found.infolist()]
        assert sorted(members) == ["a\\b.txt", "good.txt"]
        assert {one.date_time[0] for one in found.infolist()} == {2107}


def test_nothing_that_users_write_is_taken_for_ours(
    root: Api, server: Server, ada: Person, adas: Browser, git: Git
) -> None:
    """Marks of ages and tokens in names, messages and contents stay text."""
    mark = "<?c?><?t x?><?r?><?s y?>"
    name = root.new_repo(owner=ada.name, private=True, description=mark).name
    work = git.new_work(name)
    files = {"README.md": f"# {mark}\n[a](b '{mark}') ![{mark}](c)\n", "<?c?><?t x?>/a.txt": f"{mark}\n"}
    git.commit(work, mark, **files)
    git.out("push", server.clone_url(name, ada), "master", "master:refs/heads/<c><t_x>", cwd=work)
    pages = ("", "files/tip/", "files/tip/README.md", "files/tip/%3C%3Fc%3F%3E%3C%3Ft%20x%3F%3E/a.txt", "changelog")
    for page in (*pages, "changeset/tip", "branches", "annotate/tip/README.md", "compare?left=%3C%3Ft%20x%3F%3E"):
        answer = adas.get(f"/{name}/{page}")
        assert answer.status == 200, (page, answer.status)
        assert not re.search(r"<\?(?!s )", answer.text), page
        shown = [found["value"] for found in answer.page.all("input", name="csrf_token")]
        assert len(shown) == answer.text.count(shown[0]), page
