# SPDX-License-Identifier: GPL-3.0-or-later
"""A form is read field by field; what is wrong stands beside its field, and nothing that was typed is lost."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Annotated, Any, cast

import pytest

from trivium.access.caller import the_system
from trivium.errors import AlreadyExists, Invalid, Kind
from trivium.language import language
from trivium.web.forms import Entered, Form, Line, Secret, Text, Tick, Whole, empty, one_of, read, stored
from trivium.web.visit import Visit


class General(Form):
    repo_name: Line
    description: Text = ""
    private: Tick = False
    most: Whole = 5
    kind: Annotated[str, one_of("git", "hg", "svn")] = "git"
    password: Secret = ""


def visit(code: str = "en", **form: str) -> Visit:
    spoken = language(code)
    return cast("Visit", SimpleNamespace(form=form, text=spoken.text))


def look_at(entered: Entered[General], now: General) -> None:
    """What the core does in the transaction of a change."""
    with entered.refusals():
        entered.as_seen(lambda db, caller: now)(cast("Any", None), the_system())


def test_what_was_sent_is_read_by_the_kinds_of_its_fields() -> None:
    sent = visit(
        repo_name=" tide ", description="a\r\nb", private="1", most=" -7", kind="svn", password=" x ", other="?"
    )
    entered = read(General, sent)
    assert entered.form == General(
        repo_name="tide", description="a\nb", private=True, most=-7, kind="svn", password=" x "
    )
    assert entered.status == 200


def test_what_was_not_sent_has_its_default() -> None:
    assert read(General, visit(repo_name="tide")).form == General(repo_name="tide")


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("repo_name", " "),
        ("repo_name", "a\nb"),
        ("repo_name", "a" * 5000),
        ("repo_name", "a\0b"),
        ("description", "\ud800"),
        ("description", "a" * ((1 << 20) + 1)),
        ("most", ""),
        ("most", "1e3"),
        ("most", "٣"),
        ("most", "9" * 1000),
        ("kind", "cvs"),
        ("password", "a" * 5000),
    ],
)
def test_what_cannot_be_read_is_told_beside_its_field(field: str, typed: str) -> None:
    entered = read(General, visit(**{"repo_name": "tide", "description": "as typed", field: typed}))
    assert entered.form is None
    assert list(entered.wrong) == [field]
    assert entered.status == 422
    if field != "description":
        assert entered.typed["description"] == "as typed"


def test_a_required_field_that_was_not_sent_is_missing() -> None:
    assert read(General, visit()).wrong == {"repo_name": "This is missing."}


def test_a_secret_is_never_shown_again() -> None:
    entered = read(General, visit(repo_name="", password="hush"))
    assert "password" not in entered.typed
    assert "password" not in stored(visit(), General(repo_name="tide", password="hush")).typed


def test_what_the_core_refuses_stands_beside_the_field_of_the_argument_in_the_language_of_the_reader() -> None:
    entered = read(General, visit("de", repo_name="tide"))
    with entered.refusals(name="repo_name"):
        raise Invalid("This is too long.", about="name")
    assert entered.wrong == {"repo_name": "Das ist zu lang."}
    with entered.refusals(exists="repo_name"):
        raise AlreadyExists(Kind.REPOSITORY, "tide")
    assert "tide" not in entered.wrong["repo_name"], "the first reason stays"
    with entered.refusals():
        raise Invalid("nobody knows of which")
    assert entered.wrong[""] == "nobody knows of which"
    assert entered.status == 422


def test_values_of_a_reason_are_put_into_its_translation() -> None:
    error = Invalid("%(name)s has 100 %% of it", about="name", name="100%s")
    assert str(error) == "100%s has 100 % of it"
    assert str(Invalid("100 %s of it")) == "100 %s of it"
    entered = read(General, visit(repo_name="tide"))
    with entered.refusals():
        raise error
    assert entered.wrong == {"": "100%s has 100 % of it"}


def test_an_empty_form_has_the_defaults_of_its_fields() -> None:
    shown: Any = empty(visit(), General, repo_name="tide")
    assert shown.typed == {
        "repo_name": "tide",
        "description": "",
        "private": "",
        "most": "5",
        "kind": "git",
        "password": "",
    }
    assert shown.status == 200


def test_what_somebody_else_has_changed_meanwhile_stands_beside_its_field_once() -> None:
    now = General(repo_name="tide", description="theirs", private=True)
    seen = stored(visit(), General(repo_name="tide")).seen
    entered = read(General, visit(repo_name="tide", description="mine", seen=seen))
    look_at(entered, now)
    assert (entered.status, set(entered.wrong)) == (409, {"description", "private"})
    assert "theirs" in entered.wrong["description"] and entered.typed["description"] == "mine"
    again = read(General, visit(repo_name="tide", description="mine", seen=entered.seen))
    look_at(again, now)
    assert again.status == 200 and not again.wrong
    for typed in ({"seen": seen, "description": "theirs", "private": "1"}, {"description": "mine"}):
        agreed = read(General, visit(repo_name="tide", **typed))
        look_at(agreed, now)
        assert agreed.status == 200 and not agreed.wrong


@pytest.mark.parametrize("word", ["maybe", "2", "-1", "0.0", "tru e"])
def test_a_tick_that_says_neither_is_not_taken_for_no(word: str) -> None:
    """Of `private` that would open a repository to everybody."""
    entered = read(General, visit(repo_name="tide", private=word))
    assert entered.status == 422 and "private" in entered.wrong


def test_a_tick_is_said_in_several_ways() -> None:
    for word, ticked in (("True", True), ("on", True), (" yes ", True), ("", False), ("False", False), ("off", False)):
        form = read(General, visit(repo_name="tide", private=word)).form
        assert form is not None and form.private is ticked, word
