# SPDX-License-Identifier: GPL-3.0-or-later
"""Extra fields of repositories (api-repos.md 4)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from trivium.access.caller import Caller
from trivium.errors import AlreadyExists, Invalid, Kind, NotFound
from trivium.forge.bounds import MAX_FIELDS, check_description, check_field_value, check_label
from trivium.forge.events import journal
from trivium.forge.events.repositories import FieldAdded, FieldRemoved
from trivium.forge.repositories.finding import Repository
from trivium.forge.site import Site
from trivium.names import check_field_key
from trivium.store.query import Query
from trivium.store.tables import repository_fields

_OF_ALL = select(repository_fields.c.repository_id, repository_fields.c.key, repository_fields.c.value)
_OF_SOME = _OF_ALL.where(repository_fields.c.repository_id.in_(bindparam("ids", expanding=True)))
_OF_ONE = Query(
    select(repository_fields.c.key, repository_fields.c.value).where(
        repository_fields.c.repository_id == bindparam("repository_id")
    )
)


def of_one(db: Connection, repository_id: int) -> dict[str, str]:
    """The extra fields of one repository: key → value."""
    return dict(_OF_ONE.all(db, {"repository_id": repository_id}))


@dataclass(frozen=True, slots=True)
class Field:
    """An extra field."""

    id: int
    key: str
    label: str
    description: str
    value: str


_FIELDS = Query(
    select(
        repository_fields.c.id,
        repository_fields.c.key,
        repository_fields.c.label,
        repository_fields.c.description,
        repository_fields.c.value,
    )
    .where(repository_fields.c.repository_id == bindparam("repository_id"))
    .order_by(repository_fields.c.id)
)


def fields_of(db: Connection, _caller: Caller, repository_id: int) -> list[Field]:
    """The extra fields of a repository that the caller was found to read, in the order in which they were made."""
    return [Field(*row) for row in _FIELDS.all(db, {"repository_id": repository_id})]


def of_all(db: Connection) -> dict[int, dict[str, str]]:
    """Repository id → its extra fields, for every repository that has any: one statement."""
    return _by_repository(db.execute(_OF_ALL))


def of_some(db: Connection, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """The same for some repositories: one statement."""
    return _by_repository(db.execute(_OF_SOME, {"ids": ids})) if ids else {}


def _by_repository(rows: Iterable[Any]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = defaultdict(dict)
    for repository_id, key, value in rows:
        found[repository_id][key] = value
    return found


def parse_fields(text: str) -> dict[str, str]:
    r"""`key=value,key2=value2` with `\,` for a comma in a value (api-repos.md 4, update_repo)."""
    found = {}
    for item in re.split(r"(?<!\\),", text):
        if item:
            key, separator, value = item.replace("\\,", ",").partition("=")
            if not separator:
                raise Invalid(f"the field {item!r} has no value")
            found[key.strip()] = value
    return found


def set_values(
    db: Connection, repository: Repository, values: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Set the values of existing fields, and ignore others; returns the old and the new values of those set."""
    where = repository_fields.c.repository_id == repository.id
    held = select(repository_fields.c.key, repository_fields.c.value).where(where).order_by(repository_fields.c.key)
    known = {key: value for key, value in db.execute(held.with_for_update()) if key in values}
    for key in known:
        check_field_value(values[key])
        db.execute(update(repository_fields).where(where, repository_fields.c.key == key).values(value=values[key]))
    return known, {key: values[key] for key in known}


def add_field(
    site: Site, caller: Caller, repository: Repository, key: str, *, label: str = "", description: str = ""
) -> None:
    """Add an extra field with an empty value; the label defaults to the key."""
    check_field_key(key)
    check_label(label)
    check_description(description)
    with site.store.write(told_apart=True) as db:
        if _has_field(db, repository, key):
            raise AlreadyExists(Kind.FIELD, key)
        held = select(func.count()).where(repository_fields.c.repository_id == repository.id)
        if db.execute(held).scalar_one() >= MAX_FIELDS:
            raise Invalid("a repository has at most %(most)s extra fields", about="key", most=MAX_FIELDS)
        db.execute(
            insert(repository_fields).values(
                repository_id=repository.id, key=key, label=label or key, description=description, value=""
            )
        )
        added = FieldAdded(
            subject=repository.name,
            repository_id=repository.id,
            key=key,
            label=label or key,
            description=description,
        )
        journal.record(db, caller, added)


def remove_field(site: Site, caller: Caller, repository: Repository, key: str) -> None:
    """Remove an extra field with its value."""
    with site.store.write(told_apart=True) as db:
        this = (repository_fields.c.repository_id == repository.id, repository_fields.c.key == key)
        columns = (repository_fields.c.label, repository_fields.c.description, repository_fields.c.value)
        row = db.execute(select(*columns).where(*this)).mappings().first()
        if row is None:
            raise NotFound(Kind.FIELD, key)
        db.execute(delete(repository_fields).where(*this))
        removed = FieldRemoved(subject=repository.name, repository_id=repository.id, key=key, was=dict(row))
        journal.record(db, caller, removed)


def _has_field(db: Connection, repository: Repository, key: str) -> bool:
    where = (repository_fields.c.repository_id == repository.id, repository_fields.c.key == key)
    return db.execute(select(repository_fields.c.id).where(*where)).first() is not None
