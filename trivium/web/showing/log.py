# SPDX-License-Identifier: GPL-3.0-or-later
"""The history as pages show it: rows with their graph, kept as they are sent (web.md 2.2, changelog)."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from markupsafe import Markup, escape

from trivium.forge.history import pages
from trivium.forge.history.listing import Change
from trivium.forge.history.pages import Logged, LogPage
from trivium.forge.reviews.statuses import statuses
from trivium.render import graph, rows
from trivium.vcs.abilities import Lines
from trivium.web import ids
from trivium.web.showing.directories import icons_of
from trivium.web.showing.issues import issues_of
from trivium.web.templating import face_ground, face_letter, html
from trivium.web.times import when
from trivium.web.urls import quoted, quoted_segment
from trivium.web.visit import RepositoryVisit
from trivium.web.words import words_of

_SLOT: Final = "<?s "
"""Stands where the review status of a changeset will be, with its full id and the end of a slot."""
_END: Final = "?>"
_PLACE: Final = "\0"
"""Stands in a text where an id will be."""
_MOST_REFS: Final = 3
"""Names of a changeset that its row shows, before it says how many more there are; its page shows all."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A part of the history as it is shown."""

    rows: Markup
    ids: list[str]
    number: int
    after: str
    """The key of the next page; empty: there is none."""
    total: int | None
    talk: str
    """Another text whenever somebody thinks otherwise of one of the changesets."""


def log(visit: RepositoryVisit, branch: str, number: int, after: str, size: int) -> Shown:
    """A page of the history, or of a branch."""
    moment = visit.now()

    def make() -> LogPage:
        return pages.log(
            visit.history, visit.repository, branch=branch, number=number, after=after, size=size, at=moment
        )

    with_graph = visit.abilities.graph
    return _shown(
        visit, "log", moment.key, branch, number, after, size, make=make, with_graph=with_graph, branch=branch
    )


def log_of_path(visit: RepositoryVisit, revision: str, path: str, number: int, size: int) -> tuple[Shown, str, str]:
    """A page of the history of a path; also how its address calls the revision, and the path."""
    found: list[str] = []

    def make() -> LogPage:
        told = pages.log_of_path(visit.history, visit.repository, revision, path, number=number, size=size)
        found[:] = [told.name, told.path]
        return told.page

    key = ("log of", visit.now().key, quoted_segment(revision), quoted(path), number, size)
    shown = _shown(visit, *key, make=make, with_graph=False, more=found)
    return shown, found[0], found[1]


def summary(visit: RepositoryVisit, rows_: Sequence[Logged]) -> str:
    """Some changesets as a list."""
    return _rows(visit, rows_, with_graph=False, marks=False, branch="")


def _shown(
    visit: RepositoryVisit,
    *key: Hashable,
    make: Callable[[], LogPage],
    with_graph: bool,
    branch: str = "",
    more: list[str] | None = None,
) -> Shown:
    def whole() -> str:
        page = make()
        body = _rows(visit, page.rows, with_graph=with_graph, marks=True, branch=branch)
        ids = [row.change.raw_id for row in page.rows]
        return f"{json.dumps([ids, page.number, page.after, page.total, more or []])}\n{body}"

    head, _, body = visit.part(*key, visit.root, icons_of(visit), issues_of(visit).digest, make=whole).partition("\n")
    ids, number, after, total, told = json.loads(head)
    if more is not None:
        more[:] = told
    found = visit.ask(statuses, visit.repository, ids)
    return Shown(with_statuses(visit, body, found), ids, number, after, total, repr(found))


def with_statuses(visit: RepositoryVisit, body: str, found: Mapping[str, str]) -> Markup:
    """Rows with what people think of their changesets."""
    if not found:
        return html(body)  # a browser takes what is left of the slots for a comment
    pieces = body.split(_SLOT)
    for at in range(1, len(pieces)):
        raw_id, _, rest = pieces[at].partition(_END)
        pieces[at] = status_badge(visit, found.get(raw_id, "")) + rest
    return html("".join(pieces))


def status_badge(visit: RepositoryVisit, status: str) -> str:
    """What somebody thinks of a changeset; nothing where nobody has said so."""
    known = {
        "approved": ("good", "check", visit.text("Approved")),
        "rejected": ("bad", "x", visit.text("Rejected")),
        "under_review": ("warn", "hourglass", visit.text("Under review")),
    }.get(status)
    if known is None:
        return ""
    look, symbol, word = known
    return f'<span class="tag {look}">{rows.icon(symbol, icons_of(visit))}{escape(word)}</span>'


def _rows(visit: RepositoryVisit, found: Sequence[Logged], *, with_graph: bool, marks: bool, branch: str) -> str:
    lanes = graph.lanes([(row.change.raw_id, row.parents) for row in found]) if with_graph else []
    columns = graph.width(lanes) if lanes else 0
    issues = issues_of(visit)
    # What all rows have in common is asked for once.
    look, numbers, mark = visit.look, visit.abilities.numbers, _marking(visit)
    told = []
    for at, row in enumerate(found):
        change = row.change
        of = ids.shown(look, numbers, change.raw_id, change.number)
        href = f"{visit.root}/changeset/{change.raw_id}"
        told.append(
            rows.LogRow(
                id=of,
                href=href,
                subject=change.subject or visit.text("(no message)"),
                author=change.author,
                when=html(when(change.date)),
                lanes=graph.svg(lanes[at], columns) if lanes else Markup(),
                face=face(change.author),
                refs=_refs(visit, row, branch),
                status=_states(visit, row, slot=marks),
                files_href=f"{visit.root}/files/{change.raw_id}",
                mark=mark(of, change.raw_id) if marks else Markup(),
                title=issues.title(change.subject, href),
            )
        )
    return str(rows.log(told, icons=icons_of(visit), words=words_of(visit.language)))


@lru_cache(maxsize=2048)
def face(name: str) -> Markup:
    """The initial of somebody."""
    return Markup(
        '<svg class="face little {}" viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="12"/>'
        '<text x="12" y="16">{}</text></svg>'
    ).format(face_ground(name), face_letter(name))


def shown_id(visit: RepositoryVisit, change: Change) -> str:
    """The id of a changeset in rows, with its number where it has one of its own."""
    return ids.shown(visit.look, visit.abilities.numbers, change.raw_id, change.number)


def _refs(visit: RepositoryVisit, row: Logged, branch: str) -> list[rows.Ref]:
    heads = row.branches
    if not heads and row.branch not in ("", "default", branch):
        heads = (row.branch,)
    found = [rows.Ref("branch", name, branch_address(visit, name), name == branch) for name in heads]
    for kind, names in (("bookmark", row.bookmarks), ("tag", row.tags)):
        found += [rows.Ref(kind, name, f"{visit.root}/files/{quoted_segment(name)}") for name in names]
    if (left := len(found) - _MOST_REFS) > 1:
        found[_MOST_REFS:] = [rows.Ref("", f"+{left}", f"{visit.root}/changeset/{row.change.raw_id}")]
    return found


def branch_address(visit: RepositoryVisit, name: str) -> str:
    """The history of a branch. Only paths can hold a name that is no UTF-8."""
    if any("\udc80" <= letter <= "\udcff" for letter in name):
        return f"{visit.root}/changelog/{quoted_segment(name)}"
    return visit.url("changelog.changelog", visit.repository.name, branch=name)


def _states(visit: RepositoryVisit, row: Logged, *, slot: bool) -> Markup:
    found = []
    if row.phase == "draft":
        found.append(("", visit.text("Draft")))
    elif row.phase == "secret":
        found.append((" warn", visit.text("Secret")))
    if row.closes_branch:
        found.append((" warn", visit.text("Closes the branch")))
    if not found:
        return html(f"{_SLOT}{row.change.raw_id}{_END}" if slot else "")
    tags = Markup().join(Markup('<span class="tag{}">{}</span>').format(look, word) for look, word in found)
    return tags + html(f"{_SLOT}{row.change.raw_id}{_END}" if slot else "")


def _marking(visit: RepositoryVisit) -> Callable[[str, str], Markup]:
    """Makes what chooses the two sides of a comparison, for a changeset as it is shown and its full id."""
    left = str(escape(visit.text("Compare from %(id)s", id=_PLACE)))
    right = str(escape(visit.text("Compare to %(id)s", id=_PLACE)))

    def mark(of: str, raw_id: str) -> Markup:
        of, raw_id = str(escape(of)), str(escape(raw_id))
        one, other = left.replace(_PLACE, of), right.replace(_PLACE, of)
        return html(
            f'<span class="marks wide-only">'
            f'<input type="radio" name="left" value="{raw_id}" aria-label="{one}" title="{one}" required>'
            f'<input type="radio" name="right" value="{raw_id}" aria-label="{other}" title="{other}" required></span>'
        )

    return mark


def in_paths(visit: RepositoryVisit) -> bool:
    """Whether branches are directories."""
    return visit.abilities.lines is Lines.PATHS
