# SPDX-License-Identifier: GPL-3.0-or-later
"""What stock hg does with a repository: clone, pull and push in all their ways (system.md 3.1 and 3.2)."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from tests.support.clients import Api, Person, Thing, unique
from tests.support.hg_client import Hg
from tests.support.raw import exchange, signed_in, status_of
from tests.support.servers import Server

ACCEPT = "application/mercurial-0.1"


@dataclass
class Place:
    """Somebody's repository, and where its client works."""

    owner: Person
    repository: Thing
    url: str
    path: Path


@pytest.fixture
def place(server: Server, root: Api, hg: Hg) -> Place:
    ada = root.new_user()
    repository = root.new_repo(kind="hg", owner=ada.name)
    hg.sign_in_as(server.url, ada)
    return Place(ada, repository, server.clone_url(repository.name), server.root / repository.name)


def verified(hg: Hg, path: Path) -> bool:
    return hg.run("verify", "--quiet", "-R", str(path)).stdout == b""


@pytest.mark.parametrize("credential", ["password", "key"])
def test_clone_pull_and_push_with_each_credential(server: Server, hg: Hg, place: Place, credential: str) -> None:
    ada = place.owner
    given = {"password": ada.password, "key": ada.key}
    hg.sign_in(server.url, ada.name, given[credential])
    work = hg.new_work()
    first = hg.commit(work)
    said = hg.out("push", place.url, cwd=work)
    assert said.count("remote: Trivium: push completed") == 1
    hg.run("clone", place.url, "copy")
    assert hg.id_of(hg.home / "copy") == first
    second = hg.commit(work)
    hg.run("push", place.url, cwd=work)
    hg.run("pull", cwd=hg.home / "copy")
    assert hg.id_of(hg.home / "copy") == second
    assert verified(hg, place.path)


def test_an_empty_repository_is_cloned_and_filled(hg: Hg, place: Place) -> None:
    assert "no changes found" in hg.out("clone", place.url, "copy")
    pushed = hg.commit(hg.home / "copy")
    hg.run("push", cwd=hg.home / "copy")
    assert hg.remote_id(place.url) == pushed


def test_a_streamed_clone_is_the_same(hg: Hg, place: Place) -> None:
    work = hg.new_work()
    for number in range(3):
        hg.commit(work, f"{number}")
    hg.run("push", place.url, cwd=work)
    said = hg.out("clone", "--stream", place.url, "streamed")
    assert "streaming all changes" in said
    assert hg.out("log", "-T", "{node} ", cwd=hg.home / "streamed") == hg.out("log", "-T", "{node} ", cwd=work)
    assert verified(hg, hg.home / "streamed")


def test_branches_heads_bookmarks_tags_and_phases(hg: Hg, place: Place) -> None:
    work = hg.new_work()
    base = hg.commit(work, "base")
    hg.run("push", place.url, cwd=work)
    assert hg.out("phase", "-r", base, cwd=work) == "0: public"
    hg.run("branch", "stäble", cwd=work)
    branched = hg.commit(work, "branched")
    assert "creates new remote branches" in hg.refused("push", place.url, cwd=work)
    hg.run("push", "--new-branch", place.url, cwd=work)
    hg.run("update", base, cwd=work)
    hg.commit(work, "on default")
    hg.run("push", place.url, cwd=work)
    hg.run("update", base, cwd=work)
    other = hg.commit(work, "another head", **{"other.txt": "x\n"})
    assert "creates new remote head" in hg.refused("push", place.url, cwd=work)
    hg.run("push", "--force", place.url, cwd=work)
    hg.run("tag", "-r", branched, "v1", cwd=work)
    hg.run("bookmark", "-r", branched, "böök", cwd=work)
    # Bookmarks alone: 1 means that no changeset went with them.
    assert hg.run("push", "-B", "böök", "-r", branched, place.url, cwd=work, check=False).returncode == 1
    hg.run("push", place.url, cwd=work)

    hg.run("clone", place.url, "copy")
    copy = hg.home / "copy"
    assert hg.id_of(copy, "v1") == hg.id_of(copy, "böök") == hg.id_of(copy, "branch('stäble')") == branched
    assert other in hg.out("log", "-T", "{node} ", cwd=copy)
    hg.run("bookmark", "--force", "-r", base, "böök", cwd=work)
    hg.run("push", "-B", "böök", "-r", base, place.url, cwd=work, check=False)
    assert "böök" in hg.out("identify", "-r", base, "-T", "{bookmarks}", place.url)
    hg.run("bookmark", "--delete", "böök", cwd=work)
    assert "deleting remote bookmark" in (
        hg.run("push", "-B", "böök", place.url, cwd=work, check=False).stdout.decode()
    )
    assert verified(hg, place.path)


def test_a_part_of_the_history_and_what_is_missing(hg: Hg, place: Place) -> None:
    work = hg.new_work()
    commits = [hg.commit(work, f"{number}") for number in range(4)]
    hg.run("push", "-r", commits[2], place.url, cwd=work)
    assert hg.out("outgoing", "-T", "{node}", "--quiet", place.url, cwd=work) == commits[3]
    hg.run("clone", "-r", commits[1], place.url, "part")
    assert hg.id_of(hg.home / "part") == commits[1]
    assert hg.out("incoming", "-T", "{node}", "--quiet", cwd=hg.home / "part") == commits[2]
    assert b"no changes found" in hg.run("push", "-r", commits[2], place.url, cwd=work, check=False).stdout


def test_two_who_push_at_once_race_and_one_is_told(server: Server, root: Api, hg: Hg, place: Place) -> None:
    works = [hg.new_work("one"), hg.new_work("two")]
    for work in works:
        hg.commit(work)
    hg.run("push", place.url, cwd=works[0])
    assert "unrelated" in hg.refused("push", place.url, cwd=works[1])


def test_a_push_larger_than_every_buffer(hg: Hg, place: Place) -> None:
    work = hg.new_work()
    content = random.Random(3).randbytes(12 << 20)
    (work / "big.bin").write_bytes(content)
    hg.commit(work, **{"small.txt": "x"})
    hg.run("push", place.url, cwd=work)
    hg.run("clone", "--stream", place.url, "copy")
    assert (hg.home / "copy" / "big.bin").read_bytes() == content
    assert verified(hg, place.path)


def test_a_push_above_the_limit_is_refused_in_words(own_server: Server, hg: Hg) -> None:
    own_server.start(TRIVIUM_MAX_PUSH_BYTES="20000")
    root = own_server.api(own_server.admin_key)
    name = root.new_repo(kind="hg").name
    hg.sign_in(own_server.url, own_server.admin, own_server.admin_password)
    work = hg.new_work()
    (work / "big.bin").write_bytes(random.Random(3).randbytes(1 << 20))
    hg.commit(work, **{"small.txt": "x"})
    said = hg.refused("push", own_server.clone_url(name), cwd=work)
    assert "The push is larger than the server allows (max_push_bytes)." in said
    assert root("get_repo", repoid=name)["last_changeset"]["revision"] == -1
    assert own_server.under_way() == []
    own_server.stop()
    own_server.start(TRIVIUM_MIN_FREE_BYTES=str(1 << 60))
    hg.sign_in(own_server.url, own_server.admin, own_server.admin_password)
    assert "short of disk space" in hg.refused("push", own_server.clone_url(name), cwd=work)
    hg.run("clone", own_server.clone_url(name), "copy")


def test_a_thousand_heads(hg: Hg, place: Place) -> None:
    """So many ids do not fit into the head of a request."""
    work = hg.new_work()
    hg.run("debugbuilddag", "+2 :base" + " <base +1" * 1000, cwd=work)
    hg.run("push", "--force", place.url, cwd=work)
    hg.run("clone", "--noupdate", place.url, "copy")
    copy = hg.home / "copy"
    assert hg.out("log", "-T", "x", cwd=copy) == "x" * 1002
    hg.commit(work, "one more")
    hg.run("push", "--force", place.url, cwd=work)
    hg.run("pull", cwd=copy)
    assert hg.id_of(copy) == hg.id_of(work)


# Addresses of repositories


@pytest.mark.parametrize("ending", ["two words", "проект", "a+b 50&25", "it's a&b;c", "a/b/x=y,z"])
def test_names_of_all_kinds(server: Server, root: Api, hg: Hg, ending: str) -> None:
    ada = root.new_user()
    name = f"{unique('names')} {ending}"
    root.new_repo(name, kind="hg", owner=ada.name)
    hg.sign_in_as(server.url, ada)
    url = f"{server.url}/{quote(name)}"
    work = hg.new_work()
    pushed = hg.commit(work)
    hg.run("push", url, cwd=work)
    assert hg.remote_id(url) == pushed
    assert root("get_repo", repoid=name)["last_changeset"]["raw_id"] == pushed


def test_the_permanent_address_and_a_rename(server: Server, root: Api, hg: Hg, place: Place) -> None:
    work = hg.new_work()
    pushed = hg.commit(work)
    permanent = server.clone_url(f"_{place.repository.id}")
    hg.run("push", permanent, cwd=work)
    for address in (place.url, place.url + "/", permanent):
        assert hg.remote_id(address) == pushed
    new = unique("renamed")
    root("update_repo", repoid=place.repository.id, name=new)
    for address in (server.clone_url(new), permanent):
        assert hg.remote_id(address) == pushed


# Requests by hand


def ask(api: Api, name: str, command: str, method: str = "GET", body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    """Status and body of one command."""
    given = {"Accept": ACCEPT} | headers
    status, _, answer = api.post(body, method=method, path=f"/{quote(name)}?cmd={command}", headers=given)
    return status, answer


def test_each_protocol_is_spoken_by_its_own_repositories(root: Api, place: Place) -> None:
    signed = signed_in(place.owner)
    git = root.new_repo(owner=place.owner.name).name
    assert ask(root, place.repository.name, "heads", **signed) == (200, b"0" * 40 + b"\n")
    assert ask(root, git, "heads", **signed)[0] == 404
    path = f"/{place.repository.name}/info/refs?service=git-upload-pack"
    assert root.post(b"", method="GET", path=path, headers=signed)[0] == 404
    assert ask(root, place.repository.name + "/file", "heads", **signed)[0] == 404
    # Of a browser it is a page, for which a password in a header is none: the way to the sign-in (decisions.md W2).
    assert ask(root, place.repository.name, "heads", Accept="text/html", **signed)[0] == 302


def test_odd_requests_are_answered_in_order(root: Api, place: Place) -> None:
    signed = signed_in(place.owner)
    name = place.repository.name
    for command in (
        "nonsense",
        "",
        "heads&cmd=unbundle",
        "%00",
        "lookup",
        "known",
        "..%2F",
        "batch",
        "unbundle",
        "pushkey",
    ):
        status, body = ask(root, name, command, **signed)
        assert status in (200, 400, 404), command
        assert b"Traceback" not in body
    assert ask(root, name, "heads", method="PUT", **signed)[0] == 405
    assert ask(root, name, "lookup&" + urlencode({"key": "reverse(all())"}), **signed)[1].startswith(b"0 unknown rev")
    # No web interface, no files of the repository.
    assert ask(root, name, "archive&style=raw", **signed)[0] in (200, 404)
    assert root("get_repo", repoid=name)["last_changeset"]["revision"] == -1


def test_a_body_that_is_no_bundle_changes_nothing(server: Server, root: Api, place: Place) -> None:
    signed = signed_in(place.owner, Content_Type=ACCEPT)
    for body in (b"", b"HG20\0\0\0\0", b"HG10UN", b"garbage" * 1000):
        argument = {"X-HgArg-1": "heads=" + b"force".hex()}
        status, said = ask(root, place.repository.name, "unbundle", "POST", body, **signed, **argument)
        assert status == 200, said
    assert server.journal("push", place.repository.name) == []
    assert server.under_way(place.repository.id) == []
    assert ask(root, place.repository.name, "heads", **signed) == (200, b"0" * 40 + b"\n")


def test_a_bundle_may_come_in_chunks(server: Server, hg: Hg, place: Place) -> None:
    work = hg.new_work()
    pushed = hg.commit(work)
    hg.run("bundle", "--all", "--type", "none-v2", "all.hg", cwd=work)
    bundle = (work / "all.hg").read_bytes()
    head = "\r\n".join(f"{name}: {value}" for name, value in signed_in(place.owner).items())
    answer = exchange(
        server.url,
        f"POST /{place.repository.name}?cmd=unbundle HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n"
        f"Accept: {ACCEPT}\r\nX-HgArg-1: heads={b'force'.hex()}\r\nX-Trivium-Perm: none\r\n"
        "Transfer-Encoding: chunked\r\n\r\n".encode()
        + b"%x\r\n%b\r\n" % (100, bundle[:100])
        + b"%x\r\n%b\r\n0\r\n\r\n" % (len(bundle) - 100, bundle[100:]),
    )
    assert status_of(answer) == 200
    assert hg.remote_id(place.url) == pushed


def test_a_bundle_cannot_make_the_server_fetch_something(server: Server, hg: Hg, place: Place) -> None:
    """Mercurial's bundles can name an address to load more from; and paths that lead into a repository's own files."""
    capabilities = ask(place.owner.api, place.repository.name, "capabilities", **signed_in(place.owner))[1]
    assert b"unbundle" in capabilities
    assert b"remote-changegroup" not in capabilities


def test_a_repositorys_own_configuration_runs_nothing(server: Server, hg: Hg, place: Place, tmp_path: Path) -> None:
    tripwire = tmp_path / "tripwire"
    (place.path / ".hg" / "hgrc").write_text(
        f"[hooks]\nchangegroup = touch {tripwire}\nincoming = touch {tripwire}\npreoutgoing = touch {tripwire}\n"
        f"[extensions]\nevil = {tmp_path / 'evil.py'}\n"
    )
    (tmp_path / "evil.py").write_text(f"open({str(tripwire)!r}, 'w')\n")
    work = hg.new_work()
    hg.commit(work)
    hg.run("push", place.url, cwd=work)
    hg.run("clone", place.url, "copy")
    assert not tripwire.exists()
