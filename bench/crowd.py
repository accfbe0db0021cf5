# SPDX-License-Identifier: GPL-3.0-or-later
"""Many more repositories, as rows: nobody opens them, and lists, counts and searches have them all."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from trivium.forge.naming.searching import grams_of
from trivium.store.tables import DEFAULT_USER_ID

GROUPS = 50
_WORDS = ("core", "tools", "docs", "web", "mobile", "data", "infra", "build", "site", "lab")


def crowd(database: Path, count: int, *, like: str) -> None:
    """Add `count` repositories with the columns of the one called `like`, in 50 groups, readable for everybody."""
    connection = sqlite3.connect(database)
    connection.row_factory = sqlite3.Row
    with connection:
        model = dict(connection.execute("SELECT * FROM repositories WHERE name = ?", (like,)).fetchone())
        owner = model["owner_id"]
        groups = [_group(connection, f"team{number}", owner) for number in range(GROUPS)]
        repositories, grants, grams = [], [], []
        for number in range(count):
            group = number % GROUPS
            name = f"team{group}/{_WORDS[number % len(_WORDS)]}-service{number}"
            moment = f"20{10 + number % 14}-{1 + number % 12:02}-{1 + number % 28:02}T10:00:00.000"
            which = 1_000_000 + number
            row = {"id": which, "name": name, "name_key": name, "group_id": groups[group], "description": f"of {name}"}
            repositories.append(model | row | {"created_on": moment, "updated_on": moment, "history_state": ""})
            grants.append((which, DEFAULT_USER_ID, 1))
            grams += [(gram, name, which) for gram in grams_of(name)]
        marks = ", ".join(f":{name}" for name in model)
        connection.executemany(f"INSERT INTO repositories VALUES ({marks})", repositories)
        connection.executemany(_GRANT.format("repository_grants"), grants)
        connection.executemany(
            "INSERT INTO repository_grams (gram, name_key, repository_id) VALUES (?, ?, ?)", sorted(grams)
        )
        connection.execute("UPDATE access_stamp SET version = version + 1, everybody = everybody + 1")
    connection.close()


_GRANT = "INSERT INTO {} (object_id, user_id, level) VALUES (?, ?, ?)"


def _group(connection: sqlite3.Connection, name: str, owner: int) -> int:
    made = connection.execute(
        "INSERT INTO repo_groups (name, name_key, owner_id, description, enable_locking, created_on)"
        " VALUES (?, ?, ?, ?, 0, ?)",
        (name, name, owner, f"about {name}", "2024-01-01T00:00:00.000"),
    ).lastrowid
    assert made is not None
    connection.execute(_GRANT.format("repo_group_grants"), (made, DEFAULT_USER_ID, 1))
    return made
