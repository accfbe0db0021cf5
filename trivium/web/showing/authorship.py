# SPDX-License-Identifier: GPL-3.0-or-later
"""A file with the changesets that its lines come from (web.md 2.2), and the people who wrote it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from markupsafe import Markup

from trivium.forge.history.files import Block, annotated
from trivium.forge.history.listing import Change, touched
from trivium.forge.history.places import Place
from trivium.language import moment_of
from trivium.render import highlight, rows
from trivium.render.text import name
from trivium.vcs.abilities import Numbers
from trivium.web.showing.contents import (
    MOST_LINES,
    MOST_SHOWN,
    Nature,
    Shown,
    decoded,
    lines_at_hand,
    of_head,
    with_head,
)
from trivium.web.showing.keeping import json_of, kept
from trivium.web.showing.places import address
from trivium.web.templating import face_ground, face_letter, html
from trivium.web.times import when
from trivium.web.visit import RepositoryVisit
from trivium.web.words import words_of

_MOST_CHANGES: Final = 500
_STEPS: Final = 4


def annotation(visit: RepositoryVisit, place: Place) -> tuple[Shown, Markup]:
    """What a file is, and its lines, each block with its changeset; raises `NotText` and `TooLarge`."""

    def make() -> str:
        found = annotated(visit.history, visit.repository, place, MOST_SHOWN)
        read = decoded(found.content, "", visit.site.settings.default_encoding)
        text = read.text
        coloured = len(found.content) <= visit.site.settings.cut_off_limit_file
        lexer = highlight.lexer_of(place.path, text) if coloured else ""
        lines = (lines_at_hand(visit, place) if coloured else None) or highlight.highlight(text, lexer).lines
        shown = lines[:MOST_LINES]
        body = rows.annotated(shown, _blocks(visit, place, found.blocks), words=words_of(visit.language))
        table = rows.text_table(body, place.file_name, authors=True, words=words_of(visit.language)) if shown else ""
        language = highlight.language(lexer)
        return with_head(
            Shown(Nature.TEXT, read.charset, len(shown), language, coloured, len(lines) > len(shown)), table
        )

    key = ("annotated", place.stamp, place.raw_id, place.path, visit.root, visit.site.settings.default_encoding)
    return of_head(visit.part(*key, make=make))


def _blocks(visit: RepositoryVisit, place: Place, blocks: Sequence[Block]) -> list[rows.Block]:
    """The blocks as rows show them: there are often many of few changesets."""
    each = {block.change.raw_id: block for block in blocks}
    ages = _ages([block.change for block in each.values()])
    changesets = f"{visit.root}/changeset/"
    shown = {
        raw_id: rows.Block(
            lines=0,
            age=ages[raw_id],
            id=shown_id(visit, block.change),
            href=f"{changesets}{raw_id}",
            subject=block.change.subject,
            author=block.change.author,
            when=html(when(block.change.date)),
            before_href=address(visit, block.before, place.path, "annotate") if block.before else "",
        )
        for raw_id, block in each.items()
    }
    return [shown[block.change.raw_id]._replace(lines=block.count) for block in blocks]


def _ages(changes: Sequence[Change]) -> dict[str, int]:
    """Of each changeset how young it is among the others: 0, the oldest, to 4."""
    times = {change.raw_id: moment.timestamp() for change in changes if (moment := moment_of(change.date))}
    oldest, youngest = min(times.values(), default=0), max(times.values(), default=0)
    span = (youngest - oldest) or 1
    return {change.raw_id: round((times.get(change.raw_id, oldest) - oldest) / span * _STEPS) for change in changes}


def shown_id(visit: RepositoryVisit, change: Change) -> str:
    """The id of a changeset in rows."""
    return f"r{change.raw_id}" if visit.abilities.numbers is Numbers.IDS else change.short_id[:8]


def last_change(visit: RepositoryVisit, place: Place) -> Change | None:
    """What last changed a file."""
    found: list[Change] = kept(
        visit,
        list[Change],
        *last_key(place),
        make=lambda: touched(visit.history, visit.repository, place, 1),
    )
    return found[0] if found else None


def last_key(place: Place) -> tuple[str, ...]:
    """What the last change of a file is kept under."""
    return ("last", place.stamp, place.raw_id, place.path)


def changes(visit: RepositoryVisit, place: Place) -> tuple[list[Change], bool]:
    """The changesets that touched a file, newest first, and whether there are more than are told."""
    found: list[Change] = kept(
        visit,
        list[Change],
        *("touched", place.stamp, place.raw_id, place.path),
        make=lambda: touched(visit.history, visit.repository, place, _MOST_CHANGES + 1),
    )
    return found[:_MOST_CHANGES], len(found) > _MOST_CHANGES


def history(visit: RepositoryVisit, place: Place) -> msgspec.Raw:
    """Revisions in which a file can be looked at, as JSON (system.md 2.3)."""
    key = ("revisions", visit.now().key, place.raw_id, place.path)
    return json_of(visit, *key, make=lambda: _history(visit, place))


def _history(visit: RepositoryVisit, place: Place) -> dict[str, Any]:
    found, more = changes(visit, place)
    names = visit.history.names(visit.repository)
    groups = [("Changesets", [(change.raw_id, f"r{change.number}:{change.short_id}") for change in found])]
    for title, known in (("Branches", names.branches), ("Bookmarks", names.bookmarks), ("Tags", names.tags)):
        groups.append((title, [(raw_id, name) for name, raw_id in sorted(known.items())[:_MOST_CHANGES]]))
    results = [
        {"text": visit.text(title), "children": [{"id": raw_id, "text": text} for raw_id, text in children]}
        for title, children in groups
        if children
    ]
    return {"more": more, "results": results}


def authors(visit: RepositoryVisit, place: Place) -> Markup:
    """The people who changed a file, those with most changesets first."""
    found, more = changes(visit, place)
    counted = Counter(change.author for change in found)
    items = [
        Markup('<li><bdi>{}</bdi> <span class="quiet num">{}</span></li>').format(
            name(author), visit.language.number(count)
        )
        for author, count in counted.most_common()
    ]
    rest = Markup('<p class="small quiet">{}</p>').format(visit.text("Only the latest changesets are counted."))
    return Markup('<ul class="authors">{}</ul>{}').format(Markup().join(items), rest if more else "")


def changelog_address(visit: RepositoryVisit, place: Place) -> str:
    """The address of the history of a place."""
    if not place.path:
        return f"{visit.root}/changelog"
    return address(visit, place.name, place.path, "changelog")


def change_line(visit: RepositoryVisit, change: Change) -> Markup:
    """The last change of a file, above its lines."""
    href = f"{visit.root}/changeset/{change.raw_id}"
    return Markup(
        '<svg class="face little {}" viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="12"/>'
        '<text x="12" y="16">{}</text></svg><span class="small strong cut" dir="auto">{}</span>'
        '<a class="plain small cut grow" dir="auto" href="{}">{}</a><a class="id" href="{}">{}</a>'
        '<span class="small quiet wide-only">{}</span>'
    ).format(
        face_ground(change.author),
        face_letter(change.author),
        name(change.author),
        href,
        name(change.subject),
        href,
        shown_id(visit, change),
        html(when(change.date)),
    )
