# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server says of itself (system.md 2.8)."""

from __future__ import annotations

from trivium.web.answers import Body
from trivium.web.registering import Who, view
from trivium.web.static_files import static_files
from trivium.web.visit import Visit


@view("GET", "/_admin/ping", needs=Who.ANYBODY, word="AdminController:ping")
def ping(visit: Visit) -> Body:
    """`pong[<instance_id>] => <client ip>`."""
    return Body(f"pong[{visit.site.settings.instance_id}] => {visit.asked.address}".encode(), sandboxed=False)


@view("GET", "/favicon.ico", needs=Who.ANYBODY, word="StaticController:favicon")
def favicon(visit: Visit) -> Body:
    """The mark, for who asks where every site has one."""
    mark = static_files().files["mark.svg"]
    return Body(mark.content, mark.type, sandboxed=False)
