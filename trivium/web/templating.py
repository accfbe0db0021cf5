# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates: loaded and compiled at start, so that a mistake in one stops the start (web.md 5)."""

from __future__ import annotations

import shlex
from functools import lru_cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from trivium import __version__
from trivium.forge.history.listing import person
from trivium.render import text
from trivium.web.times import REST_SLOT, TOKEN_SLOT, when, whole
from trivium.web.urls import quoted, quoted_segment

_DIRECTORY: Final = Path(__file__).parent / "templates"
REST: Final = Markup(REST_SLOT)
_FACES: Final = ("", "b", "c", "d")


@lru_cache(maxsize=1)
def templates() -> Environment:
    """All templates."""
    environment = Environment(
        loader=FileSystemLoader(_DIRECTORY),
        autoescape=True,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        cache_size=-1,
    )
    environment.filters["when"] = lambda moment: Markup(when(moment)) if moment else ""
    environment.filters["whole_time"] = lambda moment: Markup(whole(moment)) if moment else ""
    environment.filters["quoted"] = quoted
    environment.filters["segment"] = quoted_segment
    environment.filters["shell"] = shlex.quote
    environment.filters["named"] = text.name
    environment.filters["person"] = person
    environment.filters["named_lines"] = named_lines
    environment.filters["attribute"] = text.attribute
    environment.globals |= {
        "version": __version__,
        "token_slot": Markup(TOKEN_SLOT),
        "face_ground": face_ground,
        "face_letter": face_letter,
        "lines": lines,
    }
    for name in environment.list_templates():
        environment.get_template(name)
    return environment


def html(part: str) -> Markup:
    """A part that was kept as the HTML that it is (`RepositoryVisit.part`)."""
    return Markup(part)


def face_ground(name: str) -> str:
    """Which of four grounds the initial of somebody stands on; always the same for one name."""
    return _FACES[sum(name.encode("utf-8", "surrogateescape")) % len(_FACES)]


def face_letter(name: str) -> str:
    """The initial of somebody."""
    return next((one.upper() for one in name if one.isalnum()), "?")


def named_lines(shown: str) -> Markup:
    """A text of several lines in which nothing is hidden and nothing moves its neighbours."""
    return Markup("\n").join(text.name(line.replace("\t", "    ").rstrip("\r")) for line in shown.split("\n"))


def lines(shown: str) -> Markup:
    """A text with its line ends shown."""
    return Markup("<br>").join(escape(line) for line in shown.splitlines())
