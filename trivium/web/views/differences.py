# SPDX-License-Identifier: GPL-3.0-or-later
"""One file between two revisions (system.md 2.3, 2.4)."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from trivium.access.levels import Level
from trivium.forge.history import details, patches
from trivium.forge.history.differences import Sides
from trivium.vcs.errors import UnknownPath
from trivium.web.answers import Answer, Body, Page, Redirect, Refused
from trivium.web.downloads import attachment
from trivium.web.registering import view
from trivium.web.showing.changes import changes_of, look_of, raw_options, remembered
from trivium.web.showing.keeping import kept
from trivium.web.urls import quoted, quoted_segment
from trivium.web.visit import RepositoryVisit

_NOTHING: Final = frozenset({"", "None", "0" * 12, "0" * 40})
"""What stands for the side on which there is no file."""


@view("GET", "/{repository}/diff/{path*}", needs=Level.READ, word="FilesController:diff")
def diff(visit: RepositoryVisit, path: str) -> Answer:
    """How a file, or what is in a directory, changed from `diff1` to `diff2`: a page, or with `diff` a text."""
    return _answer(visit, path, two=None)


@view("GET", "/{repository}/diff-2way/{path*}", needs=Level.READ, word="FilesController:diff_2way")
def diff_2way(visit: RepositoryVisit, path: str) -> Answer:
    """The same with both sides beside each other."""
    return _answer(visit, path, two=True)


def _answer(visit: RepositoryVisit, path: str, *, two: bool | None) -> Answer:
    given = [visit.query.get(name, "") for name in ("diff1", "diff2")]
    if all(one in _NOTHING for one in given):
        raise Refused(400, "Say between which revisions: diff1 and diff2.")
    if two is not None and visit.query.get("layout") == "unified":
        wanted = {name: value for name, value in visit.query.items() if name in _KEPT}
        return Redirect(f"{visit.url('differences.diff', visit.repository.name, path)}?{urlencode(wanted)}")
    old, new = (_id(visit, one) for one in given)
    new = new or _id(visit, "tip")
    assert new is not None
    _check(visit, [one for one in (new, old) if one is not None], path)
    form = visit.query.get("diff", "")
    if form in ("raw", "download"):
        visit.take_time()
        found = patches.of_file(visit.history, visit.repository, old, new, raw_options(visit, path))
        saved = attachment(f"{given[0]}_vs_{given[1]}.diff") if form == "download" else ""
        return Body(found.pieces, tag=found.tag, headers=(("Content-Disposition", saved),) if saved else ())
    return _page(visit, path, old, new, given, two=two)


_KEPT: Final = frozenset({"diff1", "diff2", "ignorews", "context", "layout", "fulldiff", "wrap"})


def _page(visit: RepositoryVisit, path: str, old: str | None, new: str, given: list[str], *, two: bool | None) -> Page:
    look = look_of(visit, two=two, diff1=given[0], diff2=given[1])
    changes = changes_of(visit, Sides(old, new), look, path=path)
    address = f"{visit.url('differences.diff', visit.repository.name, path)}?"
    downloads = [
        (address + urlencode({"diff1": given[0], "diff2": given[1], "diff": form}), visit.text(word))
        for form, word in (("raw", "Diff"), ("download", "Diff as a file"))
    ]
    file = f"{visit.root}/files/{new}/{quoted(path)}"
    return Page(
        "differences/file.html",
        headers=remembered(visit),
        tag=repr((old, new, quoted(path), look)) if changes.whole else "",
        rest=changes.rest,
        path=path,
        old=old,
        new=new,
        look=look,
        changes=changes,
        downloads=[*downloads, (file, visit.text("File after the change"))],
    )


def _check(visit: RepositoryVisit, ids: list[str], path: str) -> None:
    """Refuse a path at which nothing is in any of these revisions."""
    key = ("is there", visit.now().key, *ids, quoted(path))
    if not kept(visit, bool, *key, make=lambda: details.is_at_one_of(visit.history, visit.repository, ids, path)):
        raise UnknownPath(path)


def _id(visit: RepositoryVisit, revision: str) -> str | None:
    """The full id of a side; None: there is nothing on it."""
    if revision in _NOTHING:
        return None

    key = ("id", visit.now().key, quoted_segment(revision))
    return kept(visit, str, *key, make=lambda: details.identified(visit.history, visit.repository, revision))
