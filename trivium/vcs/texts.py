# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts from the bytes that systems keep."""

from __future__ import annotations


def text_of(raw: bytes | str) -> str:
    """Bytes of a message, name or file as text; what is not UTF-8 becomes replacement characters."""
    return raw if isinstance(raw, str) else raw.decode("utf-8", "replace")
