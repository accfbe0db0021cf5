# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptions with marks in brackets that are shown as tags: `[featured]`, `[license => MIT]` (system.md 2.8)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from trivium.names import MAX_NAME
from trivium.render.text import Markup, attribute, named

_MARK: Final = re.compile(
    r"\[(?:(featured|stale|dead)|(lang|license|requires|recommends|see) {0,3}=> {0,3}([^\[\]\s][^\[\]\n]{0,199}))\]"
)
_LOOKS: Final = {"featured": " good", "stale": " warn", "dead": " bad"}
_SCHEMES: Final = ("https://", "http://")


def described(text: str, address: Callable[[str], str]) -> Markup:
    """A description with its marks as tags; `address` says where a repository is, by its name.

    Whatever is no mark stands as it was written.
    """
    if "[" not in text:
        return Markup(named(text))
    made, end = [], 0
    for found in _MARK.finditer(text):
        made.append(named(text[end : found.start()]))
        made.append(_tag(found, address))
        end = found.end()
    return Markup("".join([*made, named(text[end:])]))


def _tag(found: re.Match[str], address: Callable[[str], str]) -> str:
    word, kind, value = found.groups()
    if word:
        return f'<span class="tag{_LOOKS[word]}">{word}</span>'
    value = value.strip()
    shown = f"{kind} {named(value)}"
    if kind in ("requires", "recommends") and len(value) <= MAX_NAME:
        return f'<a class="tag" href="{attribute(address(value))}">{shown}</a>'
    if kind == "see" and value.startswith(_SCHEMES) and " " not in value:
        there = quote(value, safe=":/?#@!$&'()*+,;=%~")
        return f'<a class="tag" href="{attribute(there)}" rel="nofollow noopener">{shown}</a>'
    return f'<span class="tag">{shown}</span>'
