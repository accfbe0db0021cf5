# SPDX-License-Identifier: GPL-3.0-or-later
"""update_repo, add_field_to_repo, remove_field_from_repo (api-repos.md 4)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.clients import Api, Git, unique
from tests.support.servers import Server
from tests.support.shapes import REPOSITORY, assert_shape
from tests.support.values import BAD_SEGMENTS, GOOD_SEGMENTS, NO_BOOLEANS, NOBODY, echoed


def missing(repository: object) -> str:
    return f"repository `{repository}` does not exist"


def failed(repository: object) -> str:
    return f"failed to update repo `{repository}`"


# update_repo


def test_everything_about_a_repository_can_be_changed_at_once(root: Api) -> None:
    ada, group = root.new_user(), root.new_repo_group()
    repository = root.new_repo(f"{unique('team')}/core")
    root("add_field_to_repo", repoid=repository.id, key="ticket")
    updated = root(
        "update_repo",
        repoid=repository.name,
        name="kernel",
        owner=ada.name,
        group=group.name,
        description="New & <b>",
        private="true",
        clone_uri="",
        landing_rev="branch:main",
        enable_statistics="yes",
        enable_locking="on",
        enable_downloads=1,
        fields="ticket=T-1",
    )
    assert set(updated) == {"msg", "repository"}
    assert updated["msg"] == f"updated repo ID:{repository.id} {group.name}/kernel"
    assert updated["repository"].pop("ex_ticket") == "T-1"
    assert_shape(updated["repository"], REPOSITORY)
    assert updated["repository"] == updated["repository"] | {
        "repo_id": repository.id,
        "repo_name": f"{group.name}/kernel",
        "owner": ada.name,
        "description": "New & <b>",
        "private": True,
        "clone_uri": "",
        "landing_rev": ["branch", "main"],
        "enable_statistics": True,
        "enable_locking": True,
        "enable_downloads": True,
        "url": f"{root.url}/{group.name}/kernel",
    }
    seen = root("get_repo", repoid=repository.id)
    assert {key: seen[key] for key in updated["repository"]} == updated["repository"]


def test_what_is_omitted_or_null_stays(root: Api) -> None:
    ada = root.new_user()
    repository = root.new_repo(
        f"{unique('team')}/core",
        owner=ada.id,
        description="Kept",
        private=True,
        landing_rev="tag:v1",
        enable_statistics=True,
        enable_locking=True,
        enable_downloads=True,
    )
    before = root("get_repo", repoid=repository.id)
    every = (
        *("name", "owner", "group", "description", "private", "clone_uri", "landing_rev"),
        *("enable_statistics", "enable_locking", "enable_downloads", "fields"),
    )
    for args in ({}, dict.fromkeys(every)):
        updated = root("update_repo", repoid=repository.id, **args)
        assert updated["msg"] == f"updated repo ID:{repository.id} {repository.name}"
        assert root("get_repo", repoid=repository.id) == before


def test_a_description_can_be_cleared(root: Api) -> None:
    repository = root.new_repo(description="Old")
    assert root("update_repo", repoid=repository.id, description="")["repository"]["description"] == ""


def test_flags_can_be_taken_back(root: Api) -> None:
    repository = root.new_repo(enable_statistics=True, enable_locking=True, enable_downloads=True)
    updated = root(
        "update_repo", repoid=repository.id, enable_statistics="false", enable_locking=0, enable_downloads="off"
    )["repository"]
    assert (updated["enable_statistics"], updated["enable_locking"], updated["enable_downloads"]) == (False,) * 3


def test_private_closes_the_repository_and_public_does_not_open_it_again(root: Api) -> None:
    ada, repository = root.new_user(), root.new_repo()
    assert ada.api("get_repo", repoid=repository.id)["private"] is False
    root("update_repo", repoid=repository.id, private=True)
    assert root.repo_rows(repository) == {"default": "repository.none"}
    assert ada.api.error("get_repo", repoid=repository.id) == missing(repository.id)
    root("update_repo", repoid=repository.id, private=False)
    assert root.repo_rows(repository) == {"default": "repository.none"}
    assert ada.api.error("get_repo", repoid=repository.id) == missing(repository.id)
    root("grant_user_permission", repoid=repository.id, userid="default", perm="repository.read")
    assert ada.api("get_repo", repoid=repository.id)["private"] is False


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("name", ""),
        ("name", "a/b"),
        ("name", "/core"),
        ("name", 5),
        ("name", []),
        *[("name", segment) for segment in BAD_SEGMENTS],
        *[("landing_rev", rev) for rev in ("", "tip", "x:y", "rev:", "rev:a\nb", 5)],
        *[
            ("clone_uri", uri)
            for uri in ("file:///etc", "/etc", "ext::sh -c id", "--upload-pack=id", "http://127.0.0.1/x", 5)
        ],
        ("description", 5),
        ("description", "a\0b"),
        *[("private", value) for value in NO_BOOLEANS],
        *[(flag, "maybe") for flag in ("enable_statistics", "enable_locking", "enable_downloads")],
        ("owner", "default"),
        ("fields", "no-equals-sign"),
        ("fields", 5),
        ("fields", {"ticket": "x"}),
        ("fork_of", "no/such"),
        ("fork_of", True),
    ],
    ids=lambda part: repr(part)[:24],
)
def test_a_failing_update_changes_nothing(server: Server, root: Api, argument: str, value: Any) -> None:
    repository = root.new_repo(f"{unique('team')}/core")
    root("add_field_to_repo", repoid=repository.id, key="ticket")
    change: dict[str, Any] = {"description": "New", "fields": "ticket=T-1", "name": "kernel", argument: value}
    with server.unchanged():
        for given in (repository.id, repository.name):
            assert root.error("update_repo", repoid=given, **change) == failed(given)


def test_an_unknown_owner_is_named(server: Server, root: Api) -> None:
    repository = root.new_repo()
    with server.unchanged():
        for owner in [*NOBODY[1:], "nobody"]:
            said = root.error("update_repo", repoid=repository.id, owner=owner, description="x")
            assert said == f"user `{echoed(owner)}` does not exist"


def test_a_repository_administrator_may_give_it_away_and_is_told_how_it_is_then(root: Api) -> None:
    ada, ben = root.new_user(), root.new_user()
    repository = ada.api.new_repo(private=True)
    given_away = ada.api("update_repo", repoid=repository.id, owner=ben.id)
    assert given_away["repository"]["owner"] == ben.name
    assert ada.api.error("update_repo", repoid=repository.id) == missing(repository.id)
    assert ben.api("update_repo", repoid=repository.id)["repository"]["owner"] == ben.name


# New names and places


def test_a_renamed_repository_keeps_its_group_content_id_and_permissions(server: Server, root: Api, git: Git) -> None:
    ada, ben = root.new_user(), root.new_user()
    top = unique("team")
    repository = ada.api.new_repo(f"{top}/core", private=True)
    root("grant_user_permission", repoid=repository.id, userid=ben.id, perm="repository.read")
    work = git.new_work()
    commit = git.commit(work)
    git.run("push", "--quiet", server.clone_url(repository.name, ada), "master", cwd=work)
    before = root("get_repo", repoid=repository.id)

    updated = ada.api("update_repo", repoid=f"{top}/core", name="kernel")

    assert updated["msg"] == f"updated repo ID:{repository.id} {top}/kernel"
    after = root("get_repo", repoid=f"{top}/kernel")
    assert after == before | {"repo_name": f"{top}/kernel", "url": f"{root.url}/{top}/kernel"}
    assert after["last_changeset"]["raw_id"] == commit
    assert root.error("get_repo", repoid=f"{top}/core") == missing(f"{top}/core")
    assert root("get_repo_group", repogroupid=top)["repositories"] == [f"{top}/kernel"]
    assert not (server.root / top / "core").exists()
    git.run("ls-remote", server.clone_url(f"{top}/kernel", ben))


def test_a_repository_moves_between_groups_by_name_id_and_to_the_top(server: Server, root: Api) -> None:
    first, second = root.new_repo_group(), root.new_repo_group()
    leaf = unique("core")
    repository = root.new_repo(f"{first.name}/{leaf}")
    for group, name in ((second.name, f"{second.name}/{leaf}"), (first.id, f"{first.name}/{leaf}"), ("", leaf)):
        updated = root("update_repo", repoid=repository.id, group=group)
        assert updated["msg"] == f"updated repo ID:{repository.id} {name}"
        assert updated["repository"]["repo_name"] == name
        assert (server.root / name / "HEAD").exists()
    for group in (first, second):
        assert root("get_repo_group", repogroupid=group.id)["repositories"] == []
    both = root("update_repo", repoid=repository.id, group=str(second.id), name="kernel")
    assert both["repository"]["repo_name"] == f"{second.name}/kernel"


@pytest.mark.parametrize("segment", GOOD_SEGMENTS, ids=lambda segment: repr(segment)[:20])
def test_new_names_may_be_like_this(root: Api, segment: str) -> None:
    top = unique("names")
    repository = root.new_repo(f"{top}/old")
    assert root("update_repo", repoid=repository.id, name=segment)["repository"]["repo_name"] == f"{top}/{segment}"
    assert root("get_repo", repoid=f"{top}/{segment}")["repo_id"] == repository.id


def test_a_name_can_change_its_case_only(server: Server, root: Api) -> None:
    top = unique("team")
    repository = root.new_repo(f"{top}/core")
    assert root("update_repo", repoid=repository.id, name="CORE")["repository"]["repo_name"] == f"{top}/CORE"
    assert [path.name for path in (server.root / top).iterdir()] == ["CORE"]
    assert root("update_repo", repoid=repository.id, name="CORE")["repository"]["repo_name"] == f"{top}/CORE"


def test_taken_names_are_refused(server: Server, root: Api) -> None:
    top = unique("team")
    repository, other = root.new_repo(f"{top}/core"), root.new_repo(f"{top}/Kernel")
    group, elsewhere = root.new_repo_group(f"{top}/tools"), root.new_repo_group()
    root.new_repo(f"{elsewhere.name}/core")
    with server.unchanged():
        for name in ("Kernel", "kernel", "KERNEL", "tools", "Tools"):
            assert root.error("update_repo", repoid=repository.id, name=name) == failed(repository.id)
        assert root.error("update_repo", repoid=repository.name, group=elsewhere.id) == failed(repository.name)
    assert root("get_repo", repoid=other.id)["repo_name"] == other.name
    assert root("get_repo_group", repogroupid=group.id)["group_name"] == group.name


def test_an_unknown_group_is_named(server: Server, root: Api) -> None:
    repository = root.new_repo(f"{unique('team')}/core")
    with server.unchanged():
        for group in [value for value in NOBODY[1:] if value != ""] + ["no/such", repository.name]:
            said = root.error("update_repo", repoid=repository.id, group=group, description="x")
            assert said == f"repository group `{echoed(group)}` does not exist"


def test_a_name_at_top_level_may_not_begin_with_an_underscore(server: Server, root: Api) -> None:
    repository = root.new_repo(f"{unique('team')}/_core")
    with server.unchanged():
        assert root.error("update_repo", repoid=repository.id, group="") == failed(repository.id)


@pytest.mark.parametrize(
    ("permission", "may"),
    [("group.none", False), ("group.read", False), ("group.write", True), ("group.admin", True)],
)
def test_moving_into_a_group_needs_write_there(server: Server, root: Api, permission: str, may: bool) -> None:
    ada, group = root.new_user(), root.new_repo_group()
    repository = ada.api.new_repo()
    root("grant_user_permission_to_repo_group", repogroupid=group.id, userid=ada.id, perm=permission)
    if may:
        moved = ada.api("update_repo", repoid=repository.id, group=group.id)
        assert moved["repository"]["repo_name"] == f"{group.name}/{repository.name}"
    else:
        with server.unchanged():
            for given in (group.id, group.name):
                said = ada.api.error("update_repo", repoid=repository.id, group=given, description="x")
                assert said == f"repository group `{given}` does not exist"


def test_moving_to_the_top_needs_the_permission_to_create_repositories(server: Server, root: Api) -> None:
    ada, group = root.new_user(), root.new_repo_group()
    repository = root.new_repo(f"{group.name}/{unique('core')}", owner=ada.id)
    server.permit(ada.name, "hg.create.none")
    with server.unchanged():
        assert ada.api.error("update_repo", repoid=repository.id, group="") == failed(repository.id)
    assert ada.api("update_repo", repoid=repository.id, name="renamed-in-place")["repository"]["owner"] == ada.name


# Forks


def test_a_repository_can_be_declared_a_fork_and_shows_its_parents_present_name(root: Api) -> None:
    parent, child = root.new_repo(), root.new_repo()
    for given in (parent.id, parent.name):
        assert root("update_repo", repoid=child.id, fork_of=given)["repository"]["fork_of"] == parent.name
    name = unique("renamed")
    root("update_repo", repoid=parent.id, name=name)
    assert root("get_repo", repoid=child.id)["fork_of"] == name


def test_no_repository_is_a_fork_of_itself_or_of_its_own_forks(server: Server, root: Api) -> None:
    first, second, third = root.new_repo(), root.new_repo(), root.new_repo()
    root("update_repo", repoid=second.id, fork_of=first.id)
    root("update_repo", repoid=third.id, fork_of=second.id)
    with server.unchanged():
        for descendant in (first, second, third):
            said = root.error("update_repo", repoid=first.id, fork_of=descendant.id, description="x")
            assert said == failed(first.id)
    assert root("delete_repo", repoid=first.id, forks="delete")["msg"].endswith("Deleted 1 forks")


def test_nobody_makes_a_fork_of_what_he_cannot_read(server: Server, root: Api) -> None:
    ada, hidden = root.new_user(), root.new_repo(private=True)
    mine = ada.api.new_repo()
    with server.unchanged():
        for given in (hidden.id, hidden.name, "no/such"):
            assert ada.api.error("update_repo", repoid=mine.id, fork_of=given) == failed(mine.id)


# Extra fields


def test_a_field_is_added_empty_filled_and_removed(root: Api) -> None:
    repository = root.new_repo()
    assert root("add_field_to_repo", repoid=repository.name, key="ticket", label="Ticket", description="Where") == {
        "msg": "Added new repository field `ticket`",
        "success": True,
    }
    assert root("get_repo", repoid=repository.id)["ex_ticket"] == ""
    updated = root("update_repo", repoid=repository.id, fields="ticket=T-1")
    assert updated["repository"]["ex_ticket"] == "T-1"
    listed = {found["repo_id"]: found for found in root("get_repos")}
    assert listed[repository.id]["ex_ticket"] == "T-1"
    assert root("remove_field_from_repo", repoid=repository.name, key="ticket") == {
        "msg": "Deleted repository field `ticket`",
        "success": True,
    }
    assert "ex_ticket" not in root("get_repo", repoid=repository.id)
    root("add_field_to_repo", repoid=repository.id, key="ticket")
    assert root("get_repo", repoid=repository.id)["ex_ticket"] == ""


@pytest.mark.parametrize(
    ("fields", "first", "second"),
    [
        ("first=1,second=2", "1", "2"),
        ("first=a=b=c", "a=b=c", "old"),
        (r"first=one\, two,second=2", "one, two", "2"),
        ("first=,second=x", "", "x"),
        ("unknown=1,first=new", "new", "old"),
        ("first=1,first=2", "2", "old"),
        ("", "old", "old"),
        ("first=1,,second=2,", "1", "2"),
        ("first= spaced  ", " spaced  ", "old"),
        ("first=Füße <b>", "Füße <b>", "old"),
        (r"first=back\slash", r"back\slash", "old"),
        ("FIRST=1", "old", "old"),
    ],
)
def test_fields_are_key_value_pairs_and_unknown_keys_are_ignored(
    root: Api, fields: str, first: str, second: str
) -> None:
    repository = root.new_repo()
    for key in ("first", "second"):
        root("add_field_to_repo", repoid=repository.id, key=key)
    root("update_repo", repoid=repository.id, fields="first=old,second=old")
    updated = root("update_repo", repoid=repository.id, fields=fields)["repository"]
    assert (updated["ex_first"], updated["ex_second"]) == (first, second)
    assert {key for key in updated if key.startswith("ex_")} == {"ex_first", "ex_second"}


def test_thousands_of_unknown_fields_are_ignored_and_not_even_written_to_the_journal(server: Server, root: Api) -> None:
    repository = root.new_repo()
    root("add_field_to_repo", repoid=repository.id, key="ticket")
    fields = ",".join(f"unknown{number}=x" for number in range(50_000))
    updated = root("update_repo", repoid=repository.id, fields=f"{fields},ticket=T-1")
    assert updated["repository"]["ex_ticket"] == "T-1"
    ((_, _, detail),) = server.journal("repository.update", repository.name)
    assert "T-1" in detail
    assert "unknown" not in detail


def test_a_field_exists_once(server: Server, root: Api) -> None:
    repository = root.new_repo()
    root("add_field_to_repo", repoid=repository.id, key="ticket")
    with server.unchanged():
        for given in (repository.id, repository.name):
            said = root.error("add_field_to_repo", repoid=given, key="ticket")
            assert said == f"Field with key `ticket` exists for repo `{given}`"


def test_a_field_that_is_not_there_cannot_be_removed(server: Server, root: Api) -> None:
    repository = root.new_repo()
    with server.unchanged():
        for given in (repository.id, repository.name):
            for key in ("ticket", "", "no key", "x" * 200):
                said = root.error("remove_field_from_repo", repoid=given, key=key)
                assert said == f"Field with key `{key}` does not exists for repo `{given}`"


@pytest.mark.parametrize("key", ["a", "A-b_c.d", "x" * 100, "0"])
def test_field_keys_may_be_like_this(root: Api, key: str) -> None:
    repository = root.new_repo()
    root("add_field_to_repo", repoid=repository.id, key=key)
    assert root("get_repo", repoid=repository.id)[f"ex_{key}"] == ""


@pytest.mark.parametrize(
    "key",
    ["", " ", "two words", "é", "a/b", "a=b", "a,b", "x" * 101, "a\n", "a\0", None, 5, True, [], {}],
    ids=lambda key: repr(key)[:20],
)
def test_field_keys_like_this_are_refused(server: Server, root: Api, key: Any) -> None:
    repository = root.new_repo()
    with server.unchanged():
        for given in (repository.id, repository.name):
            said = root.error("add_field_to_repo", repoid=given, key=key)
            assert said == f"failed to create new field for repository `{given}`"


@pytest.mark.parametrize("key", [None, 5, True, 1.5, [], {}, "a\0"], ids=repr)
def test_what_is_no_key_removes_nothing(server: Server, root: Api, key: Any) -> None:
    repository = root.new_repo()
    with server.unchanged():
        said = root.error("remove_field_from_repo", repoid=repository.name, key=key)
        assert said == f"failed to delete field for repository `{repository.name}`"


def test_labels_and_descriptions_are_texts(server: Server, root: Api) -> None:
    repository = root.new_repo()
    with server.unchanged():
        for args in ({"label": 5}, {"description": []}, {"label": "a\0b"}):
            said = root.error("add_field_to_repo", repoid=repository.id, key="ticket", **args)
            assert said == f"failed to create new field for repository `{repository.id}`"
    root("add_field_to_repo", repoid=repository.id, key="bare", label=None, description=None)
    assert server.query(
        "SELECT key, label, description, value FROM repository_fields WHERE repository_id = ?", repository.id
    ) == [("bare", "bare", "", "")]


def test_fields_belong_to_one_repository(root: Api) -> None:
    first, second = root.new_repo(), root.new_repo()
    root("add_field_to_repo", repoid=first.id, key="ticket")
    root("add_field_to_repo", repoid=second.id, key="ticket")
    root("update_repo", repoid=first.id, fields="ticket=1")
    assert root("get_repo", repoid=second.id)["ex_ticket"] == ""
    root("remove_field_from_repo", repoid=first.id, key="ticket")
    assert root("get_repo", repoid=second.id)["ex_ticket"] == ""


def test_changes_are_in_the_journal(server: Server, root: Api) -> None:
    repository = root.new_repo()
    root("add_field_to_repo", repoid=repository.id, key="ticket", label="Ticket", description="where it is")
    root("update_repo", repoid=repository.id, fields="ticket=T-1")
    root("remove_field_from_repo", repoid=repository.id, key="ticket")
    ((_, _, added),) = server.journal("field.create", repository.name)
    ((_, _, removed),) = server.journal("field.delete", repository.name)
    assert json.loads(added) == {"key": "ticket", "label": "Ticket", "description": "where it is"}
    was = {"label": "Ticket", "description": "where it is", "value": "T-1"}
    assert json.loads(removed) == {"key": "ticket", "was": was}
    server.execute("DELETE FROM journal WHERE action = 'repository.update' AND subject = ?", repository.name)
    root("update_repo", repoid=repository.id, private=True)
    for action in ("field.create", "field.delete", "repository.update"):
        ((by, address, detail),) = server.journal(action, repository.name)
        assert (by, address) == ("root", "127.0.0.1")
        assert ("private" in detail) == (action == "repository.update")
