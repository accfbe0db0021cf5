# SPDX-License-Identifier: GPL-3.0-or-later
"""What stock git does with a repository: clone, fetch and push in all their ways (system.md 3.1 and 3.2)."""

from __future__ import annotations

import gzip
import os
import random
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.clients import Api, Git, unique, with_credentials
from tests.support.raw import pkt, signed_in
from tests.support.servers import Server

ZERO = "0" * 40
UPLOAD = "application/x-git-upload-pack-request"


def refs(git: Git, url: str) -> dict[str, str]:
    """All refs of a repository, as a client sees them."""
    listed = (line.split("\t") for line in git.out("ls-remote", url).splitlines())
    return {name: raw_id for raw_id, name in listed}


# Credentials


@pytest.mark.parametrize("credential", ["password", "key", "vcs", "all"])
def test_clone_fetch_and_push_with_each_credential(server: Server, root: Api, git: Git, credential: str) -> None:
    ada = root.new_user()
    repository = root.new_repo(owner=ada.name)
    given = {"password": ada.password, "key": ada.key}
    url = server.clone_url(
        repository.name, ada, password=given.get(credential) or server.new_token(ada.name, credential)
    )
    work = git.new_work()
    first = git.commit(work)
    git.run("push", url, "master", cwd=work)
    git.run("clone", "--quiet", url, "copy")
    assert git.out("rev-parse", "HEAD", cwd=git.home / "copy") == first
    second = git.commit(work)
    git.run("push", url, "master", cwd=work)
    git.run("fetch", "--quiet", cwd=git.home / "copy")
    assert git.out("rev-parse", "origin/master", cwd=git.home / "copy") == second


def test_the_name_of_a_user_is_found_in_any_case(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user(unique("Ada"))
    repository = root.new_repo(owner=ada.name)
    url = with_credentials(server.clone_url(repository.name), ada.name.swapcase(), ada.password)
    assert refs(git, url) == {}


@pytest.mark.parametrize("credential", ["api", "feed", "http", "expired", "foreign", "empty", "almost"])
def test_other_credentials_are_refused(server: Server, root: Api, git: Git, credential: str) -> None:
    ada, ben = root.new_user(), root.new_user()
    repository = root.new_repo(owner=ada.name)
    match credential:
        case "expired":
            given = server.new_token(ada.name, "vcs", lifetime=0)
        case "foreign":
            given = ben.key
        case "empty":
            given = ""
        case "almost":
            given = ada.password + " "
        case _:
            given = server.new_token(ada.name, credential)
    assert "Authentication failed" in git.refused("ls-remote", server.clone_url(repository.name, ada, password=given))


# Protocol versions, partial transfers


@pytest.mark.parametrize("version", [0, 1, 2])
def test_every_protocol_version(server: Server, root: Api, git: Git, version: int) -> None:
    ada = root.new_user()
    url = server.clone_url(root.new_repo(owner=ada.name).name, ada)
    spoken = ("-c", f"protocol.version={version}")
    work = git.new_work()
    git.commit(work)
    git.run(*spoken, "push", url, "master", cwd=work)
    done = git.run(*spoken, "clone", "--quiet", url, "copy", GIT_TRACE_PACKET="1")
    said = done.stderr.decode()
    assert ("< version 2" in said) == (version == 2)
    assert ("< version 1" in said) == (version == 1)
    second = git.commit(work)
    git.run(*spoken, "push", url, "master", cwd=work)
    git.run(*spoken, "pull", "--quiet", cwd=git.home / "copy")
    assert git.out("rev-parse", "HEAD", cwd=git.home / "copy") == second


@pytest.mark.parametrize("version", [0, 2])
def test_a_shallow_clone_is_deepened_and_completed(server: Server, root: Api, git: Git, version: int) -> None:
    ada = root.new_user()
    url = server.clone_url(root.new_repo(owner=ada.name).name, ada)
    work, copy = git.new_work(), git.home / "copy"
    for number in range(5):
        git.commit(work, f"{number}")
    git.run("push", url, "master", cwd=work)
    git.run("-c", f"protocol.version={version}", "clone", "--quiet", "--depth", "1", url, str(copy))

    def depth() -> str:
        return git.out("rev-list", "--count", "HEAD", cwd=copy)

    assert depth() == "1"
    git.run("fetch", "--quiet", "--deepen", "2", cwd=copy)
    assert depth() == "3"
    git.run("fetch", "--quiet", "--unshallow", cwd=copy)
    assert depth() == "5"
    git.run("clone", "--quiet", "--depth", "1", url, "shallow")
    shallow = git.home / "shallow"
    pushed = git.commit(shallow)
    git.run("push", "origin", "master", cwd=shallow)
    assert refs(git, url)["refs/heads/master"] == pushed


def test_a_clone_without_blobs_fetches_them_when_needed(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    url = server.clone_url(root.new_repo(owner=ada.name).name, ada)
    work, copy = git.new_work(), git.home / "copy"
    git.commit(work, **{"a.txt": "the old text\n"})
    git.commit(work, **{"a.txt": "the new text\n"})
    git.run("push", url, "master", cwd=work)
    git.run("clone", "--quiet", "--no-checkout", "--filter=blob:none", url, str(copy))
    missing = git.out("rev-list", "--objects", "--missing=print", "--all", cwd=copy)
    assert sum(line.startswith("?") for line in missing.splitlines()) == 2
    assert git.out("show", "HEAD~1:a.txt", cwd=copy) == "the old text"


# Pushes


def test_push_options_are_understood(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    url = server.clone_url(root.new_repo(owner=ada.name).name, ada)
    work = git.new_work()
    pushed = git.commit(work)
    git.run("push", "-o", "ci.skip", "-o", "x=ü", url, "master", cwd=work)
    assert refs(git, url) == {"HEAD": pushed, "refs/heads/master": pushed}


def test_several_refs_tags_and_deletion(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    url = server.clone_url(root.new_repo(owner=ada.name).name, ada)
    work = git.new_work()
    first = git.commit(work)
    git.run("branch", "topic/ünder", cwd=work)
    git.run("tag", "light", cwd=work)
    git.run("tag", "-m", "A release", "v1.0", cwd=work)
    tag = git.out("rev-parse", "v1.0", cwd=work)
    said = git.run("push", "--progress", url, "master", "topic/ünder", "light", "v1.0", cwd=work).stderr.decode()
    assert said.count("Trivium: push completed") == 1
    everything = {
        "HEAD": first,
        "refs/heads/master": first,
        "refs/heads/topic/ünder": first,
        "refs/tags/light": first,
        "refs/tags/v1.0": tag,
        "refs/tags/v1.0^{}": first,
    }
    assert refs(git, url) == everything
    git.run("push", url, "--delete", "topic/ünder", "light", cwd=work)
    assert refs(git, url).keys() == everything.keys() - {"refs/heads/topic/ünder", "refs/tags/light"}
    git.run("clone", "--quiet", url, "copy")
    assert git.out("cat-file", "-p", "v1.0", cwd=git.home / "copy").endswith("A release")


def test_history_is_rewritten_only_by_force(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    url = server.clone_url(root.new_repo(owner=ada.name).name, ada)
    work = git.new_work()
    git.commit(work)
    theirs = git.commit(work)
    git.run("push", url, "master", cwd=work)
    git.run("reset", "--quiet", "--hard", "HEAD~1", cwd=work)
    ours = git.commit(work)
    assert "rejected" in git.refused("push", url, "master", cwd=work)
    assert refs(git, url)["refs/heads/master"] == theirs
    git.run("push", "--force", url, "master", cwd=work)
    assert refs(git, url)["refs/heads/master"] == ours


def test_one_refused_ref_among_several_and_all_or_nothing(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    url = server.clone_url(root.new_repo(owner=ada.name).name, ada)
    work = git.new_work()
    first = git.commit(work)
    git.run("push", url, "master", "master:a", cwd=work)
    second = git.commit(work)
    stale = f"--force-with-lease=a:{second}"  # `a` is not there
    assert "stale" in git.refused("push", stale, url, "master", "master:a", cwd=work)
    assert refs(git, url)["refs/heads/a"] == first
    # `a/b` cannot stand beside `a`: with --atomic the other ref does not move either.
    git.refused("push", "--atomic", url, "master:c", "master:a/b", cwd=work)
    assert "refs/heads/c" not in refs(git, url)
    git.refused("push", url, "master:c", "master:a/b", cwd=work)
    assert refs(git, url)["refs/heads/c"] == second


def test_the_current_branch_may_be_deleted_and_comes_back(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    url = server.clone_url(root.new_repo(owner=ada.name).name, ada)
    work = git.new_work()
    first = git.commit(work)
    git.run("push", url, "master", cwd=work)
    git.run("push", url, "--delete", "master", cwd=work)
    assert refs(git, url) == {}
    git.run("push", url, "master:next", cwd=work)
    assert refs(git, url) == {"HEAD": first, "refs/heads/next": first}


def test_an_empty_repository_is_cloned_and_filled(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    url = server.clone_url(root.new_repo(owner=ada.name).name, ada)
    assert b"empty repository" in git.run("clone", url, "copy").stderr
    pushed = git.commit(git.home / "copy")
    git.run("push", "origin", "HEAD", cwd=git.home / "copy")
    assert pushed in refs(git, url).values()


def test_a_push_larger_than_the_clients_buffer_arrives_in_chunks(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    url = server.clone_url(root.new_repo(owner=ada.name).name, ada)
    work = git.new_work()
    content = random.Random(3).randbytes(3 << 20)
    (work / "big.bin").write_bytes(content)
    git.commit(work, **{"small.txt": "x"})
    said = git.run("push", url, "master", cwd=work, GIT_CURL_VERBOSE="1", GIT_TRACE_CURL_NO_DATA="1").stderr
    assert b"transfer-encoding: chunked" in said.lower()
    git.run("clone", "--quiet", url, "copy")
    assert (git.home / "copy" / "big.bin").read_bytes() == content


def test_a_tiny_buffer_pushes_in_chunks_too(server: Server, root: Api, git: Git) -> None:
    """The client first asks, with an empty push, whether it may."""
    ada = root.new_user()
    url = server.clone_url(root.new_repo(owner=ada.name).name, ada)
    work = git.new_work()
    pushed = git.commit(work, **{"a.bin": random.Random(4).randbytes(9000).hex()})
    git.run("-c", "http.postBuffer=1000", "push", url, "master", cwd=work)
    assert refs(git, url)["refs/heads/master"] == pushed


# Addresses of repositories


def test_the_suffix_git_and_the_permanent_address(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    repository = root.new_repo(owner=ada.name)
    work = git.new_work()
    pushed = git.commit(work)
    git.run("push", server.clone_url(f"_{repository.id}", ada), "master", cwd=work)
    for address in (repository.name, f"{repository.name}.git", f"_{repository.id}", f"{repository.name}/"):
        assert refs(git, server.clone_url(address, ada))["refs/heads/master"] == pushed
    root("update_repo", repoid=repository.id, name=unique("renamed"))
    assert refs(git, server.clone_url(f"_{repository.id}", ada))["refs/heads/master"] == pushed
    for nobody in (f"{repository.name}.git.git", f"_{repository.id}x", str(repository.id), "_0", f"_{10**17}"):
        assert "not found" in git.refused("ls-remote", server.clone_url(nobody, ada))


@pytest.mark.parametrize(
    "ending",
    ["two words", "проект", "仓库", "a+b", "it's", "a&b;c", "$HOME", "a/b/c", "a=b,c", "infos/refs.d"],
)
def test_names_of_all_kinds(server: Server, root: Api, git: Git, ending: str) -> None:
    ada = root.new_user()
    name = f"{unique('names')} {ending}"
    root.new_repo(name, owner=ada.name)
    url = with_credentials(f"{server.url}/{quote(name)}", ada.name, ada.password)
    work = git.new_work()
    pushed = git.commit(work)
    git.run("push", url, "master", cwd=work)
    git.run("clone", "--quiet", url, "copy")
    assert git.out("rev-parse", "HEAD", cwd=git.home / "copy") == pushed
    assert root("get_repo", repoid=name)["last_changeset"]["raw_id"] == pushed


def test_an_encoded_slash_is_a_slash(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    name = f"{unique('group')}/inner"
    root.new_repo(name, owner=ada.name)
    assert refs(git, with_credentials(f"{server.url}/{quote(name, safe='')}", ada.name, ada.password)) == {}


# Requests by hand


def curl(work: Path, *arguments: str) -> tuple[int, bytes]:
    """Status and body of one request."""
    done = subprocess.run(
        ["curl", "--silent", "--noproxy", "*", "--output", "answer", "--write-out", "%{http_code}", *arguments],
        cwd=work,
        capture_output=True,
        check=True,
        timeout=60,
    )
    return int(done.stdout), (work / "answer").read_bytes()


def test_what_the_server_can_do_is_what_git_would_say(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    names = [root.new_repo(owner=ada.name).name for _ in range(2)]
    work = git.new_work()
    git.commit(work)
    git.run("push", server.clone_url(names[0], ada), "master", cwd=work)
    configured = {"GIT_CONFIG_GLOBAL": str(server.data / "gitconfig"), "GIT_CONFIG_NOSYSTEM": "1"}
    for name in names:
        url = f"{server.clone_url(name, ada)}/info/refs?service=git-upload-pack"
        for protocol in ("version=2", "version=1:version=2", "version=1", "version=20"):
            said = subprocess.run(
                ["git", "upload-pack", "--stateless-rpc", "--http-backend-info-refs", "."],
                cwd=server.root / name,
                env=os.environ | configured | {"GIT_PROTOCOL": protocol},
                capture_output=True,
                check=True,
            ).stdout
            announced = b"" if protocol.endswith("=2") else pkt("# service=git-upload-pack\n") + b"0000"
            assert curl(git.home, "--header", f"Git-Protocol: {protocol}", url) == (200, announced + said)


def test_few_and_many_refs_are_told_as_git_would_tell_them(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    repository = root.new_repo(owner=ada.name)
    url, place = server.clone_url(repository.name, ada), server.root / repository.name
    configured = {"GIT_CONFIG_GLOBAL": str(server.data / "gitconfig"), "GIT_CONFIG_NOSYSTEM": "1"}
    asked = ("peel", "symrefs", "unborn", "ref-prefix HEAD", "ref-prefix refs/heads/", "ref-prefix refs/tags/")
    request = pkt("command=ls-refs") + pkt("agent=x") + b"0001" + b"".join(pkt(line) for line in asked) + b"0000"
    (git.home / "request").write_bytes(request)
    headers = ("--header", f"Content-Type: {UPLOAD}", "--header", "Git-Protocol: version=2")

    def told() -> bytes:
        status, answer = curl(git.home, *headers, "--data-binary", "@request", f"{url}/git-upload-pack")
        done = subprocess.run(
            ["git", "upload-pack", "--stateless-rpc", "."],
            cwd=place,
            env=os.environ | configured | {"GIT_PROTOCOL": "version=2"},
            input=request,
            capture_output=True,
            check=True,
        )
        assert (status, answer) == (200, done.stdout)
        return answer

    assert told() == pkt("unborn HEAD symref-target:refs/heads/master\n") + b"0000"
    work = git.new_work()
    one = git.commit(work)
    git.run("tag", "-a", "-m", "x", "v1", cwd=work)
    git.run("push", url, "master", "v1", f"{one}:refs/heads/a/b", f"{one}:refs/notes/n", cwd=work)
    assert told().count(b"refs/") == 4  # with the branch that HEAD leads to
    assert f"refs/tags/v1 peeled:{one}\n".encode() in told()
    lines = [f"create refs/heads/many/{number} {one}\n" for number in range(2000)]
    subprocess.run(["git", "update-ref", "--stdin"], cwd=place, input="".join(lines).encode(), check=True)
    assert told().count(b"refs/") == 2004
    assert len(refs(git, url)) == 2006
    assert git.out("ls-remote", url, "refs/heads/many/1999") == f"{one}\trefs/heads/many/1999"


def test_a_clone_and_a_push_start_git_once(own_server: Server, git: Git, tmp_path: Path) -> None:
    program, started = tmp_path / "git", tmp_path / "started"
    program.write_text(f'#!/bin/sh\necho "$*" >> {started}\nexec git "$@"\n')
    program.chmod(0o755)
    own_server.start("--workers", "1", TRIVIUM_GIT_PATH=str(program))
    ada = own_server.api(own_server.admin_key).new_user()
    url = own_server.clone_url(own_server.api(own_server.admin_key).new_repo(owner=ada.name).name, ada)
    work = git.new_work()

    def services() -> list[str]:
        lines = started.read_text().splitlines() if started.exists() else []
        return [line for line in lines if "-pack --stateless-rpc" in line and "--http-backend-info-refs" not in line]

    for number in range(3):
        git.commit(work)
        git.run("push", "--quiet", url, "master", cwd=work)
        git.run("clone", "--quiet", url, f"copy{number}")
        git.run("ls-remote", url)
    assert services() == ["receive-pack --stateless-rpc .", "upload-pack --stateless-rpc ."] * 3


def test_a_compressed_request_of_any_client(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    repository = root.new_repo(owner=ada.name)
    work = git.new_work()
    pushed = git.commit(work)
    git.run("push", server.clone_url(repository.name, ada), "master", cwd=work)
    wanted = pkt(f"want {pushed}\n") + b"0000" + pkt("done\n")
    (git.home / "request.gz").write_bytes(gzip.compress(wanted))
    (git.home / "request").write_bytes(wanted)
    url = server.clone_url(f"{repository.name}/git-upload-pack", ada)
    kind = ("--header", f"Content-Type: {UPLOAD}")
    plain = curl(git.home, *kind, "--data-binary", "@request", url)
    assert plain[0] == 200
    assert b"PACK" in plain[1]
    for more in (("Content-Encoding: gzip",), ("Content-Encoding: x-gzip", "Transfer-Encoding: chunked")):
        headers = [argument for header in more for argument in ("--header", header)]
        assert curl(git.home, *kind, *headers, "--data-binary", "@request.gz", url) == plain


@pytest.mark.parametrize("service", ["upload-pack", "receive-pack"])
def test_a_bomb_is_refused(server: Server, root: Api, service: str) -> None:
    ada = root.new_user()
    repository = root.new_repo(owner=ada.name)
    command = pkt(f"{ZERO} {'1' * 40} refs/heads/x\0report-status") + b"0000" if service == "receive-pack" else b""
    bomb = gzip.compress(command + b"\0" * (40 << 20), 9)
    headers = signed_in(ada, Content_Type=f"application/x-git-{service}-request", Content_Encoding="gzip")
    status, _, said = ada.api.post(bomb, path=f"/{repository.name}/git-{service}", headers=headers)
    # In words that git shows. It may give up on the first bytes of a pull before the rest is unpacked.
    assert status == 200
    assert b"max_inflate_ratio" in said or (service == "upload-pack" and b"ERR" in said)
    assert server.under_way(repository.id) == []


@pytest.mark.parametrize("cut", [1, 10, -1])
def test_damaged_compression_is_refused(root: Api, cut: int) -> None:
    ada = root.new_user()
    repository = root.new_repo(owner=ada.name)
    body = gzip.compress(pkt(f"{ZERO} {'1' * 40} refs/heads/x\0report-status") + b"0000")[:cut]
    headers = signed_in(ada, Content_Type="application/x-git-receive-pack-request", Content_Encoding="gzip")
    status, _, said = ada.api.post(body, path=f"/{repository.name}/git-receive-pack", headers=headers)
    # Once its commands have been read it is refused in words that git shows.
    assert status == 400 or (cut == -1 and status == 200 and b"ng refs/heads/x The request is not one of git" in said)


def test_what_the_protocol_does_not_have(root: Api) -> None:
    ada = root.new_user()
    name = root.new_repo(owner=ada.name).name

    def status(method: str, path: str, kind: str = UPLOAD, **headers: str) -> int:
        more = signed_in(ada, Content_Type=kind, **headers)
        return ada.api.post(b"0000", method=method, path=f"/{name}{path}", headers=more)[0]

    assert status("GET", "/info/refs?service=git-upload-pack") == 200
    assert status("HEAD", "/info/refs?service=git-receive-pack") == 200
    for query in ("", "?service=", "?service=git-upload-archive", "?service=upload-pack", "?service=git-receive-packs"):
        assert status("GET", f"/info/refs{query}") == 403
    for method in ("POST", "PUT", "DELETE"):
        assert status(method, "/info/refs?service=git-upload-pack") == 405
    for service in ("git-upload-pack", "git-receive-pack"):
        for method in ("GET", "HEAD", "PUT"):
            assert status(method, f"/{service}") == 405
        for kind in ("text/plain", "", f"application/x-{service}-result"):
            assert status("POST", f"/{service}", kind) == 415
    assert status("POST", "/git-receive-pack", UPLOAD) == 415
    assert status("POST", "/git-upload-pack", Content_Encoding="br") == 415
    # Addresses of pages, for which a password in a header is none: the way to the sign-in (decisions.md W2).
    assert status("GET", "/objects/info/packs") == 302
    assert status("GET", "/HEAD") == 302


def test_old_flaws_are_taken_and_dangerous_objects_are_not(server: Server, root: Api, git: Git) -> None:
    name = root.new_repo().name
    url = f"{server.url.replace('://', f'://root:{server.admin_password}@')}/{name}"
    work = git.new_work()
    git.commit(work)
    tree = git.out("rev-parse", "HEAD^{tree}", cwd=work)
    for number, author in enumerate(
        ("A <a@b> 1000000000 +051800", "A<a@b> 1000000000 +0000", "<a@b> 1000000000 +0000")
    ):
        raw = f"tree {tree}\nauthor {author}\ncommitter A <a@b> 1000000000 +0000\n\nold\n".encode()
        commit = git.run("hash-object", "-t", "commit", "-w", "--literally", "--stdin", cwd=work, stdin=raw)
        git.run("push", "--quiet", url, f"{commit.stdout.decode().strip()}:refs/heads/old{number}", cwd=work)
    assert len(root("get_repo_changesets", repoid=name, start_rev="0", limit=-1)) == 3
    blob = git.out("rev-parse", "HEAD:file.txt", cwd=work)
    evil = git.run("hash-object", "-t", "tree", "-w", "--literally", "--stdin", cwd=work, stdin=_tree(b".git", blob))
    raw = f"tree {evil.stdout.decode().strip()}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx\n".encode()
    commit = git.run("hash-object", "-t", "commit", "-w", "--stdin", cwd=work, stdin=raw)
    said = git.refused("push", url, f"{commit.stdout.decode().strip()}:refs/heads/evil", cwd=work)
    assert "hasDotgit" in said


def _tree(name: bytes, blob: str) -> bytes:
    return b"100644 " + name + b"\0" + bytes.fromhex(blob)
