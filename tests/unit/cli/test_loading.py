# SPDX-License-Identifier: GPL-3.0-or-later
"""What workers share is what they need: loaded before they are forked, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

_TELL = """
import json, sys
print(json.dumps([name for name, module in sys.modules.items() if module is not None]))
"""


def _loaded(how: str) -> set[str]:
    """What a program loads that begins in this way."""
    told = subprocess.run([sys.executable, "-c", how + _TELL], stdout=subprocess.PIPE, check=True).stdout
    return set(json.loads(told))


def test_the_parent_of_the_workers_loads_what_they_use_and_no_more() -> None:
    loaded = _loaded("from trivium.cli import parent, worker\nworker.load('sqlite:///nowhere')")
    assert {"uvloop", "uvicorn.lifespan.on", "sqlalchemy.dialects.sqlite", "pygit2", "jinja2"} <= loaded
    unused = {"rich", "attr", "sqlalchemy.dialects.postgresql", "sqlalchemy.orm", "alembic", "celery", "docutils"}
    assert not loaded & (unused | {"mercurial", "subvertpy", "urllib.request", "coverage", "pytest"})


def test_workers_on_postgresql_share_its_driver() -> None:
    pytest.importorskip("psycopg")
    loaded = _loaded(
        "from trivium.cli import parent, worker\nworker.load('postgresql+psycopg://nobody@127.0.0.1:1/none')"
    )
    assert {"psycopg", "sqlalchemy.dialects.postgresql.psycopg"} <= loaded


def test_the_parent_of_mercurials_processes_loads_little() -> None:
    assert not _loaded("import trivium.cli.hgworkers") & {
        "dataclasses",
        "inspect",
        "msgspec",
        "mercurial",
        "sqlalchemy",
    }
