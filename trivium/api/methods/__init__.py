# SPDX-License-Identifier: GPL-3.0-or-later
"""The methods of the API, one module per noun. Importing the package registers them all."""

from trivium.api.methods import gists, history, operations, repo_groups, repositories, server, user_groups, users
from trivium.api.methods.registered import registry

__all__ = [
    "gists",
    "history",
    "operations",
    "registry",
    "repo_groups",
    "repositories",
    "server",
    "user_groups",
    "users",
]
