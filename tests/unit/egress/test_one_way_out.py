# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing but `trivium.egress` looks up a name or connects to another machine (security.md 8)."""

from __future__ import annotations

import re
from pathlib import Path

import trivium

CONNECTING = re.compile(r"getaddrinfo|create_connection|sock_connect|urlopen|http\.client|HTTPConnection|AF_INET")
OTHERS = {
    "cli/serve.py": "listens",
    "wire/svn/upstream.py": "talks to the private Apache on the loopback",
}


def test_nothing_else_of_the_server_looks_up_a_name_or_connects() -> None:
    package = Path(trivium.__file__).parent
    found = {
        str(file.relative_to(package)) for file in package.rglob("*.py") if CONNECTING.search(file.read_text("utf-8"))
    }
    assert {name for name in found if not name.startswith("egress/")} == set(OTHERS)
