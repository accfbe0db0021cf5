# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody is told of on their pages: read, marked, thrown away (system.md 2.8, 6.3)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from trivium.forge.accounts.users import id_in
from trivium.forge.notifications import changes, listing
from trivium.forge.notifications.listing import Notification
from trivium.turns import Pace
from trivium.web.answers import Page, Redirect
from trivium.web.forms import Form, Line, Tick, whole
from trivium.web.registering import Who, view
from trivium.web.visit import Visit


class Seen(Form):
    """Up to where somebody has seen their notifications."""

    newest: Line = ""


class Mark(Form):
    """How one is marked, and whether to go where it leads."""

    unread: Tick = False
    follow: Tick = False


@view("GET", "/_admin/notifications", needs=Who.USER, word="NotificationsController:index")
def notifications(visit: Visit) -> Page:
    """All of one's own: unread ones first, by repository."""
    after = visit.query.get("after", "")
    found = visit.ask(listing.page, after=after)
    return Page(
        "notifications/notifications.html",
        parts=_parts(found.rows),
        newest=found.newest,
        unread=sum(not one.read for one in found.rows),
        hidden=found.hidden,
        after=after,
        newer=visit.url("notifications.notifications") if after else "",
        older=visit.url("notifications.notifications", after=found.older) if found.older else "",
    )


def _parts(rows: Sequence[Notification]) -> list[tuple[bool, list[tuple[str, list[Notification]]]]]:
    """Unread and read ones, each by repository: in the order in which something happened there last."""
    parts = []
    for is_read, some in groupby(rows, lambda one: one.read):
        by_repository: dict[str, list[Notification]] = {}
        for one in some:
            by_repository.setdefault(one.repository, []).append(one)
        parts.append((is_read, list(by_repository.items())))
    return parts


@view(
    "POST",
    "/_admin/notifications/mark_all_read",
    needs=Who.USER,
    word="NotificationsController:mark_all_read",
    pace=Pace.SHORT,
)
def mark_all_read(visit: Visit) -> Redirect:
    """Mark as read all that there were when the page was made."""
    newest = id_in(whole(Seen, visit).newest)
    changes.mark_all_read(visit.site, visit.caller, listing.ALL if newest is None else newest)
    return Redirect(visit.url("notifications.notifications"))


@view("GET", "/_admin/notifications/{notification}", needs=Who.USER, word="NotificationsController:show")
def notification(visit: Visit, notification: str) -> Page:
    """One of them."""
    return Page("notifications/notification.html", one=visit.ask(listing.find, notification))


@view(
    "PUT",
    "/_admin/notifications/{notification}",
    needs=Who.USER,
    word="NotificationsController:update",
    pace=Pace.SHORT,
)
def mark(visit: Visit, notification: str) -> Redirect:
    """Mark one as read, or as unread; perhaps on the way to what it is about."""
    found = visit.ask(listing.find, notification)
    wanted = whole(Mark, visit)
    changes.mark_read(visit.site, visit.caller, found, read=not wanted.unread)
    return Redirect(_address(visit, found) if wanted.follow else visit.url("notifications.notifications"))


def _address(visit: Visit, found: Notification) -> str:
    """Where one leads."""
    if not found.repository:
        return visit.url("profiles.profile", found.username)
    return f"{visit.url('changesets.changeset', found.repository, found.revision)}#comment-{found.comment_id}"


@view(
    "DELETE",
    "/_admin/notifications/{notification}",
    needs=Who.USER,
    word="NotificationsController:delete",
    pace=Pace.SHORT,
)
def delete(visit: Visit, notification: str) -> Redirect:
    """Throw one away."""
    changes.delete(visit.site, visit.caller, visit.ask(listing.find, notification))
    return Redirect(visit.url("notifications.notifications"), visit.text("Deleted."))
