# SPDX-License-Identifier: GPL-3.0-or-later
"""The first page of a repository (system.md 2.3)."""

from __future__ import annotations

from trivium.access.levels import Level
from trivium.web.answers import Page
from trivium.web.registering import view
from trivium.web.visit import RepositoryVisit


@view("GET", "/{repository}", "/{repository}/summary", needs=Level.READ, word="SummaryController:index")
def summary(visit: RepositoryVisit) -> Page:
    """What there is, and how to get it."""
    return Page("repository/summary.html")
