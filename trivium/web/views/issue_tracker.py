# SPDX-License-Identifier: GPL-3.0-or-later
"""What in the messages of a repository leads to an issue tracker (system.md 2.7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from markupsafe import Markup, escape

from trivium.access.levels import Level
from trivium.errors import ChangedMeanwhile
from trivium.forge.repositories import issue_patterns
from trivium.forge.repositories.issue_patterns import BadPattern, Pattern, Patterns, checked, issues_in
from trivium.turns import Pace
from trivium.web.answers import Page, Redirect
from trivium.web.registering import view
from trivium.web.showing.pattern_forms import (
    PatternForm,
    as_seen,
    overtaken,
    pattern_form,
    stored_patterns,
    typed_patterns,
)
from trivium.web.templating import html
from trivium.web.visit import RepositoryVisit

_MOST_TEXT: Final = 4_000


@view(
    "GET",
    "/{repository}/settings/issue-tracker",
    needs=Level.ADMIN,
    word="ReposController:repo_issuetracker",
    users_only=True,
)
def tracker(visit: RepositoryVisit) -> Page:
    """The patterns that count here."""
    known = visit.ask(issue_patterns.patterns_of, visit.repository.id)
    return _shown(visit, stored_patterns(visit, known.patterns), known)


def _now(db: Any, caller: Any, repository_id: int) -> Sequence[Pattern]:
    return issue_patterns.patterns_of(db, caller, repository_id).patterns


@view(
    "POST",
    "/{repository}/settings/issue-tracker/save",
    needs=Level.ADMIN,
    word="ReposController:repo_issuetracker_save",
    users_only=True,
    pace=Pace.SHORT,
)
def save(visit: RepositoryVisit) -> Page | Redirect:
    """Give the repository its own patterns."""
    typed, one = typed_patterns(visit), visit.repository
    try:
        seen = as_seen(visit, typed, lambda db, caller: _now(db, caller, one.id))
        issue_patterns.save(visit.site, visit.caller, one, typed, seen)
    except BadPattern as error:
        return _shown(visit, pattern_form(visit, typed, error), visit.ask(issue_patterns.patterns_of, one.id))
    except ChangedMeanwhile as error:
        return _shown(visit, overtaken(visit, typed, error), visit.ask(issue_patterns.patterns_of, one.id))
    return Redirect(visit.url("issue_tracker.tracker", visit.repository.name), visit.text("Saved."))


@view(
    "POST",
    "/{repository}/settings/issue-tracker/test",
    needs=Level.ADMIN,
    word="ReposController:repo_issuetracker_test",
    users_only=True,
    pace=Pace.SHORT,
)
def test(visit: RepositoryVisit) -> Page:
    """Show what patterns find in a text, without keeping them."""
    typed, text = typed_patterns(visit), visit.form.get("test_text", "")[:_MOST_TEXT]
    known = visit.ask(issue_patterns.patterns_of, visit.repository.id)
    try:
        patterns = checked(typed)
    except BadPattern as error:
        return _shown(visit, pattern_form(visit, typed, error), known, text=text)
    return _shown(visit, pattern_form(visit, typed), known, text=text, found=_linked(visit, text, patterns))


@view(
    "DELETE",
    "/{repository}/settings/issue-tracker/delete",
    needs=Level.ADMIN,
    word="ReposController:repo_issuetracker_delete",
    users_only=True,
    pace=Pace.SHORT,
)
def forget(visit: RepositoryVisit) -> Redirect:
    """Let the patterns of the site count here again."""
    issue_patterns.save(visit.site, visit.caller, visit.repository, None)
    said = visit.text("What holds on the site holds here again.")
    return Redirect(visit.url("issue_tracker.tracker", visit.repository.name), said)


def _linked(visit: RepositoryVisit, text: str, patterns: Sequence[Pattern]) -> Markup:
    """A text with the issues in it linked."""
    pieces, at = [], 0
    for one in issues_in(text, patterns, visit.repository):
        link = html('<a href="{}" rel="nofollow">{}</a>').format(one.href, text[one.start : one.end])
        pieces += [escape(text[at : one.start]), link]
        at = one.end
    return Markup("").join([*pieces, escape(text[at:])])


def _shown(
    visit: RepositoryVisit, form: PatternForm, known: Patterns, *, text: str = "", found: Markup | None = None
) -> Page:
    return Page(
        "repository_settings/issue_tracker.html",
        form.status,
        issues=form,
        own=known.own,
        text=text,
        found=found,
    )
