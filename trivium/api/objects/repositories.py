# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories as answers show them (api-repos.md 2.1, 2.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec

from trivium.access.levels import Scope
from trivium.api.objects.members import member_rows
from trivium.api.objects.users import Known, sight_of, user_object, user_objects
from trivium.forge.repositories.finding import Repository
from trivium.forge.repositories.user_locks import locked_date
from trivium.forge.repositories.viewing import RepositoryList, RepositoryPage

Json = dict[str, Any]

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.\-/]*").fullmatch


class RepositoryObject(msgspec.Struct, gc=False):
    """A repository, as `get_repos` lists it (api-repos.md 2.1); made by the thousand, so no dictionary."""

    repo_id: int
    repo_name: str
    repo_type: str
    clone_uri: str
    private: bool
    created_on: str
    description: str
    landing_rev: list[str]
    owner: str
    fork_of: str | None
    enable_downloads: bool
    enable_locking: bool
    enable_statistics: bool
    last_changeset: msgspec.Raw
    """Stored in the form of the answer, so that it is not parsed only to be written again."""
    url: str
    locked_by: Json | msgspec.Raw | None
    locked_date: str | None
    lock_reason: str | None


def repository_object(
    repository: Repository, base_url: str, holder: Json | msgspec.Raw | None = None
) -> RepositoryObject:
    """A repository without its extra fields; `holder` is the user object of the user who holds its lock, if any."""
    name = repository.name
    return RepositoryObject(
        repository.id,
        name,
        repository.kind,
        repository.clone_uri or "",
        repository.private,
        repository.created_on,
        repository.description,
        repository.landing_rev.split(":", 1),
        repository.owner,
        repository.fork_of,
        repository.enable_downloads,
        repository.enable_locking,
        repository.enable_statistics,
        msgspec.Raw(repository.last_changeset),
        f"{base_url}/{name if _PLAIN(name) else quote(name)}",
        holder,
        locked_date(repository) if holder else None,
        repository.lock_reason,
    )


def repository_objects(listed: RepositoryList, base_url: str, known: Known) -> list[RepositoryObject | Json]:
    """Repositories with their extra fields, if they have any."""
    holders: dict[int | None, Json] = {
        user_id: user_object(account, sight_of(known, user_id, keys=False))
        for user_id, account in listed.holders.items()
    }
    shown = [
        repository_object(repository, base_url, holders.get(repository.locked_by_id) if holders else None)
        for repository in listed.repositories
    ]
    fields = listed.fields
    if not fields:
        return list(shown)
    return [
        msgspec.structs.asdict(one) | _extra_fields(fields[one.repo_id]) if one.repo_id in fields else one
        for one in shown
    ]


def page_parts(page: RepositoryPage, known: Known) -> dict[str, object]:
    """What `get_repo` shows of a repository beside its row.

    It changes only with the holder of the lock, and with what somebody may see.
    """
    holder = page.holder
    return {
        "locked_by": holder and user_object(holder, sight_of(known, holder.user.id, keys=False)),
        "members": member_rows(page.members, Scope.REPOSITORY),
        "followers": user_objects(page.followers, known, keys=False),
        **_extra_fields(page.fields),
    }


def repository_page(repository: Repository, base_url: str, parts: Mapping[str, msgspec.Raw]) -> Json:
    """A repository as `get_repo` shows it; the `parts` are those of `page_parts`."""
    shown = msgspec.structs.asdict(repository_object(repository, base_url, parts["locked_by"]))
    shown["members"] = shown["permissions"] = parts["members"]
    shown.update(parts)
    return shown


def _extra_fields(fields: Mapping[str, str]) -> Json:
    return {f"ex_{key}": value for key, value in fields.items()}
