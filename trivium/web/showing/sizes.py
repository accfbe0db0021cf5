# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes in words."""

from __future__ import annotations

from trivium.web.language import Language


def size(count: int | None, language: Language) -> str:
    """Bytes in words, such as `1.9 kB`; empty where they are not known."""
    if count is None:
        return ""
    if count < 1000:
        return f"{count} B"
    shown = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        shown /= 1000
        if shown < 999.95:
            break
    digits = f"{shown:.1f}" if shown < 99.95 else f"{shown:.0f}"
    return f"{digits.replace('.', language.point)} {unit}"
