# SPDX-License-Identifier: GPL-3.0-or-later
"""What is offered while somebody types: to scripts, of what one may read (system.md 2.8)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support import rows
from tests.support.browser import Answer
from tests.support.doors import Doorway
from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.forge.site import Site

PICKERS = ("/_repos", "/_users", "/_user_groups", "/_goto_data")


@pytest.fixture
def full(site: Site, ada: Caller) -> None:
    with site.store.write() as db:
        ocean = rows.group(db, "ocean", ada)
        rows.group(db, "oceanic", ada, default=Level.NONE)
        rows.repository(db, "ocean/tide", ada, inside=ocean)
        rows.repository(db, "ocean/hidden", ada, inside=ocean, default=Level.NONE)
        for number in range(30):
            rows.repository(db, f"many/{number}", ada)


def found(answer: Answer) -> dict[str, list[dict[str, Any]]]:
    assert answer.status == 200 and answer.headers["content-type"].startswith("application/json")
    told = json.loads(answer.body)
    assert set(told) == {"more", "results"}
    return {group["text"]: group["children"] for group in told["results"]}


def texts(answer: Answer) -> dict[str, list[str]]:
    return {text: [child["text"] for child in children] for text, children in found(answer).items()}


@pytest.mark.parametrize("picker", PICKERS)
def test_pickers_are_for_scripts_of_who_may_look(doorway: Doorway, ben: Caller, picker: str) -> None:
    answer = doorway.visitor(ben).get(picker)
    assert answer.status == 400
    assert json.loads(answer.body) == {"error": "This is not a valid XMLHttpRequest (XHR) request"}
    assert doorway.visitor().xhr(picker).status == 302
    assert found(doorway.visitor(ben).xhr(f"{picker}?query=%00%ff")) == {}
    assert found(doorway.visitor(ben).xhr(f"{picker}?query={'x' * 5000}")) == {}


def test_repositories(doorway: Doorway, full: None, ada: Caller, ben: Caller) -> None:
    answer = doorway.visitor(ben).xhr("/_repos?query=ocean")
    (child,) = found(answer)["Repositories"]
    assert (child["text"], child["url"], child["type"], child["kind"]) == ("ocean/tide", "/ocean/tide", "repo", "git")
    assert set(texts(doorway.visitor(ada).xhr("/_repos?query=ocean"))["Repositories"]) == {"ocean/tide", "ocean/hidden"}
    assert len(texts(doorway.visitor(ben).xhr("/_repos?query=many"))["Repositories"]) == 20


def test_users(doorway: Doorway, ada: Caller, ben: Caller) -> None:
    (child,) = found(doorway.visitor(ben).xhr("/_users?query=AD"))["Users"]
    assert child == {"id": ada.user_id, "text": "ada", "url": "/_profiles/ada", "type": "user", "name": ""}
    assert "ada@example.org" not in doorway.visitor(ben).xhr("/_users?query=").text


def test_where_one_may_go(doorway: Doorway, full: None, ada: Caller, ben: Caller) -> None:
    bens = texts(doorway.visitor(ben).xhr("/_goto_data?query=ocean"))
    assert bens == {"Repositories": ["ocean/tide"], "Groups": ["ocean"]}
    assert set(texts(doorway.visitor(ada).xhr("/_goto_data?query=ocean"))["Groups"]) == {"ocean", "oceanic"}
    assert texts(doorway.visitor(ben).xhr("/_goto_data?query=user:ad")) == {"Users": ["ada"]}
    (group,) = found(doorway.visitor(ben).xhr("/_goto_data?query=ocean"))["Groups"]
    assert doorway.visitor(ben).get(group["url"]).status == 200
