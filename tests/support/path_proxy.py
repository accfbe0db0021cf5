# SPDX-License-Identifier: GPL-3.0-or-later
"""A reverse proxy that publishes a server under a path (https://host/scm/ → /), as web servers do."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@contextmanager
def published(start: str) -> Iterator[PathProxy]:
    """A proxy on a free port; where it leads is said later, for the server wants to know its address first."""
    proxy = PathProxy(start)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    yield proxy
    proxy.shutdown()
    proxy.server_close()


class PathProxy(ThreadingHTTPServer):
    """Takes `start` away from the path of each request, and nothing else."""

    daemon_threads = True
    target = ""
    hidden: tuple[str, ...] = ()
    """Headers of answers that begin so are not passed on."""

    def __init__(self, start: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.start = start
        self.url = f"http://127.0.0.1:{self.server_address[1]}{start}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: PathProxy

    def __getattr__(self, name: str) -> object:
        if name.startswith("do_"):
            return self._pass_on
        raise AttributeError(name)

    def _pass_on(self) -> None:
        target = urlsplit(self.server.target)
        connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=60)
        try:
            path = self.path.removeprefix(self.server.start) or "/"
            connection.putrequest(self.command, path, skip_host=True, skip_accept_encoding=True)
            body = self._body()
            for name, value in self.headers.items():
                if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            content = answer.read()
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "transfer-encoding", "content-length") and not (
                    self.server.hidden and name.lower().startswith(self.server.hidden)
                ):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)
        finally:
            connection.close()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""
