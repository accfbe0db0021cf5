# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit log, in pages and as files (system.md 2.8)."""

from __future__ import annotations

import csv
import io
import json

from tests.support.administering import account
from tests.support.doors import Visitor
from trivium.access.caller import Caller, the_system
from trivium.forge.accounts import users as accounts
from trivium.forge.site import Site


def test_the_audit_log_tells_old_and_new_and_leaves_as_files(root: Visitor, site: Site, ada: Caller) -> None:
    accounts.update_account(site, the_system(), account(site, "ada"), accounts.UserChanges(lastname="=1+1, née Byron"))
    accounts.update_account(site, the_system(), account(site, "ada"), accounts.UserChanges(lastname="Lovelace"))
    text = root.get("/_admin?action=user.update&subject=ada&user=trivium").page.text
    assert "=1+1, née Byron → Lovelace" in text and "made an account" not in text.partition("Until")[2]
    assert "Nothing found" in root.get("/_admin?subject=nothing").page.text
    assert "Nothing found" in root.get("/_admin?until=2001-01-01").page.text
    exported = root.get("/_admin/audit/csv?action=user.update")
    assert exported.headers["content-type"] == "text/csv; charset=utf-8"
    table = list(csv.reader(io.StringIO(exported.text)))
    assert [row[5] for row in table] == ["subject", "ada", "ada"]
    lines = [json.loads(line) for line in root.get("/_admin/audit/jsonl?subject=ada").text.splitlines()]
    assert lines[0]["detail"]["was"] == {"lastname": "=1+1, née Byron"} and lines[-1]["action"] == "user.create"
    assert root.get("/_admin/audit/xml").status == 404


def test_no_cell_of_an_export_is_a_formula(root: Visitor, site: Site) -> None:
    from trivium.forge.events import journal
    from trivium.forge.events.accounts import TokenReset

    with site.store.write(access_unchanged=True) as db:
        journal.record(db, the_system(), TokenReset(subject="=cmd|' /C calc'!A0"))
    table = list(csv.reader(io.StringIO(root.get("/_admin/audit/csv?action=token.reset").text)))
    assert table[1][5] == "'=cmd|' /C calc'!A0"
