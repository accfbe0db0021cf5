# SPDX-License-Identifier: GPL-3.0-or-later
"""Which addresses have a form."""

from __future__ import annotations

from pathlib import Path

import pytest

from trivium.web.registering import Rule, every_view
from trivium.web.views import load

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


def test_every_address_stands_in_the_specification() -> None:
    load()
    specification = Path(__file__).parents[3] / "docs" / "specification" / "system.md"
    rows = specification.read_text().partition("## 2. URL map")[2].partition("## 3. VCS")[0]
    missing = [
        f"{view.name}: {segment}"
        for view in every_view()
        for rule in view.rules
        for segment in rule.segments
        if segment and not segment.startswith("{") and segment not in rows
    ]
    assert not missing, "system.md 2 has a row for every address"
