# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody imports by the dozen: two at a time, and so many in a minute (security.md 6, import_rate)."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from trivium.access.caller import Caller
from trivium.errors import Busy
from trivium.forge.repositories.import_turns import import_turn
from trivium.forge.site import Site


def user(number: int, *, admin: bool = False) -> Caller:
    return Caller(number, f"user{number}", admin, True, "192.0.2.1")


def test_a_user_has_two_imports_under_way_at_most(site: Site) -> None:
    with ExitStack() as under_way:
        for _ in range(2):
            under_way.enter_context(import_turn(site, user(11)))
        with pytest.raises(Busy, match="two imports"), import_turn(site, user(11)):
            pass
        with import_turn(site, user(12)):
            pass
        for _ in range(5):
            under_way.enter_context(import_turn(site, user(13, admin=True)))
    with import_turn(site, user(11)):
        pass
