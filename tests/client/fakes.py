# SPDX-License-Identifier: GPL-3.0-or-later
"""The two sides of every test: a server that answers as it is told, and the client in a home of its own."""

import contextlib
import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

ROOT = Path(__file__).resolve().parents[2]

KEY = "5eC4e7" + "0123456789abcdef" * 2 + "42"
"""Forty characters that occur nowhere by accident."""


@dataclass(frozen=True)
class Request:
    """What reached the server."""

    verb: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def envelope(self) -> dict[str, Any]:
        """The JSON object in the body."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


@dataclass(frozen=True)
class Answer:
    """An HTTP response; `body=None` closes the connection without one."""

    body: bytes | None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def reply(request: Request, result: object = None, error: object = None, **changes: object) -> Answer:
    """Return the envelope a proper server sends, with `changes` made to it."""
    envelope = {"id": request.envelope["id"], "result": result, "error": error, **changes}
    return Answer(json.dumps(envelope).encode(), headers={"Content-Type": "application/json"})


class ApiServer:
    """An HTTP server on a free loopback port; `answer` may be replaced at any time."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        """Listen, with TLS if a context is given, and answer everything with `result: null`."""
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Answer] = reply
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        if tls is not None:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    def answers(self, result: object = None, error: object = None, **changes: object) -> None:
        """From now on, answer every call with this envelope."""
        self.answer = lambda request: reply(request, result, error, **changes)

    def sends(self, body: bytes | None, status: int = 200, **headers: str) -> None:
        """From now on, answer with exactly this; in names of headers `_` stands for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answer = lambda request: Answer(body, status, named)

    @property
    def call(self) -> dict[str, Any]:
        """The envelope of the one request that came in."""
        (request,) = self.requests
        return request.envelope

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                request = Request(self.command, self.path, dict(self.headers), body)
                server.requests.append(request)
                answer = server.answer(request)
                if answer.body is None:
                    self.close_connection = True
                    return
                # A client that was interrupted, or has seen enough, is no failure of the server.
                with contextlib.suppress(ConnectionError):
                    self.send_response(answer.status)
                    for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(answer.body)

            do_GET = do_POST = do_CONNECT = _serve

            def log_message(self, format: str, *args: object) -> None:
                """Keep pytest's output free of access logs."""

        return Handler

    def __enter__(self) -> Self:
        """Start to serve."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop and free the port."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@dataclass(frozen=True)
class Run:
    """How one run of the client ended."""

    status: int
    out: str
    err: str


@dataclass
class Client:
    """The program, with home and configuration below a directory of the test."""

    home: Path
    xdg: Path
    env: dict[str, str]

    @property
    def config(self) -> Path:
        """Where the config file is unless something says otherwise."""
        return self.xdg / "rhodecode" / "api.json"

    def save(self, apikey: str, apihost: str) -> Path:
        """Write a config file as `--save-config` would."""
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.write_text(json.dumps({"apikey": apikey, "apihost": apihost}))
        self.config.chmod(0o600)
        return self.config

    def command(self, *words: str | bytes) -> list[str | bytes]:
        """Return the command line that runs the client with `words`."""
        return [sys.executable, "-m", "trivium_client.main", *words]

    def run(self, *words: str | bytes, **env: str) -> Run:
        """Run the client with `words` to its end; `env` adds variables."""
        return self._run(words, subprocess.PIPE, env)

    def run_into(self, stdout: IO[bytes] | int, *words: str | bytes) -> Run:
        """Run the client with its stdout going to a file or descriptor, which is not read."""
        return self._run(words, stdout, {})

    def _run(self, words: Sequence[str | bytes], stdout: IO[bytes] | int, env: Mapping[str, str]) -> Run:
        done = subprocess.run(
            self.command(*words),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env={**self.env, **env},
            cwd=self.home,
            timeout=30,
            check=False,
        )
        run = Run(done.returncode, (done.stdout or b"").decode(), done.stderr.decode())
        # Whatever else a test wants to see: never a traceback.
        assert "Traceback" not in run.err, run.err
        assert "Exception ignored" not in run.err, run.err
        return run


def isolated(home: Path, xdg: Path) -> Client:
    """Return a client that sees nothing of the machine the tests run on."""
    env = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(xdg),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "COLUMNS": "80",
    }
    return Client(home, xdg, env)
