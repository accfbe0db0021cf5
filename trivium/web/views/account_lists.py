# SPDX-License-Identifier: GPL-3.0-or-later
"""What is one's own, what one follows, and what one may (system.md 2.8)."""

from __future__ import annotations

from typing import Any, Final

from trivium.access.levels import Scope
from trivium.forge.repositories import followers, pages
from trivium.forge.repositories.pages import RepositoryPage
from trivium.forge.rights import listing
from trivium.web.answers import Page
from trivium.web.registering import Who, view
from trivium.web.showing.home import rows
from trivium.web.visit import Visit

_SCOPES: Final = {"repositories": Scope.REPOSITORY, "groups": Scope.REPO_GROUP, "user_groups": Scope.USER_GROUP}


@view("GET", "/_admin/my_account/repos", needs=Who.USER, word="MyAccountController:my_account_repos")
def repositories(visit: Visit) -> Page:
    """The repositories that one owns."""
    found = visit.ask(pages.page, owner_id=visit.caller.user_id, **_place(visit))
    return Page("account/repositories.html", **_listed(visit, "account_lists.repositories", found))


@view("GET", "/_admin/my_account/watched", needs=Who.USER, word="MyAccountController:my_account_watched")
def watched(visit: Visit) -> Page:
    """The repositories that one follows, and the people."""
    found = visit.ask(pages.page, follower_id=visit.caller.user_id, **_place(visit))
    people = visit.ask(followers.followed_users)
    return Page("account/watched.html", people=people, **_listed(visit, "account_lists.watched", found))


@view("GET", "/_admin/my_account/pull_requests", needs=Who.USER, word="MyAccountController:my_account_pullrequests")
def pull_requests(visit: Visit) -> Page:
    """One's own pull requests; this server has none yet."""
    return Page("account/pull_requests.html")


@view("GET", "/_admin/my_account/perms", needs=Who.USER, word="MyAccountController:my_account_perms")
def rights(visit: Visit) -> Page:
    """What one may do, each right with its reason."""
    of, mine = visit.query.get("of", ""), visit.caller
    if of not in _SCOPES:
        return Page("account/site_rights.html", of="", rights=visit.ask(listing.global_rights, mine))
    after = visit.query.get("after", "")
    found = visit.ask(listing.rights_page, mine, _SCOPES[of], after=after)
    return Page(
        "account/rights.html",
        of=of,
        scope=_SCOPES[of],
        found=found,
        newer=visit.url("account_lists.rights", of=of) if after else "",
        older=visit.url("account_lists.rights", of=of, after=found.older) if found.older else "",
    )


def _place(visit: Visit) -> dict[str, Any]:
    begins = {name: visit.query.get(name, "") for name in ("after", "before")}
    return begins | {"limit": visit.look.dashboard_items}


def _listed(visit: Visit, address: str, found: RepositoryPage) -> dict[str, Any]:
    return {
        "rows": rows(visit, found.rows),
        "newer": visit.url(address, before=found.newer) if found.newer else "",
        "older": visit.url(address, after=found.older) if found.older else "",
    }
