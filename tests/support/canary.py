# SPDX-License-Identifier: GPL-3.0-or-later
"""A server inside the network that nobody should reach."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Canary:
    """Answers every request with a redirect, and remembers it."""

    port: int = 0
    visits: list[str] = field(default_factory=list)
    """Paths that were asked for."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/x"


@contextlib.contextmanager
def listening() -> Iterator[Canary]:
    """A canary for as long as the block runs."""
    canary = Canary()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            canary.visits.append(self.path)
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    canary.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield canary
    server.shutdown()
    server.server_close()
