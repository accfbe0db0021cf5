# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages about one user group have in common."""

from __future__ import annotations

from typing import Any

from trivium.access.levels import Level
from trivium.forge.groups import user_groups
from trivium.forge.groups.user_groups import UserGroup
from trivium.web.answers import Page
from trivium.web.visit import Visit


def group_of(visit: Visit, given: str) -> UserGroup:
    """The group that an address is about, which the visitor administers; raises `NotFound`."""
    return visit.ask(user_groups.find, given, Level.ADMIN)


def page(view: str, name: str, group: UserGroup, status: int = 200, **values: Any) -> Page:
    """A page about a group, which has tabs: the view that shows it, and the name of its template."""
    return Page(f"administration/user_group_{name}.html", status, group=group, this=str(group.id), tab=view, **values)
