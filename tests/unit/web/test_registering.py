# SPDX-License-Identifier: GPL-3.0-or-later
"""Which addresses have a form."""

from __future__ import annotations

import pytest

from trivium.web.registering import Rule

EDIT = Rule(("_admin", "repo_groups", "{group*}", "edit"))
WHOLE = Rule(("_admin", "repo_groups", "{group*}"))


@pytest.mark.parametrize(
    ("rule", "path", "group"),
    [
        (EDIT, "_admin/repo_groups/a/edit", "a"),
        (EDIT, "_admin/repo_groups/a/b/edit", "a/b"),
        (EDIT, "_admin/repo_groups/a/edit/edit", "a/edit"),
        (EDIT, "_admin/repo_groups/edit", None),
        (EDIT, "_admin/repo_groups/a/edit/more", None),
        (WHOLE, "_admin/repo_groups/a/edit", "a/edit"),
        (WHOLE, "_admin/repo_groups", None),
    ],
)
def test_a_name_of_several_segments_ends_where_the_rule_goes_on(rule: Rule, path: str, group: str | None) -> None:
    found = rule.match(tuple(path.split("/")))
    assert found == (None if group is None else {"group": group})
