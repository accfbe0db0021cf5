# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of every sort, permanent addresses, groups that move (system.md 3.1, 3.5)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.clients import Api, Person, unique
from tests.support.servers import Server
from tests.support.systems import SYSTEMS, Filled, System, new_system

ODD_NAMES = ("with space", "plus+and&ampersand", "grüße", "данные", "a.b-c_d", "!(),;=@$&'", "~tilde")
FORMERLY = ("100%", "a#b", "a:b", "info")
"""Of repositories that were there before the rules about names."""


@pytest.mark.parametrize("odd", ODD_NAMES)
def test_names_of_every_sort_work(server: Server, root: Api, system: System, ada: Person, odd: str) -> None:
    group = unique("names")
    name = system.new_repository(root, ada, f"{group}/{odd}/{odd}")
    copy = system.checkout(server, name, ada)
    raw_id = copy.change(**{f"{odd}/{odd}.txt": "text\n"})
    assert system.checkout(server, name, ada).files() == {f"{odd}/{odd}.txt": b"text\n"}
    assert root("get_repo", repoid=name)["last_changeset"]["raw_id"] == raw_id
    listed = root("get_repo_nodes", repoid=name, revision=raw_id, root_path=odd)
    assert [node["name"] for node in listed] == [f"{odd}/{odd}.txt"]


def test_names_from_before_the_rules_are_served_and_can_be_changed(own_server: Server, system: System) -> None:
    """Such names cannot be given any more (decisions.md A16, W12)."""
    own_server.start()
    root = own_server.api(own_server.admin_key)
    ada = root.new_user()
    names = {odd: system.new_repository(root, ada, f"plain-{number}") for number, odd in enumerate(FORMERLY)}
    for name in names.values():
        system.checkout(own_server, name, ada).change("one")
    own_server.stop()
    for odd, name in names.items():
        (own_server.root / name).rename(own_server.root / odd)
        own_server.execute("UPDATE repositories SET name = ?, name_key = ? WHERE name = ?", odd, odd, name)
    own_server.start()
    root = own_server.api(own_server.admin_key)
    for odd, name in names.items():
        system.checkout(own_server, odd, ada).change("two")
        assert len(root("get_repo_changesets", repoid=odd, start_rev="0", limit=-1)) == 2
        assert root("update_repo", repoid=odd, description="still there")["repository"]["repo_name"] == odd
        assert root.error("create_repo", repo_name=odd + "/x", repo_type="git")
        assert root("update_repo", repoid=odd, name=name)["repository"]["repo_name"] == name
        assert root.error("update_repo", repoid=name, name=odd) == f"failed to update repo `{name}`"


def test_the_permanent_address_survives_renames_and_moves(
    server: Server, root: Api, system: System, ada: Person, filled: Filled
) -> None:
    name = filled.name
    permanent = f"_{root('get_repo', repoid=name)['repo_id']}"
    copy = system.checkout(server, permanent, ada)
    group, moved = unique("group"), unique("moved")
    root("create_repo_group", group_name=group)
    root("update_repo", repoid=name, group=group, name=unique("new"))
    copy.change("after the rename")
    root("update_repo_group", repogroupid=group, group_name=moved)
    newest = copy.change("after the move")
    (row,) = [row for row in root("get_repos") if row["repo_name"].startswith(f"{moved}/")]
    assert row["last_changeset"]["raw_id"] == newest
    assert system.checkout(server, row["repo_name"], ada).files() == copy.files()
    system.refused_checkout(server, unique("_0"), ada)


def test_a_deleted_repository_is_gone_and_its_name_free(
    server: Server, root: Api, system: System, ada: Person, filled: Filled
) -> None:
    name, copy = filled.name, filled.copy
    root("delete_repo", repoid=name)
    copy.refused_update()
    system.refused_checkout(server, name, ada)
    system.new_repository(root, ada, name)
    assert system.checkout(server, name, ada).files() == {}


def test_other_kinds_know_nothing_of_a_repository(
    server: Server, root: Api, system: System, tmp_path: Path, ada: Person, filled: Filled
) -> None:
    name = filled.name
    for kind in SYSTEMS:
        if kind != system.kind:
            new_system(kind, tmp_path / f"home-{kind}").refused_checkout(server, name, ada)


def test_a_group_that_moves_takes_its_repositories_along(
    server: Server, root: Api, system: System, ada: Person
) -> None:
    group, moved = unique("group"), unique("moved")
    root("create_repo_group", group_name=group)
    name = system.new_repository(root, ada, f"{group}/inner/repo")
    copy = system.checkout(server, name, ada)
    raw_id = copy.change()
    root("update_repo_group", repogroupid=group, group_name=moved)
    fresh = system.checkout(server, f"{moved}/inner/repo", ada)
    assert fresh.files() == copy.files()
    assert root("get_repo", repoid=f"{moved}/inner/repo")["last_changeset"]["raw_id"] == raw_id
    newest = fresh.change("under the new name")
    assert root("get_repo", repoid=f"{moved}/inner/repo")["last_changeset"]["raw_id"] == newest
