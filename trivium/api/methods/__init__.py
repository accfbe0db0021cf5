# SPDX-License-Identifier: GPL-3.0-or-later
"""The methods of the API, one module per noun. Importing the package registers them all."""

from trivium.api.methods import (
    attachments,
    comments,
    contents,
    gists,
    history,
    kallithea,
    operations,
    people,
    repo_groups,
    repositories,
    rights,
    server,
    statuses,
    tasks,
    upkeep,
    user_groups,
    users,
)
from trivium.api.methods.registered import registry

__all__ = [
    "attachments",
    "comments",
    "contents",
    "gists",
    "history",
    "kallithea",
    "operations",
    "people",
    "registry",
    "repo_groups",
    "repositories",
    "rights",
    "server",
    "statuses",
    "tasks",
    "upkeep",
    "user_groups",
    "users",
]
