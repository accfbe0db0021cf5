# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests of Mercurial's clients, old and new, and of those who mean no good; arguments in each of three places."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import pytest

from tests.support.clients import Api, unique
from tests.support.hg_client import Hg
from tests.support.raw import basic, connected
from tests.support.servers import Server

ACCEPT = "application/mercurial-0.1"
LONG_LINE = """
import sys
from mercurial import hg, initialization
initialization.init()
from mercurial import ui
from mercurial.metadata import ChangingFiles
from mercurial.node import nullid
repo = hg.repository(ui.ui.load(), sys.argv[1].encode())
with repo.lock(), repo.transaction(b"craft") as transaction:
    parent = nullid
    for number in range(int(sys.argv[2])):
        above = nullid if sys.argv[3] == "heads" and number else parent
        parent = repo.changelog.add(nullid, ChangingFiles(), b"%d" % number, transaction, above, nullid, b"x", b"0 0")
"""
"""Many changesets without files, in a line or each for itself."""


def ask(api: Api, name: str, command: str, where: str = "query", **arguments: str) -> tuple[int, bytes, str]:
    """Status, body and kind of the answer to a command as the administrator, with arguments in one of three places."""
    text = urlencode(arguments)
    headers = {"Accept": ACCEPT, "Authorization": basic("root", "administrator-pw")}
    path = f"/{name}?cmd={command}"
    body = b""
    if where == "query":
        path += f"&{text}"
    elif where == "headers":
        pieces = [text[at : at + 1000] for at in range(0, len(text), 1000)]
        headers |= {f"X-HgArg-{number}": piece for number, piece in enumerate(pieces, 1)}
    else:
        body = text.encode()
        headers["X-HgArgs-Post"] = str(len(body))
    status, told, answer = api.post(body, method="POST" if body else "GET", path=path, headers=headers)
    return status, answer, told.get("content-type", "")


@dataclass(frozen=True)
class Line:
    """A repository with changesets in one line."""

    name: str
    ids: list[str]


@pytest.fixture(scope="module")
def line(server: Server, root: Api, tmp_path_factory: pytest.TempPathFactory) -> Line:
    home = tmp_path_factory.mktemp("line")
    hg = Hg(home)
    hg.sign_in(server.url, server.admin, server.admin_password)
    work = hg.new_work()
    subprocess.run([sys.executable, "-c", LONG_LINE, str(work), "3000", "line"], check=True)
    name = unique("line")
    root("create_repo", repo_name=name, repo_type="hg")
    hg.run("push", server.clone_url(name), cwd=work)
    return Line(name, hg.out("log", "-r", "0:", "-T", "{node} ", cwd=work).split())


@pytest.mark.parametrize("where", ["query", "headers", "body"])
def test_names_outside_ascii_arrive(server: Server, root: Api, hg: Hg, where: str) -> None:
    name = unique("names")
    root("create_repo", repo_name=name, repo_type="hg")
    hg.sign_in(server.url, server.admin, server.admin_password)
    work = hg.new_work()
    raw_id = hg.commit(work)
    hg.run("branch", "bränch", cwd=work)
    second = hg.commit(work)
    hg.run("push", "--new-branch", server.clone_url(name), cwd=work)
    assert ask(root, name, "lookup", where, key="bränch")[1] == f"1 {second}\n".encode()
    given = {"namespace": "bookmarks", "key": "zweigß 日本", "old": "", "new": raw_id}
    assert ask(root, name, "pushkey", where, **given)[1].startswith(b"1\n")
    assert ask(root, name, "lookup", where, key="zweigß 日本")[1] == f"1 {raw_id}\n".encode()
    assert hg.remote_id(server.clone_url(name), "zweigß 日本") == raw_id
    hg.run("clone", "-r", "bränch", server.clone_url(name), "copy")
    assert hg.id_of(hg.home / "copy") == second
    # What is no text at all is still an argument.
    assert ask(root, name, f"lookup&key={quote(bytes([255, 128]))}")[1].startswith(b"0 ")


def test_old_clients_find_their_way(root: Api, line: Line) -> None:
    """As those before 1.9 search: at growing distances from the top to the bottom of a line."""
    ids = line.ids
    _, answer, _ = ask(root, line.name, "between", pairs=f"{ids[100]}-{ids[0]} {ids[2]}-{'0' * 40} {ids[5]}-{ids[5]}")
    rows = [row.split() for row in answer.decode().split("\n")[:-1]]
    assert rows == [[ids[100 - 2**step] for step in range(7)], [ids[1], ids[0]], []]
    _, answer, _ = ask(root, line.name, "branches", nodes=f"{ids[100]} {ids[0]}")
    zero = "0" * 40
    assert answer.decode() == f"{ids[100]} {ids[0]} {zero} {zero}\n{ids[0]} {ids[0]} {zero} {zero}\n"


def test_a_question_about_too_much_is_refused_in_words(root: Api, line: Line) -> None:
    pairs = " ".join([f"{line.ids[-1]}-{'0' * 40}"] * 1000)
    nodes = " ".join([line.ids[-1]] * 1000)
    for command, argument in (("between", {"pairs": pairs}), ("branches", {"nodes": nodes})):
        status, answer, kind = ask(root, line.name, command, "body", **argument)
        assert (status, kind) == (200, "application/hg-error")
        assert answer == b"the question is about too many changesets\n"
    batch = ";".join(["heads "] * 2000)
    assert ask(root, line.name, "batch", "body", cmds=batch)[1] == b"more than 1000 commands in a batch\n"
    many = {f"a{number}": "" for number in range(2000)}
    assert ask(root, line.name, "heads", "body", **many)[1] == b"more than 1000 arguments\n"
    assert ask(root, line.name, "known", "body", nodes="x" * (5 << 20))[1] == b"More than 4 MiB of arguments.\n"


def test_a_request_that_makes_no_sense_gets_a_sentence(root: Api, line: Line) -> None:
    for command, arguments in (
        ("between", {"pairs": "x"}),
        ("between", {"pairs": f"{'f' * 40}-{'0' * 40}"}),
        ("between", {}),
        ("branches", {"nodes": "abc"}),
        ("known", {"nodes": "nothing"}),
        ("batch", {"cmds": ""}),
        ("batch", {"cmds": "heads"}),
        ("batch", {"cmds": "batch cmds=heads"}),
        ("batch", {"cmds": "getbundle "}),
        ("getbundle", {"heads": "zz"}),
        ("listkeys", {}),
    ):
        for where in ("query", "headers", "body"):
            status, answer, kind = ask(root, line.name, command, where, **arguments)
            assert status in (200, 400), (command, arguments, answer)
            assert b"raceback" not in answer
            assert b"/proc" not in answer
            if command != "batch" or arguments["cmds"] != "heads":
                assert kind == "application/hg-error" or status == 400, (command, arguments, answer)


def test_where_a_repository_went_is_told_in_words(server: Server, root: Api, hg: Hg) -> None:
    """Of a status Mercurial shows the reason."""
    name, now, other = unique("before"), unique("after"), unique("other")
    root("create_repo", repo_name=name, repo_type="hg")
    root("create_repo", repo_name=other, repo_type="svn")
    root("update_repo", repoid=name, name=now)
    hg.sign_in(server.url, server.admin, server.admin_password)
    work = hg.new_work()
    hg.commit(work, "one", file="1")
    status, answer, _ = ask(root, name, "unbundle", "headers", heads="666f726365")
    assert status == 404
    assert f"it is called `{now}` now".encode() in answer
    assert f"`{other}` is a Subversion repository" in hg.refused("pull", server.clone_url(other), cwd=work)
    assert ask(root, unique("nothing"), "capabilities")[0] == 404


def test_thousands_of_ids_arrive(root: Api, line: Line) -> None:
    nodes = " ".join([*line.ids, *(f"{number:040x}" for number in range(1, 5_001))])
    assert ask(root, line.name, "known", "body", nodes=nodes)[1] == b"1" * 3000 + b"0" * 5000


def test_arguments_that_drip_hold_no_place_and_end(own_server: Server, hg: Hg) -> None:
    own_server.start(TRIVIUM_REQUEST_TIMEOUT="4", TRIVIUM_MAX_CONCURRENT_VCS="1")
    root = own_server.api(own_server.admin_key)
    name = root.new_repo(kind="hg").name
    assert ask(root, name, "heads")[0] == 200  # Mercurial has started
    head = (
        f"POST /{name}?cmd=known HTTP/1.1\r\nHost: x\r\nAccept: {ACCEPT}\r\nX-HgArgs-Post: 100000\r\n"
        f"Authorization: {basic('root', own_server.admin_password)}\r\nContent-Length: 100000\r\n\r\nnodes="
    ).encode()
    ended = threading.Event()

    def drip(connection: socket.socket) -> None:
        began = time.monotonic()
        try:
            while time.monotonic() - began < 30:
                connection.sendall(b"0")
                time.sleep(0.1)
        except OSError:
            ended.set()

    with connected(own_server.url) as one, connected(own_server.url) as other:
        dripping = []
        for connection in (one, other):
            connection.sendall(head)
            dripping.append(threading.Thread(target=drip, args=(connection,)))
            dripping[-1].start()
        assert ask(root, name, "heads")[0] == 200
        assert not ended.is_set()
        for thread in dripping:
            thread.join()
    assert ended.is_set()


def test_nobody_waits_for_those_who_ask_much(root: Api, line: Line) -> None:
    """Two for each process that answers everybody's short requests."""
    pairs = " ".join([f"{line.ids[-1]}-{'0' * 40}"] * 600)
    answers: list[bytes] = []
    asking = [
        threading.Thread(target=lambda: answers.append(ask(root, line.name, "between", "body", pairs=pairs)[1]))
        for _ in range(4)
    ]
    for thread in asking:
        thread.start()
    between = 0
    while any(thread.is_alive() for thread in asking):
        assert ask(root, line.name, "heads")[1] == f"{line.ids[-1]}\n".encode()
        between += 1
    assert between > 3
    assert len(set(answers)) == 1
    assert answers[0].count(b"\n") == 600


def test_a_message_is_shown_up_to_a_limit(server: Server, root: Api, hg: Hg) -> None:
    name = unique("message")
    root("create_repo", repo_name=name, repo_type="hg")
    hg.sign_in(server.url, server.admin, server.admin_password)
    work = hg.new_work()
    (hg.home / "text").write_text("ü" * 100_000)
    (work / "file").write_text("x")
    hg.run("commit", "--addremove", "--logfile", str(hg.home / "text"), "--user", "é" * 10_000, cwd=work)
    hg.run("push", server.clone_url(name), cwd=work)
    for found in (
        root("get_repo", repoid=name)["last_changeset"],
        root("get_repo_changeset", repoid=name, revision="tip"),
        root("get_repo_changesets", repoid=name, start_rev="0", limit=1)[0],
    ):
        assert found["message"] == "ü" * (32 << 10)
        assert set(found["author"]) == {"é"}
        assert len(found["author"]) == 512, "a KiB"
