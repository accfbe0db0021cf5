# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody may do with an object: owner, own row, rows of groups, default (api-users.md 5.3)."""

from __future__ import annotations

from tests.support.clients import Api
from tests.support.kinds import REPO_GROUP, REPOSITORY, USER_GROUP, Kind, every_kind


@every_kind
def test_the_layers_one_after_the_other(root: Api, kind: Kind) -> None:
    ada = root.new_user()
    first, second = root.new_user_group(ada), root.new_user_group(ada)
    thing = kind.new(root)

    def level() -> str:
        return kind.level(root, thing, ada.id)

    assert level() == "read"  # the factory row of default
    kind.give(root, thing, "default", "write")
    assert level() == "write"
    kind.give_group(root, thing, first, "none")
    assert level() == "none"  # a group row takes away what default gives
    kind.give_group(root, thing, second, "read")
    assert level() == "read"  # of several groups the strongest counts
    kind.give_group(root, thing, first, "admin")
    assert level() == "admin"
    kind.give(root, thing, ada.id, "none")
    assert level() == "none"  # the own row replaces the groups', downwards
    kind.give(root, thing, ada.id, "write")
    assert level() == "write"
    kind.take(root, thing, ada.id)
    assert level() == "admin"  # taking a row away uncovers the layer below
    root("update_user_group", usergroupid=first.id, active=False)
    assert level() == "read"  # an inactive group gives nothing
    root("remove_user_from_user_group", usergroupid=second.id, userid=ada.id)
    assert level() == "write"  # nor does one that he is not in
    root("update_user_group", usergroupid=first.id, active=True)
    assert level() == "admin"
    kind.take_group(root, thing, first)
    assert level() == "write"
    kind.take(root, thing, "default")
    assert level() == "none"  # without a row of default there is no access


@every_kind
def test_rows_of_the_owner_and_of_super_admins_mean_nothing(root: Api, kind: Kind) -> None:
    owner, deputy = root.new_user(), root.new_user(admin=True)
    people = root.new_user_group(owner, deputy)
    thing = kind.new(root, owner=owner.id)
    kind.give(root, thing, "default", "none")
    kind.give_group(root, thing, people, "none")
    for person in (owner, deputy):
        kind.give(root, thing, person.id, "none")
        assert kind.level(root, thing, person.id) == "admin"
    root("update_user", userid=deputy.id, admin=False)
    assert kind.level(root, thing, deputy.id) == "none"


@every_kind
def test_a_change_counts_for_the_next_call(root: Api, kind: Kind) -> None:
    ada, people = root.new_user(), root.new_user_group()
    thing = kind.new(root)

    def readable() -> bool:
        answer = ada.api.envelope(kind.getter, **{kind.argument: thing.id})
        assert answer["error"] in (None, kind.missing(thing.id))
        return answer["error"] is None

    assert readable()
    kind.give(root, thing, "default", "none")
    assert not readable()
    kind.give(root, thing, ada.id, "read")
    assert readable()
    kind.take(root, thing, ada.id)
    assert not readable()
    kind.give_group(root, thing, people, "read")
    assert not readable()
    root("add_user_to_user_group", usergroupid=people.id, userid=ada.id)
    assert readable()
    root("update_user_group", usergroupid=people.id, active=False)
    assert not readable()
    root("update_user_group", usergroupid=people.id, active=True)
    assert readable()
    root("remove_user_from_user_group", usergroupid=people.id, userid=ada.id)
    assert not readable()


def test_a_private_repository_is_open_to_its_owner_super_admins_and_whoever_has_a_row(root: Api) -> None:
    owner, by_row, by_group, stranger = (root.new_user() for _ in range(4))
    people = root.new_user_group(by_group)
    repository = owner.api.new_repo(private=True)
    REPOSITORY.give(owner.api, repository, "default", "admin")  # is written, and means nothing
    assert root.repo_rows(repository)["default"] == "repository.admin"
    REPOSITORY.give(owner.api, repository, by_row.id, "read")
    REPOSITORY.give_group(owner.api, repository, people, "write")
    levels = [REPOSITORY.level(root, repository, person.id) for person in (owner, by_row, by_group, stranger)]
    assert levels == ["admin", "read", "write", "none"]
    assert REPOSITORY.level(root, repository, "default") == "none"
    assert stranger.api.error("get_repo", repoid=repository.name) == REPOSITORY.missing(repository.name)
    for person in (owner, by_row, by_group):
        assert person.api("get_repo", repoid=repository.name)["private"] is True


def test_permissions_on_a_group_do_not_flow_into_its_repositories(root: Api) -> None:
    ada, group = root.new_user(), root.new_repo_group()
    repository = root.new_repo(f"{group.name}/core")
    REPO_GROUP.give(root, group, ada.id, "admin")
    assert REPOSITORY.level(root, repository, ada.id) == "read"
    REPO_GROUP.give(root, group, "default", "none")
    assert REPOSITORY.level(root, repository, "default") == "read"


def test_group_to_group_rows_hold_for_members_and_not_for_the_members_groups(root: Api) -> None:
    ada, ben = root.new_user(), root.new_user()
    outer, middle, inner = root.new_user_group(), root.new_user_group(ada), root.new_user_group(ben)
    USER_GROUP.give_group(root, outer, middle, "admin")
    USER_GROUP.give_group(root, middle, inner, "admin")
    assert USER_GROUP.level(root, outer, ada.id) == "admin"
    assert USER_GROUP.level(root, middle, ben.id) == "admin"
    assert USER_GROUP.level(root, outer, ben.id) == "read"
