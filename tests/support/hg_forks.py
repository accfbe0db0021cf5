# SPDX-License-Identifier: GPL-3.0-or-later
"""The program `hg`, loaded once: each command is a process of its own that was copied from it.

To load Mercurial is most of what a command costs. This is what its `chg` does, without a process that stays behind: it
ends with the process of the tests. Run as a program it is handed a socket, where each message is a command in JSON,
with three descriptors: where its process says its number and how it ended, its output, its errors.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

_MOST = 100_000
"""Bytes of a command that fit into a message for certain."""
_PATIENCE = 120
_NEEDED = (
    *("admin_commands", "bookmarks", "bundle2", "bundle2_part_handlers", "changegroup", "cmdutil", "commands"),
    *("context", "debugcommands", "dirstate", "discovery", "dispatch", "exchange", "fancyopts", "filelog", "hg"),
    *("hgweb.server", "httpconnection", "httppeer", "initialization", "keepalive", "localrepo", "logcmdutil"),
    *("manifest", "mdiff", "merge", "obsolete", "patch", "phases", "profiling", "revset", "revset_predicates"),
    *("setdiscovery", "sslutil", "store", "streamclone", "strip", "subrepo", "templatekw", "templater", "ui"),
    *("url", "wireprotov1peer"),
)
"""Modules of Mercurial that most commands load."""


class Forks:
    """The loaded program."""

    _running: Forks | None = None
    _turn = threading.Lock()

    def __init__(self, environment: dict[str, str]) -> None:
        self._handing, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                env=environment,
                cwd="/",
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    @classmethod
    def run(
        cls, environment: dict[str, str], arguments: tuple[str, ...], cwd: Path
    ) -> subprocess.CompletedProcess[bytes] | None:
        """One command in a process of its own, also beside those of other threads; None when it is too long."""
        with cls._turn:
            if cls._running is None:
                cls._running = cls(environment)
        return cls._running._run(environment, arguments, cwd)

    def _run(
        self, environment: dict[str, str], arguments: tuple[str, ...], cwd: Path
    ) -> subprocess.CompletedProcess[bytes] | None:
        told = json.dumps({"arguments": arguments, "cwd": str(cwd), "environment": environment}).encode()
        if len(told) > _MOST:
            return None
        ours, theirs = socket.socketpair()
        with ours, open(os.memfd_create("out"), "rb") as out, open(os.memfd_create("errors"), "rb") as errors:
            with theirs:
                socket.send_fds(self._handing, [told], [theirs.fileno(), out.fileno(), errors.fileno()])
            ours.settimeout(_PATIENCE)
            (pid,) = struct.unpack("i", ours.recv(4))
            try:
                ended = ours.recv(4)
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(arguments, _PATIENCE) from None
            status = struct.unpack("i", ended)[0] if ended else -signal.SIGKILL
            out.seek(0)
            errors.seek(0)
            return subprocess.CompletedProcess(arguments, status, out.read(), errors.read())


def _serve(handed: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        told, descriptors, _, _ = socket.recv_fds(handed, _MOST, 3)
        if not told:
            return
        if not os.fork():
            handed.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _be_hg(json.loads(told), *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _be_hg(told: dict[str, Any], answer: int, out: int, errors: int) -> None:
    """Carry out one command, and end; the descriptors are closed for programs that it starts."""
    from mercurial import dispatch, pycompat

    os.write(answer, struct.pack("i", os.getpid()))
    os.dup2(out, 1)
    os.dup2(errors, 2)
    os.environ.clear()
    os.environ.update(told["environment"])
    os.chdir(told["cwd"])
    pycompat.sysargv = [b"hg", b"--noninteractive", *(os.fsencode(one) for one in told["arguments"])]
    status = 255
    try:
        dispatch.run()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(answer, struct.pack("i", status))
        os._exit(status)


def _load() -> None:
    import hgdemandimport

    hgdemandimport.enable()
    for name in _NEEDED:
        vars(importlib.import_module(f"mercurial.{name}"))
    gc.freeze()


if __name__ == "__main__":
    sys.path.pop(0)  # this directory
    _load()
    _serve(socket.socket(fileno=int(sys.argv[1])))
