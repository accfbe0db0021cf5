# SPDX-License-Identifier: GPL-3.0-or-later
"""Commits are removed, where the system can do that; nobody sees them afterwards (api-repos.md 5, strip)."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.support.clients import Api, Person
from tests.support.servers import Server
from tests.support.systems import Filled, System, new_system

BACK = {"git": ("reset", "--quiet", "--hard"), "hg": ("update", "--clean", "--rev")}
PAST = {"git": ("push", "--quiet"), "hg": ("push",)}


@pytest.fixture(params=sorted(BACK))
def system(request: pytest.FixtureRequest, tmp_path: Path) -> System:
    return new_system(request.param, tmp_path / "home")


def ids_of(root: Api, name: str, first: str) -> list[str]:
    return [row["raw_id"] for row in root("get_repo_changesets", repoid=name, start_rev=first, limit=-1)]


def test_what_is_stripped_is_gone_and_may_come_again(
    server: Server, root: Api, system: System, ada: Person, filled: Filled
) -> None:
    name, copy, ids = filled.name, filled.copy, filled.ids
    ben = root.new_user()
    root("lock", repoid=name, locked=True, userid=ben.name)
    refused = f"Unable to strip commit {ids[2]} from repo `{name}`"
    assert ada.api.error("strip", repoid=name, revision=ids[2], branch="master") == refused
    root("lock", repoid=name, locked=False)
    assert ada.api("strip", repoid=name, revision=ids[2], branch="master") == {
        "msg": f"Stripped commit {ids[2]} from repo `{name}`",
        "repository": name,
    }
    assert ids_of(root, name, ids[0]) == ids[:2]
    assert root("get_repo", repoid=name)["last_changeset"]["raw_id"] == ids[1]
    assert root.error("get_repo_changeset", repoid=name, revision=ids[2]).startswith("Commit `")
    assert root.error("get_repo_nodes", repoid=name, revision=ids[2], root_path="").startswith("failed")
    assert "gone" in system.checkout(server, name, ada).files()
    copy.publish()
    assert ids_of(root, name, ids[0]) == ids
    for wrong in ("nowhere", "--all", "0" * 40, ""):
        said = root.error("strip", repoid=name, revision=wrong, branch="master")
        assert said == f"Unable to strip commit {wrong} from repo `{name}`"
    system.verify(server.root / name)


def test_what_was_read_before_it_was_known_is_not_shown_after_the_strip(
    server: Server, root: Api, system: System, filled: Filled
) -> None:
    """A strip leads back to a state that there was before; what somebody kept under that must not come back."""
    name, copy, ids = filled.name, filled.copy, filled.ids
    assert ids_of(root, name, ids[0]) == ids
    copy.write(more="x\n")
    copy.commit("past the server")
    past = (str(server.root / name), *(["HEAD:master"] if system.kind == "git" else []))
    copy.run(*PAST[system.kind], *past)
    newest = copy.published()
    root("invalidate_cache", repoid=name)
    ids_of(root, name, ids[0])
    assert root("get_repo", repoid=name, cache=False)["last_changeset"]["raw_id"] == newest
    assert ids_of(root, name, ids[0]) == [*ids, newest]
    root("strip", repoid=name, revision=newest, branch="master")
    for _ in range(8):  # each worker
        assert ids_of(root, name, ids[0]) == ids
        assert root.error("get_repo_changeset", repoid=name, revision=newest).startswith("Commit `")


def test_who_reads_during_a_strip_finds_what_there_is(
    server: Server, root: Api, system: System, filled: Filled
) -> None:
    name, copy, ids = filled.name, filled.copy, filled.ids
    problems: list[BaseException] = []
    done = threading.Event()

    def look() -> None:
        try:
            while not done.is_set():
                root("invalidate_cache", repoid=name)
                everything = root("get_repo_changesets", repoid=name, start_rev=ids[0], limit=-1, details="full")
                assert [row["raw_id"] for row in everything][:3] == ids
                assert len(root("get_repo_nodes", repoid=name, revision="tip", root_path="", details="full")) >= 5
        except BaseException as problem:
            problems.append(problem)

    readers = [threading.Thread(target=look) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(4):
        newest = copy.change(f"change {number}", again=f"{number}\n")
        root("strip", repoid=name, revision=newest, branch="master")
        copy.run(*BACK[system.kind], ids[-1])
        if system.kind == "hg":
            copy.run("--config", "extensions.strip=", "strip", "--no-backup", newest)
    done.set()
    for reader in readers:
        reader.join()
    assert problems == []
