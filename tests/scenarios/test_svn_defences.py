# SPDX-License-Identifier: GPL-3.0-or-later
"""What no request may reach or end behind the Subversion door, whatever it says (security.md S-4, S-8, S-26)."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pwd
import re
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import Api, Person, Thing, unique
from tests.support.processes import about, kill_all, named
from tests.support.raw import basic, connected
from tests.support.servers import Server
from tests.support.svn_client import Svn, svn_url
from tests.support.waiting import until

MERGE = (
    '<?xml version="1.0" encoding="utf-8"?><D:merge xmlns:D="DAV:"><D:source>{}</D:source><D:no-auto-merge/>'
    "<D:no-checkout/></D:merge>"
)
SKEL = {"Content-Type": "application/vnd.svn-skel"}
PRIVATE = re.compile(rb"[0-9]+-[0-9a-f]{24}|/proc/self|127\.0\.0\.1:|http://apache[:/]")


class Reader:
    """Requests of one person to one repository, as the client of Subversion sends them."""

    def __init__(self, api: Api, person: Person, name: str) -> None:
        self._api = api
        self.path = f"/{name}"
        self._headers = {"Authorization": basic(person.name, person.password), "User-Agent": "SVN/1.14"}

    def ask(
        self, method: str, place: str = "", body: bytes | str = b"", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        given = self._headers | {name.replace("_", "-"): value for name, value in headers.items()}
        return self._api.post(body, method=method, path=self.path + place, headers=given)

    def transaction(self) -> str:
        status, headers, _ = self.ask("POST", "/!svn/me", b"( create-txn )", **{"Content-Type": SKEL["Content-Type"]})
        assert status == 201
        return headers["svn-txn-name"]


@pytest.fixture(scope="module")
def ada(root: Api) -> Person:
    return root.new_user()


@pytest.fixture(scope="module")
def mine(root: Api, ada: Person) -> Reader:
    return Reader(root, ada, root.new_repo(owner=ada.name, kind="svn").name)


def direct(server: Server, method: str, path: str, link: str, body: str = "", **headers: str) -> tuple[int, str]:
    """A request to the private Apache that knows its secret: as if the door had been talked into it."""
    endpoint = json.loads((server.data / "svn" / "server.json").read_bytes())
    connection = http.client.HTTPConnection("127.0.0.1", endpoint["port"], timeout=60)
    with contextlib.closing(connection):
        given = {"Host": "apache:80", "X-Trivium-Secret": endpoint["secret"], "Authorization": basic(server.admin, "x")}
        connection.request(method, path, body.encode() or None, given | {"X-Trivium-Link": link} | headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def link_of(server: Server, repository: Thing) -> str:
    (link,) = [path.name for path in (server.data / "svn" / "links").glob(f"{repository.id}-*")]
    return link


def test_apache_refuses_every_link_but_the_one_it_is_told_of(server: Server, root: Api) -> None:
    """Also where a request leads on: the source of a MERGE, the destination of a COPY."""
    victim, attacker = root.new_repo(kind="svn"), root.new_repo(kind="svn")
    administrator = server.administrator
    administrator.api = root
    theirs = Reader(root, administrator, victim.name)
    own = Reader(root, administrator, attacker.name)
    transaction, other = theirs.transaction(), own.transaction()
    assert theirs.ask("PUT", f"/!svn/txr/{transaction}/a.txt", b"secret")[0] == 201
    a, b = link_of(server, attacker), link_of(server, victim)
    assert direct(server, "PROPFIND", f"/{a}", a, Depth="0")[0] == 207
    for path in (f"/{b}", f"/{a}/../{b}", f"/{a}/..%2f{b}", f"//{b}", f"/%2f{b}", f"/%2e/{b}", "/"):
        assert direct(server, "PROPFIND", path, a, Depth="0")[0] == 403, path
    for start in (f"/{b}", f"/{a}/../{b}", f"//{b}", f"http://apache/{b}"):
        source = f"{start}/!svn/txn/{transaction}"
        status, said = direct(server, "MERGE", f"/{a}", a, MERGE.format(f"<D:href>{source}</D:href>"))
        assert status == 403 and "secret" not in said, source
        destination = f"http://apache/{start.removeprefix('http://apache')}/!svn/txr/{transaction}/x"
        assert direct(server, "COPY", f"/{a}/!svn/rvr/0/", a, Destination=destination)[0] == 403
    update = f'<S:update-report xmlns:S="svn:"><S:src-path>/{b}</S:src-path></S:update-report>'
    assert direct(server, "REPORT", f"/{a}/!svn/me", a, update)[0] >= 400
    assert root("get_repo", repoid=victim.id)["last_changeset"]["revision"] == -1
    # The same where it is right.
    assert direct(server, "COPY", f"/{a}/!svn/rvr/0/", a, Destination=f"http://apache/{a}/!svn/txr/{other}/x")[0] == 201
    assert direct(server, "MERGE", f"/{b}", b, MERGE.format(f"<D:href>/{b}/!svn/txn/{transaction}</D:href>"))[0] == 200


def test_links_cannot_be_guessed(server: Server, own_server: Server, root: Api) -> None:
    own_server.start()
    for one in (server, own_server):
        api = one.api(one.admin_key)
        repository = api.new_repo("same" if one is own_server else None, kind="svn")
        Svn(one.data.parent / unique("home"), one.administrator).run("info", svn_url(one.url, repository.name))
    links = [path.name for one in (server, own_server) for path in (one.data / "svn" / "links").iterdir()]
    assert len({link.partition("-")[2] for link in links}) == len(links)
    assert (own_server.data / "svn" / "key").stat().st_mode & 0o777 == 0o600
    old = own_server.data / "svn" / "links" / "1-0123456789abcdef01234567"  # as they once were called
    old.symlink_to("/proc/self/fd/9/same")
    own_server.stop()
    own_server.start()
    until(lambda: not old.is_symlink())


@pytest.mark.parametrize("href", [
    '<\u00e9:href xmlns:\u00e9="DAV:">{}</\u00e9:href>', "<D:href>" + " " * 140000 + "{}</D:href>",
    "<D:href>{own}<!-- -->/..{}</D:href>", "<D:href>{own}<![CDATA[/..{}]]></D:href>",
    "<D:href>{own}<D:x/>/..{}</D:href>",
])  # fmt: skip
def test_no_commit_of_another_repository_s_transaction(server: Server, root: Api, mine: Reader, href: str) -> None:
    private = root.new_repo(kind="svn", private=True)
    theirs = Reader(root, server.administrator, private.name)
    transaction = theirs.transaction()
    for start in (f"/{private.name}", f"/_{private.id}", f"/{link_of(server, private)}"):
        body = MERGE.format(href.format(f"{start}/!svn/txn/{transaction}", own=mine.path))
        assert mine.ask("MERGE", "", body.encode(), Content_Type="text/xml")[0] == 400
    assert root("get_repo", repoid=private.id)["last_changeset"]["revision"] == -1


PLACES = (
    "", "/a", "/!svn", "/!svn/", "/!svn/me", "/!svn/me/x", "/!svn/vcc/default", "/!svn/vcc", "/!svn/vcc/x",
    *(f"/!svn/{kind}{rest}" for kind in ("bln", "bc", "rev", "rvr", "ver", "his") for rest in
      ("", "/0", "/0/", "/0/a", "/1", "/999999", "/99999999999999999999", "/-1", "/x", "/4294967296/", "/2147483648")),
    *(f"/!svn/{kind}{rest}" for kind in ("txn", "txr", "vtxn", "vtxr", "act", "wrk", "wbl") for rest in
      ("", "/", "/{}", "/{}/", "/{}/a", "/0-0", "/zz", "/zz/a", "/a b", "/{}/0", "/%7e", "/x" * 200)),
    "/%ff%fe", "/%01", "/a%0ab", "/" + "a" * 5000, "/?p=-1", "/?r=zz", "/?p=0&kw=1", "/?p=1&r=0", "/a?p=0",
    "/!svn/unknown/1",
)  # fmt: skip
BODIES = (
    b"", b"x", b"<x/>", b'<D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>', b'<D:propfind xmlns:D="DAV:"/>',
    *(b'<S:%s xmlns:S="svn:"/>' % name for name in (
        b"update-report", b"replay-report", b"log-report", b"dated-rev-report", b"get-locations",
        b"get-location-segments",
        b"file-revs-report", b"get-locks-report", b"get-deleted-rev-report", b"mergeinfo-report",
        b"inherited-props-report",
        b"list-report", b"no-report",
    )),
    b'<D:checkout xmlns:D="DAV:"><D:activity-set><D:href>{own}/!svn/act/x</D:href></D:activity-set></D:checkout>',
    b'<D:merge xmlns:D="DAV:"><D:source><D:href>{own}/!svn/act/x</D:href></D:source></D:merge>',
    b'<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x/></D:prop></D:set></D:propertyupdate>',
    b"( create-txn )", b"(",
    b'<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope></D:lockinfo>',
)  # fmt: skip


def crashes(server: Server) -> list[str]:
    """What Apache tells of processes that ended by a fault of theirs; those whose clients are gone we kill."""
    log = (server.data / "svn" / "run" / "error.log").read_text(errors="replace")
    return [line for line in log.splitlines() if "exit signal" in line and "Killed" not in line]


def test_no_request_ends_apache_or_shows_what_is_behind_the_door(server: Server, root: Api, mine: Reader) -> None:
    transaction = mine.transaction()
    before = crashes(server)
    wrong: list[Any] = []
    for place in PLACES:
        target = place.replace("{}", transaction).replace(" ", "%20")
        for method in (
            "OPTIONS", "PROPFIND", "REPORT", "GET", "HEAD", "MERGE", "LOCK", "UNLOCK", "POST", "PUT", "DELETE", "MKCOL",
            "COPY", "MOVE", "PROPPATCH", "MKACTIVITY", "CHECKOUT",
        ):  # fmt: skip
            if method == "DELETE" and target.rstrip("/").endswith(transaction):
                continue  # it is needed to the end
            for body in BODIES if method == "REPORT" and place in ("", "/!svn/me") else BODIES[:1] + BODIES[-6:][:1]:
                headers = {
                    "Depth": "0",
                    "Destination": f"{mine.path}/!svn/txr/{transaction}/c",
                    "Content_Type": "text/xml",
                }
                given = body.replace(b"{own}", mine.path.encode())
                status, shown, said = mine.ask(method, target, given, **headers)
                told = repr(shown).encode().replace(server.url.encode(), b"") + said.replace(server.url.encode(), b"")
                if status >= 500 or PRIVATE.search(told):
                    wrong.append((method, place, status, said[-300:], PRIVATE.findall(told)))
    assert wrong == [], (wrong[:10], server.log.read_text(errors="replace")[-1500:])
    time.sleep(1.5)  # Apache looks after its processes once in a second
    assert crashes(server) == before


def test_no_path_and_no_notation_in_a_body_ends_apache(server: Server, mine: Reader) -> None:
    assert mine.ask("OPTIONS")[0] == 200
    before = crashes(server)
    report = '<S:{0} xmlns:S="svn:">{1}</S:{0}>'
    update = f'<S:src-path>{mine.path}</S:src-path><S:entry rev="0" start-empty="true"></S:entry>'
    asked = [("POST", "/!svn/me", "(" * 500_000)]
    for path in (".", "./a", "a//b", "/a", "a/", "//", "a/./b", "..", "http://x/a", "a" * 70_000):
        asked += [
            ("REPORT", "/!svn/me", report.format("update-report", f"{update}<S:{name}>{path}</S:{name.split()[0]}>"))
            for name in ("missing", "update-target", 'entry rev="0"')
        ]
        link = f'{update}<S:entry rev="0" linkpath="{path}">a</S:entry>'
        asked.append(("REPORT", "/!svn/me", report.format("update-report", link)))
        for name in ("log-report", "inherited-props-report", "file-revs-report", "mergeinfo-report", "get-locations"):
            said = (
                "<S:start-revision>0</S:start-revision><S:end-revision>0</S:end-revision><S:revision>0</S:revision>"
                f"<S:peg-revision>0</S:peg-revision><S:path>{path}</S:path>"
            )
            asked.append(("REPORT", "/!svn/rvr/0", report.format(name, said)))
        token = f"<S:lock><S:lock-path>{path}</S:lock-path><S:lock-token>x</S:lock-token></S:lock>"
        locks = f'<S:lock-token-list xmlns:S="svn:">{token}</S:lock-token-list>'
        source = f"<D:source><D:href>{mine.path}/!svn/txn/{mine.transaction()}</D:href></D:source>"
        asked.append(("MERGE", "", f'<D:merge xmlns:D="DAV:">{source}{locks}</D:merge>'))
    for method, place, body in asked:
        kind = SKEL["Content-Type"] if method == "POST" else "text/xml"
        try:
            status, _, said = mine.ask(method, place, body, Content_Type=kind)
        except http.client.IncompleteRead:
            continue  # Subversion found out when it had begun to answer
        assert status < 500, (method, body[-200:], said)
    time.sleep(1.5)
    assert crashes(server) == before


def test_a_copy_goes_nowhere_but_into_what_is_being_made(server: Server, root: Api, mine: Reader) -> None:
    transaction, other = mine.transaction(), root.new_repo(kind="svn").name
    with server.unchanged():
        for place in ("/b", "/!svn/rvr/0/b", "/!svn/rev/0", f"/!svn/txn/{transaction}", "/!svn/act/b", "/!svn/me", ""):
            for source in ("/!svn/rvr/0", "/!svn/bc/0", "/!svn/ver/0"):
                status, _, said = mine.ask("COPY", source, Destination=f"http://x{mine.path}{place}")
                assert status == 403 and b"Only commits change" in said, (source, place, said)
        for theirs in (
            f"/{other}",
            f"/{link_of(server, Thing(root('get_repo', repoid=mine.path[1:])['repo_id'], ''))}",
        ):
            place = f"http://x{theirs}/!svn/txr/{transaction}/b"
            assert mine.ask("COPY", "/!svn/rvr/0", Destination=place)[0] == 409


@pytest.mark.parametrize("method", ["PUT", "MKCOL", "DELETE", "PROPPATCH", "GET", "HEAD", "COPY"])
def test_a_transaction_that_is_not_there_is_not_found(mine: Reader, method: str) -> None:
    there = "/!svn/txr/999-zz/a"
    body = '<D:propertyupdate xmlns:D="DAV:"><D:set/></D:propertyupdate>' if method == "PROPPATCH" else ""
    place = "/!svn/rvr/0" if method == "COPY" else there
    status, _, said = mine.ask(method, place, body, Destination=f"http://x{mine.path}{there}")
    assert status in ((400, 404) if method == "HEAD" else (404,)), said
    assert method == "HEAD" or b"no such transaction" in said


def test_what_ends_one_process_of_apache_ends_nobody_elses_transfer(own_server: Server) -> None:
    own_server.start()
    root = own_server.api(own_server.admin_key)
    readers = [Reader(root, own_server.administrator, root.new_repo(kind="svn").name) for _ in range(4)]
    statuses: list[int] = []
    go = threading.Event()
    uploads = [threading.Thread(target=upload, args=(own_server, reader, statuses, go)) for reader in readers]
    for thread in uploads:
        thread.start()
    until(lambda: len(writing(own_server)) == len(uploads))
    kill_all(writing(own_server)[:1])
    go.set()
    for thread in uploads:
        thread.join(60)
    assert sorted(statuses) == [201, 201, 201, 503]


def writing(server: Server) -> list[int]:
    """Apache's processes that write what is to be committed at this moment."""
    return [pid for pid in named("apache2", server.children()) if any("protorevs" in name for name in _files(pid))]


def _files(pid: int) -> list[str]:
    """What a process has open."""
    found = []
    with contextlib.suppress(OSError):
        for one in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.append(os.readlink(one))  # noqa: PTH115
    return found


def upload(server: Server, reader: Reader, results: list[int], go: threading.Event) -> None:
    """Send a file, with a pause in the middle."""
    place = f"{reader.path}/!svn/txr/{reader.transaction()}/large"
    with connected(server.url) as connection:
        connection.sendall(
            f"PUT {place} HTTP/1.1\r\nHost: x\r\nAuthorization: {reader._headers['Authorization']}\r\n"
            "Content-Length: 300000\r\nUser-Agent: SVN/1\r\n\r\n".encode()
        )
        with contextlib.suppress(OSError):
            connection.sendall(b"x" * 150_000)
            go.wait(60)
            for _ in range(15):
                connection.sendall(b"x" * 10_000)
        results.append(int(connection.recv(100).split()[1]))


def test_apache_has_an_account_and_limits_of_its_own(server: Server, mine: Reader) -> None:
    assert mine.ask("OPTIONS")[0] == 200
    processes = named("apache2", server.children())
    assert processes
    for pid in processes:
        limits = about(pid, "limits")
        data = re.search(r"Max data size\s+(\d+)", limits)
        assert data and int(data[1]) <= 512 << 20
        assert re.search(r"Max core file size\s+0\s", limits)
    if os.geteuid() == 0:
        owners = {pwd.getpwuid(int(about(pid, "status").split("Uid:\t")[1].split()[0])).pw_name for pid in processes}
        assert owners == {"trivium-svn"}


def test_a_body_of_many_elements_does_not_become_a_large_tree(server: Server, mine: Reader) -> None:
    assert mine.ask("OPTIONS")[0] == 200
    start, end = b'<S:get-locks-report xmlns:S="svn:" depth="infinity">', b"</S:get-locks-report>"
    for count, expected in ((80_000, 200), (120_000, 413)):
        assert mine.ask("REPORT", "", start + b"<a/>" * count + end)[0] == expected
    assert mine.ask("REPORT", "", start + b"<a/>" * 300_000 + end)[0] == 413  # max_dav_body
    peaks = [re.search(r"VmHWM:\s+(\d+)", about(pid, "status")) for pid in named("apache2", server.children())]
    assert max(int(peak[1]) >> 10 for peak in peaks if peak) < 100


def test_a_question_about_every_file_asks_for_some_properties_only(mine: Reader) -> None:
    """Each is answered for each file of a directory: a mebibyte of them would make gibibytes of answers."""
    for count, expected in ((900, 207), (2000, 413)):
        body = f'<D:propfind xmlns:D="DAV:"><D:prop>{"<a/>" * count}</D:prop></D:propfind>'
        assert mine.ask("PROPFIND", "", body, Depth="1")[0] == expected


def test_a_few_bytes_cannot_bring_a_file_of_any_size(own_server: Server, tmp_path: Path) -> None:
    own_server.start(TRIVIUM_MAX_OBJECT_BYTES=str(1 << 20))
    root = own_server.api(own_server.admin_key)
    repository = root.new_repo(kind="svn")
    reader = Reader(root, own_server.administrator, repository.name)
    place = f"/!svn/txr/{reader.transaction()}/a"  # when a file is refused its transaction is not busy any more
    window = b"\0\0" + b"\x86\x8d\x20" + b"\1\0" + b"i"  # of a hundred thousand bytes, as it says
    delta = {"Content_Type": "application/vnd.svn-svndiff"}
    assert reader.ask("PUT", place, b"SVN\0" + window * 12, **delta)[0] == 413
    assert reader.ask("PUT", place, b"x" * (2 << 20))[0] == 413
    assert reader.ask("PUT", place, b"x" * (1 << 19))[0] == 204  # in place of what came of the second
    svn = Svn(tmp_path / "home", own_server.administrator)
    work = svn.checkout(svn_url(own_server.url, repository.name))
    (work / "large").write_bytes(bytes(2 << 20))
    svn.run("add", "--quiet", "large", cwd=work)
    assert "max_object_bytes" in svn.refused("commit", "-m", "too large", cwd=work)


def test_a_full_repository_takes_no_commit_from_its_beginning_on(own_server: Server, tmp_path: Path) -> None:
    own_server.start(TRIVIUM_MAX_REPO_BYTES=str(3 << 20), TRIVIUM_WORKERS="1")
    root = own_server.api(own_server.admin_key)
    repository = root.new_repo(kind="svn")
    reader = Reader(root, own_server.administrator, repository.name)
    url = svn_url(own_server.url, repository.name)
    svn = Svn(tmp_path / "home", own_server.administrator)
    work = svn.checkout(url)
    svn.run("mkdir", "-m", "there is room", f"{url}/d")
    zeros = bytes(8 << 20)
    (work / "zeros").write_bytes(zeros)  # long, and small on the disk
    svn.run("add", "--quiet", "zeros", cwd=work)
    svn.run("commit", "-m", "small when it is stored", cwd=work)
    # A file that does not fit is stopped while it comes, and what came of it leaves with its transaction.
    begun = reader.transaction()
    status, _, said = reader.ask("PUT", f"/!svn/txr/{begun}/a", os.urandom(24 << 20))
    assert status == 413 and b"max_repo_bytes" in said
    assert reader.ask("DELETE", f"/!svn/txn/{begun}")[0] == 204
    # So are many small ones, and what they amount to is seen by MERGE at the latest.
    begun, merged = reader.transaction(), MERGE.format(f"<D:href>{reader.path}/!svn/txn/{{}}</D:href>")
    statuses = [reader.ask("PUT", f"/!svn/txr/{begun}/{number}", os.urandom(200_000))[0] for number in range(30)]
    assert statuses[0] == 201 and statuses[-1] == 413, statuses
    assert statuses.count(201) * 200_000 < 5 << 20
    time.sleep(1.1)  # what was measured is believed for a second, and nothing tells when it is over
    status, _, said = reader.ask("MERGE", "", merged.format(begun))
    assert status == 413 and b"max_repo_bytes" in said
    # As long as they are there nothing begins.
    for method, place in (("POST", "/!svn/me"), ("MKACTIVITY", "/!svn/act/a-1"), ("LOCK", "/zeros")):
        given = {"POST": b"( create-txn )", "LOCK": b'<D:lockinfo xmlns:D="DAV:"/>'}.get(method, b"")
        status, _, said = reader.ask(method, place, given, Content_Type=SKEL["Content-Type"])
        assert status == 413 and b"max_repo_bytes" in said, method
    assert "max_repo_bytes" in svn.refused("mkdir", "-m", "too much", f"{url}/e")
    assert svn.out("list", url).split() == ["d/", "zeros"]
    assert reader.ask("DELETE", f"/!svn/txn/{begun}")[0] == 204
    # What was measured is believed for a moment.
    until(lambda: svn.run("mkdir", "-m", "there is room again", f"{url}/e", check=False).returncode == 0)
    assert root("get_repo", repoid=repository.name)["last_changeset"]["raw_id"] == "3"


def test_bodies_that_are_held_have_one_room(own_server: Server) -> None:
    """Many accounts and places, each with a body that does not end."""
    own_server.start(TRIVIUM_WORKERS="1")
    root = own_server.api(own_server.admin_key)
    people = [root.new_user() for _ in range(6)]
    repository = root.new_repo(owner=people[0].name, kind="svn")
    for person in people[1:]:
        root("grant_user_permission", repoid=repository.id, userid=person.id, perm="repository.read")
    reader = Reader(root, people[0], repository.name)
    start, end = b'<D:propfind xmlns:D="DAV:"><D:prop>', b"</D:prop></D:propfind>"
    assert reader.ask("PROPFIND", "", start + b" " * 900_000 + end, Depth="0")[0] == 207
    (worker,) = own_server.workers()
    before = resident(worker)
    body = start + b" " * ((1 << 20) - 1000)
    with contextlib.ExitStack() as open_ones:
        asked = []
        for person in people:
            for _ in range(16):
                client = open_ones.enter_context(connected(own_server.url))
                client.sendall(
                    b"PROPFIND /%s HTTP/1.1\r\nHost: x\r\nDepth: 0\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n"
                    % (repository.name.encode(), basic(person.name, person.password).encode(), 1 << 20)
                )
                with contextlib.suppress(OSError):
                    client.sendall(body)
                asked.append(client)
        refused: set[socket.socket] = set()
        until(lambda: refused.update(filter(said_no, asked)) or len(refused) >= len(asked) - 16)
        assert resident(worker) - before < 100 << 10
        # Small ones do not mind.
        assert reader.ask("PROPFIND", "", start + end, Depth="0")[0] in (207, 503)
    until(lambda: reader.ask("PROPFIND", "", start + b" " * 900_000 + end, Depth="0")[0] == 207)


def said_no(client: socket.socket) -> bool:
    """Whether somebody was refused by now."""
    client.setblocking(False)
    try:
        return client.recv(100, socket.MSG_PEEK).startswith(b"HTTP/1.1 503")
    except ConnectionError:
        return True
    except BlockingIOError:
        return False


def resident(pid: int) -> int:
    """KiB."""
    found = re.search(r"VmRSS:\s+(\d+)", about(pid, "status"))
    assert found
    return int(found[1])


def test_what_is_being_made_is_shown_to_those_who_may_commit(root: Api, ada: Person, mine: Reader) -> None:
    guest = root.new_user()
    root("grant_user_permission", repoid=mine.path[1:], userid=guest.id, perm="repository.read")
    theirs = Reader(root, guest, mine.path[1:])
    file = f"/!svn/txr/{mine.transaction()}/secret"
    assert mine.ask("PUT", file, b"not yet\n")[0] == 201
    assert mine.ask("GET", file)[::2] == (200, b"not yet\n")
    for method in ("GET", "HEAD"):
        status, _, said = theirs.ask(method, file)
        assert (status, b"not yet" in said) == (403, False), method
    assert theirs.ask("PROPFIND", "/!svn/rvr/0", Depth="0")[0] == 207


def test_the_user_of_svn_reads_why(server: Server, root: Api, tmp_path: Path) -> None:
    svn = Svn(tmp_path / "home", root.new_user())
    assert "There is no such repository." in svn.refused("info", f"{server.url}/{unique('none')}")
    assert "There is no such repository." in svn.refused("checkout", f"{server.url}/{unique('none')}")
