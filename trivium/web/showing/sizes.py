# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes in words."""

from __future__ import annotations

from typing import Final

from trivium.language import Language

_UNITS: Final = ("kB", "MB", "GB", "TB")
_ROUNDED_UP: Final = 999.95
"""From here on a number with one decimal would be 1000."""


def size(count: int | None, language: Language) -> str:
    """Bytes in words, such as `1.9 kB`; empty where they are not known."""
    if count is None:
        return ""
    if count < 1000:
        return f"{count} B"
    shown, step = count / 1000, 0
    while shown >= _ROUNDED_UP and step < len(_UNITS) - 1:
        shown, step = shown / 1000, step + 1
    digits = f"{shown:.1f}" if shown < 99.95 else f"{shown:.0f}"
    return f"{digits.replace('.', language.point)} {_UNITS[step]}"
