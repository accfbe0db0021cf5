# SPDX-License-Identifier: GPL-3.0-or-later
"""create_repo, get_repo, get_repos, delete_repo (api-repos.md 3, 4)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.clients import Api, Git, Person, Thing, unique
from tests.support.servers import Server
from tests.support.shapes import (
    CHANGESET,
    MEMBER,
    MOMENT,
    NO_CHANGESET,
    REPOSITORY,
    REPOSITORY_WITH_MEMBERS,
    USER,
    assert_shape,
)
from tests.support.values import BAD_SEGMENTS, GOOD_SEGMENTS, NO_BOOLEANS, NOBODY, echoed

DENIED = "Access was denied to this resource."
OWNER_RESERVED = "Only RhodeCode admin can specify `owner` param"


def missing(repository: object) -> str:
    return f"repository `{repository}` does not exist"


def no_group(group: object) -> str:
    return f"repository group `{group}` does not exist"


# create_repo


def test_a_new_repository_is_there_when_the_answer_comes(server: Server, root: Api, git: Git) -> None:
    name = unique("core")
    assert root("create_repo", repo_name=name, repo_type="git") == {
        "msg": f"Created new repository `{name}`",
        "success": True,
        "task": None,
    }
    work = git.new_work()
    git.commit(work)
    url = f"{server.url.replace('://', f'://root:{server.admin_password}@')}/{name}"
    git.run("clone", "--quiet", url, str(git.home / "empty"))
    git.run("push", "--quiet", url, "master", cwd=work)
    bare = server.root / name
    assert (bare / "HEAD").read_text() == "ref: refs/heads/master\n"
    assert git.out("rev-parse", "--is-bare-repository", cwd=bare) == "true"


def test_a_new_repository_is_shown_whole(root: Api) -> None:
    ada = root.new_user()
    name = unique("core")
    ada.api("create_repo", repo_name=name, repo_type="git")
    seen = ada.api("get_repo", repoid=name)
    assert_shape(seen, REPOSITORY_WITH_MEMBERS)
    assert_shape(seen["last_changeset"], CHANGESET)
    assert MOMENT.fullmatch(seen["created_on"])
    assert seen == seen | {
        "repo_name": name,
        "repo_type": "git",
        "clone_uri": "",
        "private": False,
        "description": name,
        "landing_rev": ["rev", "tip"],
        "owner": ada.name,
        "fork_of": None,
        "enable_downloads": False,
        "enable_locking": False,
        "enable_statistics": False,
        "last_changeset": NO_CHANGESET,
        "url": f"{root.url}/{name}",
        "locked_by": None,
        "locked_date": None,
        "lock_reason": None,
    }
    assert {"name": "root", "permission": "repository.admin", "origin": "super-admin", "type": "user"} in seen[
        "members"
    ]
    assert [row for row in seen["members"] if row["origin"] != "super-admin"] == [
        {"name": ada.name, "permission": "repository.admin", "origin": "owner", "type": "user"},
        {"name": "default", "permission": "repository.read", "origin": "permission", "type": "user"},
    ]
    assert seen["permissions"] == seen["members"]
    for row in seen["members"]:
        assert_shape(row, MEMBER)
    (follower,) = seen["followers"]
    assert_shape(follower, USER)
    assert follower["username"] == ada.name


def test_everything_can_be_chosen_at_once(root: Api) -> None:
    ada = root.new_user()
    repository = root.new_repo(
        owner=ada.name,
        description="Tea & <b> 仓库",
        private="yes",
        clone_uri=None,
        landing_rev="branch:main",
        enable_statistics="true",
        enable_locking=1,
        enable_downloads=True,
        copy_permissions=False,
    )
    seen = root("get_repo", repoid=repository.id)
    assert seen == seen | {
        "owner": ada.name,
        "description": "Tea & <b> 仓库",
        "private": True,
        "landing_rev": ["branch", "main"],
        "enable_statistics": True,
        "enable_locking": True,
        "enable_downloads": True,
    }
    assert root.repo_rows(repository) == {"default": "repository.none"}
    assert [user["username"] for user in seen["followers"]] == [ada.name]


def test_null_means_not_given(root: Api) -> None:
    optional = (
        *("owner", "description", "private", "clone_uri", "landing_rev", "enable_statistics"),
        *("enable_locking", "enable_downloads", "copy_permissions"),
    )
    seen = root("get_repo", repoid=root.new_repo(**dict.fromkeys(optional)).id)
    assert (seen["owner"], seen["private"], seen["landing_rev"]) == ("root", False, ["rev", "tip"])


def test_an_empty_description_becomes_the_last_segment_of_the_name(root: Api) -> None:
    repository = root.new_repo(f"{unique('team')}/core", description="")
    assert root("get_repo", repoid=repository.id)["description"] == "core"


@pytest.mark.parametrize("landing_rev", ["rev:tip", "branch:a/b", "tag:v1.0", "book:@", "rev:a:b"])
def test_a_landing_revision_is_a_type_and_a_name(root: Api, landing_rev: str) -> None:
    repository = root.new_repo(landing_rev=landing_rev)
    assert root("get_repo", repoid=repository.id)["landing_rev"] == landing_rev.split(":", 1)


def test_groups_on_the_way_are_created(server: Server, root: Api) -> None:
    ada = root.new_user()
    top = unique("team")
    ada.api("create_repo", repo_name=f"{top}/tools/core", repo_type="git", private=True)
    outer, inner = (root("get_repo_group", repogroupid=name) for name in (top, f"{top}/tools"))
    assert (outer["parent_group"], outer["owner"], outer["group_description"]) == (None, ada.name, f"{top} group")
    assert (inner["parent_group"], inner["owner"]) == (top, ada.name)
    assert inner["group_description"] == f"{top}/tools group"
    assert (outer["repositories"], inner["repositories"]) == ([], [f"{top}/tools/core"])
    assert root.repo_group_rows(Thing(inner["group_id"], "")) == {"default": "group.read"}
    assert (server.root / top / "tools" / "core" / "HEAD").exists()


def test_groups_on_the_way_belong_to_the_caller_and_not_to_the_owner(root: Api) -> None:
    ada = root.new_user()
    top = unique("team")
    root("create_repo", repo_name=f"{top}/core", repo_type="git", owner=ada.id)
    assert root("get_repo", repoid=f"{top}/core")["owner"] == ada.name
    assert root("get_repo_group", repogroupid=top)["owner"] == "root"


def test_empty_segments_are_dropped_and_messages_show_the_clean_name(root: Api) -> None:
    top = unique("team")
    made = root("create_repo", repo_name=f"//{top}///core//", repo_type="git")
    assert made["msg"] == f"Created new repository `{top}/core`"
    again = root.error("create_repo", repo_name=f"/{top}//core", repo_type="git")
    assert again == f"repo `{top}/core` already exist"
    broken = root.error("create_repo", repo_name=f"//{top}//.git/", repo_type="git")
    assert broken == f"failed to create repository `{top}/.git`"
    for empty in ("", "/", "///"):
        assert root.error("create_repo", repo_name=empty, repo_type="git") == "failed to create repository ``"


def test_the_owner_is_named_by_id_digits_or_name(root: Api) -> None:
    ada = root.new_user()
    for owner in (ada.id, str(ada.id), ada.name):
        assert root("get_repo", repoid=root.new_repo(owner=owner).id)["owner"] == ada.name


def test_only_super_admins_name_an_owner_even_themselves(server: Server, root: Api) -> None:
    ada = root.new_user()
    with server.unchanged():
        for owner in (ada.id, ada.name, "root", "nobody", True, []):
            said = ada.api.error("create_repo", repo_name=unique("core"), repo_type="git", owner=owner)
            assert said == OWNER_RESERVED


def test_an_unknown_owner_is_named(server: Server, root: Api) -> None:
    with server.unchanged():
        for owner in [*NOBODY[1:], "nobody"]:
            said = root.error("create_repo", repo_name=f"{unique('new')}/core", repo_type="git", owner=owner)
            assert said == f"user `{echoed(owner)}` does not exist"


def test_a_taken_name_is_refused_in_any_case(server: Server, root: Api) -> None:
    repository = root.new_repo(f"{unique('Équipe')}/Core")
    with server.unchanged():
        for name in (repository.name, repository.name.upper(), repository.name.lower()):
            said = root.error("create_repo", repo_name=name, repo_type="git")
            assert said == f"repo `{name}` already exist"


def test_a_repository_and_a_group_cannot_have_one_name(server: Server, root: Api) -> None:
    group, repository = root.new_repo_group(), root.new_repo()
    with server.unchanged():
        for name in (group.name, group.name.upper()):
            said = root.error("create_repo", repo_name=name, repo_type="git")
            assert said == f"failed to create repository `{name}`"
        for name in (repository.name, repository.name.upper()):
            said = root.error("create_repo_group", group_name=name)
            assert said == f"failed to create repo group `{name}`"


def test_a_repository_holds_no_other(server: Server, root: Api) -> None:
    repository = root.new_repo()
    ada = root.new_user()
    with server.unchanged():
        for name in (f"{repository.name}/inner", f"{repository.name.upper()}/inner", f"{repository.name}/new/inner"):
            for api in (root, ada.api):
                said = api.error("create_repo", repo_name=name, repo_type="git")
                assert said == f"failed to create repository `{name}`"


@pytest.mark.parametrize("segment", GOOD_SEGMENTS, ids=lambda segment: repr(segment)[:20])
def test_names_may_be_like_this(root: Api, segment: str) -> None:
    name = f"{unique('names')}/{segment}"
    assert root("create_repo", repo_name=name, repo_type="git")["msg"] == f"Created new repository `{name}`"
    assert root("get_repo", repoid=name)["repo_name"] == name
    assert name in [repository["repo_name"] for repository in root("get_repos")]
    inside = f"{name} too/inside"
    if len(segment) < 70:
        assert root("create_repo", repo_name=inside, repo_type="git")["success"] is True
    assert root("delete_repo", repoid=name)["msg"] == f"Deleted repository `{name}`"


@pytest.mark.parametrize("segment", BAD_SEGMENTS, ids=lambda segment: repr(segment)[:20])
def test_names_like_this_are_refused_and_leave_nothing(server: Server, root: Api, segment: str) -> None:
    top, group = unique("names"), root.new_repo_group().name
    ada = root.new_user()
    with server.unchanged():
        for name in (segment, f"{top}/{segment}", f"{segment}/{top}", f"{top}/{segment}/core", f"{group}/{segment}"):
            said = root.error("create_repo", repo_name=name, repo_type="git")
            assert said == f"failed to create repository `{name}`"
        assert ada.api.error("create_repo", repo_name=segment, repo_type="git") == (
            f"failed to create repository `{segment}`"
        )


@pytest.mark.parametrize(
    "name",
    [
        "_admin",
        "_admin/core",
        "_private",
        "/".join("abcdefghi"),
        "/".join(["x" * 60] * 5),
        "x/" * 100_000 + "x",
        "a/../b",
        "../../tmp/evil",
        "a/./b",
        "/etc/../core",
        "~/../core",
        5,
        True,
        None,
        1.5,
        [],
        ["core"],
        {},
    ],
    ids=lambda name: repr(name)[:20],
)
def test_whole_names_like_this_are_refused_and_leave_nothing(server: Server, root: Api, name: Any) -> None:
    shown = name.strip("/") if isinstance(name, str) else echoed(name)
    ada = root.new_user()
    with server.unchanged():
        for api in (root, ada.api):
            said = api.error("create_repo", repo_name=name, repo_type="git")
            assert said == f"failed to create repository `{shown}`"


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        *[("repo_type", kind) for kind in ("GIT", "Git", "git ", "", "cvs", "git\0", None, 1, True, [])],
        *[("landing_rev", rev) for rev in ("", "tip", ":tip", "rev:", "x:y", "rev:a\nb", "--help", 5, [])],
        *[
            ("clone_uri", uri)
            for uri in (
                "http://127.0.0.1:1/x",
                "file:///etc",
                "/etc",
                "ext::sh -c id",
                "ssh://-oProxyCommand=id/x",
                "--upload-pack=id",
                5,
                ["http://x"],
            )
        ],
        ("description", 5),
        ("description", "a\0b"),
        ("description", "x" * (2**20 + 1)),
        *[("private", value) for value in NO_BOOLEANS],
        *[(flag, "maybe") for flag in ("enable_statistics", "enable_locking", "enable_downloads", "copy_permissions")],
    ],
    ids=lambda part: repr(part)[:24],
)
def test_a_value_that_cannot_be_used_creates_nothing(server: Server, root: Api, argument: str, value: Any) -> None:
    name = f"{unique('new')}/tools/core"
    args = {"repo_name": name, "repo_type": "git"} | {argument: value}
    with server.unchanged():
        assert root.error("create_repo", **args) == f"failed to create repository `{name}`"


def test_refusals_come_in_the_documented_order(server: Server, root: Api) -> None:
    ada, repository = root.new_user(), root.new_repo()
    server.permit(ada.name, "hg.create.none")
    bad = {"repo_name": repository.name, "repo_type": "cvs", "landing_rev": "x"}
    with server.unchanged():
        assert ada.api.error("create_repo", **bad, owner="nobody", private="?") == DENIED
    server.permit(ada.name, "hg.create.repository")
    with server.unchanged():
        assert ada.api.error("create_repo", **bad, owner="nobody") == OWNER_RESERVED
        assert root.error("create_repo", **bad, owner="nobody") == "user `nobody` does not exist"
        assert root.error("create_repo", **bad) == f"repo `{repository.name}` already exist"
        bad["repo_name"] = unique("new")
        assert root.error("create_repo", **bad) == f"failed to create repository `{bad['repo_name']}`"


# Who may create where


def put(api: Api, group: str, *segments: str) -> Any:
    """The outcome of creating a repository below a group: None, or the error."""
    name = "/".join([group, *segments, unique("core")])
    return api.envelope("create_repo", repo_name=name, repo_type="git")["error"]


@pytest.mark.parametrize(
    ("permission", "may"),
    [("group.none", False), ("group.read", False), ("group.write", True), ("group.admin", True)],
)
def test_in_a_group_creating_needs_write(server: Server, root: Api, permission: str, may: bool) -> None:
    ada, group = root.new_user(), root.new_repo_group()
    root("grant_user_permission_to_repo_group", repogroupid=group.id, userid=ada.id, perm=permission)
    if may:
        assert put(ada.api, group.name) is None
    else:
        with server.unchanged():
            assert put(ada.api, group.name) == no_group(group.name)


def test_write_in_a_group_creates_no_groups_in_it_but_admin_does(server: Server, root: Api) -> None:
    ada, group = root.new_user(), root.new_repo_group()
    root("grant_user_permission_to_repo_group", repogroupid=group.id, userid=ada.id, perm="group.write")
    with server.unchanged():
        assert put(ada.api, group.name, "new") == no_group(f"{group.name}/new")
        assert put(ada.api, group.name, "new", "er") == no_group(f"{group.name}/new/er")
    root("grant_user_permission_to_repo_group", repogroupid=group.id, userid=ada.id, perm="group.admin")
    assert put(ada.api, group.name, "new", "er") is None
    assert root("get_repo_group", repogroupid=f"{group.name}/new")["owner"] == ada.name


def test_a_hidden_group_is_refused_like_one_of_somebody_else(root: Api) -> None:
    ada, hidden, seen = root.new_user(), root.new_repo_group(), root.new_repo_group()
    root("grant_user_permission_to_repo_group", repogroupid=hidden.id, userid="default", perm="group.none")
    assert put(ada.api, hidden.name) == no_group(hidden.name)
    assert put(ada.api, seen.name) == no_group(seen.name)


def test_without_the_permission_to_create_only_groups_that_one_administers_are_left(server: Server, root: Api) -> None:
    ada, written, administered = root.new_user(), root.new_repo_group(), root.new_repo_group()
    server.permit(ada.name, "hg.create.none")
    for group, perm in ((written, "group.write"), (administered, "group.admin")):
        root("grant_user_permission_to_repo_group", repogroupid=group.id, userid=ada.id, perm=perm)
    with server.unchanged():
        assert ada.api.error("create_repo", repo_name=unique("core"), repo_type="git") == DENIED
        assert put(ada.api, unique("new")) == DENIED
        assert put(ada.api, written.name) == no_group(written.name)
    assert put(ada.api, administered.name) is None
    assert put(ada.api, administered.name, "new") is None


@pytest.mark.parametrize("below", ["", "{seen}/"], ids=["top level", "in a group that is seen"])
def test_without_the_permission_to_create_nobody_learns_which_names_exist(
    server: Server, root: Api, below: str
) -> None:
    ada, seen = root.new_user(), root.new_repo_group()
    server.permit(ada.name, "hg.create.none")
    prefix = below.format(seen=seen.name)
    group, repository = prefix + unique("hidden"), prefix + unique("hidden")
    root("create_repo_group", group_name=group)
    root("grant_user_permission_to_repo_group", repogroupid=group, userid="default", perm="group.none")
    root("create_repo", repo_name=repository, repo_type="git", private=True)
    absent = prefix + unique("absent")
    for inside in ("", "/x", "/x/y"):
        expected = str(put(ada.api, absent + inside)).replace(absent, "NAME")
        for name in (group, repository):
            assert str(put(ada.api, name + inside)).replace(name, "NAME") == expected


def test_write_in_groups_can_be_made_useless_for_creating(server: Server, root: Api) -> None:
    ada, group = root.new_user(), root.new_repo_group()
    root("grant_user_permission_to_repo_group", repogroupid=group.id, userid=ada.id, perm="group.write")
    server.permit(ada.name, "hg.create.write_on_repogroup.false")
    assert put(ada.api, group.name) == no_group(group.name)
    assert ada.api("create_repo", repo_name=unique("core"), repo_type="git")["success"] is True


def test_whoever_may_create_groups_may_create_them_on_the_way_where_he_may_write(server: Server, root: Api) -> None:
    ada, group, closed = root.new_user(), root.new_repo_group(), root.new_repo_group()
    root("grant_user_permission_to_repo_group", repogroupid=group.id, userid=ada.id, perm="group.write")
    server.permit(ada.name, "hg.repogroup.create.true")
    assert put(ada.api, group.name, "new") is None
    assert put(ada.api, closed.name, "new") == no_group(f"{closed.name}/new")


# Permissions of a new repository


def test_copy_permissions_takes_the_rows_of_the_group_instead(root: Api) -> None:
    ada, ben, people, group = root.new_user(), root.new_user(), root.new_user_group(), root.new_repo_group()
    root("grant_user_permission_to_repo_group", repogroupid=group.id, userid=ada.id, perm="group.write")
    root("grant_user_permission_to_repo_group", repogroupid=group.id, userid="default", perm="group.admin")
    root("grant_user_group_permission_to_repo_group", repogroupid=group.id, usergroupid=people.id, perm="group.none")
    copied = {ada.name: "repository.write", people.name: "repository.none"}
    public = root.new_repo(f"{group.name}/public", copy_permissions=True, owner=ben.id)
    assert root.repo_rows(public) == copied | {"default": "repository.admin"}
    private = root.new_repo(f"{group.name}/private", copy_permissions=True, private=True)
    assert root.repo_rows(private) == copied | {"default": "repository.none"}
    plain = root.new_repo(f"{group.name}/plain")
    assert root.repo_rows(plain) == {"default": "repository.read"}
    # Other tests of this server ask who may create nowhere: not while everybody administers a group.
    root("grant_user_permission_to_repo_group", repogroupid=group.id, userid="default", perm="group.read")


def test_copy_permissions_changes_nothing_at_top_level(root: Api) -> None:
    assert root.repo_rows(root.new_repo(copy_permissions=True)) == {"default": "repository.read"}


def test_a_group_with_locking_gives_it_to_new_repositories(root: Api) -> None:
    group = root.new_repo_group()
    root("update_repo_group", repogroupid=group.id, enable_locking=True)
    for args in ({}, {"enable_locking": False}, {"enable_locking": True}):
        repository = root.new_repo(f"{group.name}/{unique('core')}", **args)
        assert root("get_repo", repoid=repository.id)["enable_locking"] is True


# get_repo and get_repos


def test_a_repository_is_found_by_id_digits_or_exact_full_name(root: Api) -> None:
    repository = root.new_repo(f"{unique('team')}/core")
    for given in (repository.id, str(repository.id), f"0{repository.id}", repository.name):
        assert root("get_repo", repoid=given)["repo_name"] == repository.name
    for given in (
        "core",
        repository.name.upper(),
        f"/{repository.name}",
        f"{repository.name}/",
        f"{repository.name}.git",
    ):
        assert root.error("get_repo", repoid=given) == missing(given)


def test_digits_are_a_name_first_and_then_an_id(root: Api) -> None:
    first = root.new_repo()
    numbered = root.new_repo(str(first.id))
    assert root("get_repo", repoid=str(first.id))["repo_name"] == str(first.id)
    assert root("get_repo", repoid=first.id)["repo_name"] == first.name
    root("delete_repo", repoid=numbered.id)  # a group with this number may want the name


@pytest.mark.parametrize(
    ("method", "others"),
    [
        ("get_repo", {}),
        ("update_repo", {"description": "x"}),
        ("delete_repo", {}),
        ("add_field_to_repo", {"key": "x"}),
        ("remove_field_from_repo", {"key": "x"}),
        ("grant_user_permission", {"userid": "root", "perm": "repository.read"}),
        ("revoke_user_permission", {"userid": "root"}),
        ("grant_user_group_permission", {"usergroupid": "x", "perm": "repository.read"}),
        ("revoke_user_group_permission", {"usergroupid": "x"}),
    ],
)
def test_values_that_name_no_repository(server: Server, root: Api, method: str, others: dict[str, Any]) -> None:
    with server.unchanged():
        for value in [*NOBODY, "no/such", "_1", "/", 10**9]:
            assert root.error(method, repoid=value, **others) == missing(echoed(value))


def test_the_cache_may_be_asked_for_or_not(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    repository = ada.api.new_repo()
    for cache in (True, False, "true", "no", None):
        assert ada.api("get_repo", repoid=repository.id, cache=cache)["last_changeset"] == NO_CHANGESET
    work = git.new_work()
    commit = git.commit(work)
    git.run("push", "--quiet", server.clone_url(repository.name, ada), "master", cwd=work)
    for cache in (True, False):
        assert ada.api("get_repo", repoid=repository.id, cache=cache)["last_changeset"]["raw_id"] == commit
    with server.unchanged():
        assert ada.api.error("get_repo", repoid=repository.id, cache="maybe") == (
            f"failed to get repository `{repository.id}`"
        )


def test_the_list_holds_what_the_caller_may_read_and_matches_get_repo(root: Api) -> None:
    ada = root.new_user()
    mine, public, hidden, granted = ada.api.new_repo(), root.new_repo(), root.new_repo(private=True), root.new_repo()
    root("grant_user_permission", repoid=hidden.id, userid="default", perm="repository.admin")  # private stays private
    root("update_repo", repoid=granted.id, private=True)
    root("grant_user_permission", repoid=granted.id, userid=ada.id, perm="repository.read")
    listed = {repository["repo_name"]: repository for repository in ada.api("get_repos")}
    assert {mine.name, public.name, granted.name} <= set(listed)
    assert hidden.name not in listed
    everything = root("get_repos")
    assert {mine.name, public.name, hidden.name, granted.name} <= {found["repo_name"] for found in everything}
    for name in (mine.name, public.name, granted.name):
        assert_shape(listed[name], REPOSITORY)
        alone = ada.api("get_repo", repoid=name)
        assert {key: alone[key] for key in listed[name]} == listed[name]


def test_the_list_is_sorted_by_name(root: Api) -> None:
    top = unique("sorted")
    for name in ("b", "C", "a"):
        root.new_repo(f"{top}/{name}")
    names = [found["repo_name"] for found in root("get_repos") if found["repo_name"].startswith(top)]
    assert names == [f"{top}/a", f"{top}/b", f"{top}/C"]


def test_members_are_listed_by_kind_then_permission_then_name(root: Api) -> None:
    users = {perm: sorted(root.new_user().name for _ in range(2)) for perm in ("admin", "write", "read", "none")}
    groups = {perm: root.new_user_group().name for perm in ("write", "read")}
    deputy, owner = root.new_user(admin=True), root.new_user()
    repository = root.new_repo(owner=owner.id)
    for perm in ("none", "read", "write", "admin"):
        for name in reversed(users[perm]):
            root("grant_user_permission", repoid=repository.id, userid=name, perm=f"repository.{perm}")
    for perm in ("read", "write"):
        root("grant_user_group_permission", repoid=repository.id, usergroupid=groups[perm], perm=f"repository.{perm}")
    members = root("get_repo", repoid=repository.id)["members"]
    admins = [row["name"] for row in members if row["origin"] == "super-admin"]
    assert {"root", deputy.name} <= set(admins)
    assert all(row["permission"] == "repository.admin" for row in members[: len(admins)])
    assert [(row["origin"], row["type"], row["name"], row["permission"]) for row in members[len(admins) :]] == [
        ("owner", "user", owner.name, "repository.admin"),
        ("permission", "user", "default", "repository.read"),
        *[
            ("permission", "user", name, f"repository.{perm}")
            for perm in ("admin", "write", "read", "none")
            for name in users[perm]
        ],
        ("permission", "user_group", groups["write"], "repository.write"),
        ("permission", "user_group", groups["read"], "repository.read"),
    ]


def test_the_address_is_quoted(root: Api) -> None:
    repository = root.new_repo(f"{unique('q')}/a b&,é")
    assert root("get_repo", repoid=repository.id)["url"] == (
        f"{root.url}/{repository.name.split('/')[0]}/a%20b%26%2C%C3%A9"
    )


# delete_repo


def with_forks(root: Api, owner: Person) -> tuple[Thing, list[Thing]]:
    """A repository and two that are its forks."""
    source = owner.api.new_repo()
    forks = [owner.api.new_repo(), owner.api.new_repo()]
    for fork in forks:
        root("update_repo", repoid=fork.id, fork_of=source.name)
    return source, forks


def test_a_deleted_repository_is_gone_and_its_name_free_for_a_new_one(server: Server, root: Api) -> None:
    ada, ben = root.new_user(), root.new_user()
    repository = ada.api.new_repo()
    root("grant_user_permission", repoid=repository.id, userid=ben.id, perm="repository.admin")
    root("add_field_to_repo", repoid=repository.id, key="ticket")
    assert ada.api("delete_repo", repoid=repository.name) == {
        "msg": f"Deleted repository `{repository.name}`",
        "success": True,
    }
    for given in (repository.id, repository.name):
        assert root.error("get_repo", repoid=given) == missing(given)
        assert root.error("delete_repo", repoid=given) == missing(given)
    assert not (server.root / repository.name).exists()
    again = root.new_repo(repository.name)
    assert again.id > repository.id
    assert root.repo_rows(again) == {"default": "repository.read"}
    seen = root("get_repo", repoid=again.id)
    assert (seen["owner"], "ex_ticket" in seen) == ("root", False)


def test_what_is_deleted_is_kept_aside_with_what_is_known_of_it(server: Server, root: Api) -> None:
    repository = root.new_repo()
    root("delete_repo", repoid=repository.id)
    kept = [path for path in (server.root / ".trash").iterdir() if path.name.endswith(f"-{repository.id}")]
    assert len(kept) == 1
    assert (kept[0] / "HEAD").exists()
    assert repository.name in kept[0].with_name(kept[0].name + ".json").read_text()


def test_groups_stay_when_their_last_repository_goes(root: Api) -> None:
    top = unique("team")
    repository = root.new_repo(f"{top}/core")
    root("delete_repo", repoid=repository.id)
    assert root("get_repo_group", repogroupid=top)["repositories"] == []


@pytest.mark.parametrize("forks", ["detach", "delete"])
def test_the_suffix_is_there_without_forks_too(root: Api, forks: str) -> None:
    repository = root.new_repo()
    done = {"detach": "Detached", "delete": "Deleted"}[forks]
    assert root("delete_repo", repoid=repository.id, forks=forks)["msg"] == (
        f"Deleted repository `{repository.name}` {done} 0 forks"
    )


@pytest.mark.parametrize("forks", [None, ""])
def test_a_repository_with_forks_stays(server: Server, root: Api, forks: Any) -> None:
    source, _ = with_forks(root, root.new_user())
    with server.unchanged():
        assert root.error("delete_repo", repoid=source.id, forks=forks) == (
            f"failed to delete repository `{source.name}`"
        )


def test_forks_can_be_detached(root: Api) -> None:
    source, forks = with_forks(root, root.new_user())
    assert root("get_repo", repoid=forks[0].id)["fork_of"] == source.name
    assert root("delete_repo", repoid=source.id, forks="detach") == {
        "msg": f"Deleted repository `{source.name}` Detached 2 forks",
        "success": True,
    }
    for fork in forks:
        assert root("get_repo", repoid=fork.id)["fork_of"] is None


def test_forks_and_their_forks_can_be_deleted_with_it(root: Api) -> None:
    ada = root.new_user()
    source, forks = with_forks(root, ada)
    grandchild = ada.api.new_repo()
    root("update_repo", repoid=grandchild.id, fork_of=forks[0].id)
    assert ada.api("delete_repo", repoid=source.id, forks="delete")["msg"] == (
        f"Deleted repository `{source.name}` Deleted 2 forks"
    )
    for gone in (source, *forks, grandchild):
        assert root.error("get_repo", repoid=gone.id) == missing(gone.id)


def test_nothing_is_deleted_when_one_of_the_forks_belongs_to_somebody_else(server: Server, root: Api) -> None:
    ada = root.new_user()
    source, forks = with_forks(root, ada)
    foreign = root.new_repo()
    root("update_repo", repoid=foreign.id, fork_of=forks[1].id)
    with server.unchanged():
        assert ada.api.error("delete_repo", repoid=source.id, forks="delete") == (
            f"failed to delete repository `{source.name}`"
        )


@pytest.mark.parametrize("forks", ["Detach", "remove", "delete ", True, 1, 0.5, [], ["delete"], {}])
def test_other_words_for_forks_are_refused(server: Server, root: Api, forks: Any) -> None:
    repository = root.new_repo()
    with server.unchanged():
        assert root.error("delete_repo", repoid=repository.name, forks=forks) == (
            f"failed to delete repository `{repository.name}`"
        )


def test_creation_and_deletion_are_in_the_journal(server: Server, root: Api) -> None:
    ada = root.new_user()
    top = unique("team")
    repository = ada.api.new_repo(f"{top}/core")
    root("delete_repo", repoid=repository.id)
    assert [(by, address) for by, address, _ in server.journal("repo_group.create", top)] == [(ada.name, "127.0.0.1")]
    assert [by for by, _, _ in server.journal("repository.create", repository.name)] == [ada.name]
    assert [by for by, _, _ in server.journal("repository.delete", repository.name)] == ["root"]


def test_nobody_fills_the_server_with_repositories(own_server: Server) -> None:
    own_server.start(TRIVIUM_MAX_REPOS_PER_USER="2")
    root = own_server.api(own_server.admin_key)
    ada, ben = root.new_user(), root.new_user()
    for number in range(2):
        ada.api("create_repo", repo_name=f"ada{number}", repo_type="git")
    refused = ada.api.envelope("create_repo", repo_name="ada2", repo_type="git")
    assert refused["error"] == "failed to create repository `ada2`"
    assert "max_repos_per_user" in refused["error_detail"]
    assert ada.api.error("fork_repo", repoid="ada0", fork_name="fork")
    ben.api("fork_repo", repoid="ada0", fork_name="fork")
    root("create_repo", repo_name="ada3", repo_type="git", owner=ada.name)
    ada.api("delete_repo", repoid="ada0", forks="detach")
    ada.api("delete_repo", repoid="ada1")
    ada.api("create_repo", repo_name="ada4", repo_type="git")
