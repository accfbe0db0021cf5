# SPDX-License-Identifier: GPL-3.0-or-later
"""Changesets and ranges of them: pages, values for scripts, diffs and patches (system.md 2.3, 2.4)."""

from __future__ import annotations

from typing import Final

from trivium.access.levels import Level
from trivium.forge.accounts.users import MAX_ID, id_in
from trivium.forge.history import comparing, details, patches
from trivium.forge.history.comparing import Span
from trivium.forge.history.details import Detailed
from trivium.forge.history.differences import Sides
from trivium.forge.history.patches import RANGE, Form
from trivium.forge.history.reading import Details
from trivium.forge.reviews.comment_changes import acts_on
from trivium.forge.reviews.talk import talk_on
from trivium.render.sections import address_of
from trivium.web.answers import Body, Json, Page
from trivium.web.downloads import attachment
from trivium.web.numbers import number
from trivium.web.registering import view
from trivium.web.showing.changes import changes_of, look_of, raw_options, remembered
from trivium.web.showing.issues import issues_of
from trivium.web.showing.keeping import kept
from trivium.web.showing.remarks import written
from trivium.web.showing.threads import placed
from trivium.web.urls import quoted_segment
from trivium.web.visit import RepositoryVisit

_SHORT: Final = 12
_LOOK_OF_CHECK: Final = {"success": "good", "failure": "bad", "error": "bad", "pending": "warn"}


@view(
    "GET",
    "/{repository}/changeset/{revision}",
    "/{repository}/changeset/{revision*}",
    needs=Level.READ,
    word="ChangesetController:index",
)
def changeset(visit: RepositoryVisit, revision: str) -> Page:
    """One changeset and what it changed, or with `...` the sum of several."""
    first, dots, last = revision.partition(RANGE)
    if dots:
        return _range(visit, first, last)
    found = _detailed(visit, revision)
    parent = number(visit.query.get("parent", "1"), digits=3)
    raw_id = found.changeset.raw_id
    before = min(id_in(visit.query.get("before", "")) or MAX_ID, MAX_ID)
    talk = visit.ask(talk_on, visit.repository, raw_id, before)
    remarks, drafts = written(visit, talk.comments), written(visit, talk.drafts)
    look = look_of(visit, parent=str(parent) if parent > 1 else "")
    headers = remembered(visit)
    issues = issues_of(visit)
    state = repr((raw_id, parent, visit.now().key, look, talk.stamp, remarks.people, drafts.people, issues.digest))
    if not headers and (page := visit.page_at_hand(state)) is not None:
        return page
    changes = changes_of(visit, Sides(found.parent(parent), raw_id), look)
    shown = found.details
    return Page(
        "changeset/changeset.html",
        headers=headers,
        tag=state if changes.whole else "",
        rest=changes.rest,
        changeset=found.changeset,
        details=shown,
        refs=found.refs,
        parents=found.parents,
        children=found.children,
        parent=parent,
        other_committer=bool(shown.committer)
        and (shown.committer, shown.commit_date) != (shown.author, shown.author_date),
        talk=talk,
        remarks=remarks.html,
        drafts=drafts.html,
        acts={one.id: acts_on(visit.caller, visit.repository, one) for one in talk.comments},
        issues=issues,
        look=look,
        look_of_check=_LOOK_OF_CHECK,
        address_of=address_of,
        changes=changes,
        placed=placed,
        downloads=_downloads(visit, raw_id, raw_id),
    )


def _detailed(visit: RepositoryVisit, revision: str) -> Detailed:
    key = ("changeset", visit.now().key, quoted_segment(revision))
    return kept(visit, Detailed, *key, make=lambda: details.detailed(visit.history, visit.repository, revision))


def _range(visit: RepositoryVisit, first: str, last: str) -> Page:
    key = ("range", visit.now().key, quoted_segment(first), quoted_segment(last))
    span = kept(visit, Span, *key, make=lambda: comparing.span(visit.history, visit.repository, first, last))
    look = look_of(visit)
    headers = remembered(visit)
    issues = issues_of(visit)
    state = repr((span.first.raw_id, span.last.raw_id, visit.now().key, look, issues.digest))
    if not headers and (page := visit.page_at_hand(state)) is not None:
        return page
    changes = changes_of(visit, Sides(span.base, span.last.raw_id), look)
    both = f"{span.first.raw_id}{RANGE}{span.last.raw_id}"
    return Page(
        "changeset/range.html",
        headers=headers,
        tag=state if changes.whole else "",
        rest=changes.rest,
        span=span,
        issues=issues,
        look=look,
        changes=changes,
        downloads=_downloads(visit, both, span.last.raw_id),
    )


def _downloads(visit: RepositoryVisit, revisions: str, raw_id: str) -> list[tuple[str, str]]:
    """What can be had of these changes beside the page, and in which words."""
    name = visit.repository.name
    return [
        (visit.url("changesets.raw", name, revisions), visit.text("Diff")),
        (visit.url("changesets.patch", name, revisions), visit.text("Patch with header")),
        (visit.url("changesets.download", name, revisions), visit.text("Diff as a file")),
        (f"{visit.root}/files/{raw_id}", visit.text("Files at this changeset")),
    ]


@view(
    "GET",
    "/{repository}/changeset-diff/{revision}",
    "/{repository}/changeset-diff/{revision*}",
    "/{repository}/raw-changeset/{revision*}",
    needs=Level.READ,
    word="ChangesetController:changeset_raw",
)
def raw(visit: RepositoryVisit, revision: str) -> Body:
    """The diff of a changeset, or of all of a range."""
    return _body(visit, revision, Form.DIFF)


@view(
    "GET",
    "/{repository}/changeset-patch/{revision}",
    "/{repository}/changeset-patch/{revision*}",
    needs=Level.READ,
    word="ChangesetController:changeset_patch",
)
def patch(visit: RepositoryVisit, revision: str) -> Body:
    """A patch that the system's own programs take, or a series of them."""
    return _body(visit, revision, Form.PATCH)


@view(
    "GET",
    "/{repository}/changeset-download/{revision}",
    "/{repository}/changeset-download/{revision*}",
    needs=Level.READ,
    word="ChangesetController:changeset_download",
)
def download(visit: RepositoryVisit, revision: str) -> Body:
    """The diff, to be saved."""
    return _body(visit, revision, Form.DIFF, attachment(f"{revision[:_SHORT]}.diff"))


def _body(visit: RepositoryVisit, revision: str, form: Form, saved: str = "") -> Body:
    visit.take_time()
    found = patches.of_revisions(visit.history, visit.repository, revision, raw_options(visit), form)
    return Body(found.pieces, tag=found.tag, headers=(("Content-Disposition", saved),) if saved else ())


@view(
    "GET",
    "/{repository}/changeset_info/{revision}",
    needs=Level.READ,
    word="ChangesetController:changeset_info",
    script_only=True,
)
def info(visit: RepositoryVisit, revision: str) -> Json:
    """A changeset as the API shows it."""
    visit.take_time()
    return Json(visit.history.commit(visit.repository, revision, Details.BASIC).changeset)


@view(
    "GET",
    "/{repository}/changeset_children/{revision}",
    needs=Level.READ,
    word="ChangesetController:changeset_children",
    script_only=True,
)
def children(visit: RepositoryVisit, revision: str) -> Json:
    """The changesets that build on one."""
    return Json({"results": _detailed(visit, revision).children})


@view(
    "GET",
    "/{repository}/changeset_parents/{revision}",
    needs=Level.READ,
    word="ChangesetController:changeset_parents",
    script_only=True,
)
def parents(visit: RepositoryVisit, revision: str) -> Json:
    """The changesets that one builds on."""
    return Json({"results": _detailed(visit, revision).parents})
