# SPDX-License-Identifier: GPL-3.0-or-later
"""One answer costs so much and no more, and nothing once nobody waits for it."""

from __future__ import annotations

import random
import time

import pygit2
import pytest

from trivium.vcs.budget import Budget, Exhausted, Unwanted, present, spending
from trivium.vcs.diff.comparing import AT_ONCE, TooSlow, compare
from trivium.vcs.git.trees import Trees


def test_nodes_names_and_time_are_bounded() -> None:
    with pytest.raises(Exhausted, match="max_api_nodes"):
        Budget(nodes=2).spend(3)
    with pytest.raises(Exhausted, match="max_api_answer"):
        Budget(text=10).spend(1, 11)
    late = Budget(seconds=0.001)
    time.sleep(0.01)
    with pytest.raises(Exhausted, match="request_timeout"):
        late.check()
    with pytest.raises(Unwanted):
        Budget(wanted=lambda: False).spend(10_000)
    Budget().spend(10**9, 10**12)


def test_a_budget_belongs_to_who_began() -> None:
    with spending(lambda: Budget(nodes=1)) as outer, spending(Budget) as inner:
        assert inner is outer is present()
    assert present().nodes == 0


def test_large_contents_are_compared_elsewhere_with_the_same_result() -> None:
    old = b"".join(b"line %d\n" % number for number in range(AT_ONCE // 8))
    new = old.replace(b"line 77\n", b"another\n") + b"more\n"
    found = compare(old, new, "a file")
    patch = pygit2.Patch.create_from(old, new, old_as_path="a file", new_as_path="a file")
    assert (found.text, found.added, found.deleted, found.binary) == (patch.data, 2, 1, False)
    assert [(hunk.old_start, hunk.new_lines) for hunk in found.hunks] == [
        (hunk.old_start, hunk.new_lines) for hunk in patch.hunks
    ]


def test_a_comparison_that_would_take_minutes_is_ended() -> None:
    dice = random.Random(1)
    old, new = ("\n".join(dice.choices("0123456789", k=1 << 20)).encode() for _ in range(2))
    with spending(lambda: Budget(comparing=1)) as budget:
        with pytest.raises(TooSlow):
            compare(old, new, "x")
        with pytest.raises(TooSlow):
            compare(b"a", b"b", "y")
    assert budget.cut


def _tree(repository: pygit2.Repository, **entries: tuple[pygit2.Oid, int]) -> pygit2.Oid:
    builder = repository.TreeBuilder()
    for name, (raw_id, mode) in entries.items():
        builder.insert(name, raw_id, mode)
    return builder.write()


def test_what_differs_is_counted_and_what_is_the_same_is_not(tmp_path: object) -> None:
    repository = pygit2.init_repository(str(tmp_path), bare=True)
    blob, other = repository.create_blob(b"x"), repository.create_blob(b"y")
    bomb = _tree(repository, f=(blob, 0o100644))
    for _ in range(40):
        bomb = _tree(repository, **{f"d{number}": (bomb, 0o40000) for number in range(10)})
    before = _tree(repository, bomb=(bomb, 0o40000), small=(blob, 0o100644))
    after = _tree(repository, bomb=(bomb, 0o40000), small=(other, 0o100644))
    trees = Trees(repository, Budget())
    trees.check_changes(before.raw, after.raw, 2)
    for pair in ((None, before.raw), (before.raw, None)):
        with pytest.raises(Exhausted):
            trees.check_changes(*pair, 1000)
