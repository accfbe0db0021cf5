# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts, as administrators see to them (system.md 2.8, 6.5)."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from msgspec import UNSET

from trivium.access.caller import Caller
from trivium.access.keys import Role
from trivium.access.levels import FAMILY_OF
from trivium.errors import AlreadyExists, InUse, Invalid, Kind, NotFound
from trivium.forge.accounts import (
    allowed_addresses,
    listing,
    password_resets,
    sessions,
)
from trivium.forge.accounts import (
    emails as mail_addresses,
)
from trivium.forge.accounts import (
    possessions as owning,
)
from trivium.forge.accounts import (
    tokens as keys,
)
from trivium.forge.accounts import (
    users as accounts,
)
from trivium.forge.accounts.listing import Sort, Which
from trivium.forge.accounts.tokens import NewToken
from trivium.forge.accounts.users import User, UserChanges
from trivium.forge.grants import global_permissions as grants
from trivium.forge.grants.on_objects import Subject
from trivium.forge.groups import creation as group_creation
from trivium.forge.groups import repo_groups
from trivium.forge.rights.listing import global_rights, rights_page
from trivium.turns import Pace
from trivium.web.answers import HeaderList, Page, Redirect
from trivium.web.forms import Entered, Form, Line, Secret, Tick, Whole, empty, one_of, read, sentence, stored
from trivium.web.registering import Who, view
from trivium.web.showing import administration as shown
from trivium.web.visit import Visit

_SECRET: HeaderList = (("Cache-Control", "private, no-store"), ("Referrer-Policy", "no-referrer"))
_Role = Annotated[str, one_of(*(role.value for role in Role))]


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


class NewKey(Form):
    """A further key."""

    description: Line = ""
    lifetime: Whole = -1
    role: _Role = Role.ALL.value


class NewEmail(Form):
    """A further address."""

    new_email: Line


class NewRange(Form):
    """From where an account may be used."""

    new_ip: Line
    description: Line = ""
    anyway: Tick = False


class Creating(Form):
    """What somebody may create; empty: as others say."""

    inherit_default_permissions: Tick = False
    default_repo_create: Line = ""
    default_repo_create_on_write: Line = ""
    default_repo_group_create: Line = ""
    default_user_group_create: Line = ""
    default_fork_create: Line = ""


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
                email=wanted.email,
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
    found = _user(visit, user)
    return _page("edit", found, fields=stored(visit, _present(visit, found)))


def _present(visit: Visit, user: User) -> Account:
    return Account(
        username=user.username,
        email=user.email or "",
        firstname=user.firstname,
        lastname=user.lastname,
        active=user.active,
        admin=user.admin,
        password_change=visit.ask(accounts.must_change_password, user.id),
        extern_type=user.extern_type,
        extern_name=user.extern_name,
    )


@view("PUT", "/_admin/users/{user}", needs=Who.SUPER_ADMIN, word="UsersController:update", pace=Pace.SHORT)
def save(visit: Visit, user: str) -> Page | Redirect:
    """Store it."""
    found = _user(visit, user)
    entered = read(Account, visit)
    if (wanted := _agreed(visit, entered, "new_password")) and entered.unless_changed(_present(visit, found)):
        changes = UserChanges(
            username=wanted.username,
            email=wanted.email if wanted.email or found.email else UNSET,
            password=wanted.new_password,
            firstname=wanted.firstname,
            lastname=wanted.lastname,
            active=wanted.active,
            admin=wanted.admin,
            extern_type=wanted.extern_type,
            extern_name=wanted.extern_name,
            force_password_change=wanted.password_change,
        )
        with entered.refusals(exists="username", password="new_password"):
            made = accounts.update_account(visit.site, visit.caller, found, changes)
            return Redirect(visit.url("admin_users.edit", str(made.id)), visit.text("Saved."))
    return _page("edit", found, entered.status, fields=entered)


@view("GET", "/_admin/users/{user}/edit/advanced", needs=Who.SUPER_ADMIN, word="UsersController:edit_advanced")
def advanced(visit: Visit, user: str) -> Page:
    """What it owns, its sessions, its end."""
    return _advanced(visit, _user(visit, user), empty(visit, Doomed), empty(visit, Heir))


@view("DELETE", "/_admin/users/{user}", needs=Who.SUPER_ADMIN, word="UsersController:delete", pace=Pace.SHORT)
def delete(visit: Visit, user: str) -> Page | Redirect:
    """Delete it, unless it owns something."""
    found = _user(visit, user)
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
    found = _user(visit, user)
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
    found = _user(visit, user)
    one, whose = visit.form.get("session", ""), (visit.site, visit.caller, found.id, found.username)
    if one:
        sessions.end_session(*whose, _number(one))
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
    found = _user(visit, user)
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
    found = _user(visit, user)
    return Redirect(visit.url("admin_users.advanced", str(found.id)), _with_group(visit, found))


@view("GET", "/_admin/users/{user}/edit/auth_tokens", needs=Who.SUPER_ADMIN, word="UsersController:edit_auth_tokens")
def tokens(visit: Visit, user: str) -> Page:
    """Its keys; one that was just made is shown in full, to whoever made it and this once."""
    found, made = _user(visit, user), ""
    if visit.session is not None and visit.said and "new" in visit.query:
        ring, session, ticket = visit.site.ring, visit.session.id, visit.query["new"]
        new = visit.ask(lambda db, _: keys.just_made(db, _as_caller(found), ring, session, ticket))
        made = new.key if new is not None else ""
    return _tokens(visit, found, empty(visit, NewKey), made)


@view(
    "POST",
    "/_admin/users/{user}/edit/auth_tokens",
    needs=Who.SUPER_ADMIN,
    word="UsersController:add_auth_token",
    pace=Pace.SHORT,
)
def add_token(visit: Visit, user: str) -> Page | Redirect:
    """Make a further key, which is shown once."""
    found = _user(visit, user)
    entered = read(NewKey, visit)
    if wanted := entered.form:
        with entered.refusals():
            made = keys.create_token(
                *(visit.site, visit.caller, found.id, found.username),
                role=Role(wanted.role),
                description=wanted.description,
                expires=keys.expiry(wanted.lifetime),
            )
            return _to_new_key(visit, found, made)
    return _tokens(visit, found, entered)


@view(
    "DELETE",
    "/_admin/users/{user}/edit/auth_tokens",
    needs=Who.SUPER_ADMIN,
    word="UsersController:delete_auth_token",
    pace=Pace.SHORT,
)
def revoke(visit: Visit, user: str) -> Redirect:
    """Take a key away, or replace the built-in one."""
    found = _user(visit, user)
    whose = (visit.site, visit.caller, found.id, found.username)
    if visit.form.get("del_auth_token_builtin"):
        return _to_new_key(visit, found, keys.replace_builtin(*whose))
    try:
        keys.revoke_token(*whose, _number(visit.form.get("del_auth_token", "")))
        said = visit.text("The token is deleted. It lets nobody in any more.")
    except Invalid:
        said = visit.text("There is no such token. It may have been deleted already.")
    return Redirect(visit.url("admin_users.tokens", str(found.id)), said)


@view(
    "GET",
    "/_admin/users/{user}/edit/global_permissions",
    needs=Who.SUPER_ADMIN,
    word="UsersController:edit_global_perms",
)
def global_permissions(visit: Visit, user: str) -> Page:
    """What it may create."""
    found = _user(visit, user)
    own = set(visit.ask(lambda db, _: grants.own_permissions(db, _subject(found))))
    typed = {field: _own_value(own, family) for field, family in shown.FIELDS.items()}
    before = Creating(inherit_default_permissions=found.inherits, **typed)
    return _global(visit, found, stored(visit, before))


@view(
    "PUT",
    "/_admin/users/{user}/edit/global_permissions",
    needs=Who.SUPER_ADMIN,
    word="UsersController:update_global_perms",
    pace=Pace.SHORT,
)
def save_global_permissions(visit: Visit, user: str) -> Page | Redirect:
    """Store that."""
    found = _user(visit, user)
    entered = read(Creating, visit)
    if wanted := entered.form:
        values = {family: getattr(wanted, field) or None for field, family in shown.FIELDS.items()}
        with entered.refusals(**{family: field for field, family in shown.FIELDS.items()}):
            grants.set_permissions(
                visit.site, visit.caller, _subject(found), values, inherits=wanted.inherit_default_permissions
            )
            return Redirect(visit.url("admin_users.global_permissions", str(found.id)), visit.text("Saved."))
    return _global(visit, found, entered)


@view(
    "GET",
    "/_admin/users/{user}/edit/permissions_summary",
    needs=Who.SUPER_ADMIN,
    word="UsersController:edit_perms_summary",
)
def permissions_summary(visit: Visit, user: str) -> Page:
    """What it may do with what there is, each with its reason."""
    found, of, after = _user(visit, user), shown.scope(visit), shown.place(visit)["after"]
    rights = visit.ask(rights_page, _as_caller(found), of, after=after)
    view_name = "admin_users.permissions_summary"
    older = visit.url(view_name, str(found.id), of=of.value, after=rights.older) if rights.older else ""
    newer = visit.url(view_name, str(found.id), of=of.value) if after else ""
    return _page(
        "permissions_summary", found, rows=rights.rows, of=of.value, newer=newer, older=older, named="permissions"
    )


@view("GET", "/_admin/users/{user}/edit/emails", needs=Who.SUPER_ADMIN, word="UsersController:edit_emails")
def emails(visit: Visit, user: str) -> Page:
    """Its mail addresses."""
    found = _user(visit, user)
    return _emails(visit, found, empty(visit, NewEmail))


@view(
    "POST",
    "/_admin/users/{user}/edit/emails",
    needs=Who.SUPER_ADMIN,
    word="UsersController:add_email",
    pace=Pace.SHORT,
)
def add_email(visit: Visit, user: str) -> Page | Redirect:
    """Add one, which counts at once."""
    found = _user(visit, user)
    entered = read(NewEmail, visit)
    if wanted := entered.form:
        with entered.refusals(email="new_email", exists="new_email"):
            mail_addresses.add(visit.site, visit.caller, found.id, found.username, wanted.new_email)
            return Redirect(visit.url("admin_users.emails", str(found.id)), visit.text("Added."))
    return _emails(visit, found, entered)


@view(
    "DELETE",
    "/_admin/users/{user}/edit/emails",
    needs=Who.SUPER_ADMIN,
    word="UsersController:delete_email",
    pace=Pace.SHORT,
)
def remove_email(visit: Visit, user: str) -> Redirect:
    """Take one away."""
    found = _user(visit, user)
    try:
        number = _number(visit.form.get("del_email_id", ""))
        mail_addresses.remove(visit.site, visit.caller, found.id, found.username, number)
        said = visit.text("Deleted.")
    except NotFound:
        said = visit.text("It is gone already.")
    return Redirect(visit.url("admin_users.emails", str(found.id)), said)


@view("GET", "/_admin/users/{user}/edit/ips", needs=Who.SUPER_ADMIN, word="UsersController:edit_ips")
def addresses(visit: Visit, user: str) -> Page:
    """From where it may be used."""
    return _addresses(visit, _user(visit, user), empty(visit, NewRange))


@view("POST", "/_admin/users/{user}/edit/ips", needs=Who.SUPER_ADMIN, word="UsersController:add_ip", pace=Pace.SHORT)
def allow_address(visit: Visit, user: str) -> Page | Redirect:
    """Allow it a range."""
    found = _user(visit, user)
    entered = read(NewRange, visit)
    if allow_range(visit, found, entered):
        return Redirect(visit.url("admin_users.addresses", str(found.id)), visit.text("Allowed."))
    return _addresses(visit, found, entered)


@view(
    "DELETE", "/_admin/users/{user}/edit/ips", needs=Who.SUPER_ADMIN, word="UsersController:delete_ip", pace=Pace.SHORT
)
def forget_address(visit: Visit, user: str) -> Redirect:
    """Take a range back."""
    found = _user(visit, user)
    return Redirect(visit.url("admin_users.addresses", str(found.id)), forget_range(visit, found))


def allow_range(visit: Visit, user: User, entered: Entered[NewRange]) -> bool:
    """Allow an account the range that was typed; False, with the reason beside its field, when that is impossible."""
    if wanted := entered.form:
        with entered.refusals(networks="new_ip"):
            allowed_addresses.allow(
                *(visit.site, visit.caller, user, wanted.new_ip),
                description=wanted.description,
                even_without_me=wanted.anyway,
            )
            return True
    return False


def forget_range(visit: Visit, user: User) -> str:
    """Take the range back that was chosen; returns what became of it."""
    try:
        allowed_addresses.forget(visit.site, visit.caller, user, _number(visit.form.get("del_ip_id", "")))
    except Invalid as error:
        return sentence(visit, error)
    return visit.text("Deleted.")


def _user(visit: Visit, given: str) -> User:
    """The account that an address is about; raises `NotFound`, also for `default`, which has pages of its own."""
    found = visit.ask(lambda db, _: accounts.find(db, given))
    if found.is_default:
        raise NotFound(Kind.USER, given)
    return found


def _agreed(visit: Visit, entered: Entered[A], password: str) -> A | None:
    """What was typed, if the password was typed twice in the same way."""
    if entered.form and getattr(entered.form, password) != entered.form.password_confirmation:
        entered.refuse("password_confirmation", visit.text("The password was not typed twice in the same way."))
        return None
    return entered.form


def _with_group(visit: Visit, user: User) -> str:
    """Make the repository group of an account; returns what became of it."""
    try:
        group_creation.create(visit.site, visit.caller, name=user.username, owner=user.id)
    except (AlreadyExists, Invalid) as error:
        return visit.text("A repository group of that name cannot be made:") + " " + sentence(visit, error)
    return visit.text("The repository group %(name)s is theirs.", name=user.username)


def _as_caller(user: User) -> Caller:
    return user.as_caller("")


def _subject(user: User) -> Subject:
    return Subject(user.username, user_id=user.id)


def _own_value(own: set[str], family: str) -> str:
    return next((value for value in own if FAMILY_OF.get(value) == family), "")


def _number(typed: str) -> int:
    """The id that a button sends; 0, which nothing has, for what is none."""
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= 18 else 0


def _page(tab: str, user: User, status: int = 200, *, named: str = "", headers: HeaderList = (), **values: Any) -> Page:
    return Page(
        f"administration/user_{named or tab}.html",
        status,
        headers=headers,
        user=user,
        this=str(user.id),
        tab=tab,
        **values,
    )


def _advanced(visit: Visit, user: User, entered: Entered[Doomed], heir: Entered[Heir]) -> Page:
    return _page(
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


def _tokens(visit: Visit, user: User, entered: Entered[NewKey], made: str = "") -> Page:
    return _page(
        "tokens",
        user,
        entered.status,
        headers=_SECRET if made else (),
        fields=entered,
        tokens=visit.ask(lambda db, _: keys.tokens_of(db, user.id)),
        made=made,
        moment=int(time.time()),
        until=lambda seconds: datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(),
    )


def _to_new_key(visit: Visit, user: User, made: NewToken) -> Redirect:
    """The list, which shows the key this once: it stands neither in the address nor in what is told."""
    assert visit.session is not None, "a key changes nothing"
    new = keys.ticket(visit.site.ring, visit.session.id, made.id)
    said = visit.text("The token is made. Copy it now: it is shown this once.")
    return Redirect(visit.url("admin_users.tokens", str(user.id), new=new), said)


def _global(visit: Visit, user: User, entered: Entered[Creating]) -> Page:
    counting = {one.family: one.permission for one in visit.ask(global_rights, _as_caller(user))}
    as_others = [("", visit.text("As groups and everybody's rights say"))]
    rows = [
        (
            field,
            shown.family(visit, family),
            as_others + shown.choices(visit, family),
            shown.permission(visit, counting[family]),
        )
        for field, family in shown.FIELDS.items()
    ]
    return _page("global_permissions", user, entered.status, named="global", fields=entered, rows=rows)


def _emails(visit: Visit, user: User, entered: Entered[NewEmail]) -> Page:
    found = visit.ask(mail_addresses.emails_of, user.id)
    return _page("emails", user, entered.status, fields=entered, found=found)


def _addresses(visit: Visit, user: User, entered: Entered[NewRange]) -> Page:
    rows = visit.ask(lambda db, _: allowed_addresses.allowed(db, user.id))
    everybody = visit.ask(lambda db, _: allowed_addresses.of_everybody(db)) if user.inherits else []
    return _page("addresses", user, entered.status, fields=entered, rows=rows, everybody=everybody)
