# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree of groups counts what its reader may read, and is counted anew when that changes."""

from __future__ import annotations

import pytest

from tests.support import rows
from trivium.access.caller import Caller, anonymous
from trivium.access.levels import Level
from trivium.errors import WouldWait
from trivium.forge.groups import repo_groups, tree
from trivium.forge.groups.tree import GroupNode, GroupTrees
from trivium.forge.site import Site


def shape(nodes: object) -> list[tuple[str, int, int, object]]:
    assert isinstance(nodes, tuple)
    found: list[GroupNode] = list(nodes)
    return [(one.label, one.repositories, one.total, shape(one.groups)) for one in found]


@pytest.fixture
def grown(site: Site, ada: Caller) -> dict[str, int]:
    made: dict[str, int] = {}
    with site.store.write() as db:
        for name, default in (
            ("a", Level.READ),
            ("a/hidden", Level.NONE),
            ("a/hidden/deep", Level.READ),
            ("a/open", Level.READ),
            ("B", Level.READ),
            ("shut", Level.NONE),
        ):
            parent = made.get(name.rpartition("/")[0])
            made[name] = rows.group(db, name, ada, parent=parent, default=default)
        for name, default in (
            ("top", Level.READ),
            ("a/one", Level.READ),
            ("a/two", Level.NONE),
            ("a/hidden/three", Level.READ),
            ("a/hidden/deep/four", Level.READ),
            ("a/open/five", Level.READ),
            ("shut/six", Level.READ),
        ):
            inside = made.get(name.rpartition("/")[0])
            kind = "hg" if name in ("a/one", "a/two", "top") else "git"
            made[name] = rows.repository(db, name, ada, inside=inside, default=default, kind=kind)
    return made


def test_what_is_hidden_is_not_in_the_tree_and_what_is_in_it_counts_above(
    site: Site, ada: Caller, ben: Caller, grown: dict[str, int]
) -> None:
    with site.store.read() as db:
        seen = tree.read_tree(db, ben)
        assert shape(seen.groups) == [
            ("a", 1, 4, [("hidden/deep", 1, 1, []), ("open", 1, 1, [])]),
            ("B", 0, 0, []),
        ]
        assert (seen.repositories, seen.total) == (1, 6)
        assert (dict(seen.kinds), dict(seen.nodes[grown["a"]].kinds)) == ({"git": 4, "hg": 2}, {"hg": 1})
        assert seen.nodes[grown["a/hidden/deep"]].name == "a/hidden/deep" and grown["shut"] not in seen.nodes
        assert tree.read_tree(db, anonymous("192.0.2.1")).total == 6
        own = tree.read_tree(db, ada)
        assert shape(own.groups) == [
            ("a", 2, 5, [("hidden", 1, 2, [("deep", 1, 1, [])]), ("open", 1, 1, [])]),
            ("B", 0, 0, []),
            ("shut", 1, 1, []),
        ]
        assert [one.name for one in tree.subgroups(db, ben)] == ["a", "B"]
        a = repo_groups.find(db, ben, "a", Level.READ)
        assert [one.name for one in tree.subgroups(db, ben, a)] == ["a/open"]
        assert [one.description for one in tree.subgroups(db, ada, a)] == ["about a/hidden", "about a/open"]


def test_a_tree_is_counted_once_until_rights_change(
    site: Site, ada: Caller, ben: Caller, grown: dict[str, int]
) -> None:
    trees = GroupTrees()
    with pytest.raises(WouldWait), site.store.glance():
        trees.of(site.store, ben)
    first = trees.of(site.store, ben)
    with rows.at_a_glance(site):
        assert trees.of(site.store, ben) is first
    with pytest.raises(WouldWait), site.store.glance():
        trees.of(site.store, ada)
    with site.store.write(access_unchanged=True):
        pass
    assert trees.of(site.store, ben) is first
    with site.store.write() as db:
        rows.repository(db, "new", ada)
    assert trees.of(site.store, ben).total == 7
