# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of a Subversion repository elsewhere, copied revision by revision: `svnrdump dump | svnadmin load`.

Subversion's proxy is a relay, which connects to nothing but the addresses that were judged (`egress.relay`).
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from trivium.egress.relay import relay
from trivium.egress.remote import Remote, TransferLimits
from trivium.procs.spawn import confine
from trivium.procs.ties import tied
from trivium.procs.watching import watched
from trivium.vcs.errors import VcsError
from trivium.vcs.svn.command import SvnCommand

_COMMITTED = re.compile(rb"Committed revision (\d+)|Committed new rev (\d+)")


def load_history(
    command: SvnCommand, remote: Remote, target: Path, limits: TransferLimits, progress: Callable[[int], None]
) -> None:
    """Fill the empty repository at `target`; `progress` hears of each revision. Raises `VcsError`.

    The password is on no command line and in no file.
    """
    programs = command.available
    with contextlib.ExitStack() as held:
        port = held.enter_context(relay(remote, limits))
        config = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="trivium-svn-")))
        (config / "servers").write_text(
            f"[global]\nhttp-proxy-host = 127.0.0.1\nhttp-proxy-port = {port}\nhttp-timeout = {limits.idle}\n"
            "store-passwords = no\nstore-plaintext-passwords = no\n"
        )
        options = ["--quiet", "--non-interactive", "--no-auth-cache", "--config-dir", str(config)]
        if remote.username or remote.password:
            options += ["--username", remote.username, "--password-from-stdin"]
        errors = held.enter_context(tempfile.TemporaryFile())
        dumping = subprocess.Popen(
            tied([programs.svnrdump, "dump", *options, "--", remote.url], last="KILL"),
            cwd="/",
            env=command.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        confine(dumping.pid)
        held.callback(_end, dumping)
        assert dumping.stdin and dumping.stdout
        with contextlib.suppress(BrokenPipeError), dumping.stdin:
            dumping.stdin.write(remote.password.encode() + b"\n" if remote.password else b"")
        loading = subprocess.Popen(
            tied([programs.svnadmin, "load", "--normalize-props", "--no-flush-to-disk", str(target)], last="KILL"),
            cwd="/",
            env=command.environment,
            stdin=dumping.stdout,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        confine(loading.pid)
        held.callback(_end, loading)
        dumping.stdout.close()
        timer = threading.Timer(limits.total, dumping.kill)
        timer.start()
        held.callback(timer.cancel)
        with watched(limits.check, dumping.kill):
            last = _follow(loading, progress)
        if dumping.wait():
            errors.seek(0)
            raise VcsError(f"the repository cannot be read: {_sentence(errors.read())}")
        if loading.wait():
            raise VcsError(f"the history cannot be loaded: {_sentence(last)}")


def _follow(loading: subprocess.Popen[bytes], progress: Callable[[int], None]) -> bytes:
    """Report revisions as they are loaded; returns the last words of the output."""
    assert loading.stdout
    last = b""
    for line in loading.stdout:
        last = (last + line)[-2000:]
        if found := _COMMITTED.search(line):
            progress(int(found[1] or found[2]))
    return last


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()


def _sentence(said: bytes) -> str:
    """The output of Subversion's programs, in one line."""
    lines = [line for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no reason was given"
