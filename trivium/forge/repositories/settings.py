# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of one repository, beside its fields: an unset one shows the site's value (api-reviews.md 6)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, literal, select, union_all

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.errors import Forbidden, Invalid
from trivium.forge.events import journal
from trivium.forge.events.repositories import SettingsChanged
from trivium.forge.events.site import SiteSettingsChanged
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories.finding import Repository
from trivium.forge.seen import Seen, whatever
from trivium.forge.site import Site
from trivium.names import is_clean_text
from trivium.store.query import Query
from trivium.store.tables import repository_settings as table
from trivium.store.tables import site_values
from trivium.vcs.values import Layout

_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_FALSE: Final = frozenset({"false", "0", "no", "off"})
_MAX_PATTERNS: Final = 20
_MAX_PATTERN: Final = 255


class BadSetting(Invalid):
    """An unknown setting, or a value that it cannot have."""

    def __init__(self, key: str, why: Invalid) -> None:
        super().__init__(why.message, about=key, **why.values)
        self.key = key


def _flag(given: Any) -> bool:
    if isinstance(given, bool):
        return given
    word = str(given).strip().lower() if isinstance(given, (str, int)) else ""
    if word not in _TRUE | _FALSE:
        raise Invalid("this is neither true nor false", about="value")
    return word in _TRUE


def _flag_as_text(given: Any) -> str:
    return str(_flag(given))


def _patterns(given: Any) -> list[str]:
    """A list of paths; also as one text, separated by commas or line ends."""
    if isinstance(given, str):
        given = [part.strip() for part in given.replace("\n", ",").split(",") if part.strip()]
    if not isinstance(given, list) or not 1 <= len(given) <= _MAX_PATTERNS:
        raise Invalid("a list of at most %(most)s paths is expected", about="value", most=_MAX_PATTERNS)
    return [_pattern(one) for one in given]


def _pattern(given: Any) -> str:
    if not isinstance(given, str) or len(given) > _MAX_PATTERN or not is_clean_text(given) or not given.isprintable():
        raise Invalid("a path is expected", about="value")
    segments = [segment for segment in given.split("/") if segment]
    if not segments or any(segment in (".", "..") or ("*" in segment and segment != "*") for segment in segments):
        raise Invalid("a path is expected, in which * stands for any one name", about="value")
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


_SITE: Final = "vcs"
"""The row of `site_values` that has what holds for all repositories without their own."""
_OF_SITE: Final = (_PULLS, _PHASES, _BRANCHES, _TAGS)
_sites = select(site_values.c.value).where(site_values.c.key == _SITE).scalar_subquery()
_VALUE: Final = Query(
    select(
        select(table.c.value)
        .where(table.c.repository_id == bindparam("repository_id"), table.c.key == bindparam("key"))
        .scalar_subquery(),
        _sites,
    )
)


def _sites_values(stored: str | None) -> dict[str, Any]:
    """What holds for all repositories: what was set for the site, else what we begin with."""
    begins = {key: setting.default for key, setting in _KNOWN.items()}
    return begins if stored is None else begins | msgspec.json.decode(stored)


def publishes(db: Connection, repository_id: int) -> bool:
    """Whether changesets pushed to a Mercurial repository, or pulled from it, become public (phases_publish)."""
    row = _VALUE.first(db, {"repository_id": repository_id, "key": _PHASES})
    own, sites = row if row is not None else (None, None)
    return bool(_flag(_sites_values(sites)[_PHASES] if own is None else msgspec.json.decode(own)))


def without_pulls(db: Connection, ids: Collection[int]) -> set[int]:
    """Those of some repositories whose pulls are not journalled (hooks_outgoing_pull_logger)."""
    own = select(table.c.repository_id, table.c.value).where(table.c.key == _PULLS, table.c.repository_id.in_(ids))
    sites = select(literal(0), site_values.c.value).where(site_values.c.key == _SITE)
    found = {repository_id: msgspec.json.decode(value) for repository_id, value in db.execute(union_all(own, sites))}
    otherwise = bool(found.pop(0, {}).get(_PULLS, _KNOWN[_PULLS].default))
    return {repository_id for repository_id in ids if not found.get(repository_id, otherwise)}


def _stored(db: Connection, repository_id: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was set for a repository, and what holds on the site: one statement."""
    own = select(table.c.key, table.c.value).where(table.c.repository_id == repository_id)
    sites = select(literal(_SITE), site_values.c.value).where(site_values.c.key == _SITE)
    found: dict[str, str] = dict(tuple(row) for row in db.execute(union_all(own, sites)))
    site = _sites_values(found.pop(_SITE, None))
    return {key: msgspec.json.decode(value) for key, value in found.items() if key in _KNOWN}, site


def settings_of(db: Connection, repository: Repository) -> dict[str, Any]:
    """All settings: what was set, else the site's value."""
    own, site = _stored(db, repository.id)
    return site | own


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
    own, site = _stored(db, repository_id)
    return _known(site | own, own=not own.keys().isdisjoint(_OF_SITE))


def of_site(db: Connection, _caller: Caller) -> Known:
    """What holds for repositories without settings of their own: one statement."""
    return _known(_sites_values(db.execute(select(_sites)).scalar()), own=False)


def _known(every: Mapping[str, Any], *, own: bool) -> Known:
    return Known(
        own,
        bool(every[_PULLS]),
        bool(_flag(every[_PHASES])),
        tuple(every[_BRANCHES]),
        tuple(every[_TAGS]),
    )


def change_of_site(site: Site, caller: Caller, seen: Seen = whatever, **given: Any) -> None:
    """Set what holds for repositories without settings of their own; raises `Forbidden` and `BadSetting`."""
    if not caller.super_admin:
        raise Forbidden
    values = {key: _parsed(key, given[key]) for key in _OF_SITE}
    with site.store.write(told_apart=True) as db:
        seen(db, caller)
        before = _sites_values(db.execute(select(_sites)).scalar())
        changes = {key: value for key, value in values.items() if value != before[key]}
        if not changes:
            return
        db.execute(delete(site_values).where(site_values.c.key == _SITE))
        db.execute(insert(site_values).values(key=_SITE, value=msgspec.json.encode(values).decode()))
        was = {key: before[key] for key in changes}
        journal.record(db, caller, SiteSettingsChanged(subject=_SITE, changes=changes, was=was))


def _parsed(key: str, value: Any) -> Any:
    if key not in _KNOWN:
        raise BadSetting(key, Invalid("there is no such setting", about="key"))
    try:
        return _KNOWN[key].parse(value)
    except Invalid as error:
        raise BadSetting(key, error) from error


def layout_of(db: Connection, repository: Repository) -> Layout:
    """Where the branches and tags of a Subversion repository are."""
    found = settings_of(db, repository)
    return Layout(tuple(found[_BRANCHES]), tuple(found[_TAGS]))


def change(site: Site, caller: Caller, repository: Repository, given: Mapping[str, Any], seen: Seen = whatever) -> None:
    """Change the given settings, all or none; null restores the site's value. Raises `BadSetting`."""
    values = {key: None if value is None and key in _KNOWN else _parsed(key, value) for key, value in given.items()}
    with site.store.write(told_apart=True) as db:
        repositories.find(db, caller, repository.id, Level.ADMIN)
        seen(db, caller)
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
