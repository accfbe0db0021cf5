# SPDX-License-Identifier: GPL-3.0-or-later
"""Commits as rows show them."""

from __future__ import annotations

import pytest

from trivium.forge.history.listing import change_of, person
from trivium.vcs.values import Changeset


@pytest.mark.parametrize(
    ("author", "name"),
    [
        ("Mira Noll <mira@example.org>", "Mira Noll"),
        ('"Noll, Mira" <mira@example.org>', "Noll, Mira"),
        ("<mira@example.org>", "mira@example.org"),
        ("mira", "mira"),
        ("", ""),
        ("x" * 300, "x" * 100),
    ],
)
def test_the_name_of_an_author(author: str, name: str) -> None:
    assert person(author) == name


def test_the_first_line_of_a_message() -> None:
    def subject(message: str) -> str:
        return change_of(Changeset("1", "1", 0, "mira", "2026-11-29T00:00:00", message, (), None)).subject

    assert subject("\n\nOne\n\nTwo") == "One"
    assert subject("") == ""
    assert subject("x" * 500) == "x" * 200 + "…"
