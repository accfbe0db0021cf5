# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates: loaded and compiled at start, so that a mistake in one stops the start (web.md 5)."""

from __future__ import annotations

import contextlib
import hashlib
import shlex
import sys
from collections.abc import Callable
from functools import lru_cache
from importlib.util import cache_from_source
from pathlib import Path
from typing import Final

import jinja2
from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup

from trivium import __version__
from trivium.forge.history.listing import person
from trivium.language import Language
from trivium.render import metatags, text
from trivium.render.rows import icon
from trivium.web import ids
from trivium.web.times import REST_SLOT, TOKEN_SLOT, when, whole
from trivium.web.urls import quoted, quoted_segment

_DIRECTORY: Final = Path(__file__).parent / "templates"
REST: Final = Markup(REST_SLOT)
_FACES: Final = ("", "b", "c", "d")


class _Compiled(FileSystemBytecodeCache):
    """What templates were compiled to, beside what Python keeps of this file and by the same rules.

    All of them are needed before anything is served; to compile them is a quarter of what a start costs.
    """

    def __init__(self) -> None:
        made_by = hashlib.sha256(jinja2.__version__.encode() + Path(__file__).read_bytes()).hexdigest()[:16]
        super().__init__(str(Path(cache_from_source(__file__)).parent), f"template-{made_by}-%s.cache")

    def dump_bytecode(self, bucket: Bucket) -> None:
        if not sys.dont_write_bytecode:
            with contextlib.suppress(OSError):  # an installation that may not write there goes without
                super().dump_bytecode(bucket)


@lru_cache(maxsize=1)
def templates() -> Environment:
    """All templates."""
    environment = Environment(
        loader=FileSystemLoader(_DIRECTORY),
        bytecode_cache=_Compiled(),
        autoescape=True,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        cache_size=-1,
    )
    environment.filters["when"] = lambda moment: Markup(when(moment)) if moment else ""
    environment.filters["whole_time"] = lambda moment: Markup(whole(moment)) if moment else ""
    environment.filters["described"] = described
    environment.filters["quoted"] = quoted
    environment.filters["segment"] = quoted_segment
    environment.filters["with_user"] = with_user
    environment.filters["shell"] = shlex.quote
    environment.filters["named"] = text.name
    environment.filters["person"] = person
    environment.filters["named_lines"] = named_lines
    environment.filters["attribute"] = text.attribute
    environment.globals |= {
        "version": __version__,
        "token_slot": Markup(TOKEN_SLOT),
        "icons_of": icons_of,
        "face_ground": face_ground,
        "face_letter": face_letter,
        "lines": lines,
        "id_shown": ids.shown,
    }
    for name in environment.list_templates():
        environment.get_template(name)
    return environment


@lru_cache(maxsize=64)
def keys(language: Language, asset: str) -> Markup:
    """The help about keys: the same on all pages in a language."""
    return Markup(templates().get_template("parts/keys.html").render({"_": language.text, "asset": asset}))


def html(part: str) -> Markup:
    """A part that was kept as the HTML that it is (`RepositoryVisit.part`)."""
    return Markup(part)


@lru_cache(maxsize=16)
def icons_of(asset: str) -> Callable[[str], Markup]:
    """What writes a symbol by its name, for an address of static files."""
    icons = f"{asset}/icons.svg"
    return lru_cache(maxsize=256)(lambda name: icon(name, icons))


def face_ground(name: str) -> str:
    """Which of four grounds the initial of somebody stands on; always the same for one name."""
    return _FACES[sum(name.encode("utf-8", "surrogateescape")) % len(_FACES)]


def face_letter(name: str) -> str:
    """The initial of somebody."""
    return next((one.upper() for one in name if one.isalnum()), "?")


def with_user(base: str, username: str, password: str) -> str:
    """The address of the server with somebody's credentials in it, as version-control clients take it."""
    scheme, mark, rest = base.partition("://")
    return f"{scheme}{mark}{quoted_segment(username)}:{password}@{rest}"


def named_lines(shown: str) -> Markup:
    """A text of several lines in which nothing is hidden and nothing moves its neighbours."""
    return Markup("\n").join(text.name(line.replace("\t", "    ").rstrip("\r")) for line in shown.split("\n"))


def described(shown: str, tagged: bool, address: Callable[[str], str]) -> Markup:
    """What somebody wrote about a repository or group, with its marks as tags where the site wants that."""
    return metatags.described(shown, address) if tagged else text.name(shown)


def lines(shown: str) -> Markup:
    """A text with its line ends shown."""
    return Markup("<br>").join(text.name(line) for line in shown.splitlines())
