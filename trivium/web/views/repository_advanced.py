# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of one repository that are rarely changed: parent, journal, lock, archive, deletion (system.md 2.7)."""

from __future__ import annotations

from typing import Any

from trivium.access.levels import Level
from trivium.errors import Locked, NotFound
from trivium.forge.accounts import users as accounts
from trivium.forge.repositories import changes, finding, followers, user_locks
from trivium.forge.repositories.changes import RepositoryChanges
from trivium.forge.repositories.finding import Repository
from trivium.forge.repositories.user_locks import LockReason, locked_date
from trivium.names import parent_of
from trivium.turns import Pace
from trivium.web.answers import Page, Redirect, Refused
from trivium.web.forms import Entered, Form, Line, Tick, empty, read, stored, whole
from trivium.web.registering import view
from trivium.web.visit import RepositoryVisit


class Parent(Form):
    """What a repository is a fork of."""

    id_fork_of: Line = ""
    """By name or id; empty: of nothing."""


class Deletion(Form):
    """That a repository is to be deleted."""

    confirm_name: Line
    """Its full name, typed by whoever deletes it."""
    forks: Line = ""


_FORKS = {"": "", "detach_forks": "detach", "delete_forks": "delete"}


@view(
    "GET",
    "/{repository}/settings/advanced",
    needs=Level.ADMIN,
    word="ReposController:edit_advanced",
    users_only=True,
    pace=Pace.SHORT,
)
def advanced(visit: RepositoryVisit) -> Page:
    """What can be done with it."""
    return shown(visit)


def shown(
    visit: RepositoryVisit, *, parent: Entered[Parent] | None = None, deletion: Entered[Deletion] | None = None
) -> Page:
    """The page, perhaps with a form on it that has to be corrected."""
    one = visit.repository
    wrong: list[Entered[Any]] = [form for form in (parent, deletion) if form is not None]
    return Page(
        "repository_settings/advanced.html",
        wrong[0].status if wrong else 200,
        parent=parent or stored(visit, Parent(id_fork_of=one.fork_of or "")),
        deletion=deletion or empty(visit, Deletion),
        deletes=deletion is not None,
        forks=visit.ask(followers.counts, one.id).forks,
        public=visit.ask(followers.in_public_journal, one.id),
        locked_on=locked_date(one),
        keep_days=visit.site.settings.trash_keep_days,
    )


def _parent(db: Any, caller: Any, one: Repository) -> Parent:
    return Parent(id_fork_of=finding.by_id(db, caller, one.id).fork_of or "")


def _back(visit: RepositoryVisit, said: str) -> Redirect:
    return Redirect(visit.url("repository_advanced.advanced", visit.repository.name), said)


@view(
    "PUT",
    "/{repository}/settings/advanced/fork",
    needs=Level.ADMIN,
    word="ReposController:edit_advanced_fork",
    users_only=True,
    pace=Pace.SHORT,
)
def set_parent(visit: RepositoryVisit) -> Page | Redirect:
    """Say what it is a fork of."""
    entered = read(Parent, visit)
    if wanted := entered.form:
        with entered.refusals(fork_of="id_fork_of"):
            asked = RepositoryChanges(fork_of=wanted.id_fork_of or None)
            seen = entered.as_seen(_parent, visit.repository)
            changes.update_repository(visit.site, visit.caller, visit.repository, asked, seen)
            return _back(visit, visit.text("Saved."))
    return shown(visit, parent=entered)


class Journal(Form):
    """Whether visitors are told what happens."""

    public: Tick = False


@view(
    "PUT",
    "/{repository}/settings/advanced/journal",
    needs=Level.ADMIN,
    word="ReposController:edit_advanced_journal",
    users_only=True,
    pace=Pace.SHORT,
)
def set_journal(visit: RepositoryVisit) -> Redirect:
    """Show what happens in it in the public journal, or not."""
    shows = whole(Journal, visit).public
    followers.set_public_journal(visit.site, visit.caller, visit.repository.id, shown=shows)
    return _back(visit, visit.text("Saved."))


@view(
    "PUT",
    "/{repository}/settings/advanced/locking",
    needs=Level.ADMIN,
    word="ReposController:edit_advanced_locking",
    users_only=True,
    pace=Pace.SHORT,
)
def set_lock(visit: RepositoryVisit) -> Redirect:
    """Lock it for oneself (`set_lock`), or unlock it whoever holds it (`set_unlock`)."""
    locked = "set_lock" in visit.form
    if not locked and "set_unlock" not in visit.form:
        raise Refused(400, "Say whether it is to be locked or unlocked.")
    holder = visit.ask(_myself)
    user_locks.set_lock(visit.site, visit.caller, visit.repository, holder, locked=locked, reason=LockReason.WEB)
    return _back(visit, visit.text("You hold the lock now.") if locked else visit.text("Nobody holds the lock now."))


def _myself(db: Any, caller: Any) -> accounts.User:
    return accounts.by_id(db, caller.user_id)


@view(
    "POST",
    "/{repository}/settings/advanced/locking_toggle",
    needs=Level.WRITE,
    word="ReposController:toggle_locking",
    users_only=True,
    pace=Pace.SHORT,
)
def toggle_lock(visit: RepositoryVisit) -> Redirect:
    """Take the lock, or release it; who writes may release only their own."""
    try:
        locked = user_locks.toggle(visit.site, visit.caller, visit.repository)
    except Locked as error:
        raise Refused(
            403,
            error.message,
            given=error.values,
            hint="Only whoever holds it or administers the repository unlocks it.",
        ) from error
    said = visit.text("You hold the lock now.") if locked else visit.text("Nobody holds the lock now.")
    return Redirect(visit.url("summary.summary", visit.repository.name), said)


class Archive(Form):
    """Whether a repository is closed for pushes."""

    archived: Tick = False


@view(
    "PUT",
    "/{repository}/settings/advanced/archive",
    needs=Level.ADMIN,
    word="ReposController:edit_advanced_archive",
    users_only=True,
    pace=Pace.SHORT,
)
def set_archived(visit: RepositoryVisit) -> Redirect:
    """Close it for pushes, or open it again."""
    archived = whole(Archive, visit).archived
    changes.set_archived(visit.site, visit.caller, visit.repository, archived)
    return _back(visit, visit.text("It is archived.") if archived else visit.text("It is open for pushes again."))


@view(
    "DELETE",
    "/_admin/repos/{repository*}",
    needs=Level.ADMIN,
    word="ReposController:delete",
    users_only=True,
    pace=Pace.WAITING,
)
def delete(visit: RepositoryVisit) -> Page | Redirect:
    """Put it into the trash."""
    entered, one = read(Deletion, visit), visit.repository
    if wanted := entered.form:
        if wanted.confirm_name != one.name:
            entered.refuse("confirm_name", visit.text("This is not the name of the repository."))
        elif wanted.forks not in _FORKS:
            entered.refuse("forks", visit.text("This is none of the choices."))
        else:
            with entered.refusals():
                try:
                    changes.delete_repository(visit.site, visit.caller, one, _FORKS[wanted.forks])
                    said = visit.text("%(name)s is in the trash now.", name=one.name)
                    return Redirect(_above(visit, one.name), said)
                except NotFound as error:
                    if error.given == one.id:  # somebody was quicker
                        raise Refused(404, "There is nothing at this address, or you may not see it.") from error
                    # Which ones those are is not told: they may be hidden.
                    entered.refuse("forks", visit.text("You may not delete all of its forks."))
    return shown(visit, deletion=entered)


def _above(visit: RepositoryVisit, name: str) -> str:
    group = parent_of(name)
    return visit.url("home.group", group) if group else visit.url("home.home")
