# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of the journal in words: who did what where (system.md 2.6).

The core has left out what the reader may not read, so that everything told here may be linked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from markupsafe import Markup, escape

from trivium.forge.events.moves import Ref
from trivium.forge.events.reading import Archived, Changed, Entry, Made, Moved, Said
from trivium.language import Language, moment_of
from trivium.render.feeds import Entry as FeedEntry
from trivium.web.templating import html
from trivium.web.urls import quoted
from trivium.web.visit import Visit

_REFS_SHOWN: Final = 5
_SHORT: Final = 12
_NAMES: Final = (
    ("refs/heads/", "branch"),
    ("refs/tags/", "tag"),
    ("branches/", "branch"),
    ("bookmarks/", "bookmark"),
)
"""How the names of moved refs begin, and what they are."""


@dataclass(frozen=True, slots=True)
class Move:
    """A name that moved, or a revision that came."""

    symbol: str
    name: str
    shown: str
    """What it holds now, as it is written; empty: it is gone."""
    href: str
    gone: bool


@dataclass(frozen=True, slots=True)
class Deed:
    """An entry as it is shown."""

    entry: Entry
    sentence: Markup
    moves: Sequence[Move]
    more: int
    """How many names moved besides."""


def by_day(visit: Visit, entries: Iterable[Entry]) -> list[tuple[str, list[Deed]]]:
    """The entries by day (UTC), in the order in which they come, each day in words."""
    found = []
    for _, of_day in groupby(entries, lambda entry: entry.at[:10]):
        deeds = [deed(visit, entry) for entry in of_day]
        moment = moment_of(deeds[0].entry.at)
        found.append((visit.language.date(moment) if moment else "", deeds))
    return found


def deed(visit: Visit, entry: Entry, *, start: str | None = None) -> Deed:
    """An entry in words; `start` is what stands before addresses, by default nothing but our path."""
    before = visit.urls.root if start is None else start
    repository = f"{before}/{quoted(entry.repository)}"
    link = _link(repository, entry.repository)
    who = escape(entry.username)
    if visit.signed_in and entry.user_id is not None:
        who = _link(f"{before}/_profiles/{quoted(entry.username)}", entry.username)
    revision = Markup()
    details = entry.details
    if isinstance(details, Said) and details.revision:
        shown = details.revision[: visit.look.show_sha_length]
        revision = html('<a class="id" href="{}/changeset/{}">{}</a>').format(
            repository, quoted(details.revision), shown
        )
    sentence = html(_sentence(visit.language, entry)) % {"user": who, "repository": link, "revision": revision}
    if isinstance(details, Changed) and details.fields:
        named = ", ".join(field.replace("_", " ") for field in details.fields)
        sentence += html(' <span class="quiet">({})</span>').format(named)
    if isinstance(details, Moved):
        moves = [_move(repository, ref) for ref in details.refs[:_REFS_SHOWN]]
        return Deed(entry, sentence, moves, len(details.refs) - len(moves) + details.more)
    return Deed(entry, sentence, (), 0)


def fed(visit: Visit, entry: Entry) -> FeedEntry:
    """An entry of a feed: its title is `<user> - <action> <repo>`, and it leads to the repository's history."""
    start = visit.urls.absolute(visit.urls.root)
    told = deed(visit, entry, start=start)
    lines = [str(told.sentence)]
    lines += [
        str(html('{} <a href="{}">{}</a>').format(move.name, move.href, move.shown) if move.href else escape(move.name))
        for move in told.moves
    ]
    if told.more:
        lines.append(visit.language.plural("and %(num)s more", "and %(num)s more", told.more))
    link = f"{start}/{quoted(entry.repository)}/changelog"
    title = f"{entry.username} - {_action(visit.language, entry)} {entry.repository}"
    return FeedEntry(
        f"{start}/_admin/public_journal#{entry.id}", title, link, entry.username, entry.at, "<br>".join(lines)
    )


def _link(address: str, name: str) -> Markup:
    return html('<a class="plain strong" href="{}" dir="auto">{}</a>').format(address, name)


def _move(repository: str, ref: Ref) -> Move:
    name, old, new = ref
    gone = not new.strip("0")
    shown, symbol = name, "commit"
    for prefix, kind in _NAMES:
        if name.startswith(prefix):
            shown, symbol = name[len(prefix) :], kind
            break
    held = old if gone else new
    revision = f"r{held}" if held.isdigit() and len(held) < _SHORT else held[:_SHORT]
    href = "" if gone else f"{repository}/changeset/{quoted(new)}"
    return Move(symbol, shown, "" if gone else revision, href, gone)


def _sentence(language: Language, entry: Entry) -> str:
    """The sentence with places for who, where and which changeset."""
    text, details = language.text, entry.details
    match entry.action:
        case "push":
            return text("%(user)s pushed to %(repository)s")
        case "strip":
            return text("%(user)s removed changesets from %(repository)s")
        case "remote.pull":
            return text("%(user)s updated %(repository)s from another server")
        case "repository.create" if isinstance(details, Made) and details.fork:
            return text("%(user)s created the fork %(repository)s")
        case "repository.create" if isinstance(details, Made) and details.imported:
            return text("%(user)s imported %(repository)s")
        case "repository.create":
            return text("%(user)s created %(repository)s")
        case "repository.restore":
            return text("%(user)s brought %(repository)s back from the trash")
        case "repository.archive" if isinstance(details, Archived) and not details.archived:
            return text("%(user)s opened %(repository)s again")
        case "repository.archive":
            return text("%(user)s archived %(repository)s")
        case "repository.lock":
            return text("%(user)s locked %(repository)s")
        case "repository.unlock":
            return text("%(user)s unlocked %(repository)s")
        case "changeset.comment":
            return _said(language, details)
        case _:
            return text("%(user)s changed the settings of %(repository)s")


def _said(language: Language, details: object) -> str:
    text = language.text
    match details.status if isinstance(details, Said) else None:
        case "approved":
            return text("%(user)s approved %(revision)s in %(repository)s")
        case "rejected":
            return text("%(user)s rejected %(revision)s in %(repository)s")
        case "under_review":
            return text("%(user)s began to review %(revision)s in %(repository)s")
        case _:
            return text("%(user)s commented on %(revision)s in %(repository)s")


def _action(language: Language, entry: Entry) -> str:
    """What happened, in the words of the sentence that stand between who and where."""
    told = _sentence(language, entry).partition("%(repository)s")[0]
    return " ".join(told.replace("%(user)s", "").replace("%(revision)s", "").split())
