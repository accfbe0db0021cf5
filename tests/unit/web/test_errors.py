# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong is told in the form of what was wanted, with a next step."""

from __future__ import annotations

import pytest

from tests.support import gits, rows
from tests.support.doors import Doorway
from trivium.access.caller import Caller
from trivium.errors import Locked
from trivium.forge.site import Site
from trivium.web.gate import Gate
from trivium.web.registering import Shape
from trivium.web.texts import refused


def test_a_page_that_is_not_there_helps_on(doorway: Doorway, ben: Caller) -> None:
    answer = doorway.visitor(ben).get("/nowhere/at/all")
    page = answer.page
    assert answer.status == 404 and page.all("input", id="f", name="query") and "/" in page.links
    assert "There is nothing at this address, or you may not see it." in page.text and "Request " in page.text
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("changeset-diff/tip", "text/plain"),
        ("raw/tip/x", "text/plain"),
        ("feed/atom", "text/plain"),
        ("settings-of-nothing", "text/html"),
    ],
)
def test_the_form_is_that_of_what_was_wanted(doorway: Doorway, site: Site, ada: Caller, path: str, kind: str) -> None:
    with site.store.write() as db:
        rows.repository(db, "tide", ada)
    # Its row has no repository on the disk.
    answer = doorway.visitor(ada).get(f"/tide/{path}")
    assert answer.status >= 400 and answer.headers["content-type"].startswith(kind)


def test_methods_that_an_address_does_not_take(doorway: Doorway, ben: Caller) -> None:
    visitor = doorway.visitor(ben)
    for path, allowed in (
        ("/", "GET, HEAD"),
        ("/_admin/gists", "GET, HEAD, POST"),
        ("/_admin/public_journal", "GET, HEAD"),
        ("/_admin/toggle_following", "POST"),
    ):
        for method in {"GET", "POST", "PUT", "DELETE"} - set(allowed.split(", ")):
            answer = visitor.request(method, path)
            assert (answer.status, answer.headers["allow"]) == (405, allowed)


def test_an_error_that_repeats_what_was_asked_for_is_text(doorway: Doorway, site: Site, ada: Caller) -> None:
    with site.store.write() as db:
        rows.repository(db, "tide", ada, enable_downloads=True)
    gits.history(site.tree.path_of("tide"), {"a": "1"})
    answer = doorway.visitor(ada).get("/tide/archive/%ff%ed%a0%80.zip")
    assert answer.status == 404 and answer.body.decode().startswith("Unknown revision ")


@pytest.mark.parametrize("field", [b"firstname=%E9", b"firstname=\xe9", b"%ff=x", b"firstname=%ED%A0%80"])
def test_a_form_of_other_bytes_than_utf_8_is_refused_instead_of_stored_as_something_else(
    doorway: Doorway, ada: Caller, field: bytes
) -> None:
    kind = "application/x-www-form-urlencoded"
    answer = doorway.visitor(ada).request("POST", "/_admin/my_account", field, Content_Type=kind)
    assert answer.status == 400 and "UTF-8" in answer.text


@pytest.mark.parametrize("shape", [Shape.PAGE, Shape.BODY, Shape.JSON])
def test_what_is_put_into_a_sentence_is_there_in_every_form_of_an_answer(
    doorway: Doorway, ada: Caller, monkeypatch: pytest.MonkeyPatch, shape: Shape
) -> None:
    def locked(*_: object) -> None:
        error = refused(Locked("tide", "100% <b>", "lock_web"))
        error.shape = shape.value
        raise error

    visitor = doorway.visitor(ada)
    monkeypatch.setattr(Gate, "visit", locked)
    answer = visitor.get("/tide", Accept_Language="de")
    assert answer.status == 423 and "%(holder)s" not in answer.text
    if shape is Shape.PAGE:
        assert "Das Repository `tide` ist von `100% <b>` gesperrt." in answer.page.text
    else:
        assert "locked by user `100% <b>`" in answer.text
