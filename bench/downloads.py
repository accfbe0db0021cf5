# SPDX-License-Identifier: GPL-3.0-or-later
"""What a large file and a large archive take of memory on their way out: `make bench download`."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from pathlib import Path
from urllib.request import urlopen

from bench.processes import process_memory_mb
from bench.report import Report
from tests.support.processes import about, tree
from tests.support.servers import Server

FILE_MB = int(os.environ.get("BENCH_DOWNLOAD_MB", "1024"))
"""Of one file; the archive has two of them."""
_LIMIT_MB = 200
_EVERY = 0.1
"""Seconds."""


def measure_download(report: Report, server: Server, place: Path) -> None:
    """The largest process while each is sent, in MB."""
    history = place / "large.git"
    _generate(history)
    root = server.api(server.admin_key)
    server.administer("public-access", "on")
    root("create_repo", repo_name="large", repo_type="git", enable_downloads=True)
    stored = server.root / "large"
    for name in ("objects", "refs", "packed-refs"):
        if (history / name).is_dir():
            shutil.copytree(history / name, stored / name, dirs_exist_ok=True)
        elif (history / name).exists():
            shutil.copy(history / name, stored / name)
    tip = root("get_repo", repoid="large", cache=False)["last_changeset"]["raw_id"]
    for what, path in (
        (f"a file of {FILE_MB} MB", f"raw/{tip}/one.bin"),
        (f"an archive of {2 * FILE_MB} MB, tar.gz", f"archive/{tip}.tar.gz"),
        (f"an archive of {2 * FILE_MB} MB, zip", f"archive/{tip}.zip"),
    ):
        watch = _Watch(server.pid)
        began, size = time.perf_counter(), 0
        with urlopen(f"{server.url}/large/{path}") as answer:
            while piece := answer.read(1 << 20):
                size += len(piece)
        largest, name = watch.end()
        if size < FILE_MB << 20:
            raise RuntimeError(f"{path}: {size} bytes")
        seconds = time.perf_counter() - began
        said = f"{name}; {size >> 20} MB in {seconds:.1f} s, {(size >> 20) / seconds:.0f} MB/s"
        report.line(f"largest process while {what} is sent, MB", largest, _LIMIT_MB, said)


class _Watch:
    """Looks at the processes of a server until it is told to end."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._largest = (0.0, "")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while not self._ended.wait(_EVERY):
            for pid in tree(self._root):
                self._largest = max(self._largest, (process_memory_mb(pid), _name(pid)))

    def end(self) -> tuple[float, str]:
        """The largest process that was seen: MB, and what it is."""
        self._ended.set()
        self._thread.join()
        return self._largest


def _name(pid: int) -> str:
    words = about(pid, "cmdline").replace("\0", " ").split()
    return " ".join(word.rpartition("/")[2] for word in words[:4])


def _generate(target: Path) -> None:
    """A bare repository with two files that cannot be compressed."""
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=master", str(target)], check=True)
    importer = subprocess.Popen(
        [
            "git",
            *("-c", "core.bigFileThreshold=1m", "-c", "core.compression=0", "-c", "fastimport.unpackLimit=0"),
            *("fast-import", "--quiet"),
        ],
        cwd=target,
        stdin=subprocess.PIPE,
    )
    assert importer.stdin is not None
    importer.stdin.write(b"commit refs/heads/master\ncommitter Ada <ada@example.org> 1700000000 +0000\n")
    importer.stdin.write(b"data 5\nLarge\n")
    block = os.urandom(1 << 20)
    for name in (b"one.bin", b"two.bin"):
        importer.stdin.write(b"M 100644 inline %s\ndata %d\n" % (name, FILE_MB << 20))
        for number in range(FILE_MB):
            importer.stdin.write(number.to_bytes(8, "big") + name[:1] + block[9:])
        importer.stdin.write(b"\n")
    importer.stdin.close()
    if importer.wait():
        raise RuntimeError("git fast-import failed")
