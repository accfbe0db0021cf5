# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may pull from and push to a Mercurial repository, and what everybody else is told (system.md 3.2)."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from tests.support.clients import Api
from tests.support.hg_client import Hg
from tests.support.raw import basic
from tests.support.servers import Server

ACCEPT = "application/mercurial-0.1"


def ask(
    api: Api, name: str, command: str = "capabilities", who: tuple[str, str] | None = None, **headers: str
) -> tuple[int, bytes, str]:
    """Status, body and kind of an answer."""
    given = {"Accept": ACCEPT} | ({"Authorization": basic(*who)} if who else {}) | headers
    method = "POST" if command in ("unbundle", "pushkey") else "GET"
    status, told, body = api.post(b"", method=method, path=f"/{name}?cmd={command}", headers=given)
    return status, body, told.get("content-type", "")


def post(api: Api, name: str, command: str, who: tuple[str, str], arguments: str) -> bytes:
    """The body of the answer to a request whose arguments stand in its own body."""
    raw = arguments.encode()
    headers = {"Accept": ACCEPT, "Authorization": basic(*who), "X-HgArgs-Post": str(len(raw))}
    return api.post(raw, path=f"/{name}?cmd={command}", headers=headers)[2]


def test_a_reader_is_told_why_he_cannot_push(server: Server, root: Api, hg: Hg) -> None:
    ada, ben = root.new_user(), root.new_user()
    repository = root.new_repo(kind="hg", owner=ada.name)
    root("grant_user_permission", repoid=repository.id, userid=ben.id, perm="repository.read")
    hg.sign_in_as(server.url, ben)
    work = hg.new_work()
    hg.commit(work)
    said = hg.refused("push", server.clone_url(repository.name), cwd=work)
    assert "abort: remote error:\nYou may read the repository" in said
    assert f"`{repository.name}` but not push to it." in said
    hg.run("bookmark", "x", cwd=work)
    hg.run("clone", server.clone_url(repository.name), "copy")


def test_a_write_hidden_among_reads_is_a_write(root: Api) -> None:
    ada, ben = root.new_user(), root.new_user()
    name = root.new_repo(kind="hg", owner=ada.name).name
    root("grant_user_permission", repoid=name, userid=ben.id, perm="repository.read")
    who = (ben.name, ben.password)
    pushkey = "pushkey namespace=bookmarks,key=x,old=,new=" + "0" * 40
    for argument in (f"heads ;{pushkey}", pushkey, f"{pushkey};heads "):
        quoted = "cmds=" + argument.replace(";", "%3B").replace("=", "%3D").replace(" ", "+").replace(",", "%2C")
        status, body, kind = ask(root, name, "batch", who, **{"X-HgArg-1": quoted})
        assert (status, kind) == (200, "application/hg-error")
        assert b"but not push to it" in body
        # In two pieces, from the query, twice, or in the body: never more than he may.
        split = {"X-HgArg-1": quoted[:25], "X-HgArg-2": quoted[25:]}
        assert b"but not push to it" in ask(root, name, "batch", who, **split)[1]
        assert b"but not push to it" in ask(root, name, f"batch&{quoted}", who)[1]
        twice = {"X-HgArg-1": f"cmds=heads+%26{quoted}&{quoted}"}
        assert ask(root, name, "batch", who, **twice)[1] == b"an argument stands there twice\n"
        assert b"but not push to it" in post(root, name, "batch", who, quoted)
    assert ask(root, name, "batch", who, **{"X-HgArg-1": "cmds=heads+%3Bknown+nodes%3D"})[0] == 200
    assert b"but not push to it" not in ask(root, name, "batch", who, **{"X-HgArg-1": "cmds=heads+"})[1]


def test_a_write_hidden_among_reads_is_carried_out_and_told_for_who_may(server: Server, root: Api, hg: Hg) -> None:
    ada = root.new_user()
    name = root.new_repo(kind="hg", owner=ada.name).name
    hg.sign_in_as(server.url, ada)
    work = hg.new_work()
    raw_id = hg.commit(work)
    hg.run("push", server.clone_url(name), cwd=work)
    command = f"pushkey namespace=bookmarks,key=bücher,old=,new={raw_id}"
    answer = post(root, name, "batch", (ada.name, ada.password), urlencode({"cmds": f"heads ;{command}"}))
    assert answer.startswith(f"{raw_id}\n;1\n".encode())
    assert root("get_repo_changeset", repoid=name, revision="bücher")["raw_id"] == raw_id
    assert [row[0] for row in server.journal("push", name)] == [ada.name, ada.name]
    # Nothing of a batch is begun when one of its commands is not there.
    answer = post(
        root, name, "batch", (ada.name, ada.password), urlencode({"cmds": f"{command[:-40]}{'0' * 40};nope "})
    )
    assert answer == b"a command that cannot stand in a batch\n"
    assert len(server.journal("push", name)) == 2


def test_a_visitor_is_asked_for_a_password_when_they_push(
    server: Server, root: Api, hg: Hg, visitors: Callable[[str], None]
) -> None:
    visitors("on")
    name = root.new_repo(kind="hg").name
    hg.run("clone", server.clone_url(name), "copy")
    hg.sign_in(server.url, server.admin, server.admin_password)
    pushed = hg.commit(hg.home / "copy")
    hg.run("push", cwd=hg.home / "copy")
    assert root("get_repo", repoid=name)["last_changeset"]["raw_id"] == pushed


def test_the_status_instead_of_401_is_kept(own_server: Server) -> None:
    own_server.start(TRIVIUM_AUTH_RET_CODE="403")
    root = own_server.api(own_server.admin_key)
    name = root.new_repo(kind="hg").name
    assert ask(root, name)[0] == 403
    assert ask(root, name, who=("root", "wrong"))[0] == 403
    assert ask(root, name, who=("root", own_server.admin_password))[0] == 200


def test_who_never_comes_again_with_a_password_may_ask_in_the_body(
    server: Server, root: Api, hg: Hg, visitors: Callable[[str], None]
) -> None:
    """Mercurial's client sends a body once: who has to come again with a password must have nothing to say in it."""
    visitors("on")
    ada = root.new_user()
    name = root.new_repo(kind="hg", owner=ada.name).name
    root("grant_user_permission", repoid=name, userid="default", perm="repository.read")
    assert b"httppostargs" in ask(root, name, who=(ada.name, ada.password))[1]
    visitor = ask(root, name)
    assert visitor[0] == 200
    assert b"httppostargs" not in visitor[1]
    root("grant_user_permission", repoid=name, userid="default", perm="repository.write")
    assert b"httppostargs" in ask(root, name)[1]
    work = hg.new_work()
    hg.commit(work)
    hg.run("push", "--force", server.clone_url(name), cwd=work)
