# SPDX-License-Identifier: GPL-3.0-or-later
"""What administrators set for the whole site (system.md 2.8)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.support import gits, rows
from tests.support.administering import said
from tests.support.doors import Doorway, Visitor
from trivium.access.caller import Caller, the_system
from trivium.access.levels import Level
from trivium.forge.repositories import creation
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories import settings as repository_settings
from trivium.forge.repositories.requests import CreationRequest
from trivium.forge.site import Site
from trivium.store import tables
from trivium.vcs.values import Layout


def test_what_new_repositories_begin_with(doorway: Doorway, root: Visitor, site: Site, ada: Caller) -> None:
    page = "/_admin/defaults/repositories"
    assert root.post(page, default_repo_type="cvs").status == 422
    fields = {"default_repo_type": "hg", "default_repo_private": "1", "default_repo_enable_downloads": "1"}
    assert root.post(page, **fields).status == 302 and root.post(page, **fields).status == 302
    wanted = {"kind": "hg", "private": True, "enable_downloads": True}
    before = {"kind": "git", "private": False, "enable_downloads": False}
    assert said(site, "site.settings") == [{"changes": wanted, "was": before}]
    form = doorway.visitor(ada).get("/_admin/create_repository").page
    assert form.all("input", name="repo_type", value="hg", checked="")
    assert form.all("input", name="repo_private", checked="")
    answer = doorway.visitor(ada).post("/_admin/repos", repo_name="tide", repo_type="git")
    assert answer.status == 302
    with site.store.read() as db:
        columns = (tables.repositories.c.enable_downloads, tables.repositories.c.private)
        assert tuple(db.execute(select(*columns)).one()) == (True, False)


def test_every_page_shows_what_the_site_is_called(doorway: Doorway, root: Visitor, site: Site, ada: Caller) -> None:
    adas = doorway.visitor(ada)
    assert "· Trivium</title>" in adas.get("/").text
    assert root.post("/_admin/settings/global", rhodecode_title="Tide & Time <b>").status == 302
    assert root.post("/_admin/settings/visual", **LOOK).status == 302
    for visitor in (adas, root):
        page = visitor.get("/")
        assert "· Tide &amp; Time &lt;b&gt;</title>" in page.text and "https://help.example.org/" in page.page.links
        assert "Trivium 0" not in page.page.text
    assert root.post("/_admin/settings", rhodecode_title="x" * 81).status == 422
    assert said(site, "site.settings") == [
        {"changes": {"title": "Tide & Time <b>"}, "was": {"title": ""}},
        {
            "changes": {"support_url": "https://help.example.org/", "show_version": False},
            "was": {"support_url": "", "show_version": True},
        },
    ]


LOOK = {
    "rhodecode_support_url": "https://help.example.org/",
    "rhodecode_show_private_icon": "1",
    "rhodecode_repository_fields": "1",
    "rhodecode_show_revision_number": "1",
    "rhodecode_show_sha_length": "12",
    "rhodecode_dashboard_items": "50",
    "rhodecode_admin_grid_items": "50",
}


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("rhodecode_support_url", "javascript:alert(1)"),
        ("rhodecode_show_sha_length", "5"),
        ("rhodecode_show_sha_length", "41"),
        ("rhodecode_dashboard_items", "9"),
        ("rhodecode_admin_grid_items", "201"),
        ("rhodecode_admin_grid_items", "many"),
        ("rhodecode_clone_uri_tmpl", "{scheme}://{netloc}/all"),
        ("rhodecode_clone_uri_tmpl", "{scheme}://{host}/{repo}"),
        ("rhodecode_clone_uri_tmpl", "ftp://{netloc}/{repo}"),
        ("rhodecode_clone_uri_tmpl", "{scheme}://{netloc}/{repo} --upload-pack=x"),
    ],
)
def test_a_look_that_cannot_be_is_refused_beside_its_field(root: Visitor, site: Site, field: str, wrong: str) -> None:
    answer = root.post("/_admin/settings/visual", **(LOOK | {field: wrong}))
    assert answer.status == 422 and answer.page.all("input", name=field, aria_invalid="true")
    assert not said(site, "site.settings")


def test_lists_look_as_the_site_wants(doorway: Doorway, root: Visitor, site: Site, ada: Caller) -> None:
    with site.store.write() as db:
        for number in range(11):
            rows.repository(db, f"tide{number:02}", ada, private=number == 0)
    adas = doorway.visitor(ada)
    before = adas.get("/").page
    assert "Private" in before.text and "Public" not in before.text and not before.all("a", rel="next")
    wanted = LOOK | {
        "rhodecode_show_private_icon": "",
        "rhodecode_show_public_icon": "1",
        "rhodecode_dashboard_items": "10",
        "rhodecode_admin_grid_items": "10",
    }
    assert root.post("/_admin/settings/visual", **wanted).status == 302
    after = adas.get("/").page
    assert "Public" in after.text and "Private" not in after.text and after.all("a", rel="next")
    assert root.get("/_admin/repos").page.all("a", rel="next")


def test_marks_in_descriptions_are_tags_where_the_site_wants_them(root: Visitor, site: Site, ada: Caller) -> None:
    asked = CreationRequest(name="tide", kind="git", description="[stale] <b> [license => MIT] [requires => a/b]")
    creation.create(site, ada, asked)
    assert "[stale] <b> [license => MIT]" in root.get("/tide").page.text
    assert root.post("/_admin/settings/visual", **LOOK, rhodecode_stylify_metatags="1").status == 302
    for address in ("/tide", "/"):
        page = root.get(address).page
        assert "license MIT" in page.text and "[stale]" not in page.text and "/a/b" in page.links, address


def test_addresses_to_clone_from_look_as_the_site_wants(
    doorway: Doorway, root: Visitor, site: Site, ada: Caller, ben: Caller
) -> None:
    creation.create(site, ada, CreationRequest(name="of tide", kind="git"))
    template = "ssh://{user}@git.example.org/{repo}"
    assert root.post("/_admin/settings/visual", **LOOK, rhodecode_clone_uri_tmpl=template).status == 302
    text = doorway.visitor(ben).get("/of%20tide").page.text
    assert "ssh://ben@git.example.org/of%20tide" in text and "ssh://ben@git.example.org/_" in text


def test_what_holds_for_repositories_without_settings_of_their_own(root: Visitor, site: Site, ada: Caller) -> None:
    creation.create(site, ada, CreationRequest(name="own", kind="svn"))
    creation.create(site, ada, CreationRequest(name="other", kind="svn"))
    wanted = {"new_svn_branch": "main\nlines/*", "new_svn_tag": "marks/*"}
    assert root.post("/_admin/settings/vcs", **(wanted | {"new_svn_tag": ".."})).status == 422
    with site.store.read() as db:
        own, other = (repositories.find(db, the_system(), name, Level.ADMIN) for name in ("own", "other"))
    repository_settings.change(site, ada, own, {"hooks_outgoing_pull_logger": True, "vcs_svn_tag": ["mine/*"]})
    assert root.post("/_admin/settings/vcs", **wanted).status == 302
    with site.store.read() as db:
        assert repository_settings.without_pulls(db, {own.id, other.id}) == {other.id}
        assert [repository_settings.publishes(db, one.id) for one in (own, other)] == [False, False]
        assert repository_settings.layout_of(db, other) == Layout(("main", "lines/*"), ("marks/*",))
        assert repository_settings.layout_of(db, own) == Layout(("main", "lines/*"), ("mine/*",))
    assert said(site, "site.settings")[0]["was"]["vcs_svn_tag"] == ["tags/*"]
    assert "marks/*" in root.get("/other/settings/vcs").page.text


def test_ids_are_as_long_as_the_site_wants_and_parts_that_were_kept_follow(
    doorway: Doorway, root: Visitor, site: Site, ada: Caller
) -> None:
    with site.store.write() as db:
        rows.repository(db, "tide", ada)
    (first,) = gits.history(site.tree.path_of("tide"), {"a": "a\n"})
    adas = doorway.visitor(ada)
    for length in (12, 7, 12, 40):
        assert root.post("/_admin/settings/visual", **(LOOK | {"rhodecode_show_sha_length": str(length)})).status == 302
        words = adas.get("/tide/changelog").page.words
        assert first[:length] in words and (length == 40 or first[: length + 1] not in words)
