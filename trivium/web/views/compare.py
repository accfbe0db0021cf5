# SPDX-License-Identifier: GPL-3.0-or-later
"""Two revisions, of one repository or of two, beside each other (system.md 2.3)."""

from __future__ import annotations

from typing import Final

from trivium.access.levels import Level
from trivium.errors import NotFound
from trivium.forge.history import comparing
from trivium.forge.history.comparing import Comparison, Ref, RefType
from trivium.forge.history.differences import Sides
from trivium.forge.repositories.finding import Repository
from trivium.vcs.errors import NotPossible, UnknownRevision
from trivium.web.answers import Page, Redirect
from trivium.web.registering import view
from trivium.web.showing.changes import changes_of, look_of, remembered
from trivium.web.showing.issues import issues_of
from trivium.web.showing.keeping import kept
from trivium.web.urls import quoted, quoted_segment
from trivium.web.visit import RepositoryVisit

_MOST_NAMES: Final = 500
"""Names that the pickers offer; others can be typed."""
_LONGEST: Final = 1_000
_YES: Final = frozenset({"1", "true", "True", "yes", "on"})


@view("GET", "/{repository}/compare", needs=Level.READ, word="CompareController:index")
def choose(visit: RepositoryVisit) -> Page | Redirect:
    """Two revisions are chosen; once they are, their comparison has an address of its own."""
    left, right = (visit.query.get(name, "").strip() for name in ("left", "right"))
    if not left or not right:
        return _form(visit, left, right)
    sides = f"{_ref(left)}...{_ref(right)}"
    target, merge = _target(visit), _merge(visit)
    address = visit.url("compare.compare", visit.repository.name, sides, target_repo=target, merge="1" if merge else "")
    return Redirect(address)


@view("GET", "/{repository}/compare/{sides*}", needs=Level.READ, word="CompareController:compare")
def compare(visit: RepositoryVisit, sides: str) -> Page | Redirect:
    """What leads from one revision to the other."""
    found = comparing.parsed(sides) if len(sides) <= 2 * _LONGEST else None
    if found is None:
        said = visit.text("Two revisions look like this: stable...v1.0, or branch@stable...tag@v1.0")
        return _form(visit, "", "", reason=said, status=404)
    left, right = found
    merge, target = _merge(visit), _target(visit)
    try:
        other = visit.repository
        if target:
            other = comparing.other_side(visit.history, visit.caller, visit.repository, target)
        result = _compared(visit, left, other, right, merge=merge)
    except NotFound:
        reason = visit.text("There is no repository %(name)s, or you may not read it.", name=target)
    except NotPossible as error:
        reason = visit.text(str(error))
    except UnknownRevision as error:
        reason = visit.text("There is no revision %(name)s.", name=str(error))
    else:
        return _shown(visit, left, other, right, result, merge=merge)
    return _form(visit, str(left), str(right), reason=reason, status=404)


def _shown(visit: RepositoryVisit, left: Ref, other: Repository, right: Ref, found: Comparison, *, merge: bool) -> Page:
    two = other.id != visit.repository.id
    look = look_of(visit, target_repo=other.name if two else "", merge="1" if merge else "")
    equal = (found.left.raw_id, found.old_path) == (found.right.raw_id, found.path)
    changes = None
    if not equal:
        old_path = found.old_path if found.old_path != found.path else None
        sides = Sides(found.old, found.right.raw_id, other if two else None, old_path)
        changes = changes_of(visit, sides, look, path=found.path)
    swapped = {"target_repo": visit.repository.name if two else "", "merge": "1" if merge else ""}
    names, issues = _names(visit), issues_of(visit)
    parts = (visit.now().key, visit.history.now(other).key, str(left), str(right), merge, look, issues.digest)
    whole = changes is None or changes.whole
    return Page(
        "compare/compare.html",
        headers=remembered(visit),
        tag=repr(parts) if whole else "",
        rest=None if changes is None else changes.rest,
        found=found,
        issues=issues,
        counted=comparing.COUNTED,
        equal=equal,
        left=str(left),
        right=str(right),
        target=other.name,
        merge=merge,
        names=names,
        swap=visit.url("compare.compare", other.name, f"{right}...{left}", **swapped),
        other_root=visit.urls.repository(other.name),
        look=look,
        changes=changes,
        downloads=_downloads(visit, other, found),
    )


def _downloads(visit: RepositoryVisit, other: Repository, found: Comparison) -> list[tuple[str, str]]:
    """What can be had of a comparison beside its page."""
    files = f"{visit.urls.repository(other.name)}/files/{found.right.raw_id}"
    links = [(files + (f"/{quoted(found.path)}" if found.path else ""), visit.text("Files of the second revision"))]
    if found.path or found.old_path:
        return links
    if found.count and other.id == visit.repository.id and found.ancestor == found.left.raw_id and found.commits:
        first = found.commits[-1]
        if found.count == len(found.commits) and found.left.raw_id in [one.raw_id for one in first.parents[:1]]:
            sides = f"{first.raw_id}...{found.right.raw_id}"
            links.insert(0, (visit.url("changesets.patch", other.name, sides), visit.text("Patches with headers")))
            links.insert(0, (visit.url("changesets.raw", other.name, sides), visit.text("Diff of each changeset")))
    return links


def _compared(visit: RepositoryVisit, left: Ref, other: Repository, right: Ref, *, merge: bool) -> Comparison:
    history, repository = visit.history, visit.repository

    def make() -> Comparison:
        ends = comparing.resolved(history, repository, left), comparing.resolved(history, other, right)
        return comparing.compared(history, repository, ends[0], other, ends[1], merge=merge)

    moments = (visit.now().key, history.now(other).key)
    key = ("comparison", *moments, other.id, quoted_segment(str(left)), quoted_segment(str(right)), merge)
    return kept(visit, Comparison, *key, make=make)


def _form(visit: RepositoryVisit, left: str, right: str, *, reason: str = "", status: int = 200) -> Page:
    return Page(
        "compare/choose.html",
        status,
        reason=reason,
        left=left[:_LONGEST],
        right=right[:_LONGEST],
        target=_target(visit) or visit.repository.name,
        merge=_merge(visit),
        swap="",
        names=_names(visit),
    )


def _names(visit: RepositoryVisit) -> list[str]:
    """What the pickers offer."""

    def make() -> list[str]:
        found = comparing.names(visit.history, visit.repository)
        every = [
            *(f"{RefType.BRANCH}@{name}" for name in found.branches),
            *(f"{RefType.BOOK}@{name}" for name in found.bookmarks),
            *(f"{RefType.TAG}@{name}" for name in found.tags),
        ]
        return [name for name in every[:_MOST_NAMES] if name.isprintable()]

    return kept(visit, list[str], "names to compare", visit.now().key, make=make)


def _ref(text: str) -> str:
    """What somebody typed, with its type."""
    kind, at, name = text[:_LONGEST].partition("@")
    return text[:_LONGEST] if at and name and kind in comparing.TYPES else f"{RefType.REV}@{text[:_LONGEST]}"


def _target(visit: RepositoryVisit) -> str:
    """The other repository, if it is another one (`other_repo` is its older name)."""
    given = (visit.query.get("target_repo") or visit.query.get("other_repo") or "").strip("/ ")
    return "" if given == visit.repository.name else given


def _merge(visit: RepositoryVisit) -> bool:
    return visit.query.get("merge", "") in _YES
