# SPDX-License-Identifier: GPL-3.0-or-later
"""A small load generator in a process of its own: so many connections, so many requests, then it stops.

python -m bench.load HOST PORT PATH CONNECTIONS REQUESTS PAUSE < one JSON body per line
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """What one run saw."""

    requests: int
    seconds: float
    p50_ms: float
    p95_ms: float
    answer_bytes: int


async def _connection(
    host: str, port: int, path: str, bodies: list[bytes], turns: itertools.count[int], last: int, pause: float
) -> list[tuple[float, int]]:
    reader, writer = await asyncio.open_connection(host, port)
    heads = {
        body: b"POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n" % (path.encode(), host.encode(), len(body))
        for body in bodies
    }
    seen = []
    while next(turns) < last:
        await asyncio.sleep(pause)
        body = random.choice(bodies)
        began = time.perf_counter()
        writer.write(heads[body] + body)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        answer = await reader.readexactly(length)
        if b'"error":null' not in answer[-20:]:
            raise RuntimeError(answer[-200:].decode())
        seen.append((time.perf_counter() - began, length))
    writer.close()
    return seen


async def _run(
    host: str, port: int, path: str, connections: int, requests: int, pause: float, bodies: list[bytes]
) -> Load:
    turns = itertools.count()
    began = time.perf_counter()
    each = await asyncio.gather(
        *(_connection(host, port, path, bodies, turns, requests, pause) for _ in range(connections))
    )
    seconds = time.perf_counter() - began
    seen = [item for one in each for item in one]
    times = sorted(item[0] * 1000 for item in seen)
    return Load(len(seen), seconds, statistics.median(times), times[int(len(times) * 0.95)], seen[0][1] if seen else 0)


def load(
    host: str, port: int, path: str, *, connections: int, requests: int, bodies: list[bytes], pause: float = 0
) -> Load:
    """Run the generator in a process and a session of its own: Linux shares processors among sessions first.

    `pause`: seconds for which each connection waits before each request.
    """
    done = subprocess.run(
        [sys.executable, "-m", "bench.load", host, str(port), path, str(connections), str(requests), str(pause)],
        input=b"\n".join(bodies),
        capture_output=True,
        check=False,
        start_new_session=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode()[-2000:])
    return Load(**json.loads(done.stdout))


def main() -> None:
    host, port, path, connections, requests, pause = sys.argv[1:]
    bodies = sys.stdin.buffer.read().split(b"\n")
    random.seed(1)
    seen = _run(host, int(port), path, int(connections), int(requests), float(pause), bodies)
    print(json.dumps(vars(asyncio.run(seen))))


if __name__ == "__main__":
    main()
