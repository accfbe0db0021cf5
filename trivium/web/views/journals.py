# SPDX-License-Identifier: GPL-3.0-or-later
"""Journals: what happens in what one follows, as pages and as feeds (system.md 2.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from trivium.forge.events import reading
from trivium.render import feeds
from trivium.render.feeds import Entry, FeedOf
from trivium.web.answers import Feed, Page
from trivium.web.registering import Who, view
from trivium.web.showing.deeds import by_day, fed
from trivium.web.showing.feed_keys import feed_key
from trivium.web.visit import Visit

Writer = Callable[[FeedOf, Iterable[Entry]], bytes]


@view("GET", "/_admin/journal", needs=Who.USER, word="JournalController:index")
def journal(visit: Visit) -> Page:
    """What happens in what one follows."""
    return _page(visit, "journal", visit.text("Journal"))


@view("GET", "/_admin/public_journal", needs=Who.VISITOR, word="JournalController:public_journal")
def public_journal(visit: Visit) -> Page:
    """The same; for visitors, what the site shows everybody."""
    return _page(visit, "public_journal", visit.text("Public journal"))


@view("GET", "/_admin/journal/atom", needs=Who.USER, word="JournalController:journal_atom")
def journal_atom(visit: Visit) -> Feed:
    """One's journal, as Atom."""
    return _feed(visit, "journal", "atom", feeds.ATOM, feeds.atom)


@view("GET", "/_admin/journal/rss", needs=Who.USER, word="JournalController:journal_rss")
def journal_rss(visit: Visit) -> Feed:
    """One's journal, as RSS."""
    return _feed(visit, "journal", "rss", feeds.RSS, feeds.rss)


@view(
    "GET",
    "/_admin/public_journal/atom",
    "/_admin/public_journal_atom",
    needs=Who.VISITOR,
    word="JournalController:public_journal_atom",
)
def public_journal_atom(visit: Visit) -> Feed:
    """The public journal, as Atom."""
    return _feed(visit, "public_journal", "atom", feeds.ATOM, feeds.atom)


@view(
    "GET",
    "/_admin/public_journal/rss",
    "/_admin/public_journal_rss",
    needs=Who.VISITOR,
    word="JournalController:public_journal_rss",
)
def public_journal_rss(visit: Visit) -> Feed:
    """The public journal, as RSS."""
    return _feed(visit, "public_journal", "rss", feeds.RSS, feeds.rss)


def _page(visit: Visit, which: str, title: str) -> Page:
    after = visit.query.get("after", "")
    found = visit.ask(reading.followed, after=after, limit=visit.look.dashboard_items)
    key = feed_key(visit)
    return Page(
        "journal/journal.html",
        title=title,
        days=by_day(visit, found.entries),
        after=after,
        newer=visit.url(f"journals.{which}") if after else "",
        older=visit.url(f"journals.{which}", after=found.older) if found.older else "",
        atom=visit.url(f"journals.{which}_atom", auth_token=key),
        rss=visit.url(f"journals.{which}_rss", auth_token=key),
    )


def _feed(visit: Visit, which: str, form: str, kind: str, write: Writer) -> Feed:
    entries = visit.ask(reading.followed, limit=reading.FEED).entries
    link = visit.urls.absolute(visit.url(f"journals.{which}"))
    titles = {
        "journal": f"Trivium journal of {visit.caller.username}",
        "public_journal": "Trivium public journal",
    }
    updated = entries[0].at if entries else "1970-01-01T00:00:00"
    feed = FeedOf(link, titles[which], "What happened lately", link, f"{link}/{form}", updated)
    return Feed(write(feed, [fed(visit, entry) for entry in entries]), kind)
