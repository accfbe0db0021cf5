# SPDX-License-Identifier: GPL-3.0-or-later
"""How tokens look: Pygments' kinds, and the classes that the stylesheet knows."""

from __future__ import annotations

from typing import Any, Final

CLASSES: Final = frozenset(
    {
        *("k", "kc", "kd", "kn", "kr", "ow", "s", "s1", "s2", "sa", "sb", "sd", "se", "si", "dl"),
        *("m", "mf", "mh", "mi", "kt", "nb", "bp", "fm", "nc", "nf", "nn"),
        *("c", "c1", "ch", "cm", "cp", "na", "nd", "nt"),
    }
)
"""The short names of Pygments that have a colour; the others look like text."""
_LIKE: Final = {
    "kp": "k",
    "sc": "s",
    "sh": "s",
    "sr": "s",
    "ss": "s",
    "sx": "s",
    "il": "mi",
    "mb": "m",
    "mo": "m",
    "cs": "c1",
    "cpf": "c1",
    "ne": "nb",
    "gh": "k",
    "gu": "nf",
    "gs": "k",
}
"""Names without a colour of their own, and whose they have."""
_found: dict[Any, str] = {}


def class_of(kind: Any) -> str:
    """The class of a kind of token; empty: it looks like text."""
    shown = _found.get(kind)
    if shown is None:
        shown = _found[kind] = _class_of(kind)
    return shown


def _class_of(kind: Any) -> str:
    from pygments.token import STANDARD_TYPES

    while kind is not None:
        short = STANDARD_TYPES.get(kind, "")
        short = _LIKE.get(short, short)
        if short in CLASSES:
            return short
        kind = kind.parent
    return ""
