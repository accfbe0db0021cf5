# SPDX-License-Identifier: GPL-3.0-or-later
"""Why somebody may do something: told in the order of the rule, to whoever may know (decisions.md A23)."""

from __future__ import annotations

from tests.support.clients import Api
from tests.support.kinds import Kind, every_kind
from tests.support.servers import Server


@every_kind
def test_every_row_is_told_and_one_decides(root: Api, server: Server, kind: Kind) -> None:
    ada = root.new_user()
    weak, strong = root.new_user_group(ada), root.new_user_group(ada)
    asleep = root.new_user_group(ada, active=False)
    thing = kind.new(root)
    for group, level in ((weak, "read"), (strong, "write"), (asleep, "admin")):
        kind.give_group(root, thing, group, level)

    def told() -> list[tuple[str, str, str | None, str | None, bool]]:
        answer = root("why", userid=ada.name, **{kind.argument: thing.id})
        assert (answer["user"], answer["type"], answer["name"]) == (ada.name, kind.prefix, thing.name)
        assert answer["permission"] == f"{kind.prefix}.{kind.level(root, thing, ada.id)}"
        rows = answer["rows"]
        return [(row["origin"], row["name"], row["permission"], row["void"], row["counts"]) for row in rows]

    of_groups = [
        ("default", "default", f"{kind.prefix}.read", None, False),
        ("user-group", strong.name, f"{kind.prefix}.write", None, True),
        ("user-group", weak.name, f"{kind.prefix}.read", None, False),
        ("user-group", asleep.name, f"{kind.prefix}.admin", "inactive", False),
    ]
    assert told() == of_groups
    kind.give(root, thing, ada.id, "none")
    unmarked = [(*row[:-1], False) for row in of_groups]
    assert told() == [*unmarked, ("own", ada.name, f"{kind.prefix}.none", None, True)]
    option = {"repository": (), "group": ("--group",), "usergroup": ("--user-group",)}[kind.prefix]
    said = server.administer("why", ada.name, thing.name, *option).splitlines()
    assert said[0] == f"{kind.prefix}.none"
    assert [line for line in said if line.startswith("*")] == [said[-1]] and "own" in said[-1]


@every_kind
def test_who_may_ask(root: Api, kind: Kind) -> None:
    """Everybody about themselves, administrators of the object about everybody; what is hidden is not there."""
    owner, reader, other = (root.new_user() for _ in range(3))
    thing = kind.new(root, owner=owner.id)
    kind.give(root, thing, "default", "none")
    kind.give(root, thing, reader.id, "read")
    asked = {kind.argument: thing.name}
    assert reader.api("why", **asked)["permission"] == f"{kind.prefix}.read"
    assert reader.api("why", userid=reader.name, **asked)["user"] == reader.name
    for name in (other.name, owner.name, "default", "nobody-of-that-name"):
        assert reader.api.error("why", userid=name, **asked) == "userid is not the same as your user"
    for userid in (None, other.name, owner.name, "nobody-of-that-name"):
        assert other.api.error("why", userid=userid, **asked) == kind.missing(thing.name)
    assert owner.api("why", userid=other.name, **asked)["permission"] == f"{kind.prefix}.none"
    assert next(row["origin"] for row in owner.api("why", **asked)["rows"]) == "owner"
    assert owner.api("why", userid="default", **asked)["permission"] == f"{kind.prefix}.none"
    assert owner.api.error("why", userid="nobody-of-that-name", **asked) == "user `nobody-of-that-name` does not exist"


def test_private_and_not_inherited_are_told(root: Api) -> None:
    ada = root.new_user()
    thing = root.new_repo(private=True)
    root("grant_user_permission", repoid=thing.id, userid="default", perm="repository.write")
    (row,) = root("why", userid=ada.name, repoid=thing.id)["rows"]
    assert (row["permission"], row["void"], row["counts"]) == ("repository.write", "private", True)
    assert root("why", userid=ada.name, repoid=thing.id)["permission"] == "repository.none"


def test_one_object_is_named(root: Api) -> None:
    for given in ({}, {"repoid": "a", "repogroupid": "b"}):
        assert root.error("why", **given) == "failed to explain"
