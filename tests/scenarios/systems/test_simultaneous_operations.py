# SPDX-License-Identifier: GPL-3.0-or-later
"""Pushes, forks, pulls, strips, moves and deletions at the same moment (security.md R-14, R-15).

Every acknowledged push is there under the final name, nothing is there by half, and the journal tells it all.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.clients import Api, Person, unique
from tests.support.crowd import at_once
from tests.support.repositories import ZERO
from tests.support.servers import Server
from tests.support.systems import Copy, Filled, Move, System
from tests.support.waiting import until

TURNS = 4
PUSHERS = 2

fetches_and_strips = pytest.mark.parametrize("system", ["git", "hg"], indirect=True)
"""For what Subversion does not have in the API."""

BUNDLED = {"git": ("bundle", "list-heads"), "hg": ("debugbundle",)}
"""What tells of the changesets in a bundle."""


def acknowledged(copy: Copy, number: int) -> set[str]:
    """Publish one change after the other, apart from the others; the ids of those that the server took."""
    copy.own_line(f"line{number}")
    return {raw_id for turn in range(TURNS) if (raw_id := copy.offer(f"{number}, {turn}"))}


class Project:
    """A repository with three changesets, which two people use at its permanent address."""

    def __init__(self, server: Server, root: Api, system: System, ada: Person, filled: Filled) -> None:
        self.server, self.root, self.system, self.ada = server, root, system, ada
        self.name, self.ids = filled.name, filled.ids
        self.id = root("get_repo", repoid=self.name)["repo_id"]
        self.copy = filled.copy

    def checkout(self) -> Copy:
        return self.system.checkout(self.server, f"_{self.id}", self.ada)

    def meanwhile(self, act: Callable[[], object]) -> set[str]:
        """Let everybody publish while something else goes on; the ids of what the server took."""
        copies = [self.checkout() for _ in range(PUSHERS)]

        def one(number: int) -> set[str]:
            if number < PUSHERS:
                return acknowledged(copies[number], number)
            act()
            return set()

        return {raw_id for taken in at_once(one, times=PUSHERS + 1) for raw_id in taken}

    def moves(self) -> list[Move]:
        """What the journal tells of the repository, oldest first."""
        rows = self.server.query(
            "SELECT detail FROM journal WHERE action IN ('push', 'strip', 'remote.pull') AND repository_id = ?"
            " ORDER BY id",
            self.id,
        )
        return [(name, old, new) for (detail,) in rows for name, old, new in json.loads(detail)["refs"]]

    def whole(self) -> list[str]:
        """The ids of the repository, which is in order and of which the journal tells everything."""
        self.system.assert_told(self.server.root / self.name, self.moves())
        self.nothing_under_way()
        return self.system.whole(self.server, self.root, self.name)

    def nothing_under_way(self) -> None:
        """No operation on the repository counts as begun."""
        assert self.server.under_way(self.id) == []


@pytest.fixture
def project(server: Server, root: Api, system: System, ada: Person, filled: Filled) -> Project:
    return Project(server, root, system, ada, filled)


def own_address(server: Server, name: str) -> str:
    """Where the server imports from itself."""
    return server.clone_url(name, server.administrator)


def test_of_two_who_change_the_same_at_once_one_must_look_first(project: Project) -> None:
    ids = list(project.ids)
    for turn in range(3):
        copies = [project.checkout() for _ in range(PUSHERS)]
        for number, copy in enumerate(copies):
            copy.write(**{"docs/read me.txt": f"{turn}, {number}\n"})
            copy.commit(f"{turn}, {number}")

        def publish(number: int, copies: list[Copy] = copies) -> str | None:
            try:
                copies[number].publish()
            except AssertionError:
                return None
            return copies[number].published()

        (raw_id,) = [raw_id for raw_id in at_once(publish, times=PUSHERS) if raw_id]
        ids.append(raw_id)
        assert project.whole() == ids


def test_a_repository_that_is_renamed_while_somebody_publishes(root: Api, system: System, project: Project) -> None:
    """A rename waits for a push, and a push for a rename; Subversion's clients ask much before they begin to write."""
    names = [unique("name") for _ in range(TURNS)]

    def rename() -> None:
        for name in names:
            root("update_repo", repoid=project.id, name=name)

    taken = project.meanwhile(rename)
    assert len(taken) == PUSHERS * TURNS or system.kind == "svn"
    project.name = names[-1]
    assert {*project.ids, *taken} == set(project.whole())


def test_groups_that_move_while_somebody_publishes(
    server: Server, root: Api, system: System, ada: Person, project: Project
) -> None:
    """Group moves take no lock: a push under whose feet the directory goes away is refused, never lost."""
    outer, inner, other = root.new_repo_group(), unique("inner"), root.new_repo_group()
    root("create_repo_group", group_name=f"{outer.name}/{inner}")
    root("update_repo", repoid=project.id, group=f"{outer.name}/{inner}")
    group = root("get_repo_group", repogroupid=f"{outer.name}/{inner}")["group_id"]

    def move() -> None:
        for turn in range(TURNS):
            root("update_repo_group", repogroupid=group, group_name=f"moved{turn}", parent=(other, outer)[turn % 2].id)

    taken = project.meanwhile(move)
    project.name = f"{(other, outer)[(TURNS - 1) % 2].name}/moved{TURNS - 1}/{project.name}"
    assert root("get_repo", repoid=project.id)["repo_name"] == project.name
    assert {*project.ids, *taken} <= set(project.whole())


def test_what_was_published_before_a_deletion_is_in_the_trash(
    server: Server, root: Api, system: System, ada: Person, project: Project
) -> None:
    taken = project.meanwhile(lambda: root("delete_repo", repoid=project.id))
    assert not (server.root / project.name).exists()
    assert root.error("get_repo", repoid=project.id) == f"repository `{project.id}` does not exist"
    (trash,) = [path for path in server.root.glob(f".trash/*-{project.id}") if path.is_dir()]
    system.verify(trash)
    assert {*project.ids, *taken} <= set(system.ids(trash))
    project.nothing_under_way()
    system.new_repository(root, ada, project.name)
    assert root("get_repo", repoid=project.name)["repo_id"] != project.id
    assert system.checkout(server, project.name, ada).files() == {}


def test_forks_of_a_repository_that_is_published_to(
    server: Server, root: Api, system: System, project: Project
) -> None:
    """Each fork is the source at one moment: all that was acknowledged before is in it, and nothing that never was."""
    names = [unique("fork") for _ in range(TURNS)]
    before: list[set[str]] = []

    def fork() -> None:
        for name in names:
            before.append(set(system.ids(server.root / project.name)))
            root("fork_repo", repoid=project.id, fork_name=name)

    taken = project.meanwhile(fork)
    assert len(taken) == PUSHERS * TURNS
    final = set(project.whole())
    assert final == {*project.ids, *taken}
    for name, seen in zip(names, before, strict=True):
        assert seen <= set(system.whole(server, root, name)) <= final


@pytest.mark.parametrize("forks", ["", "detach", "delete"])
def test_a_deletion_of_what_is_being_forked(
    server: Server, root: Api, system: System, project: Project, forks: str
) -> None:
    names = [unique("fork") for _ in range(4)]

    def act(number: int) -> str | None:
        if number == len(names):
            said = root.envelope("delete_repo", repoid=project.id, forks=forks)["error"]
        else:
            said = root.envelope("fork_repo", repoid=project.id, fork_name=names[number])["error"]
        return None if said is None else str(said)

    *forked, deleted = at_once(act, times=len(names) + 1)
    gone = root.envelope("get_repo", repoid=project.id)["error"] is not None
    assert gone is (deleted is None)
    assert not gone or not (server.root / project.name).exists()
    rows = {row["repo_name"]: row for row in root("get_repos")}
    for name, said in zip(names, forked, strict=True):
        assert said is None or "failed to fork" in said or "does not exist" in said
        if name not in rows:
            assert said is not None or (gone and forks == "delete")
            assert not (server.root / name).exists()
            continue
        assert said is None
        assert rows[name]["fork_of"] == (None if gone else project.name)
        assert system.whole(server, root, name) == project.ids
    until(lambda: list((server.root / ".staging").iterdir()) == [])


@fetches_and_strips
def test_strips_and_pushes_to_one_branch(server: Server, root: Api, system: System, project: Project) -> None:
    """Whoever comes later works on what the other left, or is refused."""

    def act(number: int) -> list[str]:
        taken = []
        for turn in range(TURNS):
            if number < PUSHERS:
                try:
                    copy = project.checkout()
                except AssertionError:  # what he was told of is being stripped
                    continue
                taken += [raw_id] if (raw_id := copy.offer(f"{number}, {turn}")) else []
            else:
                tip = root("get_repo_changeset", repoid=project.id, revision="tip")["raw_id"]
                if tip != project.ids[0]:
                    root.envelope("strip", repoid=project.id, revision=tip, branch="master")
        return taken

    taken = {raw_id for one in at_once(act, times=PUSHERS + 1) for raw_id in one}
    ids = project.whole()
    assert ids[0] == project.ids[0]
    moves = project.moves()
    assert taken <= {new for _, _, new in moves}
    stripped = {old for _, old, _ in moves} - {ZERO, *ids}
    said = [
        project.copy.run(*BUNDLED[system.kind], str(bundle))
        for bundle in server.root.glob(f".trash/*-{project.id}-*.bundle")
    ]
    assert stripped <= set(re.findall(r"\b[0-9a-f]{40}\b", "\n".join(said)))


@fetches_and_strips
def test_pulls_into_what_is_published_to(
    server: Server, root: Api, system: System, ada: Person, project: Project
) -> None:
    """A pull brings what the remote has, and nothing else."""
    name = unique("import")
    address = own_address(server, project.name)
    root("create_repo", repo_name=name, repo_type=system.kind, clone_uri=address, owner=ada.name)
    target = root("get_repo", repoid=name)["repo_id"]
    copies = (project.checkout(), system.checkout(server, name, ada))

    def act(number: int) -> set[str]:
        if number < PUSHERS:
            return acknowledged(copies[number], number)
        for _ in range(TURNS):
            root("pull", repoid=target)
        return set()

    ours, theirs, *_ = at_once(act, times=PUSHERS + 2)
    assert len(ours) == len(theirs) == TURNS
    root("pull", repoid=target)
    assert set(project.whole()) == {*project.ids, *ours}
    assert set(system.whole(server, root, name)) == {*project.ids, *ours, *theirs}
    assert server.under_way(target) == []


def copies_of(server: Server, root: Api, project: Project) -> dict[str, Callable[[str], Any]]:
    """All that makes a copy under a name, and answers with its envelope."""
    kind, address = project.system.kind, own_address(server, project.name)
    found: dict[str, Callable[[str], Any]] = {
        "fork": lambda name: root.envelope("fork_repo", repoid=project.id, fork_name=name),
        "repo": lambda name: root.envelope("create_repo", repo_name=name, repo_type=kind, clone_uri=address),
    }
    if kind == "svn":
        del found["repo"]
    return found


def test_one_copy_of_a_name(server: Server, root: Api, system: System, project: Project) -> None:
    for what, copy in copies_of(server, root, project).items():
        for name in (unique("copy"), f"{unique('team')}/tools/copy"):
            said = Counter(at_once(lambda _, copy=copy, name=name: copy(name)["error"] or "success"))
            assert said == {"success": 1, f"{what} `{name}` already exist": 7}
            assert system.whole(server, root, name) == project.ids
            assert server.query("SELECT count(*) FROM repositories WHERE name = ?", name) == [(1,)]


def test_copies_of_all_kinds_under_one_name(server: Server, root: Api, system: System, project: Project) -> None:
    name = unique("either")
    calls = [
        lambda name: root.envelope("create_repo", repo_name=name, repo_type=system.kind),
        lambda name: root.envelope("create_repo_group", group_name=name),
        *copies_of(server, root, project).values(),
    ]
    said = at_once(lambda number: calls[number % len(calls)](name)["error"], times=2 * len(calls))
    assert said.count(None) == 1
    match said.index(None) % len(calls):
        case 0:
            assert system.whole(server, root, name) == []
        case 1:
            assert list((server.root / name).iterdir()) == []
        case _:
            assert system.whole(server, root, name) == project.ids
