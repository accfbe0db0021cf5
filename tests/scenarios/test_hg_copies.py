# SPDX-License-Identifier: GPL-3.0-or-later
"""What forks, pulls and strips of Mercurial have of their own: bookmarks, many heads (api-repos.md 4, 5)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.clients import Api, unique
from tests.support.hg_client import Hg
from tests.support.servers import Server


def ids(root: Api, name: str) -> list[str]:
    return [row["raw_id"] for row in root("get_repo_changesets", repoid=name, start_rev="0", limit=-1)]


@pytest.fixture
def source(server: Server, root: Api, hg: Hg) -> tuple[str, Path, list[str]]:
    """A repository of four changesets, two of which are heads: 0 - 1 - 3, 0 - 2; a bookmark on the last."""
    name = unique("source")
    root("create_repo", repo_name=name, repo_type="hg")
    hg.sign_in(server.url, server.admin, server.admin_password)
    work = hg.new_work()
    commits = [hg.commit(work, "0"), hg.commit(work, "1")]
    hg.run("update", "-r", commits[0], cwd=work)
    commits.append(hg.commit(work, "2"))
    hg.run("update", "-r", commits[1], cwd=work)
    commits.append(hg.commit(work, "3"))
    hg.run("bookmark", "-r", commits[3], "book", cwd=work)
    hg.run("push", "--force", server.clone_url(name), cwd=work)
    hg.run("push", "-B", "book", "-r", "tip", server.clone_url(name), cwd=work, check=False)
    return name, work, commits


def verify(server: Server, hg: Hg, name: str) -> None:
    assert hg.run("verify", "--quiet", "-R", str(server.root / name)).stdout == b""
    assert sorted(path.name for path in (server.root / name).iterdir()) == [".hg"]


def test_a_fork_has_every_name_and_no_file_in_common(
    server: Server, root: Api, hg: Hg, source: tuple[str, Path, list[str]]
) -> None:
    name, _, commits = source
    target = f"{unique('forks')}/deep/copy"
    root("fork_repo", repoid=name, fork_name=target)
    assert ids(root, target) == ids(root, name) == commits
    assert root("get_repo_changeset", repoid=target, revision="book")["raw_id"] == commits[3]
    verify(server, hg, target)
    stored = [
        {path.stat().st_ino for path in (server.root / one).rglob("*") if path.is_file()} for one in (name, target)
    ]
    assert not stored[0] & stored[1]


def test_a_fork_has_nothing_that_is_not_published(
    server: Server, root: Api, hg: Hg, source: tuple[str, Path, list[str]]
) -> None:
    """Neither secret nor obsolete changesets, nor a bookmark on one, nor what clients put aside."""
    name, _, commits = source
    on_disk = ("-R", str(server.root / name))
    evolving = ("--config", "experimental.evolution=all")
    hg.run("phase", "--force", "--secret", "-r", commits[3], *on_disk)
    hg.run("bookmark", "-r", commits[0], "kept", *on_disk)
    for hide in (("phase", "--force", "--draft", "-r", commits[2]), ("debugobsolete", commits[2], *evolving)):
        target = unique("fork")
        root("fork_repo", repoid=name, fork_name=target)
        shown = ids(root, name)
        assert ids(root, target) == shown
        stored = hg.out("log", "--hidden", "-T", "{node} ", "-R", str(server.root / target)).split()
        assert sorted(stored) == sorted(shown)
        assert hg.out("bookmark", "-T", "{bookmark} ", "-R", str(server.root / target)) == "kept"
        verify(server, hg, target)
        hg.run(*hide, *on_disk)
        root("get_repo", repoid=name, cache=False)
    assert ids(root, name) == [commits[0], commits[1]]
    # With nothing hidden the files are copied: only those that are published.
    other = unique("source")
    root("create_repo", repo_name=other, repo_type="hg")
    hg.run("push", server.clone_url(other), cwd=hg.home / "work")
    control = server.root / other / ".hg"
    (control / "shelved").mkdir()
    (control / "shelved" / "mine.hg").write_bytes(b"HG20")
    hg.run("debugobsolete", "f" * 40, "-R", str(server.root / other), *evolving)
    assert (control / "store" / "obsstore").exists()
    target = unique("fork")
    root("fork_repo", repoid=other, fork_name=target)
    assert ids(root, target) == ids(root, other)
    assert not (server.root / target / ".hg" / "shelved").exists()
    assert not (server.root / target / ".hg" / "store" / "obsstore").exists()


def test_bookmarks_are_set_to_where_the_remote_has_them(
    server: Server, root: Api, hg: Hg, source: tuple[str, Path, list[str]]
) -> None:
    """Forward, back, to another line, and none is deleted: as Git's branches are pulled."""
    name, work, commits = source
    target = unique("import")
    address = f"{server.url.replace('://', f'://root:{server.admin_password}@')}/{name}"
    root("create_repo", repo_name=target, repo_type="hg", clone_uri=address)
    on_server = ("-R", str(server.root / name))
    for to in (commits[1], commits[2], commits[0], commits[3], hg.commit(work, "new")):
        hg.run("push", server.clone_url(name), cwd=work, check=False)
        hg.run("bookmark", "--force", "-r", to, "book", *on_server)
        root("pull", repoid=target)
        assert root("get_repo_changeset", repoid=target, revision="book")["raw_id"] == to
    hg.run("bookmark", "--rename", "book", "novel", *on_server)
    root("pull", repoid=target)
    assert hg.out("bookmark", "-T", "{bookmark} ", "-R", str(server.root / target)) == "book novel"


# Strip


def test_a_changeset_goes_with_its_descendants_and_no_others(
    server: Server, root: Api, hg: Hg, source: tuple[str, Path, list[str]]
) -> None:
    name, work, commits = source
    assert root("strip", repoid=name, revision=commits[1], branch="default") == {
        "msg": f"Stripped commit {commits[1]} from repo `{name}`",
        "repository": name,
    }
    assert ids(root, name) == [commits[0], commits[2]]
    assert root("get_repo", repoid=name)["last_changeset"]["raw_id"] == commits[2]
    assert root.error("get_repo_changeset", repoid=name, revision=commits[3]).startswith("Commit `")
    verify(server, hg, name)
    hg.run("clone", server.clone_url(name), "copy")
    assert hg.out("log", "-T", "{node} ", cwd=hg.home / "copy").split() == [commits[2], commits[0]]
    (bundle,) = server.root.glob(f".trash/*-{commits[1][:12]}.bundle")
    hg.run("unbundle", str(bundle), cwd=hg.home / "copy")
    assert commits[3] in hg.out("log", "-T", "{node} ", cwd=hg.home / "copy")
    hg.run("push", "--force", server.clone_url(name), cwd=work)
    assert ids(root, name) == [commits[0], commits[2], commits[1], commits[3]]
    assert [row[0] for row in server.journal("strip", name)] == ["root"]
    verify(server, hg, name)


def test_stripping_the_first_one_empties_the_repository(
    server: Server, root: Api, hg: Hg, source: tuple[str, Path, list[str]]
) -> None:
    name, work, commits = source
    root("strip", repoid=name, revision="0", branch="")
    assert root("get_repo", repoid=name)["last_changeset"]["revision"] == -1
    assert root("get_repo_nodes", repoid=name, revision="tip", root_path="") == []
    hg.run("clone", server.clone_url(name), "copy")
    hg.run("push", "--force", server.clone_url(name), cwd=work)
    assert sorted(ids(root, name)) == sorted(commits)


def test_what_cannot_be_stripped_changes_nothing(root: Api, source: tuple[str, Path, list[str]]) -> None:
    name, _, commits = source
    for revision in ("nope", "HEAD", "all()", "--all", "f" * 40, "\0", "9"):
        error = root.error("strip", repoid=name, revision=revision, branch="default")
        assert error == f"Unable to strip commit {revision} from repo `{name}`"
    assert ids(root, name) == commits
