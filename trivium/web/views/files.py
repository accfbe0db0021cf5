# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories and files of a revision, and where their lines come from (system.md 2.3)."""

from __future__ import annotations

from trivium.access.levels import Level
from trivium.forge.history.listing import Change
from trivium.forge.history.places import Place
from trivium.vcs.errors import NotText, TooLarge
from trivium.vcs.pages import EntryKind
from trivium.web.answers import Page, Redirect
from trivium.web.registering import view
from trivium.web.showing import authorship, contents, directories, links, places
from trivium.web.showing.contents import Nature
from trivium.web.showing.keeping import known
from trivium.web.showing.places import NoCommits, address, file_at, found, spot
from trivium.web.showing.sizes import size
from trivium.web.urls import without_keys
from trivium.web.visit import RepositoryVisit


@view(
    "GET",
    "/{repository}/files",
    "/{repository}/files/{revision}",
    "/{repository}/files/{revision}/{path*}",
    needs=Level.READ,
    word="FilesController:index",
)
def files(visit: RepositoryVisit, revision: str = "", path: str = "") -> Page | Redirect:
    """A directory, or a file as it is best read."""
    try:
        place = found(visit, revision, path)
    except NoCommits:
        return Redirect(visit.url("summary.summary", visit.repository.name))
    if place.kind is EntryKind.DIRECTORY:
        return _directory(visit, place)
    if place.kind is EntryKind.LINK:
        return _link(visit, place)
    if visit.asked.raw_path.endswith("/"):
        query = without_keys(visit.query)
        return Redirect(address(visit, place.name, place.path) + (f"?{query}" if query else ""))
    return _file(visit, place, rendered=not visit.query.get("no-render"))


@view(
    "GET",
    "/{repository}/render/{revision}/{path*}",
    needs=Level.READ,
    word="FilesController:index",
)
def render(visit: RepositoryVisit, revision: str, path: str) -> Page:
    """A file of markup, rendered; any other as it is."""
    return _file(visit, file_at(visit, revision, path), rendered=True)


@view(
    "GET",
    "/{repository}/annotate/{revision}/{path*}",
    needs=Level.READ,
    word="FilesController:index",
)
def annotate(visit: RepositoryVisit, revision: str, path: str) -> Page:
    """A file with the changeset that each line comes from; one without lines as it is, with a sentence."""
    place = file_at(visit, revision, path)
    if place.kind is EntryKind.SYMLINK:
        return _file(visit, place, notice=visit.text("A symbolic link has no lines to annotate."))
    if (page := visit.page_at_hand(_state(visit, place, "annotate"))) is not None:
        return page
    try:
        shown, table = authorship.annotation(visit, place)
    except NotText:
        return _file(visit, place, notice=visit.text("This file is not text: there are no lines to annotate."))
    except TooLarge:
        return _file(visit, place, notice=visit.text("This file is too large to be annotated here."))
    return _page(visit, place, "annotate", body=table, shown=shown)


def _directory(visit: RepositoryVisit, place: Place) -> Page:
    rows = directories.state_of(visit, place)
    state = repr((visit.now().key, place, rows)) if rows else ""
    if state and (page := visit.page_at_hand(state)) is not None:
        return page
    shown = directories.directory(visit, place)
    sought = visit.query.get("find", "").strip()
    hits, more = directories.sought(visit, place, sought) if sought else ([], False)
    readme = directories.readme(visit, place, shown.readme) if shown.readme and not sought else None
    return Page(
        "files/directory.html",
        tag=state,
        spot=spot(visit, place),
        place=place,
        directory=shown,
        readme=readme,
        sought=sought,
        hits=hits,
        more_hits=more,
        finder=address(visit, place.raw_id, "", "nodelist"),
        files_root=address(visit, place.name, ""),
        here=address(visit, place.name, place.path),
        history=authorship.changelog_address(visit, place),
        downloads=visit.repository.enable_downloads,
        short=places.short(visit, place),
    )


def _link(visit: RepositoryVisit, place: Place) -> Page:
    leads = links.hosted(visit, [place.entry]).get(place.path, "")
    return Page("files/link.html", spot=spot(visit, place), place=place, leads=leads)


def _file(visit: RepositoryVisit, place: Place, *, rendered: bool = False, notice: str = "") -> Page:
    if not notice and (page := visit.page_at_hand(_state(visit, place, "rendered" if rendered else ""))) is not None:
        return page
    markup = contents.rendered(visit, place) if rendered else None
    shown, table = contents.text(visit, place)
    if markup is not None and shown.nature is Nature.TEXT:
        return _page(visit, place, "render", body=markup, shown=shown, notice=notice, rendered=rendered)
    target = contents.target_address(visit, place, shown.target) if shown.nature is Nature.SYMLINK else ""
    return _page(visit, place, "files", body=table, shown=shown, target=target, notice=notice, rendered=rendered)


def _state(visit: RepositoryVisit, place: Place, look: str) -> str:
    """What the page of a file depends on."""
    return repr((visit.now().key, place, look, _tells_of_last_change(visit, place, look)))


def _tells_of_last_change(visit: RepositoryVisit, place: Place, look: str) -> bool:
    """Whether a page says what last changed its file. An annotation always does: what has read the file's history
    need not become another page when somebody has asked for that.
    """
    return look == "annotate" or known(visit, list[Change], *authorship.last_key(place)) is not None


def _page(
    visit: RepositoryVisit,
    place: Place,
    look: str,
    *,
    body: str,
    shown: contents.Shown,
    target: str = "",
    notice: str = "",
    rendered: bool = False,
) -> Page:
    """The page of a file: `look` is `files`, `render` or `annotate`."""
    last = _tells_of_last_change(visit, place, look) or visit.query.get("changes")
    change = authorship.last_change(visit, place) if last else None
    return Page(
        "files/file.html",
        tag="" if notice else _state(visit, place, look if look == "annotate" else "rendered" if rendered else ""),
        spot=spot(visit, place, "annotate" if look == "annotate" else "files"),
        place=place,
        look=look,
        body=body,
        shown=shown,
        target=target,
        notice=notice,
        size=size(place.size, visit.language),
        real_size=size(shown.real_size, visit.language),
        kind=places.kind_word(visit, place.kind),
        change=authorship.change_line(visit, change) if change is not None else "",
        fill="" if change is not None else address(visit, place.raw_id, place.path, "nodetree_full"),
        has_markup=contents.has_markup(visit, place),
        views={
            one: address(visit, place.name, place.path, one)
            for one in ("files", "render", "annotate", "raw", "rawfile")
        },
        history=authorship.changelog_address(visit, place),
        charsets=contents.charsets(),
    )
