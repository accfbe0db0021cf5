# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of event has its sentence in the audit log, and every value that it notes a name (system.md 2.8)."""

from __future__ import annotations

from typing import Any

import pytest

from trivium.forge.events.event import Event, every_action
from trivium.forge.events.searching import Row
from trivium.language import KNOWN, language
from trivium.web.showing import audit
from trivium.web.showing.event_words import name_of_value, sentence


def every_kind() -> list[type[Event]]:
    found, left = [], [Event]
    while left:
        kind = left.pop()
        left += kind.__subclasses__()
        found += [kind] if kind.action else []
    return found


def test_no_kind_of_event_is_without_words() -> None:
    assert len(every_action()) > 60
    for code in KNOWN:
        said = {action: sentence(language(code), action) for action in every_action()}
        assert not [action for action, words in said.items() if words == action], code
        assert len(set(said.values())) == len(said), "two kinds of events are told alike"
    german, english = (sentence(language(code), "gist.create") for code in ("de", "en"))
    assert german != english


def test_no_value_is_without_a_name() -> None:
    noted = {field for kind in every_kind() for field in kind.__struct_fields__} - {"subject", "repository_id"}
    spoken = language("x")
    nameless = [one for one in noted - audit.HIDDEN if spoken.text("x") and name_of_value(spoken, one) == one]
    # What is called in words as it is in code.
    assert set(nameless) <= {
        *("active", "archived", "author", "comment", "description", "email", "file", "follows", "imported", "job"),
        *("kind", "label", "member", "name", "network", "owner", "password", "path", "permission", "private"),
        *("reason", "role", "state", "to"),
    }


ZEROS = "0" * 40


@pytest.mark.parametrize(
    ("action", "detail", "told"),
    [
        (
            "permission.revoke",
            {"level": None, "was": {"level": "repository.read"}},
            [("right", "nothing", "repository.read")],
        ),
        ("field.delete", {"key": "k", "was": {"value": "v"}}, [("field", "k", None), ("value", "nothing", "v")]),
        ("repo_group.update", {"name": "a", "owner": None, "was": {"name": "b", "owner": "ada"}}, [("name", "a", "b")]),
        ("user.update", {"changes": {"active": False}, "was": {"active": True}}, [("active", "no", "yes")]),
        ("user.update", {"changes": {"email": None}, "was": {}}, [("mail address", "nothing", None)]),
        ("token.create", {"role": "api", "expires": 0}, [("role", "api", None), ("holds until", "0", None)]),
        ("token.create", {"role": "token_role_vcs"}, [("role", "Version control (git, hg, svn)", None)]),
        ("token.create", {"expires": -1}, [("holds until", "for ever", None)]),
        ("token.create", {"expires": 10**30}, [("holds until", str(10**30), None)]),
        ("push", {"refs": [["refs/heads/main", ZEROS, "ab" * 20]]}, [("main", "ab" * 6, "nothing")]),
        ("some.other", {"odd_name": [1, {"a": None}]}, [("odd name", "1, a: nothing", None)]),
    ],
)
def test_old_and_new_values_are_readable(action: str, detail: dict[str, Any], told: list[tuple[str, str, str]]) -> None:
    row = Row(1, "2026-01-01T00:00:00.000", "ada", "192.0.2.1", action, "x", detail)
    assert [(one.name, one.now, one.was) for one in audit.values(language("en"), row)] == told


def test_nothing_that_an_event_notes_is_a_number_of_a_row(  # names stay readable when the row is gone
) -> None:
    from trivium.forge.events.event import in_names

    class Lookup:
        def execute(self, _statement: object) -> Lookup:
            return self

        def scalar(self) -> str:
            return "ada"

    values = {"owner_id": 7, "fork_of_id": None, "name_key": "x", "private": True}
    assert in_names(Lookup(), values) == {"owner": "ada", "fork_of": None, "private": True}  # type: ignore[arg-type]
