# SPDX-License-Identifier: GPL-3.0-or-later
"""Commits are removed from a repository: what would go is shown first (system.md 2.7, api-repos.md 5)."""

from __future__ import annotations

from trivium.access.levels import Level
from trivium.errors import Locked
from trivium.forge.history import strips
from trivium.forge.history.strips import Doomed
from trivium.turns import Pace
from trivium.vcs.abilities import Abilities, Act, Lines
from trivium.vcs.errors import NotPossible, UnknownRevision
from trivium.web.answers import Page, Redirect
from trivium.web.forms import Entered, Form, Line, empty, read, sentence
from trivium.web.registering import view
from trivium.web.visit import RepositoryVisit

_SHOWN = 50
"""Commits that the page lists of those that go."""


class Strip(Form):
    """Which commits are to be removed."""

    revision: Line
    branch: Line = ""
    confirm_id: Line = ""
    """The id of the commit, typed by whoever removes it; empty: they only look what would go."""


def _strips(abilities: Abilities) -> bool:
    return abilities.can(Act.STRIP)


@view(
    "GET",
    "/{repository}/settings/strip",
    needs=Level.ADMIN,
    word="ReposController:edit_strip",
    users_only=True,
    possible=_strips,
    pace=Pace.SHORT,
)
def form(visit: RepositoryVisit) -> Page:
    """The form, perhaps with a commit in it (`?revision=&branch=`)."""
    given = {name: visit.query[name] for name in ("revision", "branch") if name in visit.query}
    return _shown(visit, empty(visit, Strip, **given), None)


@view(
    "PUT",
    "/{repository}/settings/strip",
    needs=Level.ADMIN,
    word="ReposController:strip",
    users_only=True,
    possible=_strips,
    pace=Pace.WAITING,
)
def strip(visit: RepositoryVisit) -> Page | Redirect:
    """Show what would go; with the id of the commit typed once more, remove it."""
    entered, doomed = read(Strip, visit), None
    if wanted := entered.form:
        try:
            doomed = strips.preview(visit.history, visit.caller, visit.repository, wanted.revision, wanted.branch)
            if wanted.confirm_id == doomed.raw_id:
                strips.strip(visit.site, visit.history, visit.caller, visit.repository, doomed.raw_id, wanted.branch)
                return Redirect(visit.url("changelog.changelog", visit.repository.name), visit.text("Removed."))
            if wanted.confirm_id:
                entered.refuse("confirm_id", visit.text("This is not the id of the commit."))
        except UnknownRevision:
            entered.refuse("revision", visit.text("There is no such commit on this branch."))
        except NotPossible as error:
            entered.refuse("revision", visit.text(str(error)))
        except Locked as error:
            entered.refuse("", sentence(visit, error), 423)
    return _shown(visit, entered, doomed)


def _shown(visit: RepositoryVisit, entered: Entered[Strip], doomed: Doomed | None) -> Page:
    return Page(
        "repository_settings/strip.html",
        entered.status,
        fields=entered,
        doomed=doomed,
        shown=doomed.commits[:_SHOWN] if doomed else (),
        by_branch=visit.abilities.lines is Lines.POINTERS,
    )
