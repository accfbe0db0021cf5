# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory as pages show it: its rows, what tells of it, and what is found below it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import msgspec
from markupsafe import Markup

from trivium.forge.history.files import beginning
from trivium.forge.history.listing import Change, Listing, last_changes, listing, paths_below
from trivium.forge.history.places import Place
from trivium.forge.history.prepared import changes_key
from trivium.render import rows
from trivium.render.markup import kind_of, plain, render
from trivium.vcs.pages import EntryKind, TreeEntry
from trivium.web.showing.contents import decoded, resolver
from trivium.web.showing.keeping import json_of, kept, known, recalled
from trivium.web.showing.links import hosted
from trivium.web.showing.places import address
from trivium.web.showing.sizes import size
from trivium.web.static_files import static_files
from trivium.web.templating import html
from trivium.web.times import when
from trivium.web.urls import quoted
from trivium.web.visit import RepositoryVisit
from trivium.web.words import words_of

_MOST_FOUND: Final = 200
_LONGEST_SOUGHT: Final = 200
_OF_AN_ENTRY: Final = 150
"""Characters that an entry of a directory is told in, about."""


@dataclass(frozen=True, slots=True)
class Directory:
    """What the page of a directory shows."""

    rows: Markup
    total: int
    left_out: int
    """Entries that are not shown, because there are so many."""
    fill: str
    """Where the rows come from with their last changes; empty: these are there already."""
    readme: TreeEntry | None


def directory(visit: RepositoryVisit, place: Place, level: Listing | None = None) -> Directory:
    """The rows of a directory. Last changes are shown if they are known; `?changes=1` finds them out.

    `level` is the directory's listing, from a caller that has it.
    """
    level = level or _level(visit, place)
    key = changes_key(place)
    changes: dict[str, Change] | None = known(visit, dict[str, Change], *key)
    if changes is None and (visit.query.get("changes") or visit.asked.by_script):
        changes = kept(
            visit, dict[str, Change], *key, make=lambda: last_changes(visit.history, visit.repository, place)
        )
    links = [entry for entry in level.entries if entry.kind is EntryKind.LINK]
    return Directory(
        rows=_rows(visit, place, level, changes, hosted(visit, links) if links else {}),
        total=level.total,
        left_out=level.total - len(level.entries),
        fill="" if changes is not None else address(visit, place.raw_id, place.path, "nodetree_full") + _named(place),
        readme=level.readme,
    )


def state_of(visit: RepositoryVisit, place: Place, level: Listing | None = None) -> str:
    """What the page of a directory shows of it beside what its revision says; empty where that depends on who looks:
    there are links to other repositories.
    """
    level = level or _level(visit, place)
    if any(entry.kind is EntryKind.LINK for entry in level.entries):
        return ""
    at_hand = known(visit, dict[str, Change], *changes_key(place)) is not None
    return "changes" if at_hand or visit.query.get("changes") or visit.asked.by_script else "entries"


def _level(visit: RepositoryVisit, place: Place) -> Listing:
    return recalled(
        visit,
        *("listing", place.stamp, place.raw_id, place.path),
        make=lambda: listing(visit.history, visit.repository, place),
        length=lambda found: _OF_AN_ENTRY * len(found.entries),
    )


def _named(place: Place) -> str:
    """Tells the rows that are filled in later how the page calls the revision."""
    return "" if place.name == place.raw_id else "?" + urlencode({"at_rev": place.name})


def _rows(
    visit: RepositoryVisit, place: Place, level: Listing, changes: dict[str, Change] | None, hosts: dict[str, str]
) -> Markup:
    language = visit.language
    before = len(place.path) + 1 if place.path else 0
    name = visit.query.get("at_rev") or place.name if visit.asked.by_script else place.name
    start, root = address(visit, name, ""), visit.root
    found = []
    for entry in level.entries:
        shown = entry.path[before:]
        change = changes.get(shown.partition("/")[0]) if changes is not None else None
        link = entry.kind is EntryKind.LINK
        found.append(
            rows.FileRow(
                kind=entry.kind,
                name=shown,
                href=hosts.get(entry.path) or f"{start}/{quoted(entry.path)}",
                what=change.subject if change is not None else None if changes is None else "",
                what_href=f"{root}/changeset/{change.raw_id}" if change is not None else "",
                when=html(when(change.date)) if change is not None else Markup(),
                size=size(entry.size, language),
                target=entry.id[:12] if link else "",
            )
        )
    return rows.files(found, sizes=True, icons=icons_of(visit), words=words_of(language))


def icons_of(visit: RepositoryVisit) -> str:
    """The address of the file of symbols."""
    return f"{visit.asked.root}{static_files().root}/icons.svg"


def readme(visit: RepositoryVisit, place: Place, entry: TreeEntry) -> Markup:
    """What a README says, as HTML; with `?no-render=1` as it was written."""
    settings = visit.site.settings
    kind = "plain" if visit.query.get("no-render") else kind_of(entry.path)
    inside = Place(
        place.stamp,
        place.raw_id,
        place.short_id,
        place.number,
        place.name,
        entry.path,
        entry.kind,
        entry.id,
        entry.size,
    )

    def make() -> str:
        data = beginning(visit.history, visit.repository, inside, settings.max_render_bytes)
        text = decoded(data, "", settings.default_encoding).text
        if kind == "plain":
            return plain(text)
        return render(
            text,
            kind,
            resolve=resolver(visit, inside),
            remote_images=settings.markup_remote_images,
            most=settings.max_render_bytes,
            patience=settings.render_timeout,
        )

    key = ("readme", place.stamp, entry.id, entry.path, visit.root, place.name, kind, settings.markup_remote_images)
    return html(visit.part(*key, make=make))


def finder(visit: RepositoryVisit, place: Place) -> msgspec.Raw:
    """All paths below a directory, for the script that looks for files: `{"nodes": [{"name", "type"}]}`."""
    return json_of(
        visit,
        *("finder", place.stamp, place.raw_id, place.path),
        make=lambda: {
            "nodes": [
                {"name": path, "type": kind} for path, kind in paths_below(visit.history, visit.repository, place)
            ]
        },
    )


def sought(visit: RepositoryVisit, place: Place, words_: str) -> tuple[list[tuple[str, str]], bool]:
    """Paths of files below a directory that have all these words in them, with their addresses; and whether there are
    more. The shortest paths stand first.
    """
    wanted = words_[:_LONGEST_SOUGHT].lower().split()
    names = [node["name"] for node in json.loads(bytes(finder(visit, place)))["nodes"] if node["type"] == "file"]
    hits = [name for name in names if all(word in name.lower() for word in wanted)]
    hits.sort(key=lambda name: (len(name), name))
    return [(name, address(visit, place.name, name)) for name in hits[:_MOST_FOUND]], len(hits) > _MOST_FOUND
