# SPDX-License-Identifier: GPL-3.0-or-later
"""Files are changed, added and removed in the browser, at the head of a branch (system.md 2.3, web.md 2.2)."""

from __future__ import annotations

from typing import Any

from trivium.access.levels import Level
from trivium.errors import Locked
from trivium.forge.history import browser_commits
from trivium.forge.history.browser_commits import MAX_CONTENT, Conflict, Edit, branch_at
from trivium.forge.history.files import beginning
from trivium.forge.history.places import Place
from trivium.turns import Pace
from trivium.vcs.abilities import Abilities, Lines
from trivium.vcs.errors import HeadMoved, NotAccepted, NotPossible, UnknownPath, UnknownRevision
from trivium.vcs.pages import EntryKind
from trivium.web.answers import Page, Redirect, Refused
from trivium.web.forms import Entered, Form, Line, Text, Tick, empty, read, sentence
from trivium.web.registering import view
from trivium.web.showing.places import NoCommits, address, file_at, found
from trivium.web.visit import RepositoryVisit

_CRLF = "crlf"


class Change(Form):
    """Another text of a file."""

    branch: Line
    head: Line
    """The full id of the branch's head when the file was opened."""
    message: Text
    content: Text = ""
    line_ends: Line = ""


class Addition(Form):
    """A new file."""

    branch: Line
    head: Line
    filename: Line
    """Below the directory of the address; may have slashes."""
    message: Text
    content: Text = ""
    usual_layout: Tick = False
    """Of the first file, where branches are directories: whether it goes below `trunk`."""


class Removal(Form):
    """A file is removed."""

    branch: Line
    head: Line
    message: Text


class NotHere(Exception):
    """A file cannot be changed in the browser; says why."""


def _edits(abilities: Abilities) -> bool:
    return abilities.edits


@view(
    "GET",
    "/{repository}/edit/{revision}/{path*}",
    needs=Level.WRITE,
    word="FilesController:edit_home",
    users_only=True,
    possible=_edits,
    pace=Pace.LONG,
)
def form(visit: RepositoryVisit, revision: str, path: str) -> Page | Redirect:
    """The text of a file, to be changed."""
    place = file_at(visit, revision, path)
    try:
        branch, (content, line_ends) = _branch(visit, place), _text(visit, place)
    except NotHere as error:
        return Redirect(address(visit, place.name, place.path), str(error))
    message = visit.text("Change %(path)s", path=place.path)
    given = {"branch": branch, "head": place.raw_id, "content": content, "line_ends": line_ends, "message": message}
    return _shown(visit, place.path, empty(visit, Change, **given))


@view(
    "POST",
    "/{repository}/edit/{revision}/{path*}",
    needs=Level.WRITE,
    word="FilesController:edit",
    users_only=True,
    possible=_edits,
    pace=Pace.WAITING,
)
def save(visit: RepositoryVisit, revision: str, path: str) -> Page | Redirect:
    """Record the text; where somebody was quicker, both are shown."""
    entered = read(Change, visit)
    file = _within(entered, revision, path)
    if (wanted := entered.form) is None:
        return _shown(visit, file, entered)
    text = wanted.content.replace("\n", "\r\n") if wanted.line_ends == _CRLF else wanted.content
    edit = Edit(wanted.branch, wanted.head, file, text.encode(), wanted.message)
    return _recorded(visit, edit, entered) or _shown(visit, file, entered)


@view(
    "GET",
    "/{repository}/add/{revision}",
    "/{repository}/add/{revision}/{path*}",
    needs=Level.WRITE,
    word="FilesController:add_home",
    users_only=True,
    possible=_edits,
    pace=Pace.LONG,
)
def new(visit: RepositoryVisit, revision: str, path: str = "") -> Page | Redirect:
    """The form of a new file in a directory: in an empty repository of its first."""
    try:
        place = _directory(visit, revision, path)
    except NoCommits:
        return _first(visit, path)
    try:
        branch = _branch(visit, place)
    except NotHere as error:
        return Redirect(address(visit, place.name, place.path), str(error))
    given = {"branch": branch, "head": place.raw_id, "filename": visit.query.get("filename", "")[:200]}
    return _shown_new(visit, place.path, empty(visit, Addition, **given))


@view(
    "POST",
    "/{repository}/add/{revision}",
    "/{repository}/add/{revision}/{path*}",
    needs=Level.WRITE,
    word="FilesController:add",
    users_only=True,
    possible=_edits,
    pace=Pace.WAITING,
)
def add(visit: RepositoryVisit, revision: str, path: str = "") -> Page | Redirect:
    """Record it."""
    entered = read(Addition, visit)
    directory = _within(entered, revision, path)
    if (wanted := entered.form) is None:
        return _shown_new(visit, directory, entered)
    whole = f"{directory}/{wanted.filename}" if directory else wanted.filename
    edit = Edit(
        wanted.branch,
        wanted.head,
        whole.strip("/"),
        wanted.content.encode(),
        wanted.message,
        adds=True,
        usual_layout=wanted.usual_layout and _is_first(entered),
    )
    return _recorded(visit, edit, entered, name="filename") or _shown_new(visit, directory, entered)


@view(
    "GET",
    "/{repository}/delete/{revision}/{path*}",
    needs=Level.WRITE,
    word="FilesController:delete_home",
    users_only=True,
    possible=_edits,
    pace=Pace.LONG,
)
def removal(visit: RepositoryVisit, revision: str, path: str) -> Page | Redirect:
    """Asks whether a file is to be removed, and why."""
    place = file_at(visit, revision, path)
    try:
        branch = _branch(visit, place)
    except NotHere as error:
        return Redirect(address(visit, place.name, place.path), str(error))
    message = visit.text("Remove %(path)s", path=place.path)
    return _shown_removal(visit, place.path, empty(visit, Removal, branch=branch, head=place.raw_id, message=message))


@view(
    "POST",
    "/{repository}/delete/{revision}/{path*}",
    needs=Level.WRITE,
    word="FilesController:delete",
    users_only=True,
    possible=_edits,
    pace=Pace.WAITING,
)
def remove(visit: RepositoryVisit, revision: str, path: str) -> Page | Redirect:
    """Record that it is removed."""
    entered = read(Removal, visit)
    file = _within(entered, revision, path)
    if (wanted := entered.form) is None:
        return _shown_removal(visit, file, entered)
    edit = Edit(wanted.branch, wanted.head, file, None, wanted.message)
    return _recorded(visit, edit, entered) or _shown_removal(visit, file, entered)


def _recorded(visit: RepositoryVisit, edit: Edit, entered: Entered[Any], name: str = "") -> Page | Redirect | None:
    """The page of the new changeset, or the one that shows both texts; None when the form tells what is wrong."""
    try:
        with entered.refusals(path=name):
            made = browser_commits.commit(visit.site, visit.history, visit.caller, visit.repository, edit)
            return Redirect(visit.url("changesets.changeset", visit.repository.name, made), visit.text("Recorded."))
    except Conflict as error:
        return _conflict(visit, edit, error, entered)
    except (HeadMoved, UnknownRevision):
        entered.refuse("", visit.text("The branch has moved in the meantime. Please open the file again."), 409)
    except UnknownPath:
        entered.refuse(name, visit.text("There is no place for a file at this path."))
    except NotAccepted as error:
        entered.refuse("", visit.text("This is not accepted, from a client neither: %(reason)s", reason=error.public))
    except NotPossible as error:
        entered.refuse("", visit.text(error.message, **error.values))
    except Locked as error:
        entered.refuse("", sentence(visit, error), 423)
    return None


def _conflict(
    visit: RepositoryVisit,
    edit: Edit,
    error: Conflict,
    entered: Entered[Any],
) -> Page:
    """Both texts, and the way to send one's own all the same."""
    theirs = error.content.decode("utf-8", "replace") if error.content is not None else None
    return Page(
        "edits/conflict.html",
        409,
        fields=entered,
        path=edit.path,
        theirs=theirs,
        removes=edit.content is None,
        adds=edit.adds,
        head=error.head,
        again=address(visit, edit.branch, edit.path, "delete" if edit.content is None else "edit"),
        can=theirs is not None,
        now=address(visit, error.head, edit.path),
    )


def _within(entered: Entered[Any], revision: str, path: str) -> str:
    """The path below the branch that a form names; the branch's own name may have slashes."""
    whole = f"{revision}/{path}" if path else revision
    branch = str(entered.typed.get("branch", ""))
    if whole == branch:
        return ""
    return whole[len(branch) + 1 :] if branch and whole.startswith(f"{branch}/") else path


def _branch(visit: RepositoryVisit, place: Place) -> str:
    """The branch that a change of a place would go to; raises `NotHere`."""
    if visit.repository.archived:
        raise NotHere(visit.text("The repository is archived: nobody changes it any more."))
    found = branch_at(visit.history, visit.repository, place.name, place.raw_id)
    if found is None:
        raise NotHere(visit.text("Files are changed at the head of a branch. Choose a branch first."))
    return found


def _first(visit: RepositoryVisit, path: str) -> Page | Redirect:
    """The form of the first file of a repository."""
    if visit.repository.archived:
        return Redirect(visit.root, visit.text("The repository is archived: nobody changes it any more."))
    branch, head = browser_commits.first_branch(visit.history, visit.repository)
    filename = visit.query.get("filename", "")[:200]
    message = visit.text("The first file")
    given = {"branch": branch, "head": head, "filename": filename, "message": message, "usual_layout": "1"}
    return _shown_new(visit, path, empty(visit, Addition, **given))


def _is_first(entered: Entered[Addition]) -> bool:
    """Whether the repository was empty when the form was opened."""
    return not str(entered.typed.get("head", "")).strip("0")


def _directory(visit: RepositoryVisit, revision: str, path: str) -> Place:
    place = found(visit, revision, path)
    if place.kind is not EntryKind.DIRECTORY:
        raise Refused(404, "There is no directory at this path in this revision.")
    return place


def _text(visit: RepositoryVisit, place: Place) -> tuple[str, str]:
    """The text of a file with line feeds, and what its lines end with; raises `NotHere`."""
    if place.kind is EntryKind.SYMLINK:
        raise NotHere(visit.text("A symbolic link is not changed here."))
    content = beginning(visit.history, visit.repository, place, MAX_CONTENT + 1)
    if len(content) > MAX_CONTENT:
        raise NotHere(visit.text("This file is too large to be changed here."))
    ends = content.count(b"\r\n")
    if b"\0" in content or content.count(b"\r") != ends or (ends and ends != content.count(b"\n")):
        raise NotHere(
            visit.text("This file is not text, or has line ends of several kinds: a browser would change them.")
        )
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise NotHere(visit.text("This file is not UTF-8: a browser would change it.")) from None
    return text.replace("\r\n", "\n"), _CRLF if ends else ""


def _shown(visit: RepositoryVisit, path: str, entered: Entered[Change]) -> Page:
    branch = entered.typed.get("branch", "")
    return Page("edits/edit.html", entered.status, fields=entered, path=path, back=address(visit, branch, path))


def _shown_new(visit: RepositoryVisit, path: str, entered: Entered[Addition]) -> Page:
    branch = entered.typed.get("branch", "")
    return Page(
        "edits/add.html",
        entered.status,
        fields=entered,
        path=path,
        action=address(visit, branch, path, "add").rstrip("/"),
        first=_is_first(entered),
        offers_layout=_is_first(entered) and visit.abilities.lines is Lines.PATHS,
        back=address(visit, branch, path),
    )


def _shown_removal(visit: RepositoryVisit, path: str, entered: Entered[Removal]) -> Page:
    branch = entered.typed.get("branch", "")
    return Page("edits/delete.html", entered.status, fields=entered, path=path, back=address(visit, branch, path))
