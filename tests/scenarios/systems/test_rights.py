# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may read and publish is one decision, whatever the system (system.md 3.2)."""

from __future__ import annotations

import re
from collections.abc import Callable

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
        assert system.may(root, name, ada, password) == (401, 401)


def test_hidden_and_missing_repositories_are_answered_alike(root: Api, system: System, ada: Person) -> None:
    stranger = root.new_user()
    private, missing = system.new_repository(root, ada, private=True), unique("missing")
    for who, status in (
        (None, 401),
        ((stranger.name, "wrong"), 401),
        ((unique("nobody"), "wrong"), 401),
        ((stranger.name, stranger.password), 404),
    ):
        for pushing in (False, True):
            answer = system.ask(root, private, who, pushing=pushing)
            assert answer == system.ask(root, missing, who, pushing=pushing)
            assert answer[0] == status
    assert system.may(root, private, ada) == (200, 200)


def test_grants_and_revokes_count_at_once(root: Api, system: System, ada: Person) -> None:
    ben = root.new_user()
    name = system.new_repository(root, ada, private=True)
    assert system.may(root, name, ben) == (404, 404)
    for level, expected in (("read", (200, 403)), ("write", (200, 200)), ("none", (404, 404)), ("admin", (200, 200))):
        root("grant_user_permission", repoid=name, userid=ben.id, perm=f"repository.{level}")
        assert system.may(root, name, ben) == expected
    root("revoke_user_permission", repoid=name, userid=ben.id)
    assert system.may(root, name, ben) == (404, 404)
    people = root.new_user_group(ben)
    root("grant_user_group_permission", repoid=name, usergroupid=people.id, perm="repository.write")
    assert system.may(root, name, ben) == (200, 200)
    root("remove_user_from_user_group", usergroupid=people.id, userid=ben.id)
    assert system.may(root, name, ben) == (404, 404)


def test_changes_of_an_account_count_at_once(server: Server, root: Api, system: System) -> None:
    ben = root.new_user()
    name = system.new_repository(root, ben)
    assert system.may(root, name, ben) == (200, 200)
    root("update_user", userid=ben.id, active=False)
    assert system.may(root, name, ben) == (403, 403)
    assert "This account is not active." in system.ask(root, name, (ben.name, ben.password))[1]
    assert system.may(root, name, ben, "wrong") == (401, 401)
    root("update_user", userid=ben.id, active=True)
    root("update_user", userid=ben.id, password="another-pw")
    assert system.may(root, name, ben) == (401, 401)
    assert system.may(root, name, ben, "another-pw") == (200, 200)
    server.allow_address(ben.name, "10.0.0.0/8")
    assert system.may(root, name, ben, "another-pw") == (403, 403)
    assert system.may(root, name, ben, ben.key) == (403, 403)
    server.allow_address(ben.name, "127.0.0.0/8")
    assert system.may(root, name, ben, ben.key) == (200, 200)
    root("delete_repo", repoid=name)
    root("delete_user", userid=ben.id)
    assert system.may(root, name, ben, ben.key) == (401, 401)


def test_an_archived_repository_is_only_read_even_by_its_owner(
    server: Server, root: Api, system: System, ada: Person, filled: Filled
) -> None:
    name, copy = filled.name, filled.copy
    server.administer("archive", name)
    said = f"The repository `{name}` is archived: it can be read but not pushed to."
    assert said in copy.refused_change()
    for who in ((ada.name, ada.password), (server.admin, server.admin_password)):
        status, text = system.ask(root, name, who, pushing=True)
        assert status == 403 and said in text
    system.checkout(server, name, ada)
    server.administer("unarchive", name)
    system.checkout(server, name, ada).change()


def test_visitors_where_they_are_welcome(
    server: Server, root: Api, system: System, ada: Person, visitors: Callable[[str], None]
) -> None:
    public, private = system.new_repository(root, ada), system.new_repository(root, ada, private=True)
    for name in (public, private):
        system.checkout(server, name, ada).change(file="x\n")
    assert system.ask(root, public, None)[0] == 401
    visitors("on")
    visitor = system.checkout(server, public, None)
    assert visitor.files() == {"file": b"x\n"}
    visitor.refused_change()
    system.refused_checkout(server, private, None)
    assert system.ask(root, private, None) == system.ask(root, unique("missing"), None)
    assert system.ask(root, public, (ada.name, "wrong"))[0] == 401
    assert system.ask(root, public, None, pushing=True)[0] == 401
    system.checkout(server, public, ada).change()
    root("grant_user_permission", repoid=public, userid="default", perm="repository.write")
    # A commit of Subversion has an author, and it is the server that says who.
    assert system.ask(root, public, None, pushing=True)[0] == (401 if system.kind == "svn" else 200)
    visitors("off")
    assert system.ask(root, public, None)[0] == 401


def test_guessing_is_stopped_but_not_the_key(own_server: Server, system: System) -> None:
    own_server.start(TRIVIUM_LOGIN_FAILURES="3", TRIVIUM_LOGIN_LOCK_SECONDS="600")
    root = own_server.api(own_server.admin_key)
    ada, ben = root.new_user(), root.new_user()
    name = system.new_repository(root, ada)
    root("grant_user_permission", repoid=name, userid=ben.id, perm="repository.write")
    for _ in range(3):
        assert system.ask(root, name, (ada.name, "wrong"))[0] == 401
    for password in ("wrong", ada.password):
        status, said = system.ask(root, name, (ada.name, password))
        assert status in (403, 429)
        assert re.search(r"Too many failed sign-ins; try again in \d+ seconds\.", said)
    assert system.may(root, name, ada, ada.key) == (200, 200)
    assert system.may(root, name, ben) == (200, 200)


def test_a_password_that_must_be_changed_does_not_serve(root: Api, system: System) -> None:
    ada = root.new_user(force_password_change=True)
    name = system.new_repository(root, ada)
    status, said = system.ask(root, name, (ada.name, ada.password))
    assert status in (403, 406)
    assert "password change required" in said
    assert system.may(root, name, ada) == (status, status)
    assert system.may(root, name, ada, "wrong") == (401, 401)
    root("update_user", userid=ada.id, password="another-pw")
    assert system.may(root, name, ada, "another-pw") == (200, 200)
