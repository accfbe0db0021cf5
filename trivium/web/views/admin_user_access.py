# SPDX-License-Identifier: GPL-3.0-or-later
"""By what and from where an account is used, and what it may: for administrators (system.md 2.8, 1.5, 1.7)."""

from __future__ import annotations

from typing import Any, Final

from trivium.errors import NotFound
from trivium.forge.accounts import allowed_addresses
from trivium.forge.accounts import emails as mail_addresses
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.users import User
from trivium.forge.grants import global_permissions as grants
from trivium.forge.grants.on_objects import Subject
from trivium.forge.rights.listing import global_rights, rights_page
from trivium.turns import Pace
from trivium.web.answers import Page, Redirect
from trivium.web.forms import Entered, Form, Line, Tick, empty, read, stored
from trivium.web.numbers import number
from trivium.web.registering import Who, view
from trivium.web.showing import administration as shown
from trivium.web.showing import keys
from trivium.web.showing.address_ranges import NewRange, allow_range, forget_range
from trivium.web.showing.administered_users import page, user_of
from trivium.web.visit import Visit

_TOKENS: Final = "admin_user_access.tokens"


class NewEmail(Form):
    """A further address."""

    new_email: Line


class Creating(shown.Creating):
    """What an account may create, and whether rights of everybody count for it."""

    inherit_default_permissions: Tick = False


@view("GET", "/_admin/users/{user}/edit/auth_tokens", needs=Who.SUPER_ADMIN, word="UsersController:edit_auth_tokens")
def tokens(visit: Visit, user: str) -> Page:
    """Its keys; one that was just made is shown in full, to whoever made it and this once."""
    found = user_of(visit, user)
    return _tokens(found, keys.listed(visit, found.as_caller("")))


@view(
    "POST",
    "/_admin/users/{user}/edit/auth_tokens",
    needs=Who.SUPER_ADMIN,
    word="UsersController:add_auth_token",
    pace=Pace.SHORT,
)
def add_token(visit: Visit, user: str) -> Page | Redirect:
    """Make a further key, which is shown once."""
    found = user_of(visit, user)
    answer = keys.made(visit, found.as_caller(""), _TOKENS, str(found.id))
    return answer if isinstance(answer, Redirect) else _tokens(found, answer)


@view(
    "DELETE",
    "/_admin/users/{user}/edit/auth_tokens",
    needs=Who.SUPER_ADMIN,
    word="UsersController:delete_auth_token",
    pace=Pace.SHORT,
)
def revoke(visit: Visit, user: str) -> Redirect:
    """Take a key away, or replace the built-in one."""
    found = user_of(visit, user)
    return keys.deleted(visit, found.as_caller(""), _TOKENS, str(found.id))


@view(
    "GET",
    "/_admin/users/{user}/edit/global_permissions",
    needs=Who.SUPER_ADMIN,
    word="UsersController:edit_global_perms",
)
def global_permissions(visit: Visit, user: str) -> Page:
    """What it may create."""
    found = user_of(visit, user)
    return _global(visit, found, stored(visit, visit.ask(_may_create, found.id)))


def _may_create(db: Any, _caller: Any, user_id: int) -> Creating:
    user = accounts.by_id(db, user_id)
    own = grants.own_permissions(db, _subject(user))
    return Creating(inherit_default_permissions=user.inherits, **shown.as_fields(own))


@view(
    "PUT",
    "/_admin/users/{user}/edit/global_permissions",
    needs=Who.SUPER_ADMIN,
    word="UsersController:update_global_perms",
    pace=Pace.SHORT,
)
def save_global_permissions(visit: Visit, user: str) -> Page | Redirect:
    """Store that."""
    found = user_of(visit, user)
    entered = read(Creating, visit)
    if wanted := entered.form:
        values, inherits = shown.as_values(wanted), wanted.inherit_default_permissions
        seen = entered.as_seen(_may_create, found.id)
        with entered.refusals(**shown.FIELD_OF):
            grants.set_permissions(visit.site, visit.caller, _subject(found), values, seen, inherits=inherits)
            return Redirect(visit.url("admin_user_access.global_permissions", str(found.id)), visit.text("Saved."))
    return _global(visit, found, entered)


@view(
    "GET",
    "/_admin/users/{user}/edit/permissions_summary",
    needs=Who.SUPER_ADMIN,
    word="UsersController:edit_perms_summary",
)
def permissions_summary(visit: Visit, user: str) -> Page:
    """What it may do with what there is, each with its reason."""
    found, of, after = user_of(visit, user), shown.scope(visit), shown.place(visit)["after"]
    rights = visit.ask(rights_page, found.as_caller(""), of, after=after)
    view_name = "admin_user_access.permissions_summary"
    older = visit.url(view_name, str(found.id), of=of.value, after=rights.older) if rights.older else ""
    newer = visit.url(view_name, str(found.id), of=of.value) if after else ""
    return page(view_name, "permissions", found, rows=rights.rows, of=of.value, newer=newer, older=older)


@view("GET", "/_admin/users/{user}/edit/emails", needs=Who.SUPER_ADMIN, word="UsersController:edit_emails")
def emails(visit: Visit, user: str) -> Page:
    """Its mail addresses."""
    found = user_of(visit, user)
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
    found = user_of(visit, user)
    entered = read(NewEmail, visit)
    if wanted := entered.form:
        with entered.refusals(email="new_email", exists="new_email"):
            mail_addresses.add(visit.site, visit.caller, found.id, found.username, wanted.new_email)
            return Redirect(visit.url("admin_user_access.emails", str(found.id)), visit.text("Added."))
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
    found = user_of(visit, user)
    try:
        chosen = number(visit.form.get("del_email_id", ""))
        mail_addresses.remove(visit.site, visit.caller, found.id, found.username, chosen)
        said = visit.text("Deleted.")
    except NotFound:
        said = visit.text("It is gone already.")
    return Redirect(visit.url("admin_user_access.emails", str(found.id)), said)


@view("GET", "/_admin/users/{user}/edit/ips", needs=Who.SUPER_ADMIN, word="UsersController:edit_ips")
def addresses(visit: Visit, user: str) -> Page:
    """From where it may be used."""
    return _addresses(visit, user_of(visit, user), empty(visit, NewRange))


@view("POST", "/_admin/users/{user}/edit/ips", needs=Who.SUPER_ADMIN, word="UsersController:add_ip", pace=Pace.SHORT)
def allow_address(visit: Visit, user: str) -> Page | Redirect:
    """Allow it a range."""
    found = user_of(visit, user)
    entered = read(NewRange, visit)
    if allow_range(visit, found, entered):
        return Redirect(visit.url("admin_user_access.addresses", str(found.id)), visit.text("Allowed."))
    return _addresses(visit, found, entered)


@view(
    "DELETE", "/_admin/users/{user}/edit/ips", needs=Who.SUPER_ADMIN, word="UsersController:delete_ip", pace=Pace.SHORT
)
def forget_address(visit: Visit, user: str) -> Redirect:
    """Take a range back."""
    found = user_of(visit, user)
    return Redirect(visit.url("admin_user_access.addresses", str(found.id)), forget_range(visit, found))


def _subject(user: User) -> Subject:
    return Subject(user.username, user_id=user.id)


def _tokens(user: User, found: dict[str, Any]) -> Page:
    return keys.page_of("administration/user_tokens.html", found, user=user, this=str(user.id), tab=_TOKENS)


def _global(visit: Visit, user: User, entered: Entered[Creating]) -> Page:
    counting = {one.family: one.permission for one in visit.ask(global_rights, user.as_caller(""))}
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
    return page("admin_user_access.global_permissions", "global", user, entered.status, fields=entered, rows=rows)


def _emails(visit: Visit, user: User, entered: Entered[NewEmail]) -> Page:
    found = visit.ask(mail_addresses.emails_of, user.id)
    return page("admin_user_access.emails", "emails", user, entered.status, fields=entered, found=found)


def _addresses(visit: Visit, user: User, entered: Entered[NewRange]) -> Page:
    rows = visit.ask(lambda db, _: allowed_addresses.allowed(db, user.id))
    everybody = visit.ask(lambda db, _: allowed_addresses.of_everybody(db)) if user.inherits else []
    return page(
        "admin_user_access.addresses", "addresses", user, entered.status, fields=entered, rows=rows, everybody=everybody
    )
