# SPDX-License-Identifier: GPL-3.0-or-later
"""Gists, to read (system.md 2.8, 6.4): whoever knows the address of one opens it, and only public ones are listed."""

from __future__ import annotations

from trivium.forge.gists import listing
from trivium.forge.gists.listing import Which
from trivium.turns import Pace
from trivium.web.answers import Body, Page, SignInNeeded
from trivium.web.registering import Who, view
from trivium.web.showing.gist_files import lasts, shown_files, shown_lines
from trivium.web.visit import Visit

_WORD = "GistsController:show"


@view("GET", "/_admin/gists", needs=Who.VISITOR, word="GistsController:index")
def gists(visit: Visit) -> Page:
    """A list of gists: everybody's public ones, or one's own (`?private=1`, `?public=1`, both)."""
    which = _which(visit)
    after = visit.query.get("after", "")
    found = visit.ask(listing.page, which, after=after)
    asked = {name: visit.query[name] for name in ("private", "public", "all") if visit.query.get(name)}
    return Page(
        "gists/gists.html",
        which=which,
        found=found.gists,
        lasts=lasts,
        after=after,
        newer=visit.url("gists.gists", **asked) if after else "",
        older=visit.url("gists.gists", **asked, after=found.older) if found.older else "",
    )


@view(
    "GET",
    "/_admin/gists/{gist}",
    "/_admin/gists/{gist}/{revision}",
    needs=Who.VISITOR,
    word=_WORD,
    pace=Pace.LONG,
)
def gist(visit: Visit, gist: str, revision: str = "") -> Page:
    """A gist with its files, one below the other."""
    shown = visit.ask(listing.opened, gist)
    files = listing.files(visit.site, shown, revision)
    return Page(
        "gists/gist.html",
        shown=shown,
        revision=revision,
        revisions=listing.revisions(visit.site, shown),
        files=shown_files(visit, files),
        lines_of=shown_lines,
        lasts=lasts(visit, shown.gist),
    )


@view(
    "GET",
    "/_admin/gists/{gist}/{revision}/raw",
    "/_admin/gists/{gist}/{revision}/raw/{path*}",
    needs=Who.VISITOR,
    word=_WORD,
    pace=Pace.SHORT,
)
def raw(visit: Visit, gist: str, revision: str, path: str = "") -> Body:
    """One file of a gist, or all of them with a blank line between: as text, whatever is in it."""
    return Body(listing.raw(visit.site, visit.ask(listing.opened, gist), path, revision=revision))


@view(
    "GET",
    "/_admin/gists/{gist}/raw/{revision}",
    "/_admin/gists/{gist}/raw/{revision}/{path*}",
    needs=Who.VISITOR,
    word=_WORD,
    pace=Pace.SHORT,
)
def raw_as_once(visit: Visit, gist: str, revision: str, path: str = "") -> Body:
    """The same by the older form of the address."""
    return raw(visit, gist, revision, path)


def _which(visit: Visit) -> Which:
    private, public = bool(visit.query.get("private")), bool(visit.query.get("public"))
    if (private or public) and not visit.signed_in:
        raise SignInNeeded("You need to be a registered user to perform this action")
    if visit.query.get("all") and visit.caller.super_admin:
        return Which.ALL
    if private:
        return Which.OWN if public else Which.OWN_PRIVATE
    return Which.OWN_PUBLIC if public else Which.PUBLIC
