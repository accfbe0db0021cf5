# SPDX-License-Identifier: GPL-3.0-or-later
"""What pages tell of the installation (system.md 2.8)."""

from __future__ import annotations

from tests.support.doors import Visitor


def test_the_state_of_the_installation(root: Visitor) -> None:
    for page in ("settings", "settings/configuration", "settings/email", "settings/mapping", "settings/system", "auth"):
        assert root.get(f"/_admin/{page}").status == 200, page
    assert root.get("/_admin/auth/ldap").status == 404
    answer = root.post("/_admin/settings/email", test_email="somebody@example.org")
    assert answer.status == 200 and "The mail did not leave" in answer.page.text
    assert root.post("/_admin/settings/system/undelivered", subscriber="x", event="1").status == 302
    assert root.post("/_admin/settings/email", test_email="two, addresses").status == 422


def test_the_free_software_is_named(root: Visitor) -> None:
    text = root.get("/_admin/settings/open_source").page.text
    assert "SQLAlchemy" in text and "MIT" in text
