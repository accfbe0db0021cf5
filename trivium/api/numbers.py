# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole numbers in arguments, which command lines send as texts of digits (api-users.md 2.4)."""

from __future__ import annotations

from typing import Any, Final

from trivium.errors import Invalid

_MOST_DIGITS: Final = 18


def whole_number(given: Any, name: str) -> int:
    """The number of an argument, which is not negative; raises `Invalid`."""
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) <= _MOST_DIGITS:
        given = int(given)
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given < 10**_MOST_DIGITS:
        raise Invalid(f"{name} is a whole number")
    return given
