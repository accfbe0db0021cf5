# SPDX-License-Identifier: GPL-3.0-or-later
"""How git is told that it may not (system.md 3.2, decisions.md W2)."""

from __future__ import annotations

import json
import random
import re
import sys
from pathlib import Path

import pytest

from tests.support.clients import Api, Git, Person, Thing
from tests.support.raw import basic, pkt, signed_in
from tests.support.servers import Server

ZERO = "0" * 40


def test_a_reader_is_told_why_he_cannot_push(server: Server, root: Api, git: Git) -> None:
    ada, ben = root.new_user(), root.new_user()
    repository = root.new_repo(owner=ada.name)
    root("grant_user_permission", repoid=repository.id, userid=ben.id, perm="repository.read")
    work = git.new_work()
    git.commit(work)
    said = git.refused("push", server.clone_url(repository.name, ben), "master", cwd=work)
    assert f"remote: You may read the repository `{repository.name}` but not push to it." in said
    assert "403" in said
    assert git.out("ls-remote", server.clone_url(repository.name, ben)) == ""


def test_who_is_not_signed_in_is_asked_for_a_name(root: Api) -> None:
    name = root.new_repo().name
    for header in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic !!!"}, {"Authorization": "Basic YQ=="}):
        path = f"/{name}/info/refs?service=git-upload-pack"
        status, headers, _ = root.post(b"", method="GET", path=path, headers=header)
        assert (status, headers["www-authenticate"]) == (401, 'Basic realm="Trivium", charset="UTF-8"')


def test_the_statuses_of_what_is_refused_before_git(own_server: Server, git: Git) -> None:
    own_server.start(TRIVIUM_LOGIN_FAILURES="1", TRIVIUM_LOGIN_LOCK_SECONDS="600")
    root = own_server.api(own_server.admin_key)
    ada, ben = root.new_user(force_password_change=True), root.new_user()
    name = root.new_repo(owner=ada.name).name
    path = f"/{name}/info/refs?service=git-upload-pack"
    assert "remote: password change required" in git.refused("ls-remote", own_server.clone_url(name, ada))
    assert root.post(b"", method="GET", path=path, headers=signed_in(ada))[0] == 406
    wrong = {"Authorization": basic(ben.name, "wrong")}
    assert root.post(b"", method="GET", path=path, headers=wrong)[0] == 401
    status, headers, body = root.post(b"", method="GET", path=path, headers=signed_in(ben))
    assert status == 429
    assert 0 < int(headers["retry-after"]) <= 600
    assert re.fullmatch(rb"Too many failed sign-ins; try again in \d+ seconds\.\n", body)


def between_the_requests(work: Path, server: Server, method: str, **args: object) -> None:
    """Let a call of the API happen after git has asked what there is and before it sends its push."""
    body = json.dumps({"id": 1, "api_key": server.admin_key, "method": method, "args": args})
    hook = work / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        f"#!{sys.executable}\nimport urllib.request\n"
        f"urllib.request.urlopen({server.url + '/_admin/api'!r}, {body.encode()!r}).read()\n"
    )
    hook.chmod(0o755)


@pytest.mark.parametrize("protocol", ["0", "1", "2"])
@pytest.mark.parametrize("size", [10, 3 << 20], ids=["small", "in pieces"])
def test_no_refusal_of_a_push_is_one_that_git_does_not_show(
    server: Server, root: Api, git: Git, protocol: str, size: int
) -> None:
    ada, ben = root.new_user(), root.new_user()
    name = root.new_repo(owner=ada.name).name
    root("grant_user_permission", repoid=name, userid=ben.id, perm="repository.write")
    work = git.new_work()
    (work / "noise.bin").write_bytes(random.Random(1).randbytes(size))
    git.commit(work)
    for method, args, said in (
        ("lock", {"locked": True}, f"Repository `{name}` locked by user `root`."),
        (
            "grant_user_permission",
            {"userid": ben.id, "perm": "repository.read"},
            f"You may read the repository `{name}` but not push to it.",
        ),
        ("grant_user_permission", {"userid": ben.id, "perm": "repository.none"}, "There is no such repository."),
    ):
        between_the_requests(work, server, method, repoid=name, **args)
        arguments = ("-c", f"protocol.version={protocol}", "push", server.clone_url(name, ben), "master")
        assert said in " ".join(git.refused(*arguments, cwd=work).split())
        root("lock", repoid=name, locked=False)
        root("grant_user_permission", repoid=name, userid=ben.id, perm="repository.write")
    assert git.out("ls-remote", server.clone_url(name, ada)) == ""


def posted(who: Person, repository: Thing, service: str, body: bytes) -> tuple[int, bytes]:
    headers = signed_in(who, Content_Type=f"application/x-git-{service}-request")
    status, _, said = who.api.post(body, path=f"/{repository.name}/git-{service}", headers=headers)
    return status, said


def test_what_is_refused_before_anything_is_read_is_told_in_the_words_of_the_protocol(
    server: Server, root: Api
) -> None:
    ada, ben = root.new_user(), root.new_user()
    repository = root.new_repo(owner=ada.name)
    root("grant_user_permission", repoid=repository.id, userid="default", perm="repository.none")
    command = f"{ZERO} {'1' * 40} refs/heads/x\0report-status"
    hidden = (200, pkt("unpack There is no such repository.\n") + pkt("ng refs/heads/x There is no such repository.\n"))
    # Hidden and missing alike; who only tries is told nothing, and then what they mean is refused.
    for there in (repository, Thing(0, "not-there")):
        assert posted(ben, there, "upload-pack", b"0000") == (200, pkt("ERR There is no such repository.\n"))
        assert posted(ben, there, "receive-pack", pkt(command) + b"0000") == (hidden[0], hidden[1] + b"0000")
        assert posted(ben, there, "receive-pack", b"0000") == (200, b"")
        # Nobody can tell what such a client shows.
        assert posted(ben, there, "receive-pack", b"nonsense")[0] == 404
    server.administer("archive", repository.name)
    said = f"The repository `{repository.name}` is archived: it can be read but not pushed to."
    status, told = posted(ada, repository, "receive-pack", pkt(command) + b"0000")
    assert status == 200 and pkt(f"ng refs/heads/x {said}\n") in told
    # A client that has to sign in goes by the status.
    kind = {"Content-Type": "application/x-git-receive-pack-request"}
    assert root.post(pkt(command), path=f"/{repository.name}/git-receive-pack", headers=kind)[0] == 401
