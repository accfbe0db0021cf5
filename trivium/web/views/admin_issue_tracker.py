# SPDX-License-Identifier: GPL-3.0-or-later
"""What in messages leads to an issue tracker, wherever a repository has no patterns of its own (system.md 2.8)."""

from __future__ import annotations

from trivium.errors import ChangedMeanwhile
from trivium.forge.repositories import issue_patterns
from trivium.forge.repositories.issue_patterns import BadPattern
from trivium.turns import Pace
from trivium.web.answers import Page, Redirect
from trivium.web.registering import Who, view
from trivium.web.showing.pattern_forms import (
    PatternForm,
    as_seen,
    overtaken,
    pattern_form,
    stored_patterns,
    typed_patterns,
)
from trivium.web.visit import Visit


@view(
    "GET",
    "/_admin/settings/issue-tracker",
    needs=Who.SUPER_ADMIN,
    word="SettingsController:settings_issuetracker",
)
def tracker(visit: Visit) -> Page:
    """The patterns of the site."""
    return _shown(stored_patterns(visit, visit.ask(issue_patterns.site_patterns)))


@view(
    "POST",
    "/_admin/settings/issue-tracker",
    needs=Who.SUPER_ADMIN,
    word="SettingsController:settings_issuetracker_save",
    pace=Pace.SHORT,
)
def save(visit: Visit) -> Page | Redirect:
    """Change them."""
    typed = typed_patterns(visit)
    try:
        seen = as_seen(visit, typed, issue_patterns.site_patterns)
        issue_patterns.save_for_site(visit.site, visit.caller, typed, seen)
    except BadPattern as error:
        return _shown(pattern_form(visit, typed, error))
    except ChangedMeanwhile as error:
        return _shown(overtaken(visit, typed, error))
    return Redirect(visit.url("admin_issue_tracker.tracker"), visit.text("Saved."))


def _shown(form: PatternForm) -> Page:
    return Page("administration/settings_issues.html", form.status, tab="admin_issue_tracker.tracker", issues=form)
