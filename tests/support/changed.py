# SPDX-License-Identifier: GPL-3.0-or-later
"""A repository of each system with changes of every sort, for tests of pages and downloads that only look."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.support.clients import Api, Person
from tests.support.servers import Server
from tests.support.systems import Copy, System, new_system

LATIN = "grüße\n".encode("latin-1")
MANY = 31


@dataclass(frozen=True)
class Changed:
    """The repository."""

    kind: str
    name: str
    owner: Person
    system: System
    copy: Copy
    first: str
    """Adds files."""
    second: str
    """Changes, adds and deletes some; its subject has a tag in it."""
    many: str
    """Adds `MANY` files."""
    last: str
    """Changes one file in white space alone."""

    @property
    def ids(self) -> list[str]:
        return [self.first, self.second, self.many, self.last]


SOURCE = "import os\n\n\ndef tide(day):\n    return day\n" + "".join(f"# {number}\n" for number in range(40))


def new_changed(kind: str, server: Server, root: Api, home: Path) -> Changed:
    """Make it; the owner is a new user."""
    system = new_system(kind, home)
    owner = root.new_user()
    name = system.new_repository(root, owner, private=True)
    copy = system.checkout(server, name, owner)
    first = copy.change(
        "The first of them",
        **{
            "src/tide.py": SOURCE,
            "latin": LATIN,
            "gone": "bye\n",
            "yarn.lock": "a\n",
            "rows.csv": "".join(f"{number}\n" for number in range(600)),
            "no-end": "one\ntwo",
        },
    )
    second = copy.change(
        "Tides are <b>computed</b> once\n\nThe rest of it,\nin two lines. Closes #12.",
        **{
            "src/tide.py": SOURCE.replace("return day", "return day + 1").replace("# 30\n", "# 30, <i>changed</i>\n"),
            "latin": LATIN * 2,
            "gone": None,
            "yarn.lock": "b\n",
            "rows.csv": "".join(f"{number + 1}\n" for number in range(1000, 1600)),
            "no-end": "one\ntwo, and more",
            "grüße.txt": "ü\n",
            "<img src=x>": "y\n",
        },
    )
    many = copy.change("Many", **{f"many/{number:02}.txt": f"{number}\n" for number in range(MANY)})
    last = copy.change("Blanks", **{"no-end": "one  \ntwo,   and more"})
    return Changed(kind, name, owner, system, copy, first, second, many, last)
