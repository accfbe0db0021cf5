# SPDX-License-Identifier: GPL-3.0-or-later
"""The locks that users see, in the words of each client (system.md 3.4)."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.clients import Api, Person
from tests.support.servers import Server
from tests.support.systems import Filled, System


def test_a_lock_refuses_pulls_and_the_pushes_of_others(
    server: Server, root: Api, system: System, ada: Person, filled: Filled
) -> None:
    name, copy = filled.name, filled.copy
    ben = root.new_user()
    root("grant_user_permission", repoid=name, userid=ben.name, perm="repository.write")
    other = system.checkout(server, name, ben)
    root("lock", repoid=name, locked=True, userid=ben.name)
    said = f"Repository `{name}` locked by user `{ben.name}`. Reason:`lock_api`"
    assert said in copy.refused_change()
    system.refused_checkout(server, name, ada)
    other.change("by its holder")
    # The switch is off: what was set by hand is taken back by hand.
    assert root("lock", repoid=name)["locked_by"] == ben.name
    root("lock", repoid=name, locked=False)
    system.checkout(server, name, ada).change()
    assert root("lock", repoid=name)["locked"] is False


def test_a_pull_takes_the_lock_and_a_push_gives_it_back(
    server: Server, root: Api, system: System, ada: Person, filled: Filled
) -> None:
    name = filled.name
    root("update_repo", repoid=name, enable_locking=True)
    reader, writer = root.new_user(), root.new_user()
    root("grant_user_permission", repoid=name, userid=writer.name, perm="repository.write")
    system.checkout(server, name, reader)
    assert root("lock", repoid=name)["locked"] is False
    copy = system.checkout(server, name, writer)
    held = root("lock", repoid=name)
    assert (held["locked_by"], held["lock_reason"]) == (writer.name, "lock_pull")
    system.refused_checkout(server, name, ada)
    copy.change()
    assert root("lock", repoid=name)["locked"] is False
    system.checkout(server, name, ada)
    assert root("lock", repoid=name)["locked_by"] == ada.name


def test_a_lock_stops_pulls_and_strips_of_others(root: Api, ada: Person, filled: Filled) -> None:
    name = filled.name
    root("lock", repoid=name, locked=True)
    said = f"Unable to strip commit {filled.ids[-1]} from repo `{name}`"
    assert ada.api.error("strip", repoid=name, revision=filled.ids[-1], branch="master") == said
    assert ada.api.error("pull", repoid=name) == f"Unable to pull changes from `{name}`"
    assert root("get_repo_changeset", repoid=name, revision="tip")["raw_id"] == filled.ids[-1]


def test_a_visitor_takes_no_lock_and_gets_past_none(
    server: Server, root: Api, system: System, ada: Person, visitors: Callable[[str], None]
) -> None:
    visitors("on")
    name = system.new_repository(root, ada)
    system.checkout(server, name, ada).change()
    root("grant_user_permission", repoid=name, userid="default", perm="repository.write")
    root("update_repo", repoid=name, enable_locking=True)
    visitor = system.checkout(server, name, None)
    assert root("lock", repoid=name)["locked"] is False
    root("lock", repoid=name, locked=True)
    said = visitor.refused_change()
    assert system.kind == "svn" or f"Repository `{name}` locked by user `root`. Reason:`lock_api`" in said
    system.refused_checkout(server, name, None)


def test_a_lock_that_only_warns_lets_everybody_go_on(own_server: Server, system: System) -> None:
    own_server.start(TRIVIUM_LOCK_RET_CODE="200")
    root = own_server.api(own_server.admin_key)
    ada = root.new_user()
    name = system.new_repository(root, ada)
    copy = system.checkout(own_server, name, ada)
    copy.change()
    root("lock", repoid=name, locked=True)
    newest = copy.change()
    assert root("get_repo", repoid=name)["last_changeset"]["raw_id"] == newest
    assert system.checkout(own_server, name, ada).files() == copy.files()
    assert root("lock", repoid=name)["locked_by"] == "root"
