# SPDX-License-Identifier: GPL-3.0-or-later
"""Gists (system.md 2.8, 6.4): whoever knows the address of one opens it, its owner changes it, and only public ones are
listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from trivium.forge.gists import gists as core
from trivium.forge.gists import listing
from trivium.forge.gists.gists import ACL_LEVELS, FOREVER, KINDS, GistChanges
from trivium.forge.gists.listing import ShownGist, Which
from trivium.turns import Pace
from trivium.web.answers import Body, Json, Page, Redirect, SignInNeeded
from trivium.web.forms import Entered, Form, Line, Text, Whole, empty, one_of, read, stored
from trivium.web.registering import Who, view
from trivium.web.showing.gist_files import lasts, shown_files, shown_lines
from trivium.web.showing.typed_files import TypedFile, contents, typed_files, with_more, wrong_files
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


class Facts(Form):
    """What the form says of a gist, beside its files (`web/showing/typed_files.py`)."""

    description: Text = ""
    gist_type: Annotated[str, one_of(*KINDS)] = "public"
    acl_level: Annotated[str, one_of(*ACL_LEVELS)] = "acl_public"
    lifetime: Whole = FOREVER
    """Minutes; -1 for ever, and 0 leaves it as it is."""
    revision: Line = ""
    """Which one was edited, by its full id."""
    files: Line = ""
    """Nothing; what is wrong with the files stands here."""
    act: Annotated[str, one_of("save", "more")] = "save"


class Away(Form):
    """What is typed so that a gist is deleted."""

    confirm: Line = ""


@view("GET", "/_admin/gists/new", needs=Who.USER, word="GistsController:new")
def new(visit: Visit) -> Page:
    """The form for another gist."""
    return _making(visit, empty(visit, Facts), [TypedFile(1)])


@view("POST", "/_admin/gists", needs=Who.USER, word="GistsController:create", pace=Pace.LONG)
def create(visit: Visit) -> Page | Redirect:
    """Make one. One more file is another field: no script is needed for that."""
    entered, files = read(Facts, visit), typed_files(visit)
    wanted = entered.form
    if wanted is not None and wanted.act == "save" and not wrong_files(visit, entered, files):
        with entered.refusals(files="files", lifetime="lifetime", description="description"):
            made = core.create(
                visit.site,
                visit.caller,
                files=contents(files),
                kind=wanted.gist_type,
                acl_level=wanted.acl_level,
                lifetime=wanted.lifetime or FOREVER,
                description=wanted.description,
            )
            return Redirect(visit.url("gists.gist", made.access_id), visit.text("Created."))
    return _making(visit, entered, with_more(files) if wanted is not None and wanted.act == "more" else files)


def _making(visit: Visit, entered: Entered[Facts], files: list[TypedFile]) -> Page:
    return Page("gists/form.html", entered.status, shown=None, fields=entered, files=files, theirs=None)


@view("GET", "/_admin/gists/{gist}/edit", needs=Who.USER, word="GistsController:edit", pace=Pace.LONG)
def edit(visit: Visit, gist: str) -> Page:
    """The form with the newest files."""
    shown = visit.ask(listing.to_change, gist)
    facts = Facts(
        description=shown.gist.description,
        gist_type=shown.gist.kind,
        acl_level=shown.gist.acl_level,
        lifetime=0,
        revision=listing.newest(visit.site, shown),
    )
    files = [TypedFile(number, *one) for number, one in enumerate(listing.files(visit.site, shown).items(), 1)]
    return _editing(visit, shown, stored(visit, facts), files)


@view("POST", "/_admin/gists/{gist}/edit", needs=Who.USER, word="GistsController:update", pace=Pace.LONG)
def save(visit: Visit, gist: str) -> Page | Redirect:
    """Make another revision of it. Where somebody else has made one meanwhile, both texts are shown."""
    shown = visit.ask(listing.to_change, gist)
    entered, files = read(Facts, visit), typed_files(visit)
    wanted = entered.form
    if wanted is not None and wanted.act == "save" and not wrong_files(visit, entered, files):
        before = listing.files(visit.site, shown)
        changes = GistChanges(
            files=contents(files, before),
            lifetime=wanted.lifetime,
            description=wanted.description,
            acl_level=wanted.acl_level,
            instead_of=wanted.revision,
        )
        try:
            with entered.refusals(files="files", lifetime="lifetime", description="description"):
                core.update_gist(visit.site, visit.caller, shown.gist, changes)
                return Redirect(visit.url("gists.gist", shown.gist.access_id), visit.text("Saved."))
        except core.EditedMeanwhile:
            return _edited_meanwhile(visit, shown, entered, files)
    more = wanted is not None and wanted.act == "more"
    return _editing(visit, shown, entered, with_more(files) if more else files)


def _edited_meanwhile(visit: Visit, shown: ShownGist, entered: Entered[Facts], files: list[TypedFile]) -> Page:
    """Both texts: the next time what was typed replaces what is there now."""
    said = visit.text("Somebody has changed it meanwhile. Your text is here, and theirs below.")
    again = entered.instead(revision=listing.newest(visit.site, shown))
    again.refuse("", said, 409)
    return _editing(visit, shown, again, files, theirs=listing.files(visit.site, shown))


def _editing(
    visit: Visit,
    shown: ShownGist,
    entered: Entered[Facts],
    files: list[TypedFile],
    theirs: Mapping[str, str] | None = None,
    away: Entered[Away] | None = None,
) -> Page:
    return Page(
        "gists/form.html",
        away.status if away is not None else entered.status,
        shown=shown,
        fields=entered,
        files=files,
        theirs=None if theirs is None else shown_files(visit, theirs),
        lasts=lasts(visit, shown.gist),
        away=away or empty(visit, Away),
    )


@view(
    "GET",
    "/_admin/gists/{gist}/edit/check_revision",
    needs=Who.USER,
    word="GistsController:check_revision",
    pace=Pace.SHORT,
)
def check_revision(visit: Visit, gist: str) -> Json:
    """Whether `?revision=` is still the newest one."""
    shown = visit.ask(listing.to_change, gist)
    return Json({"success": visit.query.get("revision", "") == listing.newest(visit.site, shown)})


@view("DELETE", "/_admin/gists/{gist}", needs=Who.USER, word="GistsController:delete", pace=Pace.LONG)
def delete(visit: Visit, gist: str) -> Page | Redirect:
    """Delete it with its revisions: whoever may is asked for its name."""
    shown = visit.ask(listing.to_change, gist)
    entered = read(Away, visit)
    if entered.form is None or entered.form.confirm != shown.gist.access_id:
        entered.refuse("confirm", visit.text("This is not its name."))
        before = edit(visit, gist)
        return _editing(visit, shown, before.values["fields"], before.values["files"], away=entered)
    core.delete_gist(visit.site, visit.caller, shown.gist)
    return Redirect(visit.url("gists.gists", private=1, public=1), visit.text("Deleted."))


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
