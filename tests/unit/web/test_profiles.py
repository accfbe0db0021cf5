# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of users, and following (system.md 2.8, decisions.md A20)."""

from __future__ import annotations

import pytest

from tests.support import rows
from tests.support.doors import Doorway
from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.forge.repositories.followers import follows
from trivium.forge.site import Site


@pytest.fixture
def tide(site: Site, ada: Caller) -> int:
    with site.store.write() as db:
        rows.repository(db, "hidden", ada, default=Level.NONE)
        return rows.repository(db, "tide", ada)


def test_users_see_each_other_as_far_as_they_may(doorway: Doorway, tide: int, ada: Caller, ben: Caller) -> None:
    own, others = doorway.visitor(ada).get("/_profiles/ada"), doorway.visitor(ben).get("/_profiles/ada")
    assert own.status == others.status == 200
    assert "hidden" in own.page.text and "hidden" not in others.page.text
    assert "tide" in others.page.text
    assert "ada@example.org" in own.page.text and "ada@example.org" not in others.page.text
    assert not own.page.all("input", name="follows_user_id")
    assert others.page.all("input", name="follows_user_id", value=str(ada.user_id))


def test_visitors_sign_in_first(doorway: Doorway, site: Site, ada: Caller, ben: Caller) -> None:
    with site.store.write() as db:
        db.exec_driver_sql("UPDATE users SET active = true WHERE username = 'default'")
    for name in ("ada", "nobody", "default"):
        assert doorway.visitor().get(f"/_profiles/{name}").location.startswith("/_admin/login?came_from=")
    for name in ("nobody", "default", "ADA", "%00", "a%2Fb"):
        assert doorway.visitor(ben).get(f"/_profiles/{name}").status == 404


def test_a_form_follows_and_leads_back(doorway: Doorway, site: Site, tide: int, ada: Caller, ben: Caller) -> None:
    visitor = doorway.visitor(ben)

    def is_followed() -> bool:
        with site.store.read() as db:
            return follows(db, ben, tide)

    answer = visitor.post("/_admin/toggle_following", follows_repo_id=str(tide), came_from="/tide?x=1")
    assert (answer.status, answer.location) == (302, "/tide?x=1") and is_followed()
    answer = visitor.post("/_admin/toggle_following", follows_repo_id=str(tide))
    assert (answer.status, answer.body) == (200, b"ok") and not is_followed()
    answer = visitor.post(
        "/_admin/toggle_following", follows_user_id=str(ada.user_id), came_from="https://evil.example"
    )
    assert (answer.status, answer.location) == (302, "/")
    assert visitor.get("/_profiles/ada").page.all("button", aria_pressed="true")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 400),
        ({"follows_repo_id": "x"}, 400),
        ({"follows_repo_id": "1" * 19}, 400),
        ({"follows_repo_id": "9" * 18}, 404),
        ({"follows_user_id": "1"}, 404),
        ({"follows_repo_id": "1", "follows_user_id": "3"}, 400),
    ],
)
def test_what_cannot_be_followed(doorway: Doorway, ben: Caller, fields: dict[str, str], status: int) -> None:
    assert doorway.visitor(ben).post("/_admin/toggle_following", **fields).status == status


def test_nobody_follows_what_is_hidden_or_by_somebody_elses_page(
    doorway: Doorway, site: Site, tide: int, ben: Caller
) -> None:
    with site.store.write() as db:
        rows.grant(db, rows.tables.repository_grants, tide, ben.user_id, Level.NONE)
    visitor = doorway.visitor(ben)
    assert visitor.post("/_admin/toggle_following", follows_repo_id=str(tide)).status == 404
    assert visitor.post("/_admin/toggle_following", token=False, follows_repo_id=str(tide)).status == 403
    assert doorway.visitor().post("/_admin/toggle_following", follows_repo_id=str(tide)).status == 302
    assert visitor.get("/_admin/toggle_following").headers["allow"] == "POST"
