# SPDX-License-Identifier: GPL-3.0-or-later
"""The installation, as administrators see it: configuration, mails, state, ways to sign in (system.md 2.8)."""

from __future__ import annotations

from dataclasses import fields

from trivium import settings as configuration
from trivium.egress.mail import MailDelayed, MailRefused
from trivium.forge.upkeep.libraries import libraries
from trivium.forge.upkeep.system import system as looked_at
from trivium.forge.upkeep.system import tell_again as again
from trivium.mail.trial import send_test_mail
from trivium.turns import Pace
from trivium.web.answers import Page, Redirect, Refused
from trivium.web.forms import Entered, Form, Line, empty, read
from trivium.web.numbers import number
from trivium.web.registering import Who, view
from trivium.web.visit import Visit

_PLUGINS = ("rhodecode", "authtoken")


class TestMail(Form):
    """Where a test mail goes."""

    test_email: Line


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
    return Page("administration/settings_configured.html", tab="admin_installation.configured", rows=rows)


_WITH_PASSWORDS = frozenset({"broker_url", "broker_password", "database_url", "smtp_password"})


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
    "GET",
    "/_admin/settings/open_source",
    needs=Who.SUPER_ADMIN,
    word="SettingsController:settings_open_source",
    pace=Pace.SHORT,
)
def open_source(_visit: Visit) -> Page:
    """The free software that the installation consists of."""
    return Page("administration/open_source.html", rows=libraries())


@view(
    "POST",
    "/_admin/settings/system/undelivered",
    needs=Who.SUPER_ADMIN,
    word="SettingsController:undelivered",
    pace=Pace.SHORT,
)
def tell_again(visit: Visit) -> Redirect:
    """Have something tried again that could not be told."""
    event = number(visit.form.get("event", ""))
    tried = again(visit.site, visit.caller, visit.form.get("subscriber", "")[:60], event)
    said = visit.text("It is tried again.") if tried else visit.text("It was told meanwhile.")
    return Redirect(visit.url("admin_installation.system"), said)


@view("GET", "/_admin/auth", needs=Who.SUPER_ADMIN, word="AuthSettingsController:index")
def authentication(visit: Visit) -> Page:
    """By what somebody may sign in."""
    return Page("administration/authentication.html", settings=visit.site.settings)


@view("GET", "/_admin/auth/{plugin}", needs=Who.SUPER_ADMIN, word="AuthSettingsController:plugin")
def plugin(visit: Visit, plugin: str) -> Redirect:
    """One of them; what there is has no settings of its own."""
    if plugin not in _PLUGINS:
        raise Refused(404, "There is no such way to sign in.")
    return Redirect(visit.url("admin_installation.authentication"))


def _written(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case tuple():
            return ", ".join(str(one) for one in value)
        case _:
            return str(value)


def _email(visit: Visit, entered: Entered[TestMail], heard: list[str] | None, reason: str) -> Page:
    goes = visit.site.settings.mail_goes
    return Page(
        "administration/settings_email.html",
        tab="admin_installation.email",
        fields=entered,
        heard=heard,
        reason=reason,
        goes=goes,
    )
