# SPDX-License-Identifier: GPL-3.0-or-later
"""What a few bytes pushed or asked for must not do to the server, and what nobody gets to see (security.md 4, 6)."""

from __future__ import annotations

import hashlib
import json
import random
import struct
import zlib
from pathlib import Path

import pytest

from tests.support.clients import Api, Git, Person, unique
from tests.support.raw import pkt, signed_in
from tests.support.servers import Server
from trivium.forge.jobs.job import moment

ZERO = "0" * 40
MIB = 1 << 20
KINDS = {"commit": 1, "tree": 2, "blob": 3}


def object_id(kind: str, data: bytes) -> str:
    return hashlib.sha1(b"%s %d\0" % (kind.encode(), len(data)) + data).hexdigest()


def entry(kind: int, size: int, data: bytes, before: bytes = b"") -> bytes:
    """One object of a pack."""
    first, size = (kind << 4) | (size & 15), size >> 4
    head = bytearray()
    while size:
        head.append(first | 0x80)
        first, size = size & 0x7F, size >> 7
    return bytes([*head, first]) + before + zlib.compress(data, 9)


def packed(entries: list[bytes]) -> bytes:
    pack = b"PACK" + struct.pack(">II", 2, len(entries)) + b"".join(entries)
    return pack + hashlib.sha1(pack).digest()


def pack_of(objects: list[tuple[str, bytes]]) -> bytes:
    return packed([entry(KINDS[kind], len(data), data) for kind, data in objects])


def commit_of(tree: str, message: str = "m") -> bytes:
    who = "A <a@example.org> 1700000000 +0000"
    return f"tree {tree}\nauthor {who}\ncommitter {who}\n\n{message}\n".encode()


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append((number & 127) | 128)
        number >>= 7
    return bytes([*out, number])


def push(ada: Person, name: str, raw_id: str, pack: bytes, more: str = "") -> tuple[int, bytes]:
    body = pkt(f"{ZERO} {raw_id} refs/heads/master\0report-status side-band-64k{more}") + b"0000" + pack
    headers = signed_in(ada, Content_Type="application/x-git-receive-pack-request")
    status, _, said = ada.api.post(body, path=f"/{name}/git-receive-pack", headers=headers)
    return status, said


@pytest.fixture
def name(root: Api, ada: Person) -> str:
    return root.new_repo(owner=ada.name).name


def leftovers(server: Server, name: str) -> list[Path]:
    return [path for path in (server.root / name / "objects").rglob("*") if path.is_file()]


@pytest.mark.parametrize("mebibytes", [600, 3000])
def test_a_delta_that_unfolds_to_gibibytes_is_refused_before_room_is_made(
    server: Server, root: Api, ada: Person, name: str, mebibytes: int
) -> None:
    """There would be room for the smaller one, within what git may take of memory."""
    base = b"\0" * MIB
    delta = varint(MIB) + varint(mebibytes * MIB) + bytes([0xF0, 0, 0, 0x10]) * mebibytes
    tree = b"100644 a\0" + bytes.fromhex(object_id("blob", base))
    commit = commit_of(object_id("tree", tree))
    pack = packed(
        [
            entry(3, len(base), base),
            entry(7, len(delta), delta, bytes.fromhex(object_id("blob", base))),
            *(entry(KINDS[kind], len(data), data) for kind, data in (("tree", tree), ("commit", commit))),
        ]
    )
    status, said = push(ada, name, object_id("commit", commit), pack)
    assert status == 200
    assert b"ng refs/heads/master" in said and b"max_object_bytes" in said
    assert leftovers(server, name) == []
    assert server.journal("push", name) == []


def test_an_object_beyond_the_limit_is_refused_whatever_it_travels_in(own_server: Server, git: Git) -> None:
    own_server.start(TRIVIUM_MAX_OBJECT_BYTES=str(MIB))
    root = own_server.api(own_server.admin_key)
    ada = root.new_user()
    name = root.new_repo(owner=ada.name).name
    work = git.new_work()
    git.commit(work, **{"large.bin": "x" * (MIB + 1)})
    said = git.refused("push", own_server.clone_url(name, ada), "master", cwd=work)
    assert "max_object_bytes is 1048576" in said and "rejected" in said
    assert leftovers(own_server, name) == []
    git.run("reset", "--quiet", "--soft", "HEAD", cwd=work)
    git.run("checkout", "--quiet", "--orphan", "small", cwd=work)
    git.commit(work, **{"large.bin": "x" * (MIB - 1)})
    git.run("push", "--quiet", own_server.clone_url(name, ada), "small", cwd=work)


def test_commands_in_a_certificate_move_nothing(server: Server, ada: Person, name: str) -> None:
    tree = b""
    commit = commit_of(object_id("tree", tree))
    raw_id = object_id("commit", commit)
    certificate = f"certificate version 0.1\npusher x <x@y> 1 +0000\n\n{ZERO} {raw_id} refs/heads/master\n"
    body = pkt("push-cert\0report-status") + pkt(certificate) + pkt("push-cert-end\n") + b"0000"
    headers = signed_in(ada, Content_Type="application/x-git-receive-pack-request")
    pack = pack_of([("tree", tree), ("commit", commit)])
    assert ada.api.post(body + pack, path=f"/{name}/git-receive-pack", headers=headers)[0] == 400
    assert leftovers(server, name) == []


def test_what_comes_without_a_command_does_not_get_to_git(server: Server, ada: Person, name: str) -> None:
    tree = b""
    pack = pack_of([("tree", tree), ("commit", commit_of(object_id("tree", tree)))])
    headers = signed_in(ada, Content_Type="application/x-git-receive-pack-request")
    status, _, said = ada.api.post(b"0000" + pack, path=f"/{name}/git-receive-pack", headers=headers)
    assert (status, said) == (200, b"")
    assert leftovers(server, name) == []


def test_a_dozen_objects_do_not_show_a_million_files(root: Api, ada: Person, name: str) -> None:
    blob = b"x"
    objects = [("blob", blob)]
    below, mode = object_id("blob", blob), b"100644"
    for _ in range(12):  # ten of each in the next: they would never end
        tree = b"".join(mode + b" %d\0" % number + bytes.fromhex(below) for number in range(10))
        objects.append(("tree", tree))
        below, mode = object_id("tree", tree), b"40000"
    commit = commit_of(below)
    raw_id = object_id("commit", commit)
    status, said = push(ada, name, raw_id, pack_of([*objects, ("commit", commit)]))
    assert status == 200 and b"ok refs/heads/master" in said
    asked = [root.envelope("get_repo_nodes", repoid=name, revision="master", root_path="")]
    for details in ("extended", "full"):
        asked.append(root.envelope("get_repo_changeset", repoid=name, revision=raw_id, details=details))
    for answer in asked:
        assert answer["error"]
        assert "max_api_nodes" in answer["error_detail"]
    assert ada.api("get_repo_changeset", repoid=name, revision=raw_id)["raw_id"] == raw_id
    assert len(ada.api("get_repo_nodes", repoid=name, revision="master", root_path="/".join(["0"] * 10))) == 110


def test_of_a_file_that_is_not_loaded_the_size_is_told(server: Server, git: Git, ada: Person, name: str) -> None:
    work = git.new_work()
    git.commit(work, **{"large.txt": "x\n" * (20 * MIB), "small.txt": "x\n"})
    git.run("push", "--quiet", server.clone_url(name, ada), "master", cwd=work)
    large, small = ada.api("get_repo_nodes", repoid=name, revision="tip", root_path="", details="full")
    assert (large["size"], large["md5"], large["binary"], large["lines"], large["content"]) == (
        *(40 * MIB, None, None, None, None),
    )
    assert (small["size"], small["lines"], small["content"]) == (2, 1, "x\n")
    change, _ = ada.api.full(name, "tip")["diff"]
    assert change["raw_diff"] is None
    assert change["stats"] == {"added": 0, "deleted": 0, "binary": True}


def test_lines_in_another_order_keep_nobody_waiting(own_server: Server, git: Git) -> None:
    own_server.start("--workers", "1", TRIVIUM_DIFF_TIMEOUT="1")
    root = own_server.api(own_server.admin_key)
    name = root.new_repo().name
    dice = random.Random(1)
    work = git.new_work()
    for _ in range(2):
        lines = "\n".join(dice.choices("0123456789", k=MIB))
        git.commit(work, **{"shuffled.txt": lines, "other.txt": f"{dice.random()}\n"})
    git.run("push", "--quiet", own_server.clone_url(name, own_server.administrator), "master", cwd=work)
    shown = {change["filename"]: change for change in root.full(name, "tip")["diff"]}
    assert shown["other.txt"]["raw_diff"]
    assert shown["shuffled.txt"]["raw_diff"] is None


def test_a_message_of_megabytes_is_stored_and_shown_in_part(root: Api, ada: Person, name: str) -> None:
    tree = b""
    commit = commit_of(object_id("tree", tree), "ü" * (4 * MIB))
    raw_id = object_id("commit", commit)
    status, said = push(ada, name, raw_id, pack_of([("tree", tree), ("commit", commit)]))
    assert status == 200 and b"ok refs/heads/master" in said
    for shown in (root("get_repo", repoid=name)["last_changeset"], root.full(name, raw_id)):
        assert shown["raw_id"] == raw_id
        assert shown["message"] == "ü" * (32 << 10)


def test_a_stripped_commit_is_not_given_to_who_knows_its_id(
    server: Server, root: Api, git: Git, ada: Person, name: str
) -> None:
    work = git.new_work()
    git.commit(work)
    secret = git.commit(work, "secret")
    url = server.clone_url(name, ada)
    git.run("push", "--quiet", url, "master", cwd=work)
    root("strip", repoid=name, revision=secret, branch="master")
    copy = git.new_work("copy")
    for protocol in ("0", "2"):
        git.refused("-c", f"protocol.version={protocol}", "fetch", url, secret, cwd=copy)
    git.refused("--git-dir=.", "cat-file", "-e", secret, cwd=server.root / name)
    git.run("--git-dir=.", "fsck", "--full", "--strict", cwd=server.root / name)
    (bundle,) = (server.root / ".trash").glob(f"*{secret[:12]}.bundle")
    assert secret in git.out("bundle", "list-heads", str(bundle))


def test_what_was_taken_away_is_not_given_to_who_knows_its_id(
    server: Server, root: Api, git: Git, ada: Person, name: str
) -> None:
    work = git.new_work()
    first = git.commit(work)
    secret = git.commit(work, "secret")
    url = server.clone_url(name, ada)
    git.run("tag", "-a", "-m", "t", "annotated", secret, cwd=work)
    tag = git.out("rev-parse", "annotated", cwd=work)
    git.run("push", "--quiet", url, "master", "master:refs/odd/x", "annotated", cwd=work)
    second = git.commit(work, "more secrets")
    git.run("push", "--quiet", url, "master:more", cwd=work)

    def got(raw_id: str, *options: str) -> bool:
        copy = git.new_work(unique("copy"))
        versioned = ("-c", "protocol.version=2", "fetch", "--quiet", *options, url, raw_id)
        done = git.run(*versioned, cwd=copy, check=False)
        assert done.returncode in (0, 128)
        assert done.returncode == 0 or f"not our ref {raw_id}" in done.stderr.decode()
        return done.returncode == 0

    # What a ref reaches, whichever ref it is.
    git.run("push", "--quiet", url, f"+{first}:master", ":more", cwd=work)
    assert [got(one) for one in (first, secret, tag)] == [True] * 3
    assert got(secret, "--depth=1")
    # Who has just been told where the branch is gets what it held, and nothing else that it reached.
    third = git.commit(work, "between")
    tree = git.out("rev-parse", "HEAD^{tree}", cwd=work)
    fourth = git.commit(work, "at the end")
    git.run("push", "--quiet", url, "HEAD:more", cwd=work)
    git.run("push", "--quiet", url, ":more", cwd=work)
    assert [got(one) for one in (fourth, third)] == [True, False]
    assert got(second)
    # A minute later nobody gets it.
    git.run("push", "--quiet", url, ":refs/odd/x", ":annotated", cwd=work)
    server.execute("UPDATE journal SET at = ? WHERE subject = ?", moment(-61), name)
    assert [got(one) for one in (first, secret, second, third, fourth, tag)] == [True] + [False] * 5
    # A tree, as clients of partial copies ask for it, and what is not there at all.
    assert got(tree, "--filter=tree:0") in (True, False)
    assert not got("1" * 40)


def test_nothing_of_a_deleted_repository_stays_in_the_cache(server: Server, root: Api, git: Git, ada: Person) -> None:
    repository = root.new_repo(owner=ada.name)
    work = git.new_work()
    git.commit(work)
    git.run("push", "--quiet", server.clone_url(repository.name, ada), "master", cwd=work)
    root.full(repository.name, "tip")
    kept = server.data / "cache" / str(repository.id)
    assert list(kept.glob("answer-*"))
    root("delete_repo", repoid=repository.id)
    assert not kept.exists()
    assert list((server.root / ".locks").glob(f"repository-{repository.id}*")) == []


def test_a_quiet_push_is_quiet(server: Server, git: Git, ada: Person, name: str) -> None:
    work = git.new_work()
    git.commit(work)
    done = git.run("push", "--quiet", server.clone_url(name, ada), "master", cwd=work)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_large_file_storage_is_declined_in_its_own_words(root: Api, ada: Person) -> None:
    name = root.new_repo(owner=ada.name, private=True).name
    kind = {"Content-Type": "application/vnd.git-lfs+json"}
    for path in (f"/{name}.git/info/lfs/objects/batch", f"/{name}/info/lfs/locks/verify"):
        status, told, said = ada.api.post(b"{}", path=path, headers=signed_in(ada) | kind)
        assert (status, told["content-type"]) == (501, "application/vnd.git-lfs+json")
        assert said.startswith(b'{"message":')
        assert ada.api.post(b"{}", path=path, headers=kind)[0] == 401


def test_a_push_into_a_repository_that_is_full_is_refused(own_server: Server, git: Git) -> None:
    own_server.start(TRIVIUM_MAX_REPO_BYTES=str(MIB))
    root = own_server.api(own_server.admin_key)
    name = root.new_repo().name
    url = own_server.clone_url(name, own_server.administrator)
    work = git.new_work()
    (work / "noise.bin").write_bytes(random.Random(1).randbytes(2 * MIB))
    git.commit(work)
    git.run("push", "--quiet", url, "master", cwd=work)
    git.commit(work)
    assert "max_repo_bytes" in git.refused("push", url, "master", cwd=work)


def test_imports_have_turns_and_room(own_server: Server, git: Git) -> None:
    own_server.start(TRIVIUM_ALLOWED_REMOTE_HOSTS="127.0.0.1", TRIVIUM_IMPORT_RATE="3", TRIVIUM_MAX_REPO_BYTES=str(MIB))
    root = own_server.api(own_server.admin_key)
    ada = root.new_user()
    own_server.permit(ada.name, "hg.create.repository")
    source = root.new_repo().name
    work = git.new_work()
    git.commit(work)
    url = own_server.clone_url(source, own_server.administrator)
    git.run("push", "--quiet", url, "master", cwd=work)
    names = [unique("import") for _ in range(4)]
    for name in names[:3]:
        ada.api("create_repo", repo_name=name, repo_type="git", clone_uri=url)
    assert ada.api.error("create_repo", repo_name=names[3], repo_type="git", clone_uri=url)
    root("create_repo", repo_name=names[3], repo_type="git", clone_uri=url)
    assert list((own_server.root / ".staging").iterdir()) == []


def test_a_push_that_is_too_large_is_refused_in_words_that_git_shows(own_server: Server, git: Git) -> None:
    own_server.start(TRIVIUM_MAX_PUSH_BYTES=str(2 * MIB))
    root = own_server.api(own_server.admin_key)
    name = root.new_repo().name
    work = git.new_work()
    (work / "noise.bin").write_bytes(random.Random(1).randbytes(5 * MIB))
    git.commit(work)
    said = git.refused("push", own_server.clone_url(name, own_server.administrator), "master", cwd=work)
    assert "[remote rejected]" in said
    assert "max_push_bytes" in said or "exceeds maximum allowed size" in said
    assert leftovers(own_server, name) == []


def test_head_of_a_new_repository_names_the_default_branch(own_server: Server, git: Git) -> None:
    own_server.start(TRIVIUM_DEFAULT_BRANCH="develop")
    root = own_server.api(own_server.admin_key)
    name = root.new_repo().name
    assert (own_server.root / name / "HEAD").read_text() == "ref: refs/heads/develop\n"
    work = git.new_work(branch="trunk")
    git.commit(work)
    git.run("push", "--quiet", own_server.clone_url(name, own_server.administrator), "trunk", cwd=work)
    assert (own_server.root / name / "HEAD").read_text() == "ref: refs/heads/trunk\n"


def test_what_was_stored_of_an_endless_message_is_cut_at_the_next_start(own_server: Server) -> None:
    own_server.start()
    root = own_server.api(own_server.admin_key)
    name = root.new_repo().name
    own_server.stop()
    ((stored,),) = own_server.query("SELECT last_changeset FROM repositories")
    changeset = json.loads(stored) | {"message": "m" * MIB}
    own_server.execute("UPDATE repositories SET last_changeset = ?", json.dumps(changeset))
    own_server.start()
    assert own_server.api(own_server.admin_key)("get_repo", repoid=name)["last_changeset"]["message"] == "m" * (
        64 << 10
    )


def test_no_file_of_a_repository_says_what_is_sent(server: Server, root: Api, git: Git, ada: Person, name: str) -> None:
    work = git.new_work()
    git.commit(work)
    git.run("push", "--quiet", server.clone_url(name, ada), "master", cwd=work)
    sparse = git.out("rev-parse", "HEAD:" + git.out("ls-files", cwd=work).split()[0], cwd=work)
    said = git.refused("clone", f"--filter=sparse:oid={sparse}", server.clone_url(name, ada), unique("copy"))
    assert "filter 'sparse:oid' not supported" in said
    git.run("clone", "--quiet", "--filter=blob:none", server.clone_url(name, ada), unique("copy"))
