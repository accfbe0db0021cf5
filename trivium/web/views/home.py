# SPDX-License-Identifier: GPL-3.0-or-later
"""The first page, and those of groups (system.md 2.8)."""

from __future__ import annotations

from trivium.web.answers import Page
from trivium.web.registering import Who, view
from trivium.web.visit import Visit


@view("GET", "/", needs=Who.VISITOR, word="HomeController:index")
def home(visit: Visit) -> Page:
    """All repositories that one may read."""
    return Page("home/home.html", group=None)


@view("GET", "/{group}", needs=Who.VISITOR, word="HomeController:index_repo_group")
def group(visit: Visit, group: str) -> Page:
    """A group and all that one may read in it."""
    return Page("home/home.html", group=group)
