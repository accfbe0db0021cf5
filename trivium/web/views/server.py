# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server says of itself (system.md 2.8)."""

from __future__ import annotations

from typing import Final

from trivium.web.answers import Body
from trivium.web.registering import Who, view
from trivium.web.static_files import static_files
from trivium.web.visit import Visit

_COSTLY: Final = (
    "annotate", "archive", "authors", "changeset-diff", "changeset-download", "changeset-patch", "compare", "diff",
    "diff-2way", "history", "nodelist", "nodetree_full", "raw", "raw-changeset", "rawfile", "refs-distances", "search",
    "statistics",
)  # fmt: skip
"""Views of a repository of which there are as many addresses as it has commits, or more, and which compute much."""
ROBOTS: Final = "".join(
    f"{line}\n"
    for line in (
        "User-agent: *",
        "Allow: /_static/",
        "Disallow: /_",
        *(f"Disallow: /*/{word}/" for word in _COSTLY),
        "Disallow: /*?",
    )
).encode()
"""What robots are asked to leave alone; with a `?` there is the same once more, or another page of what is endless."""


@view("GET", "/_admin/ping", needs=Who.ANYBODY, word="AdminController:ping")
def ping(visit: Visit) -> Body:
    """`pong[<instance_id>] => <client ip>`."""
    return Body(f"pong[{visit.site.settings.instance_id}] => {visit.asked.address}".encode(), sandboxed=False)


@view("GET", "/favicon.ico", needs=Who.ANYBODY, word="StaticController:favicon")
def favicon(visit: Visit) -> Body:
    """The mark, for who asks where every site has one."""
    mark = static_files().files["mark.svg"]
    return Body(mark.content, mark.type, sandboxed=False)


@view("GET", "/robots.txt", needs=Who.ANYBODY, word="StaticController:robots")
def robots(visit: Visit) -> Body:
    """What robots are asked to leave alone."""
    return Body(ROBOTS, sandboxed=False)
