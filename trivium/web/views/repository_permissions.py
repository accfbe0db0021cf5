# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what in a repository (system.md 2.7)."""

from __future__ import annotations

from trivium.access.levels import Level, Scope
from trivium.forge.grants.rows import are_many, rows_on
from trivium.turns import Pace
from trivium.web.answers import Page, Redirect
from trivium.web.forms import Entered, empty
from trivium.web.registering import view
from trivium.web.showing import permissions as shown
from trivium.web.showing.permissions import Grant, Wanted
from trivium.web.visit import RepositoryVisit


@view(
    "GET",
    "/{repository}/settings/permissions",
    needs=Level.ADMIN,
    word="ReposController:edit_permissions",
    users_only=True,
)
def permissions(visit: RepositoryVisit) -> Page:
    """The rows, and what each comes from."""
    return _page(visit, empty(visit, Grant))


@view(
    "PUT",
    "/{repository}/settings/permissions",
    needs=Level.ADMIN,
    word="ReposController:edit_permissions_update",
    users_only=True,
    pace=Pace.SHORT,
)
def save(visit: RepositoryVisit) -> Page | Redirect:
    """Give somebody a right, or take their row away."""
    entered, one = shown.given(visit), visit.repository
    asked = shown.wanted(visit, entered)
    if asked is None:
        return _page(visit, entered)
    if asked.locks_out(visit, Scope.REPOSITORY, one.id, one.owner_id):
        return _page(visit, entered, asked)
    said = shown.carry_out(visit, Scope.REPOSITORY, one.id, one.name, asked)
    if asked.sure:
        return Redirect(visit.url("home.home"), said)
    return Redirect(visit.url("repository_permissions.permissions", one.name), said)


def _page(visit: RepositoryVisit, entered: Entered[Grant], own: Wanted | None = None) -> Page:
    one, after = visit.repository, visit.query.get("after", "")
    if visit.ask(are_many, Scope.REPOSITORY, one.id):
        visit.take_a_moment()
    found = visit.ask(rows_on, Scope.REPOSITORY, one.id, after=after)
    action = visit.url("repository_permissions.permissions", one.name)
    return Page(
        "repository_settings/permissions.html",
        422 if own else entered.status,
        fields=entered,
        own=own,
        rows=shown.table(visit, found.rows, action, {"repository": one.name}, private=one.private),
        action=action,
        newer=action if after else "",
        older=visit.url("repository_permissions.permissions", one.name, after=found.older) if found.older else "",
    )
