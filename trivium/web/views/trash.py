# SPDX-License-Identifier: GPL-3.0-or-later
"""What was deleted: listed, brought back, removed for good; the same as `trivium trash` (system.md 2.8, 3.6)."""

from __future__ import annotations

from trivium.errors import Invalid
from trivium.forge.trash import trash as shelf
from trivium.forge.trash import whose
from trivium.turns import Pace
from trivium.web.answers import Page, Redirect
from trivium.web.forms import Entered, Form, Line, empty, read
from trivium.web.registering import Who, view
from trivium.web.visit import Visit


class Restoration(Form):
    """Under which name something comes back."""

    name: Line = ""
    """The full name; empty: the old one."""


class Removal(Form):
    """That something is removed for good."""

    confirm_name: Line


@view("GET", "/_admin/trash", needs=Who.USER, word="TrashController:index", pace=Pace.LONG)
def trash(visit: Visit) -> Page:
    """What the visitor may bring back, with who deleted it and when."""
    return _shown(visit, "", empty(visit, Restoration), empty(visit, Removal))


@view("POST", "/_admin/trash/{entry}/restore", needs=Who.USER, word="TrashController:restore", pace=Pace.WAITING)
def restore(visit: Visit, entry: str) -> Page | Redirect:
    """Bring something back, under its old name or another."""
    found, entered = whose.find(visit.site, visit.caller, entry), read(Restoration, visit)
    if wanted := entered.form:
        try:
            with entered.refusals(name="name", exists="name", repo_group="name"):
                made = shelf.restore(visit.site, visit.caller, found, wanted.name or None)
                said = visit.text("%(name)s is back.", name=made.name)
                left = "; ".join(made.left_out)
                told = f"{said} {visit.text('Left out: %(what)s.', what=left)}" if left else said
                there = visit.url("summary.summary", made.name)
                return Redirect(there, told)
        except Invalid as error:
            entered.refuse("", visit.text(error.message, **error.values))
    return _shown(visit, entry, entered, empty(visit, Removal))


@view("DELETE", "/_admin/trash/{entry}", needs=Who.USER, word="TrashController:delete", pace=Pace.WAITING)
def remove(visit: Visit, entry: str) -> Page | Redirect:
    """Remove something for good."""
    found, entered = whose.find(visit.site, visit.caller, entry), read(Removal, visit)
    if wanted := entered.form:
        if wanted.confirm_name == (found.name or found.label):
            shelf.remove(visit.site, visit.caller, found)
            said = visit.text("%(name)s was removed for good.", name=found.name or found.label)
            return Redirect(visit.url("trash.trash"), said)
        entered.refuse("confirm_name", visit.text("This is not its name."))
    return _shown(visit, entry, empty(visit, Restoration), entered)


def _shown(visit: Visit, sent_to: str, restoration: Entered[Restoration], removal: Entered[Removal]) -> Page:
    after = visit.query.get("after", "")
    found = whose.page(visit.site, visit.caller, after=after)
    return Page(
        "trash/trash.html",
        max(restoration.status, removal.status),
        found=found.entries,
        sent_to=sent_to,
        restoration=restoration,
        removal=removal,
        keep_days=visit.site.settings.trash_keep_days,
        newer=visit.url("trash.trash") if after else "",
        older=visit.url("trash.trash", after=found.older) if found.older else "",
    )
