# SPDX-License-Identifier: GPL-3.0-or-later
"""What a large file and a large archive take of memory on their way out: `make bench download`."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import Request, urlopen

from bench.processes import process_memory_mb
from bench.report import Report
from tests.support import hg_client
from tests.support.processes import about, tree
from tests.support.servers import Server

FILE_MB = int(os.environ.get("BENCH_DOWNLOAD_MB", "1024"))
"""Of one file; the archive has two of them."""
NAMES = ("one.bin", "two.bin")
_LIMIT_MB = 200
_EVERY = 0.1
"""Seconds."""


def measure_download(report: Report, server: Server, place: Path) -> None:
    """The largest process while each is sent, in MB, for each system."""
    root = server.api(server.admin_key)
    server.administer("public-access", "on")
    for kind in os.environ.get("BENCH_DOWNLOAD_KINDS", "git hg svn").split():
        name = f"large-{kind}"
        root("create_repo", repo_name=name, repo_type=kind, enable_downloads=True)
        _FILL[kind](place / f"large-{kind}", server.root / name)
        tip = root("get_repo", repoid=name, cache=False)["last_changeset"]["raw_id"]
        last = (FILE_MB << 20) - (1 << 20)
        for what, path, wanted in (
            (f"a file of {FILE_MB} MB", f"raw/{tip}/one.bin", ""),
            ("the last MB of it", f"raw/{tip}/one.bin", f"bytes={last}-"),
            (f"an archive of {2 * FILE_MB} MB, tar.gz", f"archive/{tip}.tar.gz", ""),
            (f"an archive of {2 * FILE_MB} MB, zip", f"archive/{tip}.zip", ""),
        ):
            _measure(report, server, f"{kind}, {what}", f"{name}/{path}", wanted)


def _measure(report: Report, server: Server, what: str, path: str, wanted: str) -> None:
    watch = _Watch(server.pid)
    began, size = time.perf_counter(), 0
    request = Request(f"{server.url}/{path}", headers={"Range": wanted} if wanted else {})
    try:
        with urlopen(request) as answer:
            while piece := answer.read(1 << 20):
                size += len(piece)
    finally:
        largest, name = watch.end()
    if size < (1 << 20 if wanted else FILE_MB << 20):
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


def _fill_git(work: Path, target: Path) -> None:
    """Two files that cannot be compressed, put where the server keeps the repository."""
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=master", str(work)], check=True)
    importer = subprocess.Popen(
        [
            "git",
            *("-c", "core.bigFileThreshold=1m", "-c", "core.compression=0", "-c", "fastimport.unpackLimit=0"),
            *("fast-import", "--quiet"),
        ],
        cwd=work,
        stdin=subprocess.PIPE,
    )
    assert importer.stdin is not None
    importer.stdin.write(b"commit refs/heads/master\ncommitter Ada <ada@example.org> 1700000000 +0000\n")
    importer.stdin.write(b"data 5\nLarge\n")
    for name in NAMES:
        importer.stdin.write(b"M 100644 inline %s\ndata %d\n" % (name.encode(), FILE_MB << 20))
        for block in _blocks(name):
            importer.stdin.write(block)
        importer.stdin.write(b"\n")
    importer.stdin.close()
    if importer.wait():
        raise RuntimeError("git fast-import failed")
    for name in ("objects", "refs", "packed-refs"):
        if (work / name).is_dir():
            shutil.copytree(work / name, target / name, dirs_exist_ok=True)
        elif (work / name).exists():
            shutil.copy(work / name, target / name)


def _fill_hg(work: Path, target: Path) -> None:
    environment = os.environ | {"HGRCPATH": "", "HGPLAIN": "1"}

    def run(*words: str) -> None:
        command = [hg_client.PROGRAM, "--config", "ui.username=Ada <ada@example.org>", *words]
        subprocess.run(command, cwd=work, env=environment, check=True)

    work.mkdir()
    run("init", "--quiet")
    _write(work)
    run("commit", "--quiet", "--addremove", "-m", "Large")
    run("phase", "--public", "tip")
    shutil.copytree(work / ".hg" / "store", target / ".hg" / "store", dirs_exist_ok=True)
    shutil.rmtree(work)


def _fill_svn(work: Path, target: Path) -> None:
    work.mkdir()
    _write(work)
    subprocess.run(["svn", "import", "--quiet", "-m", "Large", str(work), target.as_uri()], check=True)
    shutil.rmtree(work)


_FILL: dict[str, Callable[[Path, Path], None]] = {"git": _fill_git, "hg": _fill_hg, "svn": _fill_svn}


def _write(work: Path) -> None:
    for name in NAMES:
        with (work / name).open("wb") as file:
            file.writelines(_blocks(name))


def _blocks(name: str) -> Iterator[bytes]:
    """A file that cannot be compressed, a mebibyte at a time."""
    block = os.urandom(1 << 20)
    for number in range(FILE_MB):
        yield number.to_bytes(8, "big") + name[:1].encode() + block[9:]
