# SPDX-License-Identifier: GPL-3.0-or-later
"""A load generator for pages: so many connections ask for addresses in turn, and take whatever comes.

python -m bench.fetching HOST PORT CONNECTIONS REQUESTS < one JSON list [method, path, headers] per line
"""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Ask:
    """One request."""

    path: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 200
    """The answer that is expected."""


@dataclass(frozen=True)
class Fetched:
    """What a run saw."""

    requests: int
    seconds: float
    size: int
    """Bytes of the last answer's body."""
    tag: str
    """Its `ETag`."""


async def _answer(reader: asyncio.StreamReader, ask: Ask) -> tuple[int, dict[bytes, bytes]]:
    head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    status = int(head[0].split()[1])
    if status != ask.status:
        raise RuntimeError(f"{ask.method} {ask.path}: {head}")
    pairs = (line.partition(b":") for line in head[1:] if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    if ask.method == "HEAD" or status == 304:
        return 0, headers
    if b"content-length" in headers:
        return len(await reader.readexactly(int(headers[b"content-length"]))), headers
    size = 0
    while True:
        length = int(await reader.readline(), 16)
        await reader.readexactly(length + 2)
        size += length
        if not length:
            return size, headers


async def _connection(host: str, port: int, asks: list[Ask], turns: itertools.count[int], last: int) -> Fetched:
    reader, writer = await asyncio.open_connection(host, port)
    size, headers, done = 0, dict[bytes, bytes](), 0
    while (turn := next(turns)) < last:
        ask = asks[turn % len(asks)]
        lines = [f"{ask.method} {ask.path} HTTP/1.1", f"Host: {host}:{port}"]
        lines += [f"{name}: {value}" for name, value in ask.headers]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        size, headers = await _answer(reader, ask)
        done += 1
        if headers.get(b"connection", b"").lower() == b"close":
            writer.close()
            reader, writer = await asyncio.open_connection(host, port)
    writer.close()
    return Fetched(done, 0.0, size, headers.get(b"etag", b"").decode())


async def _run(host: str, port: int, connections: int, requests: int, asks: list[Ask]) -> Fetched:
    turns = itertools.count()
    began = time.perf_counter()
    each = await asyncio.gather(*(_connection(host, port, asks, turns, requests) for _ in range(connections)))
    seconds = time.perf_counter() - began
    last = max(each, key=lambda one: one.requests)
    return Fetched(sum(one.requests for one in each), seconds, last.size, last.tag)


def fetch(port: int, asks: Iterable[Ask], *, connections: int, requests: int) -> Fetched:
    """Run the generator in a process and a session of its own: Linux shares processors among sessions first."""
    lines = "\n".join(json.dumps([one.method, one.path, one.headers, one.status]) for one in asks)
    done = subprocess.run(
        [sys.executable, "-m", "bench.fetching", "127.0.0.1", str(port), str(connections), str(requests)],
        input=lines.encode(),
        capture_output=True,
        check=False,
        start_new_session=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode()[-2000:])
    return Fetched(**json.loads(done.stdout))


def with_headers(ask: Ask, headers: Mapping[str, str], *, method: str = "GET", status: int = 200) -> Ask:
    return Ask(ask.path, method, (*ask.headers, *headers.items()), status)


def main() -> None:
    host, port, connections, requests = sys.argv[1:]
    asks = []
    for line in sys.stdin.read().splitlines():
        method, path, headers, status = json.loads(line)
        asks.append(Ask(path, method, tuple((name, value) for name, value in headers), status))
    print(json.dumps(vars(asyncio.run(_run(host, int(port), int(connections), int(requests), asks)))))


if __name__ == "__main__":
    main()
