# SPDX-License-Identifier: GPL-3.0-or-later
"""The installation, as administrators see it: its configuration, its mails, its root, its state (system.md 2.8)."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from trivium import settings as configuration
from trivium.egress.mail import MailDelayed, MailRefused
from trivium.forge import site_settings
from trivium.forge.jobs import finding as jobs
from trivium.forge.repositories import rescans
from trivium.forge.site_settings import RepositoryDefaults, SiteLook
from trivium.forge.upkeep.system import system as looked_at
from trivium.forge.upkeep.system import tell_again as again
from trivium.mail.trial import send_test_mail
from trivium.turns import Pace
from trivium.web.answers import Page, Redirect, Refused
from trivium.web.forms import Entered, Form, Line, Tick, empty, read, stored
from trivium.web.registering import Who, view
from trivium.web.visit import Visit

_SHOWN = 5
_PLUGINS = ("rhodecode", "authtoken")


class TestMail(Form):
    """Where a test mail goes."""

    test_email: Line


class Mapping(Form):
    """How the root is compared with the database."""

    destroy: Tick = False
    really: Tick = False


class Defaults(Form):
    """What new repositories begin with."""

    default_repo_type: Line
    default_repo_private: Tick = False
    default_repo_enable_downloads: Tick = False
    default_repo_enable_locking: Tick = False
    default_repo_enable_statistics: Tick = False


class Look(Form):
    """What every page shows of the site."""

    rhodecode_title: Line = ""
    rhodecode_support_url: Line = ""
    rhodecode_show_version: Tick = False


@view(
    "GET",
    "/_admin/settings",
    "/_admin/settings/global",
    "/_admin/settings/visual",
    needs=Who.SUPER_ADMIN,
    word="SettingsController:settings_global",
)
def look(visit: Visit) -> Page:
    """What every page shows of the site."""
    found = visit.ask(site_settings.look)
    before = Look(
        rhodecode_title=found.title,
        rhodecode_support_url=found.support_url,
        rhodecode_show_version=found.show_version,
    )
    return _page("look", fields=stored(visit, before))


@view(
    "POST",
    "/_admin/settings",
    "/_admin/settings/global",
    "/_admin/settings/visual",
    needs=Who.SUPER_ADMIN,
    word="SettingsController:settings_global_update",
    pace=Pace.SHORT,
)
def save_look(visit: Visit) -> Page | Redirect:
    """Store that."""
    entered = read(Look, visit)
    if wanted := entered.form:
        with entered.refusals(title="rhodecode_title", support_url="rhodecode_support_url"):
            chosen = SiteLook(
                title=wanted.rhodecode_title,
                support_url=wanted.rhodecode_support_url,
                show_version=wanted.rhodecode_show_version,
            )
            site_settings.set_look(visit.site, visit.caller, chosen)
            return Redirect(visit.url("admin_settings.look"), visit.text("Saved."))
    return _page("look", entered.status, fields=entered)


@view(
    "GET",
    "/_admin/settings/configuration",
    needs=Who.SUPER_ADMIN,
    word="SettingsController:settings_configuration",
)
def configured(visit: Visit) -> Page:
    """What the configuration says; it is changed in its file, and read at the start."""
    secret = {one.name for one in fields(visit.site.settings) if not one.repr}
    rows = []
    for option in configuration.options():
        value = getattr(visit.site.settings, option.attribute)
        hidden = option.attribute in secret or option.attribute in _WITH_PASSWORDS
        rows.append((option, "••••" if hidden and value else _written(value), value != option.default))
    return _page("configured", rows=rows)


_WITH_PASSWORDS = frozenset({"broker_url", "broker_password", "database_url", "smtp_password"})


@view("GET", "/_admin/defaults/repositories", needs=Who.SUPER_ADMIN, word="DefaultsController:default_repositories")
def defaults(visit: Visit) -> Page:
    """What new repositories begin with."""
    begins = visit.ask(site_settings.repository_defaults)
    before = Defaults(
        default_repo_type=begins.kind,
        default_repo_private=begins.private,
        default_repo_enable_downloads=begins.enable_downloads,
        default_repo_enable_locking=begins.enable_locking,
        default_repo_enable_statistics=begins.enable_statistics,
    )
    return _defaults(visit, stored(visit, before))


@view(
    "POST",
    "/_admin/defaults/repositories",
    needs=Who.SUPER_ADMIN,
    word="DefaultsController:default_repositories_update",
    pace=Pace.SHORT,
)
def save_defaults(visit: Visit) -> Page | Redirect:
    """Store that."""
    entered = read(Defaults, visit)
    if wanted := entered.form:
        with entered.refusals(kind="default_repo_type"):
            begins = RepositoryDefaults(
                kind=wanted.default_repo_type,
                private=wanted.default_repo_private,
                enable_downloads=wanted.default_repo_enable_downloads,
                enable_locking=wanted.default_repo_enable_locking,
                enable_statistics=wanted.default_repo_enable_statistics,
            )
            site_settings.set_repository_defaults(visit.site, visit.caller, begins)
            return Redirect(visit.url("admin_settings.defaults"), visit.text("Saved."))
    return _defaults(visit, entered)


@view("GET", "/_admin/settings/email", needs=Who.SUPER_ADMIN, word="SettingsController:settings_email")
def email(visit: Visit) -> Page:
    """Where mails go, and a test."""
    return _email(visit, empty(visit, TestMail), None, "")


@view(
    "POST",
    "/_admin/settings/email",
    needs=Who.SUPER_ADMIN,
    word="SettingsController:settings_email_test",
    pace=Pace.WAITING,
)
def send_test(visit: Visit) -> Page:
    """Send a test mail now, and show what was said."""
    entered = read(TestMail, visit)
    if wanted := entered.form:
        heard: list[str] = []
        with entered.refusals(address="test_email"):
            try:
                send_test_mail(visit.site.settings, wanted.test_email, code=visit.language.code, heard=heard)
            except (MailDelayed, MailRefused) as error:
                return _email(visit, entered, heard, str(error))
            return _email(visit, entered, heard, "")
    return _email(visit, entered, None, "")


@view("GET", "/_admin/settings/mapping", needs=Who.SUPER_ADMIN, word="SettingsController:settings_mapping")
def mapping(visit: Visit) -> Page:
    """What was found when the root was compared with the database."""
    return _mapping(visit, empty(visit, Mapping))


@view(
    "POST",
    "/_admin/settings/mapping",
    needs=Who.SUPER_ADMIN,
    word="SettingsController:settings_mapping_update",
    pace=Pace.SHORT,
)
def rescan(visit: Visit) -> Page | Redirect:
    """Have that done by a job: first to be told what it would change, then to change it."""
    entered = read(Mapping, visit)
    if wanted := entered.form:
        rescans.ask_for_rescan(visit.site, visit.caller, remove_obsolete=wanted.destroy, dry=not wanted.really)
        return Redirect(visit.url("admin_settings.mapping"), visit.text("A job does it; what it finds is told here."))
    return _mapping(visit, entered)


@view(
    "GET",
    "/_admin/settings/system",
    needs=Who.SUPER_ADMIN,
    word="SettingsController:settings_system",
    pace=Pace.SHORT,
)
def system(visit: Visit) -> Page:
    """Versions, disks, and what needs attention."""
    return Page("administration/system.html", found=visit.ask(looked_at, visit.site))


@view(
    "POST",
    "/_admin/settings/system/undelivered",
    needs=Who.SUPER_ADMIN,
    word="SettingsController:undelivered",
    pace=Pace.SHORT,
)
def tell_again(visit: Visit) -> Redirect:
    """Have something tried again that could not be told."""
    event = visit.form.get("event", "")
    number = int(event) if event.isascii() and event.isdigit() and len(event) <= 18 else 0
    tried = again(visit.site, visit.caller, visit.form.get("subscriber", "")[:60], number)
    said = visit.text("It is tried again.") if tried else visit.text("It was told meanwhile.")
    return Redirect(visit.url("admin_settings.system"), said)


@view("GET", "/_admin/auth", needs=Who.SUPER_ADMIN, word="AuthSettingsController:index")
def authentication(visit: Visit) -> Page:
    """By what somebody may sign in."""
    return Page("administration/authentication.html", settings=visit.site.settings)


@view("GET", "/_admin/auth/{plugin}", needs=Who.SUPER_ADMIN, word="AuthSettingsController:plugin")
def plugin(visit: Visit, plugin: str) -> Redirect:
    """One of them; what there is has no settings of its own."""
    if plugin not in _PLUGINS:
        raise Refused(404, "There is no such way to sign in.")
    return Redirect(visit.url("admin_settings.authentication"))


def _written(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case tuple():
            return ", ".join(str(one) for one in value)
        case _:
            return str(value)


def _page(tab: str, status: int = 200, **values: Any) -> Page:
    return Page(f"administration/settings_{tab}.html", status, tab=tab, **values)


def _email(visit: Visit, entered: Entered[TestMail], heard: list[str] | None, reason: str) -> Page:
    goes = visit.site.settings.mail_goes
    return _page("email", entered.status, fields=entered, heard=heard, reason=reason, goes=goes)


def _defaults(visit: Visit, entered: Entered[Defaults]) -> Page:
    kinds = [(name, one.abilities.title) for name, one in visit.site.back_ends.items()]
    return _page("defaults", entered.status, fields=entered, kinds=kinds)


def _mapping(visit: Visit, entered: Entered[Mapping]) -> Page:
    done = visit.ask(jobs.of_kind, rescans.RESCAN.name, _SHOWN)
    return _page("mapping", entered.status, fields=entered, done=done)
