# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom comments mention as `@name`: they hear of it, and pages link to them (system.md 6.3)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from typing import Final, cast

from sqlalchemy import Connection, bindparam, select

from trivium.access.caller import Caller
from trivium.forge.site import Site
from trivium.names import MAX_NAME, account_key_of
from trivium.render.markup import Kind, render
from trivium.render.mentions import mentioning
from trivium.store.tables import DEFAULT_USER_ID, users

PATIENCE: Final = 0.5
"""Seconds of the processor for the rendering of one comment."""
_MOST: Final = 500
"""Names that are looked up at once."""
_KNOWN: Final = select(users.c.username_key, users.c.username).where(
    users.c.username_key.in_(bindparam("keys", expanding=True)), users.c.active, users.c.id != DEFAULT_USER_ID
)


def kind_of_comments(site: Site) -> Kind:
    """How comments are written on this server."""
    return cast("Kind", site.settings.markup_renderer)


def mentions(text: str, kind: Kind) -> tuple[str, ...]:
    """The names that a comment mentions, each once; of very many the first."""
    return mentioning(render(text, kind, patience=PATIENCE)).names if "@" in text else ()


def people(db: Connection, caller: Caller, names: Collection[str]) -> Mapping[str, str]:
    """Comparison key (`account_key_of`) → user name, of those names that are people who work here.

    Nothing for visitors who have not signed in: they see no profiles. One statement for all names.
    """
    if caller.anonymous or not names:
        return {}
    return {str(key): str(name) for key, name in db.execute(_KNOWN, {"keys": keys(names)})}


def keys(names: Iterable[str]) -> list[str]:
    """The comparison keys of names, each once and in order; of very many the first."""
    return sorted(set(islice((account_key_of(name) for name in names if len(name) <= MAX_NAME), _MOST)))
