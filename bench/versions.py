# SPDX-License-Identifier: GPL-3.0-or-later
"""What calls cost on SQLite, beside the same calls to another version of Trivium, which its commit names.

.venv/bin/python -m bench.versions COMMIT [ROUNDS]

Both servers run in the environment of this checkout. They take turns, and the first round warms up.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.databases import cost_of, seed

ROUNDS = 10
_CHECKOUT = Path(__file__).parents[1]
_SERVE = """
import json, sys
from pathlib import Path
from tests.support.servers import Server
server = Server(Path(sys.argv[1]))
server.data.mkdir(parents=True)
server.set_up()
server.start("--workers", "2")
print(json.dumps([server.url, server.pid, server.admin_key]), flush=True)
sys.stdin.read()
server.stop()
"""


@dataclass(frozen=True)
class Version:
    """A server of one version."""

    url: str
    pid: int
    admin_key: str


@contextmanager
def served(tree: Path, data: Path) -> Iterator[Version]:
    """The server of a checkout, for the time of the block."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", _SERVE, str(data)],
        cwd=tree,
        env={"PYTHONPATH": str(tree), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        yield Version(*json.loads(process.stdout.readline()))


def main(commit: str, rounds: int = ROUNDS) -> None:
    """Print a line for each kind of call: medians of the rounds, and the best of them."""
    with tempfile.TemporaryDirectory(prefix="trivium-versions-") as place:
        old = Path(place) / "old"
        old.mkdir()
        with subprocess.Popen(["git", "archive", commit], cwd=_CHECKOUT, stdout=subprocess.PIPE) as archive:
            subprocess.run(["tar", "-x", "-C", str(old)], stdin=archive.stdout, check=True)
        with served(_CHECKOUT, Path(place) / "data") as now, served(old, Path(place) / "data-of-old") as before:
            asked = {version: seed(version) for version in (now, before)}
            costs: dict[tuple[str, Version], list[float]] = {}
            for round_ in range(rounds + 1):
                for method in asked[now]:
                    for version in (now, before) if round_ % 2 else (before, now):
                        cost = cost_of(version, *asked[version][method])
                        if round_:
                            costs.setdefault((method, version), []).append(cost)
        for method in asked[now]:
            ours, theirs = costs[method, now], costs[method, before]
            ratio = statistics.median(ours) / statistics.median(theirs)
            print(
                f"{method:24}{ratio:5.2f}   best {min(ours) / min(theirs):5.2f}"
                f"   {statistics.median(ours):.3f} / {statistics.median(theirs):.3f} ms CPU"
            )


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
