# SPDX-License-Identifier: GPL-3.0-or-later
"""Feeds of a repository (system.md 2.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from trivium.access.levels import Level
from trivium.forge.history.feeds import Latest, latest
from trivium.render import feeds
from trivium.render.feeds import Entry, FeedOf
from trivium.render.text import escaped
from trivium.web.answers import Feed
from trivium.web.registering import view
from trivium.web.visit import RepositoryVisit


@view("GET", "/{repository}/feed/atom", needs=Level.READ, word="FeedController:atom")
def atom(visit: RepositoryVisit) -> Feed:
    """The latest changesets, as Atom."""
    return _feed(visit, "atom", feeds.ATOM, feeds.atom)


@view("GET", "/{repository}/feed/rss", needs=Level.READ, word="FeedController:rss")
def rss(visit: RepositoryVisit) -> Feed:
    """The latest changesets, as RSS."""
    return _feed(visit, "rss", feeds.RSS, feeds.rss)


def _feed(visit: RepositoryVisit, form: str, kind: str, write: Callable[[FeedOf, Iterable[Entry]], bytes]) -> Feed:
    moment = visit.now()
    name = visit.repository.name
    start = visit.urls.absolute(visit.root)
    # A reader of feeds takes what has another id for news: of Atom it outlives renames, of RSS it is the link.
    lasting = visit.urls.absolute(f"{visit.urls.root}/_{visit.repository.id}") if form == "atom" else start

    def make() -> str:
        found = latest(visit.history, visit.repository, moment)
        # Dates are what authors say: the newest need not be first.
        dates = [one.commit.changeset.date for one in found]
        updated = max(dates, key=feeds.when, default=visit.repository.created_on)
        feed = FeedOf(
            lasting, f"Trivium {name} feed", f"Changes on {name} repository", start, f"{start}/feed/{form}", updated
        )
        return write(feed, [_entry(one, start, lasting) for one in found]).decode()

    settings = visit.site.settings
    options = (settings.rss_items_per_page, settings.rss_include_diff, settings.rss_cut_off_limit)
    # Addresses are absolute: a feed is another one under another name of the server.
    key = ("feed", form, moment.key, name, start, options)
    return Feed(visit.part(*key, make=make).encode(), kind, key)


def _entry(one: Latest, start: str, lasting: str) -> Entry:
    changeset = one.commit.changeset
    link = f"{start}/changeset/{changeset.raw_id}"
    lines = [f"{escaped(changeset.author)} committed on {escaped(changeset.date)} UTC"]
    if changeset.branch:
        lines.append(f"branch: {escaped(changeset.branch)}")
    lines += [f"bookmark: {escaped(name)}" for name in one.refs.bookmarks]
    lines += [f"tag: {escaped(name)}" for name in one.refs.tags]
    lines.append(f'changeset: <a href="{escaped(link)}">{escaped(changeset.short_id)}</a>')
    html = "<br>".join(lines) + f"<pre>{escaped(changeset.message)}</pre>"
    files = []
    for change in one.commit.changes:
        counts = "" if change.added is None else f" (+{change.added} −{change.deleted or 0})"
        files.append(f"{change.op} {escaped(change.path)}{counts}")
    if one.more_files:
        files.append(f"… {one.more_files} more")
    if files:
        html += "<pre>" + "\n".join(files) + "</pre>"
    html += f"<pre>{escaped(one.diff)}</pre>" if one.diff else ""
    return Entry(
        f"{lasting}/changeset/{changeset.raw_id}", changeset.message, link, changeset.author, changeset.date, html
    )
