# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts, as administrators see to them: listed, made, changed, handed over, ended (system.md 2.8, 6.5).

By what and from where an account is used, and what it may, is seen to by `admin_user_access`.
"""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec import UNSET

from trivium.errors import AlreadyExists, InUse, Invalid
from trivium.forge.accounts import emails, listing, password_resets, sessions
from trivium.forge.accounts import possessions as owning
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.listing import Sort, Which
from trivium.forge.accounts.passwords import check_chosen
from trivium.forge.accounts.users import User, UserChanges
from trivium.forge.groups import creation as group_creation
from trivium.forge.groups import repo_groups
from trivium.turns import Pace
from trivium.web.answers import Page, Redirect
from trivium.web.forms import Entered, Form, Line, Secret, Tick, empty, read, sentence, stored
from trivium.web.numbers import number
from trivium.web.registering import Who, view
from trivium.web.showing import administration as shown
from trivium.web.showing.administered_users import page, user_of
from trivium.web.visit import Visit


class NewUser(Form):
    """A new account."""

    username: Line
    email: Line
    firstname: Line = ""
    lastname: Line = ""
    password: Secret = ""
    password_confirmation: Secret = ""
    active: Tick = False
    admin: Tick = False
    password_change: Tick = False
    create_repo_group: Tick = False


class Account(Form):
    """An account that is changed."""

    username: Line
    email: Line = ""
    firstname: Line = ""
    lastname: Line = ""
    new_password: Secret = ""
    password_confirmation: Secret = ""
    active: Tick = False
    admin: Tick = False
    password_change: Tick = False
    extern_type: Line = "rhodecode"
    extern_name: Line = "rhodecode"


A = TypeVar("A", NewUser, Account)


class Heir(Form):
    """Who gets everything."""

    heir: Line


class Doomed(Form):
    """What is typed to delete something."""

    name: Line


@view("GET", "/_admin/users", needs=Who.SUPER_ADMIN, word="UsersController:index")
def listed(visit: Visit) -> Page:
    """All accounts."""
    query = shown.sought(visit)
    which = next((one for one in Which if one.value == visit.query.get("which")), Which.ALL)
    sort = next((one for one in Sort if one.value == visit.query.get("sort")), Sort.NAME)
    found = visit.ask(listing.page, query=query, which=which, sort=sort, **shown.place(visit))
    asked = {"query": query, "which": which.value, "sort": sort.value if sort is not Sort.NAME else ""}
    addresses = shown.pages(visit, "admin_users.listed", found, **asked)
    return Page(
        "administration/users.html", rows=found.rows, query=query, which=which.value, sort=sort.value, **addresses
    )


@view("GET", "/_admin/users/new", needs=Who.SUPER_ADMIN, word="UsersController:new")
def new(visit: Visit) -> Page:
    """The form of a new account."""
    return Page("administration/user_new.html", fields=empty(visit, NewUser, active="1"))


@view("POST", "/_admin/users", needs=Who.SUPER_ADMIN, word="UsersController:create", pace=Pace.SHORT)
def create(visit: Visit) -> Page | Redirect:
    """Make it."""
    entered = read(NewUser, visit)
    if wanted := _agreed(visit, entered, "password"):
        with entered.refusals(exists="username"):
            made = accounts.create(
                visit.site,
                visit.caller,
                username=wanted.username,
                email=emails.checked(wanted.email),
                password=wanted.password,
                firstname=wanted.firstname,
                lastname=wanted.lastname,
                active=wanted.active,
                admin=wanted.admin,
                force_password_change=wanted.password_change,
            )
            said = visit.text("%(name)s has an account.", name=made.username)
            if wanted.create_repo_group:
                said = f"{said} {_with_group(visit, made)}"
            return Redirect(visit.url("admin_users.edit", str(made.id)), said)
    return Page("administration/user_new.html", entered.status, fields=entered)


@view("GET", "/_admin/users/{user}", "/_admin/users/{user}/edit", needs=Who.SUPER_ADMIN, word="UsersController:edit")
def edit(visit: Visit, user: str) -> Page:
    """The form with what is stored."""
    found = user_of(visit, user)
    return page("admin_users.edit", "edit", found, fields=stored(visit, visit.ask(_present, found.id)))


def _present(db: Any, caller: Any, user_id: int) -> Account:
    user = accounts.by_id(db, user_id)
    return Account(
        username=user.username,
        email=user.email or "",
        firstname=user.firstname,
        lastname=user.lastname,
        active=user.active,
        admin=user.admin,
        password_change=accounts.must_change_password(db, caller, user_id),
        extern_type=user.extern_type,
        extern_name=user.extern_name,
    )


@view("PUT", "/_admin/users/{user}", needs=Who.SUPER_ADMIN, word="UsersController:update", pace=Pace.SHORT)
def save(visit: Visit, user: str) -> Page | Redirect:
    """Store it."""
    found = user_of(visit, user)
    entered = read(Account, visit)
    if wanted := _agreed(visit, entered, "new_password"):
        with entered.refusals(exists="username", password="new_password"):
            email = wanted.email
            if email != (found.email or ""):  # what the API has stored may be no address, and stay
                email = emails.checked(email)
            changes = UserChanges(
                username=wanted.username,
                email=email or UNSET,
                password=wanted.new_password,
                firstname=wanted.firstname,
                lastname=wanted.lastname,
                active=wanted.active,
                admin=wanted.admin,
                extern_type=wanted.extern_type,
                extern_name=wanted.extern_name,
                force_password_change=wanted.password_change,
            )
            seen = entered.as_seen(_present, found.id)
            made = accounts.update_account(visit.site, visit.caller, found, changes, seen)
            return Redirect(visit.url("admin_users.edit", str(made.id)), visit.text("Saved."))
    return page("admin_users.edit", "edit", found, entered.status, fields=entered)


@view("GET", "/_admin/users/{user}/edit/advanced", needs=Who.SUPER_ADMIN, word="UsersController:edit_advanced")
def advanced(visit: Visit, user: str) -> Page:
    """What it owns, its sessions, its end."""
    return _advanced(visit, user_of(visit, user), empty(visit, Doomed), empty(visit, Heir))


@view("DELETE", "/_admin/users/{user}", needs=Who.SUPER_ADMIN, word="UsersController:delete", pace=Pace.SHORT)
def delete(visit: Visit, user: str) -> Page | Redirect:
    """Delete it, unless it owns something."""
    found = user_of(visit, user)
    entered = read(Doomed, visit)
    if entered.form and entered.form.name != found.username:
        entered.refuse("name", visit.text("This is not the user name."))
    elif entered.form:
        with entered.refusals():
            try:
                accounts.delete_account(visit.site, visit.caller, found)
                said = visit.text("The account %(name)s is deleted.", name=found.username)
                return Redirect(visit.url("admin_users.listed"), said)
            except InUse:
                entered.refuse("", visit.text("It still owns something: hand that over first."))
    return _advanced(visit, found, entered, empty(visit, Heir))


@view("POST", "/_admin/users/{user}/hand_over", needs=Who.SUPER_ADMIN, word="UsersController:hand_over", pace=Pace.LONG)
def hand_over(visit: Visit, user: str) -> Page | Redirect:
    """Give everything that it owns to somebody else."""
    found = user_of(visit, user)
    entered = read(Heir, visit)
    if wanted := entered.form:
        with entered.refusals(absent="heir"):
            heir = visit.ask(lambda db, _: accounts.find(db, wanted.heir))
            count = owning.hand_over(visit.site, visit.caller, found, heir)
            said = visit.language.plural(
                "%(num)s thing has another owner.", "%(num)s things have another owner.", count
            )
            return Redirect(visit.url("admin_users.advanced", str(found.id)), said)
    return _advanced(visit, found, empty(visit, Doomed), entered)


@view(
    "DELETE", "/_admin/users/{user}/sessions", needs=Who.SUPER_ADMIN, word="UsersController:sessions", pace=Pace.SHORT
)
def end_sessions(visit: Visit, user: str) -> Redirect:
    """End one of its sessions, or all."""
    found = user_of(visit, user)
    one, whose = visit.form.get("session", ""), (visit.site, visit.caller, found.id, found.username)
    if one:
        sessions.end_session(*whose, number(one))
    else:
        mine = visit.session.id if visit.session is not None and visit.caller.user_id == found.id else 0
        sessions.end_sessions(*whose, but=mine)
    return Redirect(visit.url("admin_users.advanced", str(found.id)), visit.text("Ended."))


@view(
    "POST",
    "/_admin/users/{user}/password_reset",
    needs=Who.SUPER_ADMIN,
    word="UsersController:reset_password",
    pace=Pace.SHORT,
)
def password_reset(visit: Visit, user: str) -> Redirect:
    """Have its user choose another password: after the next sign-in, or by a link in a mail."""
    found = user_of(visit, user)
    back = visit.url("admin_users.advanced", str(found.id))
    if visit.form.get("mail"):
        if not visit.site.settings.mails_links or not found.email:
            return Redirect(back, visit.text("No mail can be sent to them."))
        password_resets.ask(visit.site, email=found.email, address=visit.caller.address, locale=visit.language.code)
        return Redirect(back, visit.text("A mail is on its way, if they sign in with a password of this site."))
    must = not visit.form.get("keep")
    accounts.update_account(visit.site, visit.caller, found, UserChanges(force_password_change=must))
    said = visit.text("They choose another password next.") if must else visit.text("They may keep their password.")
    return Redirect(back, said)


@view(
    "POST",
    "/_admin/users/{user}/create_repo_group",
    needs=Who.SUPER_ADMIN,
    word="UsersController:create_personal_repo_group",
    pace=Pace.SHORT,
)
def create_repo_group(visit: Visit, user: str) -> Redirect:
    """Make a repository group that is called as the account and belongs to it."""
    found = user_of(visit, user)
    return Redirect(visit.url("admin_users.advanced", str(found.id)), _with_group(visit, found))


def _agreed(visit: Visit, entered: Entered[A], password: str) -> A | None:
    """What was typed, if the password can be one and was typed twice in the same way."""
    form = entered.form
    if form is None:
        return None
    chosen = getattr(form, password)
    if chosen != form.password_confirmation:
        entered.refuse("password_confirmation", visit.text("The password was not typed twice in the same way."))
    elif chosen:
        with entered.refusals(password=password):
            check_chosen(chosen, form.username, form.email)  # the API takes shorter ones (system.md 3.5)
    return None if entered.wrong else form


def _with_group(visit: Visit, user: User) -> str:
    """Make the repository group of an account; returns what became of it."""
    try:
        group_creation.create(visit.site, visit.caller, name=user.username, owner=user.id)
    except (AlreadyExists, Invalid) as error:
        return visit.text("A repository group of that name cannot be made:") + " " + sentence(visit, error)
    return visit.text("The repository group %(name)s is theirs.", name=user.username)


def _advanced(visit: Visit, user: User, entered: Entered[Doomed], heir: Entered[Heir]) -> Page:
    return page(
        "admin_users.advanced",
        "advanced",
        user,
        max(entered.status, heir.status),
        fields=entered,
        heir_fields=heir,
        owned=visit.ask(owning.possessions, user),
        sessions=visit.ask(lambda db, _: sessions.sessions_of(db, visit.site, user.id)),
        must_change=visit.ask(accounts.must_change_password, user.id),
        has_group=visit.ask(lambda db, caller: repo_groups.by_name(db, caller, user.username)) is not None,
        mails=visit.site.settings.mails_links and bool(user.email),
    )
