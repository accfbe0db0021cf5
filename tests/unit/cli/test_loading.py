# SPDX-License-Identifier: GPL-3.0-or-later
"""What workers share is what they need: loaded before they are forked, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys

_LOADED = """
import json, sys
from trivium.cli import parent, worker
worker.load()
print(json.dumps([name for name, module in sys.modules.items() if module is not None]))
"""


def test_the_parent_of_the_workers_loads_what_they_use_and_no_more() -> None:
    told = subprocess.run([sys.executable, "-c", _LOADED], stdout=subprocess.PIPE, check=True).stdout
    loaded = set(json.loads(told))
    assert {"uvloop", "uvicorn.lifespan.on", "sqlalchemy.dialects.sqlite", "pygit2", "jinja2"} <= loaded
    unused = {"rich", "attr", "sqlalchemy.dialects.postgresql", "sqlalchemy.orm", "alembic", "celery", "docutils"}
    assert not loaded & (unused | {"mercurial", "subvertpy", "coverage", "pytest"})
