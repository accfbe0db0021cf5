# SPDX-License-Identifier: GPL-3.0-or-later
"""What pages tell of the installation (system.md 2.8)."""

from __future__ import annotations

import json

from tests.support.doors import Visitor
from trivium.access.caller import the_system
from trivium.forge.site import Site
from trivium.forge.upkeep import exception_reports


def test_the_state_of_the_installation(root: Visitor) -> None:
    for page in ("settings", "settings/configuration", "settings/email", "settings/mapping", "settings/system", "auth"):
        assert root.get(f"/_admin/{page}").status == 200, page
    assert root.get("/_admin/auth/ldap").status == 404
    answer = root.post("/_admin/settings/email", test_email="somebody@example.org")
    assert answer.status == 200 and "The mail did not leave" in answer.page.text
    assert root.post("/_admin/settings/system/undelivered", subscriber="x", event="1").status == 302
    assert root.post("/_admin/settings/email", test_email="two, addresses").status == 422


def test_what_programs_reported_is_read(root: Visitor, site: Site) -> None:
    address = "/_admin/settings/exceptions"
    assert "No program has reported anything." in root.get(address).page.text
    told = {"exc_message": "<b>it broke</b>", "traceback": "line 1\nline 2", "at": [1, {"x": None}]}
    first = exception_reports.keep(site, the_system(), json.dumps(told), "plugin-7")
    second = exception_reports.keep(site, the_system(), "{}", "<i>worker</i>")
    listed = root.get(address).page
    assert listed.text.index(f" {second} ") < listed.text.index(f" {first} ")
    assert "<i>worker</i>" in listed.text
    assert root.get(f"{address}?before={second}").page.text.count("plugin-7") == 1
    one = root.get(f"{address}/{first}").page
    assert "<b>it broke</b>" in one.text and "line 1" in one.text and '"x": null' in one.text
    assert root.get(f"{address}/{second}").status == 200
    for unknown in (second + 1, "x", "9" * 30, "-1"):
        assert root.get(f"{address}/{unknown}").status == 404
    assert root.get(f"{address}?before=x").status == 200


def test_the_free_software_is_named(root: Visitor) -> None:
    text = root.get("/_admin/settings/open_source").page.text
    assert "SQLAlchemy" in text and "MIT" in text
