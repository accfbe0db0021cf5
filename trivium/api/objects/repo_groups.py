# SPDX-License-Identifier: GPL-3.0-or-later
"""Repository groups as answers show them (api-repos.md 2.7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trivium.access.levels import Scope
from trivium.api.objects.members import member_rows
from trivium.forge.groups.repo_groups import RepoGroup
from trivium.forge.groups.viewing import RepoGroupList, RepoGroupPage


def repo_group_object(group: RepoGroup, repositories: Sequence[str]) -> dict[str, Any]:
    """A repository group with the names of the repositories directly inside."""
    return {
        "group_id": group.id,
        "group_name": group.name,
        "group_description": group.description,
        "parent_group": group.parent,
        "owner": group.owner,
        "repositories": repositories,
    }


def repo_group_objects(listed: RepoGroupList) -> list[dict[str, Any]]:
    """Repository groups as `get_repo_groups` lists them."""
    return [repo_group_object(group, listed.repositories.get(group.id, ())) for group in listed.groups]


def repo_group_page(page: RepoGroupPage) -> dict[str, Any]:
    """A repository group as `get_repo_group` shows it, with who may do what with it."""
    members = member_rows(page.members, Scope.REPO_GROUP)
    return repo_group_object(page.group, page.repositories) | {"members": members}
