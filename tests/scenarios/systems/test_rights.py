# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may read and publish is one decision, whatever the system (system.md 3.2)."""

from __future__ import annotations

from tests.support.clients import Api, Person, unique
from tests.support.servers import Server
from tests.support.systems import Filled, System


def test_permissions_decide_about_reading_and_publishing(
    server: Server, root: Api, system: System, ada: Person, filled: Filled
) -> None:
    name, ids = filled.name, filled.ids
    ben = root.new_user()
    root("grant_user_permission", repoid=name, userid=ben.name, perm="repository.none")
    system.refused_checkout(server, name, ben)
    root("grant_user_permission", repoid=name, userid=ben.name, perm="repository.read")
    copy = system.checkout(server, name, ben)
    said = copy.refused_change()
    assert f"You may read the repository `{name}` but not push to it." in said
    assert root("get_repo", repoid=name)["last_changeset"]["raw_id"] == ids[-1]
    root("grant_user_permission", repoid=name, userid=ben.name, perm="repository.write")
    newer = system.checkout(server, name, ben).change()
    assert root("get_repo", repoid=name)["last_changeset"]["raw_id"] == newer
    root("grant_user_permission", repoid=name, userid=ben.name, perm="repository.none")
    copy.refused_update()


def test_visitors_and_wrong_passwords_get_nothing(
    server: Server, root: Api, system: System, ada: Person, filled: Filled
) -> None:
    name = filled.name
    system.refused_checkout(server, name, None)
    system.refused_checkout(server, name, Person(ada.id, ada.name, "wrong password", ada.key, ada.api))
    system.refused_checkout(server, unique("missing"), ada)


def test_keys_and_tokens_are_passwords(server: Server, root: Api, system: System, ada: Person, filled: Filled) -> None:
    name = filled.name
    for password in (ada.key, server.new_token(ada.name, "vcs"), server.new_token(ada.name, "all")):
        system.checkout(server, name, Person(ada.id, ada.name, password, ada.key, ada.api)).change()
    for password in (server.new_token(ada.name, "api"), server.new_token(ada.name, "vcs", lifetime=0)):
        system.refused_checkout(server, name, Person(ada.id, ada.name, password, ada.key, ada.api))


def test_an_archived_repository_is_only_read(
    server: Server, root: Api, system: System, ada: Person, filled: Filled
) -> None:
    name, copy = filled.name, filled.copy
    server.administer("archive", name)
    assert f"The repository `{name}` is archived" in copy.refused_change()
    system.checkout(server, name, ada)
    server.administer("unarchive", name)
    system.checkout(server, name, ada).change()


def test_visitors_where_they_are_welcome(own_server: Server, system: System) -> None:
    own_server.start()
    root = own_server.api(own_server.admin_key)
    own_server.administer("public-access", "on")
    ada = root.new_user()
    public, private = system.new_repository(root, ada), system.new_repository(root, ada, private=True)
    for name in (public, private):
        system.checkout(own_server, name, ada).change(file="x\n")
    visitor = system.checkout(own_server, public, None)
    assert visitor.files() == {"file": b"x\n"}
    visitor.refused_change()
    system.refused_checkout(own_server, private, None)
