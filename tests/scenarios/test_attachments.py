# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that comments link to: kept, fetched by whoever may read them, never run (api-reviews.md 6, security.md 7)."""

from __future__ import annotations

import base64
import os
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.browser import Browser
from tests.support.clients import Api, Git, Person, unique
from tests.support.servers import Server
from tests.support.systems import new_system

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
FID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}(\.[a-z0-9]+)?")


@pytest.fixture
def commit(server: Server, root: Api, ada: Person, git: Git) -> dict[str, str]:
    """A commit of a repository of Ada that only she and super-admins may read."""
    system = new_system("git", git.home)
    name = system.new_repository(root, ada, private=True)
    raw_id = system.checkout(server, name, ada).change("one")
    return {"repoid": name, "commit_id": raw_id}


def add(api: Api, content: bytes = b"hello\n", filename: str = "notes.txt") -> str:
    """Upload a file; returns the path under which it is fetched."""
    made = api("file_store_add", filename=filename, content=base64.b64encode(content).decode())
    return str(made["access_path"])


def fetch(api: Api, path: str, key: str | None = None, method: str = "GET", **headers: str) -> Any:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if key is not None:
        sent["Authorization"] = f"Bearer {key}"
    return api.post(b"", method=method, path=path, headers=sent)


def statuses(api: Api, path: str, *people: Person) -> list[int]:
    return [fetch(api, path, person.key)[0] for person in people]


def test_a_file_comes_back_as_it_was(server: Server, root: Api, ada: Person) -> None:
    content = os.urandom(1 << 20)
    made = ada.api("file_store_add", filename="Büro (2).TAR.GZ", content=base64.encodebytes(content).decode())
    fid = made["store_fid"]
    assert FID.fullmatch(fid) and fid.endswith(".gz")
    assert made == {
        "access_path": f"/_file_store/download/{fid}",
        "access_path_fqn": f"{server.url}/_file_store/download/{fid}",
        "store_fid": fid,
    }
    status, headers, body = fetch(root, made["access_path"], ada.key)
    assert (status, body) == (200, content)
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"] == (
        "attachment; filename=\"B_ro (2).TAR.GZ\"; filename*=UTF-8''B%C3%BCro%20%282%29.TAR.GZ"
    )
    assert headers["cache-control"] == "private, no-store"
    status, heads, body = fetch(root, made["access_path"], method="HEAD", X_Rc_Auth_Token=ada.key)
    assert (status, heads["content-length"], body) == (200, str(len(content)), b"")
    ((who, _, _),) = server.journal("attachment.add", "Büro (2).TAR.GZ")
    assert who == ada.name
    (file,) = [path for path in (server.data / "attachments").iterdir() if path.name == fid]
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_nobody_fetches_twice_what_they_have(root: Api, ada: Person) -> None:
    content = os.urandom(700_000)
    path = add(ada.api, content, "a.bin")

    def asked(**headers: str) -> tuple[int, bytes]:
        status, _, body = fetch(root, path, ada.key, **headers)
        return status, body

    tag = fetch(root, path, ada.key)[1]["etag"]
    assert asked(If_None_Match=tag) == asked(If_None_Match=f'"x", W/{tag}') == (304, b"")
    assert asked(If_None_Match='"x"') == (200, content)
    status, headers, body = fetch(root, path, ada.key, Range="bytes=9-600000", If_Range=tag)
    assert (status, body, headers["content-range"]) == (206, content[9:600_001], "bytes 9-600000/700000")
    assert (headers["content-length"], headers["content-type"]) == ("599992", "application/octet-stream")
    assert asked(Range="bytes=-5") == (206, content[-5:])
    assert asked(Range="bytes=700000-")[0] == 416
    assert asked(Range="bytes=5-", If_Range='"x"') == asked(Range="lines=1-2") == (200, content)
    nobodys, headers, body = fetch(root, path, Range="bytes=5-", If_None_Match=tag)
    assert (nobodys, "etag" in headers, content[5:] in body) == (401, False, False)


@pytest.mark.parametrize(("name", "content", "kind"), [
    ("a.png", PNG, "image/png"),
    ("a.gif", b"GIF89a...", "image/gif"),
    ("a.jpg", b"\xff\xd8\xff\xe0...", "image/jpeg"),
    ("a.webp", b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
    ("a.txt", "grüße\n".encode(), "text/plain; charset=utf-8"),
    ("empty", b"", "text/plain; charset=utf-8"),
    ("a.html", b"<script>alert(1)</script>", "text/plain; charset=utf-8"),
    ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "text/plain; charset=utf-8"),
    ("a.png", b"<html>no picture", "text/plain; charset=utf-8"),
    ("a.pdf", b"%PDF-1.7\n\xe2\xe3", "application/octet-stream"),
    ("a.html", "ü".encode("utf-16"), "application/octet-stream"),
])  # fmt: skip
def test_no_file_is_anything_that_a_browser_runs(root: Api, ada: Person, name: str, content: bytes, kind: str) -> None:
    status, headers, body = fetch(root, add(ada.api, content, name), ada.key)
    assert (status, body, headers["content-type"]) == (200, content, kind)
    assert headers["content-security-policy"] == "sandbox; default-src 'none'; style-src 'unsafe-inline'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-disposition"].startswith("attachment" if "octet" in kind else "inline")
    assert "set-cookie" not in headers


def test_a_text_that_is_cut_in_a_character_is_one_all_the_same(root: Api, ada: Person) -> None:
    content = b"x" + "ü".encode() * 8000
    assert fetch(root, add(ada.api, content), ada.key)[1]["content-type"] == "text/plain; charset=utf-8"


def test_names_end_no_header(root: Api, ada: Person) -> None:
    shown = fetch(root, add(ada.api, filename='a"; x=";%.html'), ada.key)[1]["content-disposition"]
    assert shown == "inline; filename=\"a_; x=_;_.html\"; filename*=UTF-8''a%22%3B%20x%3D%22%3B%25.html"


@pytest.mark.parametrize("given", [
    {"filename": ""}, {"filename": "../x"}, {"filename": "a/b"}, {"filename": "a\\b"}, {"filename": ".."},
    {"filename": "a\r\nSet-Cookie: x"}, {"filename": "a\0"}, {"filename": "ü" * 128}, {"filename": "a\u202eb"},
    {"filename": None}, {"filename": 5}, {"filename": []}, {"filename": "x" * 3_000_000},
    {"content": None}, {"content": 5}, {"content": {}}, {"content": "!"}, {"content": "a"}, {"content": "YQ==YQ=="},
    {"content": "ü"}, {"content": "YWJj\0"},
])  # fmt: skip
def test_what_cannot_be_kept_leaves_nothing(server: Server, ada: Person, given: dict[str, Any]) -> None:
    add(ada.api)
    before = set((server.data / "attachments").iterdir())
    with server.unchanged():
        said = ada.api.error("file_store_add", **{"filename": "a", "content": "YQ=="} | given)
    assert said == "failed to store file"
    assert set((server.data / "attachments").iterdir()) == before


def test_a_file_has_a_limit(own_server: Server) -> None:
    own_server.start(TRIVIUM_MAX_ATTACHMENT_BYTES="1000")
    root = own_server.api(own_server.admin_key)
    add(root, bytes(1000))
    for size in (1001, 5000):
        content = base64.b64encode(bytes(size)).decode()
        answer = root.envelope("file_store_add", filename="a", content=content)
        assert (answer["error"], answer["error_detail"]) == (
            *("failed to store file", "a file has at most 1000 bytes (max_attachment_bytes)"),
        )


def test_nobody_fills_the_disk_with_files(own_server: Server) -> None:
    own_server.start(TRIVIUM_MAX_USER_ATTACHMENTS="2500", TRIVIUM_WORKERS="2")
    root = own_server.api(own_server.admin_key)
    ada, grace = root.new_user(), root.new_user()
    with ThreadPoolExecutor(6) as pool:
        content = base64.b64encode(bytes(1000)).decode()
        answers = list(pool.map(lambda _: ada.api.envelope("file_store_add", filename="a", content=content), range(6)))
    refused = [answer["error_detail"] for answer in answers if answer["error"]]
    assert refused == 4 * ["the files of one user have at most 2500 bytes together (max_user_attachments)"]
    assert len(list((own_server.data / "attachments").iterdir())) == 2
    add(grace.api, bytes(2500))
    add(root, bytes(2501))


def test_nothing_is_kept_when_the_disk_is_nearly_full(own_server: Server) -> None:
    own_server.start(TRIVIUM_MIN_FREE_BYTES=str(2**60))
    answer = own_server.api(own_server.admin_key).envelope("file_store_add", filename="a", content="YQ==")
    assert answer["error"] == "failed to store file"
    assert "min_free_bytes" in answer["error_detail"]


def test_a_file_is_for_those_who_may_read_a_comment_that_links_to_it(
    root: Api, ada: Person, commit: dict[str, str]
) -> None:
    ben, eve = root.new_user(), root.new_user()
    path = add(ada.api)
    admin = root.new_user(admin=True)
    assert statuses(root, path, ada, admin, ben, eve) == [200, 200, 404, 404]
    for person in (ben, eve):
        root("grant_user_permission", repoid=commit["repoid"], userid=person.id, perm="repository.read")
    assert statuses(root, path, ada, ben, eve) == [200, 404, 404]
    number = ada.api("comment_commit", **commit, message=f"![look]({root.url}{path})")["comment_id"]
    assert statuses(root, path, ada, ben, eve) == [200, 200, 200]
    root("grant_user_permission", repoid=commit["repoid"], userid=eve.id, perm="repository.none")
    assert statuses(root, path, ben, eve) == [200, 404]
    ada.api("edit_comment", comment_id=number, message="not this one")
    assert statuses(root, path, ada, ben) == [200, 404]
    ada.api("edit_comment", comment_id=number, message=f"{path} after all")
    assert statuses(root, path, ben) == [200]
    ada.api("delete_comment", comment_id=number)
    assert statuses(root, path, ada, ben) == [200, 404]


def test_a_browser_shows_a_file_by_its_session_and_no_other(
    server: Server, root: Api, ada: Person, commit: dict[str, str]
) -> None:
    eve, path = root.new_user(), add(ada.api, PNG)
    ada.api("comment_commit", **commit, message=f"![look]({path})")
    adas, eves = Browser(server.url), Browser(server.url)
    assert [browser.sign_in(one).status for browser, one in ((adas, ada), (eves, eve))] == [302, 302]
    assert f'src="{path}"' in adas.get(f"/{commit['repoid']}/changeset/{commit['commit_id']}").text
    shown = adas.get(path)
    assert (shown.status, shown.body, shown.cookies) == (200, PNG, [])
    assert eves.get(path).status == 404
    # Beside a key, a session is not looked at.
    assert adas.get(path, Authorization=f"Bearer {eve.key}").status == 404
    adas.post("/_admin/logout", {"csrf_token": adas.get("/").page.token})
    assert adas.get(path).status == 401


def test_nobody_opens_a_file_by_repeating_its_address(
    server: Server, root: Api, ada: Person, commit: dict[str, str], git: Git
) -> None:
    ben = root.new_user()
    path = add(ada.api)
    system = new_system("git", git.home)
    name = system.new_repository(root, ben)
    own = {"repoid": name, "commit_id": system.checkout(server, name, ben).change("two")}
    ben.api("comment_commit", **own, message=f"see {path}")
    assert statuses(root, path, ben) == [404]
    # Who may fetch it may show it to others.
    root("grant_user_permission", repoid=commit["repoid"], userid=ben.id, perm="repository.read")
    ada.api("comment_commit", **commit, message=path)
    number = ben.api("comment_commit", **own, message=f"see {path}")["comment_id"]
    eve = root.new_user()
    assert statuses(root, path, ben, eve) == [200, 200]
    root("grant_user_permission", repoid=commit["repoid"], userid=ben.id, perm="repository.none")
    ben.api("edit_comment", comment_id=number, message=f"do see {path}")
    assert statuses(root, path, ben, eve) == [200, 200]


def test_without_a_key_hidden_and_missing_are_the_same(server: Server, root: Api, ada: Person) -> None:
    path = add(ada.api)
    missing = "/_file_store/download/84d156f7-8323-4ad3-9fce-4a8e88e1deaf"
    wrong = [
        *(
            "/_file_store/download/",
            "/_file_store/download/..%2f..%2fsecret.key",
            "/_file_store/download/../secret.key",
        ),
        *(f"{path}/", f"{path}x", path.upper().replace("/_FILE_STORE/DOWNLOAD", "/_file_store/download")),
    ]
    stranger = root.new_user()
    for key, status in ((None, 401), ("0" * 40, 401), ("ü", 401), (stranger.key, 404)):
        answers = set()
        for one in (path, missing, *wrong):
            got, headers, body = fetch(root, one, key)
            assert got == status, (one, key)
            answers.add((got, headers["content-type"], headers.get("www-authenticate"), body))
        assert len(answers) == 1, key
    for method in ("POST", "PUT", "DELETE", "PROPFIND"):
        assert fetch(root, path, ada.key, method=method)[0] == 405
    assert fetch(root, f"{path}?api_key={ada.key}")[0] == 401


def test_a_key_for_something_else_opens_no_file(server: Server, root: Api, ada: Person) -> None:
    path = add(ada.api)
    wanted = {"all": 200, "http": 200, "api": 401, "vcs": 401, "feed": 401}
    assert {role: fetch(root, path, server.new_token(ada.name, role))[0] for role in wanted} == wanted
    server.allow_address(ada.name, "10.0.0.0/8")
    assert fetch(root, path, ada.key)[0] == 401


def test_a_visitor_gets_what_visitors_may_read(
    server: Server, root: Api, git: Git, visitors: Callable[[str], None]
) -> None:
    system = new_system("git", git.home)
    name = system.new_repository(root, server.administrator, unique("open"))
    commit = system.checkout(server, name, server.administrator).change("one")
    path = add(root)
    root("comment_commit", repoid=name, commit_id=commit, message=path)
    assert fetch(root, path)[0] == 401
    visitors("on")
    status, headers, body = fetch(root, path)
    assert (status, headers["cache-control"], body) == (200, "private, no-cache", b"hello\n")
    root("update_repo", repoid=name, private=True)
    assert fetch(root, path)[0] == 401


def test_a_file_goes_with_its_repository_and_comes_back_with_it(
    server: Server, root: Api, ada: Person, commit: dict[str, str]
) -> None:
    reader = root.new_user()
    root("grant_user_permission", repoid=commit["repoid"], userid=reader.id, perm="repository.read")
    path = add(ada.api)
    ada.api("comment_commit", **commit, message=path)
    assert statuses(root, path, reader) == [200]
    root("delete_repo", repoid=commit["repoid"])
    assert statuses(root, path, reader, ada) == [404, 200]
    server.administer("trash", "restore", commit["repoid"])
    assert statuses(root, path, reader) == [200]


def test_what_a_killed_upload_leaves_is_removed_by_a_later_start(own_server: Server) -> None:
    own_server.start()
    root = own_server.api(own_server.admin_key)
    path = add(root)
    directory = own_server.data / "attachments"
    left, young, foreign = (directory / one for one in (
        "84d156f7-8323-4ad3-9fce-4a8e88e1deaf.txt", "84d156f7-8323-4ad3-9fce-4a8e88e1deae", "README",
    ))  # fmt: skip
    for one in (left, young, foreign):
        one.write_bytes(b"half")
    for one in (left, foreign, directory / path.rpartition("/")[2]):
        os.utime(one, (time.time() - 3600,) * 2)
    assert fetch(root, f"/_file_store/download/{left.name}", root.key)[0] == 404
    own_server.stop()
    own_server.start()
    assert (left.exists(), young.exists(), foreign.exists()) == (False, True, True)
    root = own_server.api(own_server.admin_key)
    assert fetch(root, path, root.key)[2] == b"hello\n"
