# SPDX-License-Identifier: GPL-3.0-or-later
"""Of two people who change the same field at the same moment one is told what the other has stored (web.md 3.4)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.crowd import at_once
from tests.support.doors import HERE, Doorway
from tests.support.filled_forms import filled_form
from trivium.access.caller import Caller
from trivium.assembly import open_site
from trivium.forge.accounts import users as accounts
from trivium.forge.groups import creation, user_groups
from trivium.forge.repositories import creation as repositories
from trivium.forge.repositories.requests import CreationRequest
from trivium.forge.site import Site
from trivium.store.engine import Store

SITE, RIGHTS, GROUPS = "/_admin/settings", "/_admin/permissions", "/_admin/user_groups"
FORMS = {
    "the name of the site": (f"{SITE}/global", "", "", ("rhodecode_title", "Tides", "Waves")),
    "its look": (f"{SITE}/visual", "", "", ("rhodecode_dashboard_items", "20", "30")),
    "version control": (f"{SITE}/vcs", "", "", ("new_svn_tag", "marks/*", "labels/*")),
    "what repositories begin with": ("/_admin/defaults/repositories", "", "", ("default_repo_private", "1", "")),
    "who may come in": (
        f"{RIGHTS}/application",
        "",
        "",
        ("default_register", "hg.register.auto_activate", "hg.register.manual_activate"),
    ),
    "what everybody may create": (
        f"{RIGHTS}/global",
        "",
        "",
        ("default_repo_create", "hg.create.none", "hg.create.repository"),
    ),
    "what everybody may do": (
        f"{RIGHTS}/object",
        "",
        "",
        ("default_repo_perm", "repository.none", "repository.write"),
    ),
    "an account": ("/_admin/users/{ben}/edit", "/_admin/users/{ben}", "PUT", ("lastname", "Tide", "Wave")),
    "what an account may create": (
        "/_admin/users/{ben}/edit/global_permissions",
        "",
        "PUT",
        ("default_fork_create", "hg.fork.none", "hg.fork.repository"),
    ),
    "a user group": (f"{GROUPS}/{{crew}}/edit", f"{GROUPS}/{{crew}}", "PUT", ("user_group_description", "A", "B")),
    "what a user group may create": (
        f"{GROUPS}/{{crew}}/edit/global_permissions",
        "",
        "PUT",
        ("default_fork_create", "hg.fork.none", "hg.fork.repository"),
    ),
    "a group": ("/_admin/repo_groups/sea/edit", "/_admin/repo_groups/sea", "PUT", ("group_description", "A", "B")),
    "a repository": ("/tide/settings", "/_admin/repos/tide", "PUT", ("repo_description", "A", "B")),
    "the system of a repository": (
        "/tide/settings/vcs",
        "",
        "",
        ("hooks_outgoing_pull_logger", "", "1"),
    ),
    "patterns of the site": (f"{SITE}/issue-tracker", "", "", ("pattern_0", r"#(\d+)", r"T-(\d+)")),
    "patterns of a repository": (
        "/tide/settings/issue-tracker",
        "/tide/settings/issue-tracker/save",
        "",
        ("pattern_0", r"#(\d+)", r"T-(\d+)"),
    ),
    "one's own profile": ("/_admin/my_account", "", "", ("firstname", "Root", "Radix")),
}
"""The form → its page, where it is sent if that is elsewhere, how, and a field with what each of two people types."""


@pytest.fixture
def places(site: Site, root: Caller, ben: Caller) -> dict[str, str]:
    repositories.create(site, root, CreationRequest(name="tide", kind="git"))
    creation.create(site, root, name="sea")
    crew = user_groups.create(site, root, name="crew")
    return {"ben": str(ben.user_id), "crew": str(crew.id)}


@pytest.fixture
def root(site: Site) -> Caller:
    with site.store.read() as db:
        return accounts.first_super_admin(db).as_caller(HERE)


@pytest.fixture
def doorways(site: Site) -> Iterator[list[Doorway]]:
    """Of two workers."""
    sites = [open_site(site.settings) for _ in range(2)]
    made = [Doorway(one) for one in sites]
    yield made
    for doorway, one in zip(made, sites, strict=True):
        doorway.close()
        one.close()


@pytest.mark.parametrize("form", FORMS)
def test_of_two_who_send_a_form_at_the_same_moment_one_is_told_of_the_other(
    form: str, doorways: list[Doorway], root: Caller, places: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page, there, method, (field, *typed) = FORMS[form]
    page, there = page.format(**places), (there or page).format(**places)
    visitors = [doorway.visitor(root) for doorway in doorways]
    seen = [filled_form(visitor.get(page), field) for visitor in visitors]
    assert all(one["seen"] for one in seen)
    both_change = seen[0].get(field, "") not in typed
    if both_change:
        _meet_before_they_write(monkeypatch)

    def send(number: int) -> Any:
        fields = {name: value for name, value in seen[number].items() if name != field} | {field: typed[number]}
        if field == "pattern_0":
            fields["url_0"] = "https://tracker.example.org/${id}"
        return visitors[number].post(there, **fields, **({"_method": method} if method else {}))

    # Of a field with two values the other one sends what stands there, after the first.
    answers = at_once(send, times=2) if both_change else [send(0), send(1)]
    assert sorted(answer.status for answer in answers) == [302, 409]
    (told,) = [answer for answer in answers if answer.status == 409]
    assert "meanwhile" in told.page.text and "end the form once more" in told.page.text
    loser = answers.index(told)
    assert filled_form(visitors[0].get(page), field).get(field, "") == typed[1 - loser]
    again = filled_form(told, field)
    assert again.get(field, "") == typed[loser], "nothing typed is lost"
    assert visitors[loser].post(there, **again, **({"_method": method} if method else {})).status == 302
    assert filled_form(visitors[0].get(page), field).get(field, "") == again.get(field, "")


def _meet_before_they_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let neither begin to write before both have looked."""
    both, begun, write = threading.Barrier(2), set[int](), Store.write

    def waiting(store: Store, **how: Any) -> Any:
        if not how.get("access_unchanged") and id(store) not in begun:
            begun.add(id(store))
            both.wait(timeout=30)
        return write(store, **how)

    monkeypatch.setattr(Store, "write", waiting)
