# SPDX-License-Identifier: GPL-3.0-or-later
"""What everybody may do, and from where: the rights of the user `default` (system.md 2.8, 6.1)."""

from __future__ import annotations

from typing import Annotated, Any, Final

from trivium.access.levels import FAMILY_OF, GLOBAL_FAMILIES, Level, Scope, parse_permission
from trivium.forge.accounts import allowed_addresses
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.users import User
from trivium.forge.grants import defaults, summary
from trivium.forge.grants import global_permissions as grants
from trivium.forge.grants.defaults import EVERYBODY
from trivium.turns import Pace
from trivium.web.answers import Page, Redirect
from trivium.web.forms import Entered, Form, Line, Tick, empty, one_of, read, stored
from trivium.web.registering import Who, view
from trivium.web.showing import administration as shown
from trivium.web.showing.address_ranges import NewRange, allow_range, forget_range
from trivium.web.visit import Visit

_OBJECTS: Final = {
    Scope.REPOSITORY: ("default_repo_perm", "overwrite_default_repo"),
    Scope.REPO_GROUP: ("default_group_perm", "overwrite_default_group"),
    Scope.USER_GROUP: ("default_user_group_perm", "overwrite_default_user_group"),
}
_Register = Annotated[str, one_of(*GLOBAL_FAMILIES["hg.register"])]


class Application(Form):
    """Who may come in."""

    default_register: _Register
    anonymous: Tick = False


class Creating(Form):
    """What everybody may create."""

    default_repo_create: Line
    default_repo_create_on_write: Line
    default_repo_group_create: Line
    default_user_group_create: Line
    default_fork_create: Line


class Objects(Form):
    """What everybody may do with new objects, and perhaps with all."""

    default_repo_perm: Annotated[str, one_of(*GLOBAL_FAMILIES["repository"])]
    default_group_perm: Annotated[str, one_of(*GLOBAL_FAMILIES["group"])]
    default_user_group_perm: Annotated[str, one_of(*GLOBAL_FAMILIES["usergroup"])]
    overwrite_default_repo: Tick = False
    overwrite_default_group: Tick = False
    overwrite_default_user_group: Tick = False


@view(
    "GET",
    "/_admin/permissions/application",
    "/_admin/permissions",
    needs=Who.SUPER_ADMIN,
    word="PermissionsController:permission_application",
)
def application(visit: Visit) -> Page:
    """Registration, and visitors."""
    return _application(visit, stored(visit, visit.ask(_comes_in)))


def _comes_in(db: Any, caller: Any) -> Application:
    register = _values(db, caller)["hg.register"]
    return Application(default_register=register, anonymous=grants.anonymous_access(db))


@view(
    "POST",
    "/_admin/permissions/application",
    needs=Who.SUPER_ADMIN,
    word="PermissionsController:permission_application_update",
    pace=Pace.SHORT,
)
def save_application(visit: Visit) -> Page | Redirect:
    """Store that."""
    entered = read(Application, visit)
    if wanted := entered.form:
        values, seen = {"hg.register": wanted.default_register}, entered.as_seen(_comes_in)
        with entered.refusals():
            grants.set_permissions(visit.site, visit.caller, EVERYBODY, values, seen, anonymous=wanted.anonymous)
            return Redirect(visit.url("admin_permissions.application"), visit.text("Saved."))
    return _application(visit, entered)


@view("GET", "/_admin/permissions/global", needs=Who.SUPER_ADMIN, word="PermissionsController:permission_global")
def creating(visit: Visit) -> Page:
    """What everybody may create."""
    return _creating(visit, stored(visit, visit.ask(_created)))


def _created(db: Any, caller: Any) -> Creating:
    values = _values(db, caller)
    return Creating(**{field: values[family] for field, family in shown.FIELDS.items()})


@view(
    "POST",
    "/_admin/permissions/global",
    needs=Who.SUPER_ADMIN,
    word="PermissionsController:permission_global_update",
    pace=Pace.SHORT,
)
def save_creating(visit: Visit) -> Page | Redirect:
    """Store that."""
    entered = read(Creating, visit)
    if wanted := entered.form:
        values = {family: getattr(wanted, field) for field, family in shown.FIELDS.items()}
        with entered.refusals(**shown.FIELD_OF):
            grants.set_permissions(visit.site, visit.caller, EVERYBODY, values, entered.as_seen(_created))
            return Redirect(visit.url("admin_permissions.creating"), visit.text("Saved."))
    return _creating(visit, entered)


@view(
    "GET",
    "/_admin/permissions/object",
    needs=Who.SUPER_ADMIN,
    word="PermissionsController:permission_objects",
    pace=Pace.SHORT,
)
def objects(visit: Visit) -> Page:
    """What everybody may do with new objects, with how many there are on each level.

    They are counted once for each state of all rights: that is a look at every row.
    """
    state = f"objects {visit.session.stamp.version}" if visit.session is not None else ""
    if state and (page := visit.page_at_hand(state)) is not None:
        return page
    return _objects(visit, stored(visit, visit.ask(_begun)), state)


def _begun(db: Any, caller: Any) -> Objects:
    values = _values(db, caller)
    typed: dict[str, Any] = {field: values[scope.value] for scope, (field, _) in _OBJECTS.items()}
    return Objects(**typed)


@view(
    "POST",
    "/_admin/permissions/object",
    needs=Who.SUPER_ADMIN,
    word="PermissionsController:permission_objects_update",
    pace=Pace.LONG,
)
def save_objects(visit: Visit) -> Page | Redirect:
    """Store that, and set what there is alike where that was ticked."""
    entered = read(Objects, visit)
    if wanted := entered.form:
        levels = {scope: parse_permission(getattr(wanted, field), scope) for scope, (field, _) in _OBJECTS.items()}
        ticked = [scope for scope, (_, tick) in _OBJECTS.items() if getattr(wanted, tick)]
        with entered.refusals():
            changed = defaults.set_object_defaults(visit.site, visit.caller, levels, ticked, entered.as_seen(_begun))
            said = visit.text("Saved.")
            if ticked:
                count = sum(changed.values())
                told = visit.language.plural(
                    "%(num)s object has another right now.", "%(num)s objects have another right now.", count
                )
                said = f"{said} {told}"
            return Redirect(visit.url("admin_permissions.objects"), said)
    return _objects(visit, entered)


@view("GET", "/_admin/permissions/ips", needs=Who.SUPER_ADMIN, word="PermissionsController:permission_ips")
def addresses(visit: Visit) -> Page:
    """From where everybody may come."""
    return _addresses(visit, empty(visit, NewRange))


@view(
    "POST",
    "/_admin/permissions/ips",
    needs=Who.SUPER_ADMIN,
    word="PermissionsController:permission_ips_add",
    pace=Pace.SHORT,
)
def allow_address(visit: Visit) -> Page | Redirect:
    """Allow a range."""
    entered = read(NewRange, visit)
    if allow_range(visit, _everybody(visit), entered):
        return Redirect(visit.url("admin_permissions.addresses"), visit.text("Allowed."))
    return _addresses(visit, entered)


@view(
    "DELETE",
    "/_admin/permissions/ips",
    needs=Who.SUPER_ADMIN,
    word="PermissionsController:permission_ips_delete",
    pace=Pace.SHORT,
)
def forget_address(visit: Visit) -> Redirect:
    """Take a range back."""
    return Redirect(visit.url("admin_permissions.addresses"), forget_range(visit, _everybody(visit)))


@view("GET", "/_admin/permissions/overview", needs=Who.SUPER_ADMIN, word="PermissionsController:permission_perms")
def overview(visit: Visit) -> Page:
    """All that everybody may do."""
    of = shown.scope(visit)
    found = visit.ask(summary.rows_of, EVERYBODY, of, **shown.place(visit))
    values = [
        (shown.family(visit, family), shown.permission(visit, value))
        for family, value in visit.ask(_values).items()
        if family in shown.FIELDS.values()
    ]
    addresses_ = shown.pages(visit, "admin_permissions.overview", found, of=of.value)
    return _page("overview", rows=found.rows, of=of.value, values=values, **addresses_)


def _values(db: Any, _caller: Any) -> dict[str, str]:
    """Family → what everybody may."""
    own = grants.own_permissions(db, EVERYBODY)
    return {family: values[0] for family, values in GLOBAL_FAMILIES.items()} | {FAMILY_OF[one]: one for one in own}


def _everybody(visit: Visit) -> User:
    return visit.ask(lambda db, _: accounts.find(db, EVERYBODY.name))


def _page(tab: str, status: int = 200, **values: Any) -> Page:
    return Page(f"administration/permissions_{tab}.html", status, tab=tab, **values)


def _application(visit: Visit, entered: Entered[Application]) -> Page:
    return _page(
        "application",
        entered.status,
        fields=entered,
        registers=shown.choices(visit, "hg.register"),
        allowed=visit.site.settings.allow_registration,
    )


def _creating(visit: Visit, entered: Entered[Creating]) -> Page:
    rows = [
        (field, shown.family(visit, family), shown.choices(visit, family)) for field, family in shown.FIELDS.items()
    ]
    return _page("creating", entered.status, fields=entered, rows=rows)


def _objects(visit: Visit, entered: Entered[Objects], state: str = "") -> Page:
    counted = visit.ask(summary.default_levels)
    rows = []
    for scope, (field, tick) in _OBJECTS.items():
        counts, total = counted[scope], sum(counted[scope].values())
        choices = []
        for level in Level:
            others = visit.language.number(total - counts[level])
            word = visit.text(
                "%(level)s (overwriting changes %(others)s of %(total)s)",
                level=shown.level(visit, level),
                others=others,
                total=visit.language.number(total),
            )
            choices.append((scope.name_of(level), word))
        rows.append((field, shown.family(visit, scope.value), choices, tick))
    return _page("objects", entered.status, tag=state, fields=entered, rows=rows)


def _addresses(visit: Visit, entered: Entered[NewRange]) -> Page:
    rows = visit.ask(lambda db, _: allowed_addresses.of_everybody(db))
    return _page("addresses", entered.status, fields=entered, rows=rows)
