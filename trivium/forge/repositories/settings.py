# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of one repository, beside its fields: an unset one shows the site's value (api-reviews.md 6)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.errors import Invalid
from trivium.forge.events import journal
from trivium.forge.events.repositories import SettingsChanged
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories.finding import Repository
from trivium.forge.site import Site
from trivium.names import is_clean_text
from trivium.store.query import Query
from trivium.store.tables import repository_settings as table
from trivium.vcs.values import Layout

_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_FALSE: Final = frozenset({"false", "0", "no", "off"})
_MAX_PATTERNS: Final = 20
_MAX_PATTERN: Final = 255


class BadSetting(Invalid):
    """An unknown setting, or a value that it cannot have."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"{key}: {why}")
        self.key = key
        self.why = why


def _flag(given: Any) -> bool:
    if isinstance(given, bool):
        return given
    word = str(given).strip().lower() if isinstance(given, (str, int)) else ""
    if word not in _TRUE | _FALSE:
        raise ValueError("neither true nor false")
    return word in _TRUE


def _flag_as_text(given: Any) -> str:
    return str(_flag(given))


def _patterns(given: Any) -> list[str]:
    """A list of paths; also as one text, separated by commas or line ends."""
    if isinstance(given, str):
        given = [part.strip() for part in given.replace("\n", ",").split(",") if part.strip()]
    if not isinstance(given, list) or not 1 <= len(given) <= _MAX_PATTERNS:
        raise ValueError(f"a list of at most {_MAX_PATTERNS} paths is expected")
    return [_pattern(one) for one in given]


def _pattern(given: Any) -> str:
    if not isinstance(given, str) or len(given) > _MAX_PATTERN or not is_clean_text(given) or not given.isprintable():
        raise ValueError("a path is expected")
    segments = [segment for segment in given.split("/") if segment]
    if not segments or any(segment in (".", "..") or ("*" in segment and segment != "*") for segment in segments):
        raise ValueError("a path is expected, in which * stands for any one name")
    return "/".join(segments)


@dataclass(frozen=True, slots=True)
class _Setting:
    default: Any
    parse: Callable[[Any], Any]


_PHASES: Final = "phases_publish"
_PULLS: Final = "hooks_outgoing_pull_logger"
_BRANCHES: Final = "vcs_svn_branch"
_TAGS: Final = "vcs_svn_tag"
_KNOWN: Final[Mapping[str, _Setting]] = {
    "rhodecode_pr_merge_enabled": _Setting(True, _flag),
    "rhodecode_hg_use_rebase_for_merging": _Setting(False, _flag),
    "rhodecode_git_use_rebase_for_merging": _Setting(False, _flag),
    "rhodecode_hg_close_branch_before_merging": _Setting(False, _flag),
    "rhodecode_git_close_branch_before_merging": _Setting(False, _flag),
    "rhodecode_use_outdated_comments": _Setting(True, _flag),
    _PHASES: _Setting("True", _flag_as_text),
    "extensions_evolve": _Setting(False, _flag),
    "extensions_largefiles": _Setting(False, _flag),
    "hooks_changegroup_push_logger": _Setting(True, _flag),
    "hooks_changegroup_repo_size": _Setting(False, _flag),
    _PULLS: _Setting(True, _flag),
    _BRANCHES: _Setting(["trunk", "branches/*"], _patterns),
    _TAGS: _Setting(["tags/*"], _patterns),
}


_VALUE: Final = Query(
    select(table.c.value).where(table.c.repository_id == bindparam("repository_id"), table.c.key == bindparam("key"))
)


def publishes(db: Connection, repository_id: int) -> bool:
    """Whether changesets pushed to a Mercurial repository, or pulled from it, become public (phases_publish)."""
    found = _VALUE.first(db, {"repository_id": repository_id, "key": _PHASES})
    return found is None or bool(_flag(msgspec.json.decode(found[0])))


def without_pulls(db: Connection, ids: Collection[int]) -> set[int]:
    """Those of some repositories whose pulls are not journalled (hooks_outgoing_pull_logger)."""
    rows = db.execute(
        select(table.c.repository_id, table.c.value).where(table.c.key == _PULLS, table.c.repository_id.in_(ids))
    )
    return {repository_id for repository_id, value in rows if not msgspec.json.decode(value)}


def settings_of(db: Connection, repository: Repository) -> dict[str, Any]:
    """All settings: what was set, else the site's value."""
    found = {key: setting.default for key, setting in _KNOWN.items()}
    for key, value in db.execute(select(table.c.key, table.c.value).where(table.c.repository_id == repository.id)):
        if key in _KNOWN:
            found[key] = msgspec.json.decode(value)
    return found


@dataclass(frozen=True, slots=True)
class Known:
    """What is set of a repository's system: what pages offer to change."""

    own: bool
    """Whether any of it was set for this repository."""
    journals_pulls: bool
    publishes: bool
    """As `publishes`."""
    branches: tuple[str, ...]
    tags: tuple[str, ...]


def known_of(db: Connection, _caller: Caller, repository_id: int) -> Known:
    """The settings of a repository that the caller was found to administer: one statement."""
    rows = db.execute(select(table.c.key, table.c.value).where(table.c.repository_id == repository_id))
    found = {key: msgspec.json.decode(value) for key, value in rows if key in (_PULLS, _PHASES, _BRANCHES, _TAGS)}
    every = {key: setting.default for key, setting in _KNOWN.items()} | found
    return Known(
        bool(found),
        bool(every[_PULLS]),
        bool(_flag(every[_PHASES])),
        tuple(every[_BRANCHES]),
        tuple(every[_TAGS]),
    )


def layout_of(db: Connection, repository: Repository) -> Layout:
    """Where the branches and tags of a Subversion repository are."""
    found = settings_of(db, repository)
    return Layout(tuple(found[_BRANCHES]), tuple(found[_TAGS]))


def change(site: Site, caller: Caller, repository: Repository, given: Mapping[str, Any]) -> None:
    """Change the given settings, all or none; null restores the site's value. Raises `BadSetting`."""
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in _KNOWN:
            raise BadSetting(key, "there is no such setting")
        try:
            values[key] = None if value is None else _KNOWN[key].parse(value)
        except ValueError as error:
            raise BadSetting(key, str(error)) from error
    with site.store.write(told_apart=True) as db:
        repositories.find(db, caller, repository.id, Level.ADMIN)
        was: dict[str, Any] = {}
        for key, value in values.items():
            replaced = (table.c.repository_id == repository.id, table.c.key == key)
            before = db.execute(select(table.c.value).where(*replaced).with_for_update()).scalar()
            was[key] = None if before is None else msgspec.json.decode(before)
            db.execute(delete(table).where(*replaced))
            if value is None:
                continue
            db.execute(
                insert(table).values(repository_id=repository.id, key=key, value=msgspec.json.encode(value).decode())
            )
        event = SettingsChanged(subject=repository.name, repository_id=repository.id, changes=values, was=was)
        journal.record(db, caller, event)
