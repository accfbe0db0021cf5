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
    """Answers every request with a redirect, unless it has been told what to say, and remembers it."""

    port: int = 0
    elsewhere: str = "http://127.0.0.1:1/elsewhere"
    """Where it redirects to."""
    answers: dict[str, bytes] = field(default_factory=dict)
    """Path → content; then there is nothing else."""
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
            path = self.path.removeprefix(f"http://127.0.0.1:{canary.port}")
            canary.visits.append(path)
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            content = canary.answers.get(path.partition("?")[0], b"")
            self.send_response(200 if content else 404 if canary.answers else 302)
            self.send_header("Location", canary.elsewhere)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_OPTIONS = do_POST = do_PROPFIND = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    canary.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield canary
    server.shutdown()
    server.server_close()
