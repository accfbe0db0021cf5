# SPDX-License-Identifier: GPL-3.0-or-later
"""What people say about changesets: written, previewed, kept as drafts, sent, changed and deleted (system.md 2.3)."""

from __future__ import annotations

from typing import Annotated

from trivium.access.levels import Level
from trivium.errors import Invalid, Kind, NotFound
from trivium.forge.accounts.users import id_in
from trivium.forge.history import details
from trivium.forge.reviews import comment_changes, drafts, review
from trivium.forge.reviews.comment_changes import Found
from trivium.forge.reviews.comments import KINDS, NOTE, STATUSES, Place, place_of
from trivium.turns import Pace
from trivium.vcs.errors import UnknownRevision
from trivium.web.answers import Answer, Json, Page, Part, Redirect
from trivium.web.forms import Entered, Form, Line, Text, Whole, empty, one_of, read, stored
from trivium.web.registering import view
from trivium.web.showing.remarks import all_rendered, rendered
from trivium.web.visit import RepositoryVisit


class Remark(Form):
    """What the write form sends; the first five names are those that RhodeCode's form has."""

    text: Text = ""
    changeset_status: Annotated[str, one_of("", *STATUSES)] = ""
    f_path: Text = ""
    line: Line = ""
    commit_ids: Line = ""
    """Further changesets of which the same is said, with commas between."""
    comment_type: Annotated[str, one_of("", *KINDS)] = ""
    resolves_comment_id: Whole = 0
    """The to-do that it resolves."""
    act: Annotated[str, one_of("comment", "draft", "review", "preview")] = "comment"
    """Which of its buttons was pressed."""

    @property
    def place(self) -> Place | None:
        """Where it stands; raises `Invalid`."""
        return place_of(self.f_path or None, self.line or None)


class Changed(Form):
    """Another text of a comment."""

    text: Text
    act: Annotated[str, one_of("save", "preview")] = "save"


@view(
    "POST",
    "/{repository}/changeset/{revision}/comment",
    needs=Level.READ,
    word="ChangesetController:comment",
    users_only=True,
    pace=Pace.LONG,
)
def comment(visit: RepositoryVisit, revision: str) -> Answer:
    """Comment on a changeset or a line of it, vote on it, keep the comment as a draft, or look at it first."""
    raw_id = details.identified(visit.history, visit.repository, revision)
    entered = read(Remark, visit)
    if (wanted := entered.form) and wanted.act != "preview":
        fields = {"status": "changeset_status", "path": "f_path", "revisions": "commit_ids", "kind": "comment_type"}
        with entered.refusals(**fields):
            return _said(visit, raw_id, wanted)
    if visit.asked.by_script and entered.wrong:
        return Json({"errors": entered.wrong}, entered.status)
    return _writing(visit, raw_id, entered)


def _said(visit: RepositoryVisit, raw_id: str, wanted: Remark) -> Answer:
    """Do what the button says; back to where it is seen."""
    site, caller, repository, status = visit.site, visit.caller, visit.repository, wanted.changeset_status or None
    kind, resolves = wanted.comment_type or NOTE, wanted.resolves_comment_id or None
    if wanted.place and not resolves and not details.touches(visit.history, repository, raw_id, wanted.place.path):
        raise Invalid("The changeset does not change this file.", about="path")
    if wanted.act == "draft":
        drafts.keep(site, caller, repository, raw_id, wanted.text, wanted.place, kind)
        return _back(visit, raw_id, "review")
    if wanted.act == "review":
        made = review.send(site, caller, repository, raw_id, wanted.text, status, kind)
    elif wanted.commit_ids:
        every = _each_of(visit, raw_id, wanted.commit_ids)
        made = review.say_of_each(site, caller, repository, every, wanted.text, status, kind)[0]
    else:
        made = review.say(
            site, caller, repository, raw_id, wanted.text, status, wanted.place, kind=kind, resolves=resolves
        )
    if visit.asked.by_script:
        return Json({"comment_id": made, "rendered_text": str(rendered(visit, wanted.text))})
    return _back(visit, raw_id, f"comment-{made}")


def _each_of(visit: RepositoryVisit, raw_id: str, others: str) -> list[str]:
    """The full ids of a changeset and of others that were named; raises `Invalid` about those that do not exist.

    Of too many only so many are looked up that it shows.
    """
    found = [raw_id]
    for one in dict.fromkeys(name.strip() for name in others.split(",") if name.strip()):
        if len(found) > review.MOST_AT_ONCE:
            break
        try:
            other = details.identified(visit.history, visit.repository, one)
        except UnknownRevision as error:
            raise Invalid("There is no changeset %(name)s here.", about="revisions", name=one[:200]) from error
        if other not in found:
            found.append(other)
    return found


def _back(visit: RepositoryVisit, raw_id: str, place: str) -> Redirect:
    return Redirect(f"{visit.url('changesets.changeset', visit.repository.name, raw_id)}#{place}")


@view(
    "GET",
    "/{repository}/comments/new",
    needs=Level.READ,
    word="ChangesetController:comment_form",
    users_only=True,
)
def form(visit: RepositoryVisit) -> Page:
    """The form by itself (`?revision=&f_path=&line=`): for a line, where no script puts it there."""
    visit.take_time()
    raw_id = details.identified(visit.history, visit.repository, visit.query.get("revision", "tip"))
    place = {name: visit.query.get(name, "")[:4096] for name in ("f_path", "line")}
    return _writing(visit, raw_id, empty(visit, Remark, **place))


def _writing(visit: RepositoryVisit, raw_id: str, entered: Entered[Remark]) -> Page:
    found = details.detailed(visit.history, visit.repository, raw_id)
    text = entered.typed.get("text", "")
    shown = rendered(visit, text) if text.strip() and "text" not in entered.wrong else ""
    return Page("comments/write.html", entered.status, changeset=found.changeset, fields=entered, preview=shown)


@view(
    "POST",
    "/{repository}/changeset/comment/preview",
    needs=Level.READ,
    word="ChangesetController:preview_comment",
    users_only=True,
    pace=Pace.LONG,
)
def preview(visit: RepositoryVisit) -> Part:
    """How a text will look."""
    entered = read(Remark, visit)
    return Part(rendered(visit, entered.form.text if entered.form else "").encode("utf-8", "surrogateescape"))


@view(
    "DELETE",
    "/{repository}/comments/drafts/{draft}",
    needs=Level.READ,
    word="ChangesetController:delete_draft",
    users_only=True,
    pace=Pace.LONG,
)
def forget_draft(visit: RepositoryVisit, draft: str) -> Redirect:
    """Throw one of one's drafts away."""
    number = id_in(draft)
    if number is None:
        raise NotFound(Kind.COMMENT, draft)
    raw_id = drafts.forget(visit.site, visit.caller, visit.repository, number)
    return _back(visit, raw_id, "review")


@view(
    "GET",
    "/{repository}/comments/{comment}/edit",
    needs=Level.READ,
    word="ChangesetController:edit_comment_form",
    users_only=True,
)
def edit(visit: RepositoryVisit, comment: str) -> Page:
    """The text of one's comment, to be changed."""
    found = _find(visit, comment)
    comment_changes.check_may_edit(visit.caller, found)
    return _changing(visit, found, stored(visit, Changed(text=found.comment.text)))


@view(
    "POST",
    "/{repository}/comments/{comment}/edit",
    needs=Level.READ,
    word="ChangesetController:edit_comment",
    users_only=True,
    pace=Pace.LONG,
)
def save(visit: RepositoryVisit, comment: str) -> Page | Redirect:
    """Give one's comment another text."""
    found = _find(visit, comment)
    entered = read(Changed, visit)
    if (wanted := entered.form) and wanted.act == "save":
        with entered.refusals(text="text"):
            changed = comment_changes.edit(visit.site, visit.caller, found.comment.id, wanted.text)
            return _back(visit, changed.revision, f"comment-{changed.id}")
    comment_changes.check_may_edit(visit.caller, found)
    return _changing(visit, found, entered)


def _changing(visit: RepositoryVisit, found: Found, entered: Entered[Changed]) -> Page:
    text = entered.typed.get("text", "")
    wanted = entered.form is not None and entered.form.act == "preview"
    shown = rendered(visit, text) if wanted and text.strip() else ""
    return Page("comments/edit.html", entered.status, said=found.comment, fields=entered, preview=shown)


@view("GET", "/{repository}/comments/{comment}/history", needs=Level.READ, word="ChangesetController:comment_history")
def history(visit: RepositoryVisit, comment: str) -> Page:
    """What a comment said before, for whoever may read what it says now."""
    found = _find(visit, comment)
    former = visit.ask(comment_changes.former_texts, found.comment.id)
    now, *before = all_rendered(visit, [found.comment.text, *(one.text for one in former)])
    return Page("comments/history.html", said=found.comment, now=now, former=list(zip(former, before, strict=True)))


@view(
    "GET",
    "/{repository}/comments/{comment}/delete",
    needs=Level.READ,
    word="ChangesetController:delete_comment_form",
    users_only=True,
)
def ask_to_delete(visit: RepositoryVisit, comment: str) -> Page:
    """Asks whether a comment is to go."""
    found = _find(visit, comment)
    comment_changes.check_may_delete(visit.caller, found)
    return Page("comments/delete.html", said=found.comment, html=rendered(visit, found.comment.text))


@view(
    "DELETE",
    "/{repository}/changeset/comment/{comment}/delete",
    needs=Level.READ,
    word="ChangesetController:delete_comment",
    users_only=True,
    pace=Pace.SHORT,
)
def delete(visit: RepositoryVisit, comment: str) -> Answer:
    """Delete a comment: its author, who administers the repository, and super-admins."""
    found = _find(visit, comment)
    comment_changes.remove(visit.site, visit.caller, found.comment.id)
    if visit.asked.by_script:
        return Json(True)
    return Redirect(
        visit.url("changesets.changeset", visit.repository.name, found.comment.revision), visit.text("Deleted.")
    )


def _find(visit: RepositoryVisit, comment: str) -> Found:
    """A comment of this repository; raises `NotFound`."""
    found = visit.ask(comment_changes.find, comment)
    if found.repository.id != visit.repository.id:
        raise NotFound(Kind.COMMENT, comment)
    return found
