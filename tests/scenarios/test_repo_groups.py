# SPDX-License-Identifier: GPL-3.0-or-later
"""get_repo_group, get_repo_groups, create_repo_group, update_repo_group (api-repos.md 6)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.clients import Api, Git, Thing, unique
from tests.support.servers import Server
from tests.support.shapes import MEMBER, REPO_GROUP, REPO_GROUP_WITH_MEMBERS, assert_shape
from tests.support.values import BAD_SEGMENTS, GOOD_SEGMENTS, NO_BOOLEANS, NOBODY, echoed

DENIED = "Access was denied to this resource."


def missing(group: object) -> str:
    return f"repository group `{group}` does not exist"


def failed(group: object) -> str:
    return f"failed to update repository group `{group}`"


# create_repo_group


def test_a_new_group_is_shown_whole(server: Server, root: Api) -> None:
    name = unique("team")
    made = root("create_repo_group", group_name=name)
    assert set(made) == {"msg", "repo_group"}
    assert made["msg"] == f"Created new repo group `{name}`"
    assert_shape(made["repo_group"], REPO_GROUP)
    assert made["repo_group"] == made["repo_group"] | {
        "group_name": name,
        "group_description": name,
        "parent_group": None,
        "owner": "root",
        "repositories": [],
    }
    assert (server.root / name).is_dir()


def test_a_group_can_be_made_inside_another_for_somebody(root: Api) -> None:
    ada, parent = root.new_user(), root.new_repo_group()
    for owner in (ada.id, str(ada.id), ada.name):
        name = f"{parent.name}/{unique('tools')}"
        made = root("create_repo_group", group_name=name, description="Tea & <b>", owner=owner)["repo_group"]
        assert (made["group_name"], made["parent_group"]) == (name, parent.name)
        assert (made["owner"], made["group_description"]) == (ada.name, "Tea & <b>")


def test_an_empty_or_null_description_becomes_the_name(root: Api) -> None:
    parent = root.new_repo_group()
    for description in ("", None):
        name = f"{parent.name}/{unique('tools')}"
        made = root("create_repo_group", group_name=name, description=description, owner=None, copy_permissions=None)
        assert made["repo_group"]["group_description"] == name


def test_rows_of_a_new_group(root: Api) -> None:
    ada, deputy = root.new_user(), root.new_user(admin=True)
    assert root.repo_group_rows(root.new_repo_group()) == {"default": "group.read"}
    assert root.repo_group_rows(root.new_repo_group(owner=deputy.id)) == {"default": "group.read"}
    group = root.new_repo_group(owner=ada.id)
    members = root("get_repo_group", repogroupid=group.id)["members"]
    for row in members:
        assert_shape(row, MEMBER)
    assert {"name": "root", "permission": "group.admin", "origin": "super-admin", "type": "user"} in members
    assert [row for row in members if row["origin"] != "super-admin"] == [
        {"name": ada.name, "permission": "group.admin", "origin": "owner", "type": "user"},
        {"name": "default", "permission": "group.read", "origin": "permission", "type": "user"},
        {"name": ada.name, "permission": "group.admin", "origin": "permission", "type": "user"},
    ]


def test_copy_permissions_takes_the_rows_of_the_parent_instead(root: Api) -> None:
    ada, ben, people, parent = root.new_user(), root.new_user(), root.new_user_group(), root.new_repo_group()
    root("grant_user_permission_to_repo_group", repogroupid=parent.id, userid="default", perm="group.none")
    root("grant_user_permission_to_repo_group", repogroupid=parent.id, userid=ada.id, perm="group.write")
    root("grant_user_group_permission_to_repo_group", repogroupid=parent.id, usergroupid=people.id, perm="group.admin")
    rows = {"default": "group.none", ada.name: "group.write", people.name: "group.admin"}
    copied = root.new_repo_group(f"{parent.name}/copied", copy_permissions="yes")
    assert root.repo_group_rows(copied) == rows
    owned = root.new_repo_group(f"{parent.name}/owned", copy_permissions=True, owner=ben.id)
    assert root.repo_group_rows(owned) == rows | {ben.name: "group.admin"}
    replaced = root.new_repo_group(f"{parent.name}/replaced", copy_permissions=True, owner=ada.id)
    assert root.repo_group_rows(replaced) == rows | {ada.name: "group.admin"}
    fresh = root.new_repo_group(f"{parent.name}/fresh", copy_permissions=False)
    assert root.repo_group_rows(fresh) == {"default": "group.read"}
    top = root.new_repo_group(copy_permissions=True)
    assert root.repo_group_rows(top) == {"default": "group.read"}


def test_parents_are_not_created(server: Server, root: Api) -> None:
    top, parent = unique("team"), root.new_repo_group()
    with server.unchanged():
        assert root.error("create_repo_group", group_name=f"{top}/tools") == missing(top)
        assert root.error("create_repo_group", group_name=f"{top}/tools/x") == missing(f"{top}/tools")
        assert root.error("create_repo_group", group_name=f"{parent.name}/a/b") == missing(f"{parent.name}/a")
        assert root.error("create_repo_group", group_name=f"{parent.name.upper()}/a") == missing(parent.name.upper())


def test_empty_segments_are_dropped_and_messages_show_the_clean_name(root: Api) -> None:
    parent = root.new_repo_group()
    made = root("create_repo_group", group_name=f"//{parent.name}///tools//")
    assert made["msg"] == f"Created new repo group `{parent.name}/tools`"
    again = root.error("create_repo_group", group_name=f"/{parent.name}//tools")
    assert again == f"repo group `{parent.name}/tools` already exist"
    for empty in ("", "/", "//"):
        assert root.error("create_repo_group", group_name=empty) == "failed to create repo group ``"


def test_a_taken_name_is_refused_in_any_case(server: Server, root: Api) -> None:
    group = root.new_repo_group(unique("Équipe"))
    with server.unchanged():
        for name in (group.name, group.name.upper(), group.name.lower()):
            assert root.error("create_repo_group", group_name=name) == f"repo group `{name}` already exist"


def test_a_repository_has_no_groups_inside(server: Server, root: Api) -> None:
    repository = root.new_repo()
    with server.unchanged():
        assert root.error("create_repo_group", group_name=f"{repository.name}/tools") == missing(repository.name)


@pytest.mark.parametrize("segment", GOOD_SEGMENTS, ids=lambda segment: repr(segment)[:20])
def test_names_may_be_like_this(root: Api, segment: str) -> None:
    parent = root.new_repo_group()
    name = f"{parent.name}/{segment}"
    assert root("create_repo_group", group_name=name)["msg"] == f"Created new repo group `{name}`"
    assert root("get_repo_group", repogroupid=name)["group_name"] == name
    inside = root.new_repo(f"{name}/core")
    assert root("get_repo_group", repogroupid=name)["repositories"] == [inside.name]


@pytest.mark.parametrize("segment", BAD_SEGMENTS, ids=lambda segment: repr(segment)[:20])
def test_names_like_this_are_refused_and_leave_nothing(server: Server, root: Api, segment: str) -> None:
    parent = root.new_repo_group()
    with server.unchanged():
        for name in (segment, f"{parent.name}/{segment}"):
            assert root.error("create_repo_group", group_name=name) == f"failed to create repo group `{name}`"


@pytest.mark.parametrize(
    "name",
    ["_admin", "_private", "x" * 81, "x" * 100_000, None, True, 5, 1.5, [], {}],
    ids=lambda name: repr(name)[:20],
)
def test_whole_names_like_this_are_refused_and_leave_nothing(server: Server, root: Api, name: Any) -> None:
    with server.unchanged():
        assert root.error("create_repo_group", group_name=name) == f"failed to create repo group `{echoed(name)}`"


def test_eight_levels_are_enough(server: Server, root: Api) -> None:
    name = unique("deep")
    root.new_repo_group(name)
    for _ in range(7):
        name += "/x"
        root.new_repo_group(name)
    with server.unchanged():
        assert root.error("create_repo_group", group_name=f"{name}/x") == f"failed to create repo group `{name}/x`"


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        *[("owner", value) for value in ("nobody", "default", 10**9, True, [])],
        ("description", 5),
        ("description", "a\0b"),
        *[("copy_permissions", value) for value in NO_BOOLEANS],
    ],
    ids=lambda part: repr(part)[:20],
)
def test_a_value_that_cannot_be_used_creates_nothing(server: Server, root: Api, argument: str, value: Any) -> None:
    name = unique("team")
    with server.unchanged():
        said = root.error("create_repo_group", **{"group_name": name, argument: value})
        assert said == f"failed to create repo group `{name}`"


def test_an_owner_who_has_the_parents_name_is_still_an_unknown_owner(root: Api) -> None:
    parent = root.new_repo_group()
    name = f"{parent.name}/tools"
    assert (
        root.error("create_repo_group", group_name=name, owner=parent.name) == f"failed to create repo group `{name}`"
    )
    missing_parent = unique("team")
    said = root.error("create_repo_group", group_name=f"{missing_parent}/tools", owner=missing_parent)
    assert said == missing(missing_parent)


def test_at_top_level_creating_needs_the_permission(server: Server, root: Api) -> None:
    ada, group = root.new_user(), root.new_repo_group()
    with server.unchanged():
        for name in (unique("team"), group.name, f"{unique('team')}/tools", "..", "", 5, None, []):
            assert ada.api.error("create_repo_group", group_name=name, copy_permissions="?") == DENIED
    server.permit(ada.name, "hg.repogroup.create.true")
    name = unique("team")
    assert ada.api("create_repo_group", group_name=name)["repo_group"]["owner"] == ada.name
    with server.unchanged():
        assert ada.api.error("create_repo_group", group_name=name) == f"repo group `{name}` already exist"
        assert ada.api.error("create_repo_group", group_name="..") == "failed to create repo group `..`"
        for owner in (ada.id, "root", "nobody"):
            said = ada.api.error("create_repo_group", group_name=unique("team"), owner=owner)
            assert said == "Only RhodeCode admin can specify `owner` param"


@pytest.mark.parametrize("permission", ["group.none", "group.read", "group.write", "group.admin"])
def test_inside_a_group_its_administrators_create_others(server: Server, root: Api, permission: str) -> None:
    ada, parent = root.new_user(), root.new_repo_group()
    root("grant_user_permission_to_repo_group", repogroupid=parent.id, userid=ada.id, perm=permission)
    name = f"{parent.name}/tools"
    if permission == "group.admin":
        assert ada.api("create_repo_group", group_name=name)["repo_group"]["owner"] == ada.name
        assert ada.api.error("create_repo_group", group_name=f"{parent.name}/no/such") == DENIED
    else:
        with server.unchanged():
            assert ada.api.error("create_repo_group", group_name=name) == DENIED


@pytest.mark.parametrize("permission", ["group.none", "group.read", "group.write", "group.admin"])
def test_inside_a_group_the_global_permission_needs_write_there(server: Server, root: Api, permission: str) -> None:
    ada, parent = root.new_user(), root.new_repo_group()
    server.permit(ada.name, "hg.repogroup.create.true")
    root("grant_user_permission_to_repo_group", repogroupid=parent.id, userid=ada.id, perm=permission)
    name = f"{parent.name}/tools"
    if permission in ("group.write", "group.admin"):
        assert ada.api("create_repo_group", group_name=name)["repo_group"]["owner"] == ada.name
    else:
        with server.unchanged():
            assert ada.api.error("create_repo_group", group_name=name) == missing(parent.name)


# get_repo_group and get_repo_groups


def test_a_group_is_found_by_id_digits_or_exact_path(root: Api) -> None:
    parent = root.new_repo_group()
    group = root.new_repo_group(f"{parent.name}/tools")
    for given in (group.id, str(group.id), group.name):
        seen = root("get_repo_group", repogroupid=given)
        assert_shape(seen, REPO_GROUP_WITH_MEMBERS)
        assert (seen["group_id"], seen["group_name"], seen["parent_group"]) == (group.id, group.name, parent.name)
    for given in ("tools", group.name.upper(), f"/{group.name}", f"{group.name}/"):
        assert root.error("get_repo_group", repogroupid=given) == missing(given)


def test_digits_are_a_path_first_and_then_an_id(root: Api) -> None:
    first = root.new_repo_group()
    numbered = root.new_repo_group(str(first.id))
    assert root("get_repo_group", repogroupid=str(first.id))["group_name"] == str(first.id)
    assert root("get_repo_group", repogroupid=first.id)["group_name"] == first.name
    root("delete_repo_group", repogroupid=numbered.id)  # a repository with this number may want the name


@pytest.mark.parametrize(
    ("method", "others"),
    [
        ("get_repo_group", {}),
        ("update_repo_group", {"description": "x"}),
        ("grant_user_permission_to_repo_group", {"userid": "root", "perm": "group.read"}),
        ("revoke_user_permission_from_repo_group", {"userid": "root"}),
        ("grant_user_group_permission_to_repo_group", {"usergroupid": "x", "perm": "group.read"}),
        ("revoke_user_group_permission_from_repo_group", {"usergroupid": "x"}),
    ],
)
def test_values_that_name_no_group(server: Server, root: Api, method: str, others: dict[str, Any]) -> None:
    repository = root.new_repo()
    with server.unchanged():
        for value in [*NOBODY, "no/such", "/", 10**9, repository.name]:
            assert root.error(method, repogroupid=value, **others) == missing(echoed(value))


def test_a_group_lists_the_repositories_directly_inside_that_the_caller_may_read(root: Api) -> None:
    ada, group = root.new_user(), root.new_repo_group()
    inner = root.new_repo_group(f"{group.name}/inner")
    public, other = root.new_repo(f"{group.name}/b"), root.new_repo(f"{group.name}/a")
    private = root.new_repo(f"{group.name}/c", private=True)
    root.new_repo(f"{inner.name}/d")
    assert root("get_repo_group", repogroupid=group.id)["repositories"] == [other.name, public.name, private.name]
    assert ada.api("get_repo_group", repogroupid=group.id)["repositories"] == [other.name, public.name]
    listed = {found["group_id"]: found for found in ada.api("get_repo_groups")}
    assert listed[group.id]["repositories"] == [other.name, public.name]
    assert listed[inner.id]["repositories"] == [f"{inner.name}/d"]


def test_the_list_holds_what_the_caller_may_read(root: Api) -> None:
    ada = root.new_user()
    open_to_all, closed, granted = root.new_repo_group(), root.new_repo_group(), root.new_repo_group()
    for group in (closed, granted):
        root("grant_user_permission_to_repo_group", repogroupid=group.id, userid="default", perm="group.none")
    root("grant_user_permission_to_repo_group", repogroupid=granted.id, userid=ada.id, perm="group.read")
    seen = {group["group_name"] for group in ada.api("get_repo_groups")}
    assert {open_to_all.name, granted.name} <= seen
    assert closed.name not in seen
    everything = root("get_repo_groups")
    assert {open_to_all.name, granted.name, closed.name} <= {group["group_name"] for group in everything}
    names = [group["group_name"].lower() for group in everything if group["group_name"].isascii()]
    assert names == sorted(names)
    for group in everything:
        assert_shape(group, REPO_GROUP)
        alone = root("get_repo_group", repogroupid=group["group_id"])
        assert {key: alone[key] for key in group} == group


def test_reading_a_repository_does_not_need_reading_its_group(root: Api) -> None:
    ada, group = root.new_user(), root.new_repo_group()
    repository = root.new_repo(f"{group.name}/core")
    root("grant_user_permission_to_repo_group", repogroupid=group.id, userid=ada.id, perm="group.none")
    assert ada.api.error("get_repo_group", repogroupid=group.name) == missing(group.name)
    assert ada.api("get_repo", repoid=repository.name)["repo_id"] == repository.id


# update_repo_group


def test_everything_about_a_group_can_be_changed_at_once(root: Api) -> None:
    ada, parent, group = root.new_user(), root.new_repo_group(), root.new_repo_group()
    updated = root(
        "update_repo_group",
        repogroupid=group.name,
        group_name="tools",
        description="New & <b>",
        owner=ada.name,
        parent=parent.name,
        enable_locking="yes",
    )
    assert set(updated) == {"msg", "repo_group"}
    assert updated["msg"] == f"updated repository group ID:{group.id} {parent.name}/tools"
    assert updated["repo_group"] == {
        "group_id": group.id,
        "group_name": f"{parent.name}/tools",
        "group_description": "New & <b>",
        "parent_group": parent.name,
        "owner": ada.name,
        "repositories": [],
    }


def test_what_is_omitted_or_null_stays_except_that_a_null_parent_is_the_top(root: Api) -> None:
    ada, parent = root.new_user(), root.new_repo_group()
    group = root.new_repo_group(f"{parent.name}/{unique('tools')}", description="Kept", owner=ada.id)
    before = root("get_repo_group", repogroupid=group.id)
    for args in ({}, dict.fromkeys(("group_name", "description", "owner", "enable_locking")), {"group_name": ""}):
        updated = root("update_repo_group", repogroupid=group.id, **args)
        assert updated["msg"] == f"updated repository group ID:{group.id} {group.name}"
        assert root("get_repo_group", repogroupid=group.id) == before
    leaf = group.name.rpartition("/")[2]
    moved = root("update_repo_group", repogroupid=group.id, parent=None)["repo_group"]
    assert (moved["group_name"], moved["parent_group"]) == (leaf, None)


def tree(root: Api) -> tuple[Thing, dict[str, Thing]]:
    """A group with groups and repositories inside at two depths."""
    top = root.new_repo_group()
    inner = root.new_repo_group(f"{top.name}/inner")
    return top, {
        "": top,
        "/inner": inner,
        "/core": root.new_repo(f"{top.name}/core"),
        "/inner/core": root.new_repo(f"{inner.name}/core", private=True),
        "/inner/100_x": root.new_repo(f"{inner.name}/100_x"),
    }


def names_of(root: Api, things: dict[str, Thing]) -> dict[str, str]:
    """The present names of a `tree`."""
    groups = {group["group_id"]: group["group_name"] for group in root("get_repo_groups")}
    repositories = {found["repo_id"]: found["repo_name"] for found in root("get_repos")}
    return {place: (groups if place in ("", "/inner") else repositories)[thing.id] for place, thing in things.items()}


def test_a_renamed_group_takes_everything_inside_along(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    top, things = tree(root)
    lookalike = root.new_repo_group(f"{top.name}-lookalike")
    root("grant_user_permission", repoid=things["/inner/core"].id, userid=ada.id, perm="repository.write")
    work = git.new_work()
    commit = git.commit(work)
    git.run("push", "--quiet", server.clone_url(things["/inner/core"].name, ada), "master", cwd=work)
    rows = root.repo_rows(things["/inner/core"])

    name = unique("renamed")
    assert root("update_repo_group", repogroupid=top.id, group_name=name)["repo_group"]["repositories"] == [
        f"{name}/core"
    ]

    assert names_of(root, things) == {place: f"{name}{place}" for place in things}
    for place in things:
        assert (server.root / f"{name}{place}").is_dir()
        assert not (server.root / f"{top.name}{place}").exists()
    for old in (top.name, f"{top.name}/inner"):
        assert root.error("get_repo_group", repogroupid=old) == missing(old)
    assert root.error("get_repo", repoid=f"{top.name}/core").startswith("repository `")
    assert root.repo_rows(things["/inner/core"]) == rows
    assert git.out("ls-remote", server.clone_url(f"{name}/inner/core", ada), "refs/heads/master").split()[0] == commit
    assert root("get_repo_group", repogroupid=lookalike.id)["group_name"] == lookalike.name


def test_a_group_moves_into_another_and_back_to_the_top(server: Server, root: Api) -> None:
    parent = root.new_repo_group()
    top, things = tree(root)
    for given in (parent.id, str(parent.id), parent.name):
        assert root("update_repo_group", repogroupid=top.id, parent=given)["msg"] == (
            f"updated repository group ID:{top.id} {parent.name}/{top.name}"
        )
        assert names_of(root, things) == {place: f"{parent.name}/{top.name}{place}" for place in things}
        assert (server.root / parent.name / top.name / "inner" / "core" / "HEAD").exists()
    root("update_repo_group", repogroupid=top.id, parent=None, group_name=f"{top.name}-2")
    assert names_of(root, things) == {place: f"{top.name}-2{place}" for place in things}
    assert root("get_repo_group", repogroupid=top.id)["parent_group"] is None
    assert root("get_repo_group", repogroupid=things["/inner"].id)["parent_group"] == f"{top.name}-2"


def test_the_tree_of_groups_in_the_database_follows_the_names(server: Server, root: Api) -> None:
    parent = root.new_repo_group()
    top, _ = tree(root)
    for place in (parent.id, None, parent.name):
        root("update_repo_group", repogroupid=top.id, parent=place)
        rows = server.query(
            "SELECT one.name, above.name FROM repo_groups one LEFT JOIN repo_groups above ON above.id = one.parent_id"
        )
        assert {name: name.rpartition("/")[0] or None for name, _ in rows} == dict(rows)


def test_a_group_never_moves_into_itself_or_below(server: Server, root: Api) -> None:
    top, things = tree(root)
    with server.unchanged():
        for inside in (top, things["/inner"]):
            for parent in (inside.id, inside.name):
                said = root.error("update_repo_group", repogroupid=top.name, parent=parent, description="x")
                assert said == failed(top.name)


def test_a_group_can_change_the_case_of_its_name_only(server: Server, root: Api) -> None:
    top, things = tree(root)
    root("update_repo_group", repogroupid=top.id, group_name=top.name.upper())
    assert names_of(root, things) == {place: f"{top.name.upper()}{place}" for place in things}
    assert (server.root / top.name.upper() / "core" / "HEAD").exists()


def test_taken_names_are_refused(server: Server, root: Api) -> None:
    parent = root.new_repo_group()
    group, other = root.new_repo_group(f"{parent.name}/tools"), root.new_repo_group(f"{parent.name}/Other")
    repository, elsewhere = root.new_repo(f"{parent.name}/core"), root.new_repo_group()
    root.new_repo(f"{elsewhere.name}/TOOLS")
    with server.unchanged():
        for taken in (other, repository):
            for name in (taken.name, taken.name.upper()):
                leaf = name.rpartition("/")[2]
                said = root.error("update_repo_group", repogroupid=group.id, group_name=leaf, description="x")
                assert said == failed(group.id)
        assert root.error("update_repo_group", repogroupid=group.name, parent=elsewhere.id) == failed(group.name)


def test_a_group_does_not_move_where_its_inside_would_be_too_deep(server: Server, root: Api) -> None:
    deep = root.new_repo_group()
    for _ in range(5):
        deep = root.new_repo_group(f"{deep.name}/x")
    top, _ = tree(root)
    with server.unchanged():
        assert root.error("update_repo_group", repogroupid=top.id, parent=deep.id) == failed(top.id)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("group_name", "a/b"),
        ("group_name", 5),
        ("group_name", []),
        *[("group_name", segment) for segment in BAD_SEGMENTS],
        ("description", 5),
        ("description", "a\0b"),
        *[("owner", value) for value in (*NOBODY[1:], "nobody", "default")],
        *[("parent", value) for value in [value for value in NOBODY if value not in (None, "")] + ["no/such"]],
        *[("enable_locking", value) for value in NO_BOOLEANS],
    ],
    ids=lambda part: repr(part)[:24],
)
def test_a_failing_update_changes_nothing(server: Server, root: Api, argument: str, value: Any) -> None:
    group = root.new_repo_group()
    change: dict[str, Any] = {"group_name": "new", "description": "New", "enable_locking": True, argument: value}
    with server.unchanged():
        for given in (group.id, group.name):
            assert root.error("update_repo_group", repogroupid=given, **change) == failed(given)


def test_locking_is_set_on_everything_inside_and_only_when_it_is_given(root: Api) -> None:
    top, things = tree(root)
    outside = root.new_repo()
    repositories = [thing for place, thing in things.items() if place not in ("", "/inner")]

    def locking() -> list[bool]:
        return [root("get_repo", repoid=repository.id)["enable_locking"] for repository in repositories]

    root("update_repo_group", repogroupid=top.id, enable_locking=True)
    assert locking() == [True, True, True]
    assert root("get_repo", repoid=root.new_repo(f"{top.name}/inner/new").id)["enable_locking"] is True
    root("update_repo", repoid=repositories[0].id, enable_locking=False)
    root("update_repo_group", repogroupid=top.id, description="nothing about locking")
    assert locking() == [False, True, True]
    root("update_repo_group", repogroupid=top.id, enable_locking="false")
    assert locking() == [False, False, False]
    assert root("get_repo", repoid=root.new_repo(f"{top.name}/inner/newer").id)["enable_locking"] is False
    assert root("get_repo", repoid=outside.id)["enable_locking"] is False


def test_a_group_administrator_needs_to_administer_the_new_parent(server: Server, root: Api) -> None:
    ada = root.new_user()
    group, parent = root.new_repo_group(owner=ada.id), root.new_repo_group()
    for perm in ("group.none", "group.read", "group.write"):
        root("grant_user_permission_to_repo_group", repogroupid=parent.id, userid=ada.id, perm=perm)
        with server.unchanged():
            assert ada.api.error("update_repo_group", repogroupid=group.id, parent=parent.id) == failed(group.id)
    root("grant_user_permission_to_repo_group", repogroupid=parent.id, userid=ada.id, perm="group.admin")
    moved = ada.api("update_repo_group", repogroupid=group.id, parent=parent.id)["repo_group"]
    assert moved["parent_group"] == parent.name
    with server.unchanged():
        assert ada.api.error("update_repo_group", repogroupid=group.id, parent=None) == failed(group.id)
    assert ada.api("update_repo_group", repogroupid=group.id, description="x")["repo_group"]["owner"] == ada.name


def test_a_group_administrator_may_give_it_away_and_is_told_how_it_is_then(root: Api) -> None:
    ada, ben = root.new_user(), root.new_user()
    group = root.new_repo_group(owner=ada.id)
    root("revoke_user_permission_from_repo_group", repogroupid=group.id, userid=ada.id)
    given_away = ada.api("update_repo_group", repogroupid=group.id, owner=ben.name)
    assert given_away["repo_group"]["owner"] == ben.name
    assert ada.api.error("update_repo_group", repogroupid=group.id) == missing(group.id)
    assert ben.api("update_repo_group", repogroupid=group.id)["repo_group"]["owner"] == ben.name


def test_changes_are_in_the_journal(server: Server, root: Api) -> None:
    group = root.new_repo_group()
    root("update_repo_group", repogroupid=group.id, description="x")
    for action in ("repo_group.create", "repo_group.update"):
        ((by, address, _),) = server.journal(action, group.name)
        assert (by, address) == ("root", "127.0.0.1")
