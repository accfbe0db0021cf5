# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers that a page wrote itself, into an address or a button, and that come back from whoever sent them."""

from __future__ import annotations

from typing import Final

MOST_DIGITS: Final = 18
"""Of an id; more do not fit into what the database keeps."""


def number(sent: str, digits: int = MOST_DIGITS, otherwise: int = 0) -> int:
    """A number of ASCII digits, at most so many; `otherwise` for what is none: 0 is the id of nothing."""
    return int(sent) if len(sent) <= digits and sent.isascii() and sent.isdigit() else otherwise
