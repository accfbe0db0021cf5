# SPDX-License-Identifier: GPL-3.0-or-later
"""What administrators set for the whole site: its name, its look, what repositories begin with (system.md 2.8)."""

from __future__ import annotations

from typing import Any, Final

from trivium.forge import site_settings
from trivium.forge.repositories import settings as repository_settings
from trivium.forge.site_settings import RepositoryDefaults
from trivium.turns import Pace
from trivium.web.answers import Page, Redirect
from trivium.web.forms import Entered, Form, Line, Text, Tick, Whole, read, stored
from trivium.web.registering import Who, view
from trivium.web.visit import Visit


class Defaults(Form):
    """What new repositories begin with."""

    default_repo_type: Line
    default_repo_private: Tick = False
    default_repo_enable_downloads: Tick = False
    default_repo_enable_locking: Tick = False
    default_repo_enable_statistics: Tick = False


class Named(Form):
    """What the site is called."""

    rhodecode_title: Line = ""


class Look(Form):
    """What pages show of the site and of what is in it."""

    rhodecode_dashboard_items: Whole
    rhodecode_admin_grid_items: Whole
    rhodecode_show_sha_length: Whole
    rhodecode_show_revision_number: Tick = False
    rhodecode_show_private_icon: Tick = False
    rhodecode_show_public_icon: Tick = False
    rhodecode_stylify_metatags: Tick = False
    rhodecode_repository_fields: Tick = False
    rhodecode_clone_uri_tmpl: Line = ""
    rhodecode_support_url: Line = ""
    rhodecode_show_version: Tick = False


class Vcs(Form):
    """What holds for the systems of all repositories that have nothing of their own."""

    new_svn_branch: Text
    """One path a line."""
    new_svn_tag: Text
    hooks_outgoing_pull_logger: Tick = False
    phases_publish: Tick = False


_OF_LOOK: Final = {name.removeprefix("rhodecode_"): name for name in Look.__struct_fields__}
"""Settings, by the fields of forms that hold them."""


@view(
    "GET",
    *("/_admin/settings", "/_admin/settings/global"),
    needs=Who.SUPER_ADMIN,
    word="SettingsController:settings_global",
)
def named(visit: Visit) -> Page:
    """What the site is called."""
    return _page("named", fields=stored(visit, visit.ask(_named)))


def _named(db: Any, caller: Any) -> Named:
    return Named(rhodecode_title=site_settings.look(db, caller).title)


@view(
    "POST",
    *("/_admin/settings", "/_admin/settings/global"),
    needs=Who.SUPER_ADMIN,
    word="SettingsController:settings_global_update",
    pace=Pace.SHORT,
)
def save_name(visit: Visit) -> Page | Redirect:
    """Store that."""
    entered = read(Named, visit)
    if wanted := entered.form:
        with entered.refusals(title="rhodecode_title"):
            site_settings.change_look(visit.site, visit.caller, entered.as_seen(_named), title=wanted.rhodecode_title)
            return Redirect(visit.url("admin_settings.named"), visit.text("Saved."))
    return _page("named", entered.status, fields=entered)


@view("GET", "/_admin/settings/visual", needs=Who.SUPER_ADMIN, word="SettingsController:settings_visual")
def look(visit: Visit) -> Page:
    """What pages look like."""
    return _page("look", fields=stored(visit, visit.ask(_look)))


def _look(db: Any, caller: Any) -> Look:
    found = site_settings.look(db, caller)
    return Look(**{name: getattr(found, one) for one, name in _OF_LOOK.items()})


@view(
    "POST",
    "/_admin/settings/visual",
    needs=Who.SUPER_ADMIN,
    word="SettingsController:settings_visual_update",
    pace=Pace.SHORT,
)
def save_look(visit: Visit) -> Page | Redirect:
    """Store that."""
    entered = read(Look, visit)
    if wanted := entered.form:
        with entered.refusals(**_OF_LOOK):
            chosen = {one: getattr(wanted, name) for one, name in _OF_LOOK.items()}
            site_settings.change_look(visit.site, visit.caller, entered.as_seen(_look), **chosen)
            return Redirect(visit.url("admin_settings.look"), visit.text("Saved."))
    return _page("look", entered.status, fields=entered)


@view("GET", "/_admin/settings/vcs", needs=Who.SUPER_ADMIN, word="SettingsController:settings_vcs")
def vcs(visit: Visit) -> Page:
    """What holds for the systems of repositories."""
    return _page("vcs", fields=stored(visit, visit.ask(_vcs)))


def _vcs(db: Any, caller: Any) -> Vcs:
    found = repository_settings.of_site(db, caller)
    return Vcs(
        new_svn_branch="\n".join(found.branches),
        new_svn_tag="\n".join(found.tags),
        hooks_outgoing_pull_logger=found.journals_pulls,
        phases_publish=found.publishes,
    )


@view(
    "POST",
    "/_admin/settings/vcs",
    needs=Who.SUPER_ADMIN,
    word="SettingsController:settings_vcs_update",
    pace=Pace.SHORT,
)
def save_vcs(visit: Visit) -> Page | Redirect:
    """Store that."""
    entered = read(Vcs, visit)
    if wanted := entered.form:
        with entered.refusals(vcs_svn_branch="new_svn_branch", vcs_svn_tag="new_svn_tag"):
            repository_settings.change_of_site(
                visit.site,
                visit.caller,
                entered.as_seen(_vcs),
                hooks_outgoing_pull_logger=wanted.hooks_outgoing_pull_logger,
                phases_publish=wanted.phases_publish,
                vcs_svn_branch=wanted.new_svn_branch,
                vcs_svn_tag=wanted.new_svn_tag,
            )
            return Redirect(visit.url("admin_settings.vcs"), visit.text("Saved."))
    return _page("vcs", entered.status, fields=entered)


@view("GET", "/_admin/defaults/repositories", needs=Who.SUPER_ADMIN, word="DefaultsController:default_repositories")
def defaults(visit: Visit) -> Page:
    """What new repositories begin with."""
    return _defaults(visit, stored(visit, visit.ask(_begins)))


def _begins(db: Any, caller: Any) -> Defaults:
    begins = site_settings.repository_defaults(db, caller)
    return Defaults(
        default_repo_type=begins.kind,
        default_repo_private=begins.private,
        default_repo_enable_downloads=begins.enable_downloads,
        default_repo_enable_locking=begins.enable_locking,
        default_repo_enable_statistics=begins.enable_statistics,
    )


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
            site_settings.set_repository_defaults(visit.site, visit.caller, begins, entered.as_seen(_begins))
            return Redirect(visit.url("admin_settings.defaults"), visit.text("Saved."))
    return _defaults(visit, entered)


def _page(tab: str, status: int = 200, **values: Any) -> Page:
    return Page(f"administration/settings_{tab}.html", status, tab=f"admin_settings.{tab}", **values)


def _defaults(visit: Visit, entered: Entered[Defaults]) -> Page:
    kinds = [(name, one.abilities.title) for name, one in visit.site.back_ends.items()]
    return _page("defaults", entered.status, fields=entered, kinds=kinds)
