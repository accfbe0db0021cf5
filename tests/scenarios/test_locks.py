# SPDX-License-Identifier: GPL-3.0-or-later
"""The locks that users see: by hand, by pulling, by pushing (system.md 3.4; api-repos.md 5; api-users.md 10)."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.support.clients import Api, Git, Person, unique
from tests.support.raw import pkt, signed_in
from tests.support.servers import Server


@pytest.fixture
def filled(server: Server, root: Api, git: Git) -> tuple[str, Path]:
    """A repository with a commit, and its copy here."""
    name = root.new_repo().name
    work = git.new_work()
    git.commit(work)
    git.run("push", "--quiet", as_root(server, name), "master", cwd=work)
    git.run("remote", "add", "origin", as_root(server, name), cwd=work)
    return name, work


def administrator(server: Server) -> Person:
    return Person(2, server.admin, server.admin_password, server.admin_key, server.api(server.admin_key))


def as_root(server: Server, name: str) -> str:
    return server.clone_url(name, administrator(server))


def writer(root: Api, name: str, permission: str = "repository.write") -> Person:
    person = root.new_user()
    root("grant_user_permission", repoid=name, userid=person.name, perm=permission)
    return person


def refusal(name: str, holder: str, reason: str = "lock_api") -> str:
    return f"Repository `{name}` locked by user `{holder}`. Reason:`{reason}`"


def test_a_lock_is_shown_set_and_taken_back(root: Api) -> None:
    name = root.new_repo().name
    nothing = {"repo": name, "locked": False, "locked_since": None, "locked_by": None, "lock_reason": None}
    assert root("lock", repoid=name) == nothing | {
        "lock_state_changed": False,
        "msg": f"Repo `{name}` not locked.",
    }
    before = int(time.time())
    made = root("lock", repoid=name, locked=True)
    assert isinstance(made["locked_since"], int)
    assert before <= made["locked_since"] <= time.time()
    assert made == {
        "repo": name,
        "locked": True,
        "locked_since": made["locked_since"],
        "locked_by": "root",
        "lock_reason": "lock_api",
        "lock_state_changed": True,
        "msg": f"User `root` set lock state for repo `{name}` to `True`",
    }
    shown = root("lock", repoid=name)
    assert shown["msg"].startswith(f"Repo `{name}` locked by `root` on `20")
    assert shown == made | {"lock_state_changed": False, "msg": shown["msg"]}
    freed = root("lock", repoid=name, locked="false")
    assert freed == {
        "repo": name,
        "locked": False,
        "locked_since": None,
        "locked_by": "root",
        "lock_reason": "lock_api",
        "lock_state_changed": True,
        "msg": f"User `root` set lock state for repo `{name}` to `False`",
    }
    assert root("lock", repoid=name, locked=False)["lock_state_changed"] is True
    assert root("lock", repoid=name)["locked"] is False


def test_another_holder_replaces_the_first(root: Api) -> None:
    name = root.new_repo().name
    ada, ben = root.new_user(), root.new_user()
    root("lock", repoid=name, locked=True, userid=ada.name)
    assert root("lock", repoid=name, locked=True, userid=ben.id)["locked_by"] == ben.name
    assert root("lock", repoid=name)["locked_by"] == ben.name
    assert root("get_locks", userid=ada.name) == []
    assert root("lock", repoid=name, locked=False)["locked_by"] == "root"


def test_locking_needs_administering_and_is_for_oneself(root: Api) -> None:
    name = root.new_repo().name
    ada, ben = writer(root, name, "repository.admin"), writer(root, name)
    assert ben.api.error("lock", repoid=name) == f"repository `{name}` does not exist"
    assert ada.api.error("lock", repoid=name, locked=True, userid=ben.name) == "userid is not the same as your user"
    assert ada.api("lock", repoid=name, locked=True, userid=ada.name)["locked_by"] == ada.name
    assert root.error("lock", repoid=name, locked=True, userid="nobody-is-called-so") == (
        "user `nobody-is-called-so` does not exist"
    )
    assert root.error("lock", repoid=name, locked="perhaps") == f"Error occurred locking repository `{name}`"
    assert root("lock", repoid=name)["locked_by"] == ada.name


def test_locks_are_listed_with_their_repositories(root: Api) -> None:
    ada = root.new_user()
    names = sorted(writer_repo(root, ada) for _ in range(2))
    for name in names:
        ada.api("lock", repoid=name, locked=True)
    root("add_field_to_repo", repoid=names[0], key="team")
    listed = ada.api("get_locks")
    assert [row["repo_name"] for row in listed] == names
    assert listed == [row for row in ada.api("get_repos") if row["repo_name"] in names]
    assert listed[0]["ex_team"] == ""
    assert listed[0]["locked_by"]["username"] == ada.name
    assert listed[0]["locked_by"]["api_key"] == "*" * 40
    assert listed[0]["lock_reason"] == "lock_api"
    assert listed[0]["locked_date"].startswith("20")
    detailed = ada.api("get_repo", repoid=names[0])
    assert {key: detailed[key] for key in listed[0]} == listed[0]
    assert root("get_locks", userid=ada.id) == root("get_locks", userid=ada.name) != []
    # An administrator, too, sees his own unless he asks for somebody's.
    assert not set(names) & {row["repo_name"] for row in root("get_locks")}
    assert ada.api("get_locks", userid=ada.name) == listed
    assert ada.api.error("get_locks", userid="root") == "userid is not the same as your user"
    # What he can no longer read is not listed any more; what is unlocked neither.
    root("lock", repoid=names[0], locked=False)
    root("revoke_user_permission", repoid=names[1], userid=ada.name)
    root("grant_user_permission", repoid=names[1], userid=ada.name, perm="repository.none")
    assert ada.api("get_locks") == []


def writer_repo(root: Api, person: Person) -> str:
    name = root.new_repo().name
    root("grant_user_permission", repoid=name, userid=person.name, perm="repository.admin")
    return name


def test_a_deleted_user_holds_no_locks(root: Api) -> None:
    name = root.new_repo().name
    ada = root.new_user()
    root("lock", repoid=name, locked=True, userid=ada.name)
    root("delete_user", userid=ada.name)
    assert root("lock", repoid=name)["locked"] is False


def test_a_lock_set_by_hand_binds_everybody_but_its_holders_push(
    server: Server, root: Api, git: Git, filled: tuple[str, Path]
) -> None:
    name, work = filled
    ada = writer(root, name)
    root("lock", repoid=name, locked=True, userid=ada.name)
    git.commit(work)
    assert refusal(name, ada.name) in git.refused("push", "origin", "master", cwd=work)
    # Where the branches are may be asked; what is in them not, by his holder neither.
    assert "refs/heads/master" in git.out("ls-remote", server.clone_url(name, ada))
    for protocol in ("0", "1", "2"):
        arguments = ["-c", f"protocol.version={protocol}", "clone", server.clone_url(name, ada), unique("copy")]
        assert f"fatal: remote error: {refusal(name, ada.name)}" in git.refused(*arguments)
    git.run("push", "--quiet", server.clone_url(name, ada), "master", cwd=work)
    # The switch is off, so the push has not released it.
    assert root("lock", repoid=name)["locked_by"] == ada.name
    root("lock", repoid=name, locked=False)
    git.run("clone", "--quiet", server.clone_url(name, ada), unique("copy"))
    assert root("lock", repoid=name)["locked"] is False


def test_no_refusal_of_a_pull_is_one_that_git_does_not_show(
    server: Server, root: Api, filled: tuple[str, Path]
) -> None:
    name, _ = filled
    root("lock", repoid=name, locked=True)
    fetch, rest = pkt("command=fetch\n"), b"0001" + pkt("done\n") + b"0000"
    for protocol, body in (
        ("version=2", fetch + rest),
        # Git finds the command wherever it stands among what the client says of itself.
        ("version=2", pkt("agent=x\n") + fetch + rest),
        ("version=1:version=2", pkt("agent=x\n") + pkt("object-format=sha1") + pkt("command=fetch") + rest),
        ("version=2", fetch + pkt("command=ls-refs\n") + rest),
        ("", b"0000"),
    ):
        kind = "application/x-git-upload-pack-request"
        headers = signed_in(administrator(server), content_type=kind, git_protocol=protocol)
        status, told, said = root.post(body, path=f"/{name}/git-upload-pack", headers=headers)
        assert (status, told["content-type"]) == (200, "application/x-git-upload-pack-result")
        assert said.decode() == pkt(f"ERR {refusal(name, 'root')}\n").decode()


def test_a_pull_takes_the_lock_and_a_push_gives_it_back(
    server: Server, root: Api, git: Git, filled: tuple[str, Path]
) -> None:
    name, _ = filled
    root("update_repo", repoid=name, enable_locking=True)
    ada, ben, cai = writer(root, name), writer(root, name), writer(root, name, "repository.read")
    # Neither readers nor questions about branches lock.
    git.run("clone", "--quiet", server.clone_url(name, cai), unique("copy"))
    git.run("ls-remote", server.clone_url(name, ada))
    assert root("lock", repoid=name)["locked"] is False
    copy = git.home / unique("copy")
    said = git.run("clone", server.clone_url(name, ada), str(copy)).stderr.decode()
    assert f"remote: Made lock on repo `{name}`" in said
    held = root("lock", repoid=name)
    assert (held["locked_by"], held["lock_reason"]) == (ada.name, "lock_pull")
    # His own second pull is refused as everybody's is, until he has pushed.
    said = git.refused("clone", server.clone_url(name, ada), unique("copy"))
    assert refusal(name, ada.name, "lock_pull") in said
    git.commit(copy)
    assert refusal(name, ada.name, "lock_pull") in git.refused("push", server.clone_url(name, ben), "master", cwd=copy)
    said = git.run("push", "--progress", "origin", "master", cwd=copy).stderr.decode()
    assert f"remote: Released lock on repo `{name}`" in said
    assert "Trivium: push completed" in said
    assert root("lock", repoid=name)["locked"] is False
    # With nobody's lock a push is free, and takes none.
    git.commit(copy)
    git.run("push", "--quiet", server.clone_url(name, ben), "master", cwd=copy)
    assert root("lock", repoid=name)["locked"] is False
    actions = [action for (action,) in server.query("SELECT action FROM journal WHERE subject = ? ORDER BY id", name)]
    assert actions.count("repository.lock") == actions.count("repository.unlock") == 1
    told = [json.loads(server.journal(f"repository.{word}", name)[0][2]) for word in ("lock", "unlock")]
    assert [(one["holder"], one["was"]["holder"]) for one in told] == [(ada.name, None), (ada.name, ada.name)]


@pytest.mark.parametrize("protocol", ["0", "1", "2"])
def test_every_protocol_locks_at_the_end_of_a_fetch(
    server: Server, root: Api, git: Git, filled: tuple[str, Path], protocol: str
) -> None:
    name, work = filled
    ada = writer(root, name)
    copy = git.home / unique("copy")
    git.run("clone", "--quiet", server.clone_url(name, ada), str(copy))
    root("update_repo", repoid=name, enable_locking=True)
    # Nothing new: nothing is sent, and nothing locked.
    git.run("-c", f"protocol.version={protocol}", "fetch", cwd=copy)
    assert root("lock", repoid=name)["locked"] is False
    git.commit(work)
    git.run("push", "--quiet", "origin", "master", cwd=work)
    git.run("-c", f"protocol.version={protocol}", "fetch", cwd=copy)
    assert root("lock", repoid=name)["locked_by"] == ada.name
    git.run("fsck", cwd=copy)


def test_a_lock_that_only_warns_is_told_of(own_server: Server, git: Git) -> None:
    own_server.start(TRIVIUM_LOCK_RET_CODE="200")
    root = own_server.api(own_server.admin_key)
    name = root.new_repo().name
    work = git.new_work()
    git.commit(work)
    git.run("push", "--quiet", as_root(own_server, name), "master", cwd=work)
    ada = writer(root, name)
    root("lock", repoid=name, locked=True)
    said = git.run("clone", own_server.clone_url(name, ada), unique("copy")).stderr.decode()
    assert f"remote: {refusal(name, 'root')}" in said
    git.commit(work)
    said = git.run("push", own_server.clone_url(name, ada), "master", cwd=work).stderr.decode()
    assert f"remote: {refusal(name, 'root')}" in said
