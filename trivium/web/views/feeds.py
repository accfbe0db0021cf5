# SPDX-License-Identifier: GPL-3.0-or-later
"""Feeds of a repository (system.md 2.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from trivium.access.levels import Level
from trivium.forge.history.feeds import Latest, latest
from trivium.render import feeds
from trivium.render.feeds import Entry, FeedOf
from trivium.render.text import escaped
from trivium.web.answers import Feed
from trivium.web.registering import view
from trivium.web.showing.keeping import kept
from trivium.web.visit import RepositoryVisit

_SHORT: Final = 128 << 10
"""Characters of a feed that is written again sooner than it is read from the disk."""


@view("GET", "/{repository}/feed/atom", needs=Level.READ, word="FeedController:atom")
def atom(visit: RepositoryVisit) -> Feed:
    """The latest changesets, as Atom."""
    return _feed(visit, "atom", feeds.ATOM, feeds.atom)


@view("GET", "/{repository}/feed/rss", needs=Level.READ, word="FeedController:rss")
def rss(visit: RepositoryVisit) -> Feed:
    """The latest changesets, as RSS."""
    return _feed(visit, "rss", feeds.RSS, feeds.rss)


class _Told(msgspec.Struct, frozen=True, array_like=True):
    """A changeset as feeds tell it, wherever the server is: an address in it follows `before`, and `after` that."""

    raw_id: str
    message: str
    author: str
    date: str
    before: str
    after: str


def _feed(visit: RepositoryVisit, form: str, kind: str, write: Callable[[FeedOf, Iterable[Entry]], bytes]) -> Feed:
    moment = visit.now()
    name = visit.repository.name
    start = visit.urls.absolute(visit.root)
    # A reader of feeds takes what has another id for news: of Atom it outlives renames, of RSS it is the link.
    lasting = visit.urls.absolute(f"{visit.urls.root}/_{visit.repository.id}") if form == "atom" else start
    settings = visit.site.settings
    options = (settings.rss_items_per_page, settings.rss_include_diff, settings.rss_cut_off_limit)

    def tell() -> list[_Told]:
        return [_told(one) for one in latest(visit.history, visit.repository, moment)]

    found = kept(visit, list[_Told], "told in feeds", moment.key, options, make=tell)

    def make() -> bytes:
        # Dates are what authors say: the newest need not be first.
        updated = max((one.date for one in found), key=feeds.when, default=visit.repository.created_on)
        feed = FeedOf(
            lasting, f"Trivium {name} feed", f"Changes on {name} repository", start, f"{start}/feed/{form}", updated
        )
        return write(feed, [_entry(one, start, lasting) for one in found])

    # Addresses are absolute: a feed is another one under another name of the server.
    key = ("feed", form, moment.key, name, start, options)
    if sum(len(one.before) + len(one.after) for one in found) > _SHORT:
        return Feed(visit.part(*key, make=lambda: make().decode()).encode(), kind, key)
    return Feed(visit.fragments.content(visit.repository.id, key, make), kind, key)


def _told(one: Latest) -> _Told:
    changeset = one.commit.changeset
    lines = [f"{escaped(changeset.author)} committed on {escaped(changeset.date)} UTC"]
    if changeset.branch:
        lines.append(f"branch: {escaped(changeset.branch)}")
    lines += [f"bookmark: {escaped(name)}" for name in one.refs.bookmarks]
    lines += [f"tag: {escaped(name)}" for name in one.refs.tags]
    before = "<br>".join(lines) + '<br>changeset: <a href="'
    after = f'">{escaped(changeset.short_id)}</a><pre>{escaped(changeset.message)}</pre>'
    files = []
    for change in one.commit.changes:
        counts = "" if change.added is None else f" (+{change.added} −{change.deleted or 0})"
        files.append(f"{change.op} {escaped(change.path)}{counts}")
    if one.more_files:
        files.append(f"… {one.more_files} more")
    if files:
        after += "<pre>" + "\n".join(files) + "</pre>"
    after += f"<pre>{escaped(one.diff)}</pre>" if one.diff else ""
    return _Told(changeset.raw_id, changeset.message, changeset.author, changeset.date, before, after)


def _entry(one: _Told, start: str, lasting: str) -> Entry:
    link, id_ = (f"{where}/changeset/{one.raw_id}" for where in (start, lasting))
    return Entry(id_, one.message, link, one.author, one.date, f"{one.before}{escaped(link)}{one.after}")
