# SPDX-License-Identifier: GPL-3.0-or-later
"""How somebody wants pages to look: kept with the account, and for visitors in a cookie of the same text."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Final

import msgspec
from sqlalchemy import insert, select, update

from trivium.access.caller import Caller
from trivium.errors import Forbidden, Invalid
from trivium.forge.events import journal
from trivium.forge.events.accounts import PreferencesChanged
from trivium.forge.site import Site
from trivium.store.locks import lock, preferences_of
from trivium.store.tables import preferences as table

_LONGEST: Final = 1024


class Theme(StrEnum):
    """Colours of the pages."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Contrast(StrEnum):
    """How far colours are apart."""

    SYSTEM = "system"
    MORE = "more"


class Palette(StrEnum):
    """Colours of changes."""

    TEAL_PEACH = "teal-peach"
    BLUE_ORANGE = "blue-orange"


class Density(StrEnum):
    """Height of the rows of lists."""

    ROOMY = "roomy"
    COMPACT = "compact"


class Layout(StrEnum):
    """How a change is laid out."""

    UNIFIED = "unified"
    SPLIT = "split"


class Times(StrEnum):
    """How moments are told."""

    RELATIVE = "relative"
    ABSOLUTE = "absolute"


class Preferences(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody chose; the rest is as the site has it."""

    theme: Theme = Theme.SYSTEM
    contrast: Contrast = Contrast.SYSTEM
    diff_palette: Palette = Palette.TEAL_PEACH
    density: Density = Density.ROOMY
    diff_layout: Layout = Layout.UNIFIED
    wrap: bool = True
    """Whether long lines are broken."""
    tab_width: Annotated[int, msgspec.Meta(ge=1, le=16)] = 4
    keys: bool = True
    """Whether single keys do something."""
    times: Times = Times.RELATIVE
    locale: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z]{0,8}(?:[-_][A-Za-z0-9]{1,8}){0,3}\Z")] = ""
    """As Babel writes it, such as `de`; empty: what the browser asks for."""
    zone: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_+/-]{0,64}\Z")] = ""
    """A name of the time-zone database; empty: UTC."""


DEFAULT: Final = Preferences()


@lru_cache(maxsize=1024)
def parsed(text: str | None) -> Preferences:
    """The preferences in a text, which may come from a cookie; the default for what is no such text."""
    if text is None or len(text) > _LONGEST:
        return DEFAULT
    try:
        return msgspec.json.decode(text.encode(), type=Preferences)
    except (msgspec.MsgspecError, UnicodeError):
        return DEFAULT


def written(chosen: Preferences) -> str:
    """The text of some preferences: ASCII, at most 1,024 characters."""
    return msgspec.json.encode(chosen).decode()


def changed(before: Preferences, wanted: dict[str, object]) -> Preferences:
    """Other preferences: those of the fields that are named, as JSON has them. Raises `Invalid`."""
    unknown = wanted.keys() - set(Preferences.__struct_fields__)
    if unknown:
        raise Invalid(f"there is no preference {min(unknown)}")
    try:
        return msgspec.convert(msgspec.to_builtins(before) | wanted, Preferences)
    except msgspec.ValidationError as error:
        raise Invalid(f"this cannot be preferred: {error}") from error


def set_preferences(site: Site, caller: Caller, chosen: Preferences) -> None:
    """Keep what a user chose; raises `Forbidden` for visitors, whose choice stands in a cookie."""
    if caller.anonymous:
        raise Forbidden
    with site.store.write(access_unchanged=True) as db:
        lock(db, preferences_of(caller.user_id))
        mine = table.c.user_id == caller.user_id
        before = parsed(db.execute(select(table.c.chosen).where(mine).with_for_update()).scalar())
        was, now = msgspec.to_builtins(before), msgspec.to_builtins(chosen)
        names = sorted(name for name in {*was, *now} if was.get(name) != now.get(name))
        if not names:
            return
        event = PreferencesChanged(
            subject=caller.username,
            changes={name: now.get(name) for name in names},
            was={name: was.get(name) for name in names},
        )
        journal.record(db, caller, event)
        if not db.execute(update(table).where(mine).values(chosen=written(chosen))).rowcount:
            db.execute(insert(table).values(user_id=caller.user_id, chosen=written(chosen)))
