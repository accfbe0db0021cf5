# SPDX-License-Identifier: GPL-3.0-or-later
"""Atom and RSS, whatever is in a message (RFC 4287, RSS 2.0, system.md 2.6)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

ATOM: Final = "application/atom+xml; charset=utf-8"
RSS: Final = "application/rss+xml; charset=utf-8"
_TITLE: Final = 160
"""Characters of a message that are an entry's title."""
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML document may have, not even escaped."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened."""

    id: str
    """A URI that is this entry's for ever."""
    title: str
    link: str
    """Absolute."""
    author: str
    date: str
    """ISO 8601; without a zone it is UTC."""
    html: str
    """What happened, as HTML that has been escaped or sanitised."""


@dataclass(frozen=True, slots=True)
class FeedOf:
    """What a feed is about."""

    id: str
    """A URI that is this feed's for ever."""
    title: str
    description: str
    link: str
    """Absolute: the page for people."""
    address: str
    """Absolute: of the feed itself, without a key."""
    updated: str
    """When something in it changed last, as `Entry.date`."""


def atom(feed: FeedOf, entries: Iterable[Entry]) -> bytes:
    """An Atom document."""
    pieces = [
        (
            '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en-us">\n'
            f"<title>{_text(feed.title)}</title>\n<subtitle>{_text(feed.description)}</subtitle>\n"
            f'<link href="{_text(feed.link)}" rel="alternate" type="text/html"/>\n'
            f'<link href="{_text(feed.address)}" rel="self" type="application/atom+xml"/>\n'
            f"<id>{_text(feed.id)}</id>\n<updated>{_moment(feed.updated)}</updated>\n"
        )
    ]
    pieces += [
        f"<entry>\n<title>{_text(_title(entry.title))}</title>\n"
        f'<link href="{_text(entry.link)}" rel="alternate" type="text/html"/>\n<id>{_text(entry.id)}</id>\n'
        f"<updated>{_moment(entry.date)}</updated>\n<published>{_moment(entry.date)}</published>\n"
        f"<author><name>{_text(entry.author) or '?'}</name></author>\n"
        f'<content type="html">{_text(entry.html)}</content>\n</entry>\n'
        for entry in entries
    ]
    return "".join((*pieces, "</feed>\n")).encode()


def rss(feed: FeedOf, entries: Iterable[Entry]) -> bytes:
    """An RSS 2.0 document; five minutes until it is worth asking again."""
    pieces = [
        (
            '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" '
            'xmlns:atom="http://www.w3.org/2005/Atom">\n<channel>\n'
            f"<title>{_text(feed.title)}</title>\n<link>{_text(feed.link)}</link>\n"
            f'<atom:link href="{_text(feed.address)}" rel="self" type="application/rss+xml"/>\n'
            f"<description>{_text(feed.description)}</description>\n<language>en-us</language>\n<ttl>5</ttl>\n"
            f"<lastBuildDate>{_mail_date(feed.updated)}</lastBuildDate>\n"
        )
    ]
    pieces += [
        f"<item>\n<title>{_text(_title(entry.title))}</title>\n<link>{_text(entry.link)}</link>\n"
        f"<dc:creator>{_text(entry.author)}</dc:creator>\n<description>{_text(entry.html)}</description>\n"
        f'<guid isPermaLink="{"true" if entry.id == entry.link else "false"}">{_text(entry.id)}</guid>\n'
        f"<pubDate>{_mail_date(entry.date)}</pubDate>\n</item>\n"
        for entry in entries
    ]
    return "".join((*pieces, "</channel>\n</rss>\n")).encode()


def _title(message: str) -> str:
    """A message in one line, cut."""
    line = " ".join(message.split())
    return line if len(line) <= _TITLE else line[: _TITLE - 1] + "…"


def _text(text: str) -> str:
    """A text inside an element or an attribute."""
    clean = _NO_XML.sub("", text)
    return clean.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def when(moment: str) -> datetime:
    """The moment that an `Entry.date` tells."""
    found = datetime.fromisoformat(moment)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def _moment(moment: str) -> str:
    return when(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def _mail_date(moment: str) -> str:
    return format_datetime(when(moment))
