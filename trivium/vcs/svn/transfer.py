# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of a Subversion repository elsewhere, copied revision by revision: `svnrdump dump | svnadmin load`.

The address was judged before (security.md 8). Subversion would look the host up again, so it is given a proxy that
connects to nothing but the addresses that were judged.
"""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final
from urllib.parse import urlsplit

from trivium.egress.remote import Remote, TransferLimits
from trivium.egress.watching import watched
from trivium.procs.spawn import confine
from trivium.procs.ties import tied
from trivium.vcs.errors import VcsError
from trivium.vcs.svn.command import SvnCommand

_COMMITTED = re.compile(rb"Committed revision (\d+)|Committed new rev (\d+)")
_CHUNK: Final = 64 << 10
_HEAD: Final = 64 << 10
_PORTS: Final = {"http": 80, "https": 443}


def load_history(
    command: SvnCommand, remote: Remote, target: Path, limits: TransferLimits, progress: Callable[[int], None]
) -> None:
    """Fill the empty repository at `target`; `progress` hears of each revision. Raises `VcsError`.

    The password is on nobody's command line and in no file.
    """
    programs = command.available
    with contextlib.ExitStack() as held:
        relay = held.enter_context(_relay(remote, limits.idle))
        config = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="trivium-svn-")))
        (config / "servers").write_text(
            f"[global]\nhttp-proxy-host = 127.0.0.1\nhttp-proxy-port = {relay}\nhttp-timeout = {limits.idle}\n"
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
    """Tell of revisions as they are loaded; returns the last of what was said."""
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
    """What Subversion's programs say, in one line."""
    lines = [line for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no reason was given"


@contextlib.contextmanager
def _relay(remote: Remote, idle: int) -> Iterator[int]:
    """A proxy on the loopback for one host; returns its port. It ends with the block, and so do its connections."""
    parts = urlsplit(remote.url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    with socket.create_server(("127.0.0.1", 0)) as listening, contextlib.ExitStack() as opened:

        def accept() -> None:
            with contextlib.suppress(OSError):  # closed: the block has ended
                while True:
                    client, _ = listening.accept()
                    opened.callback(client.close)
                    threading.Thread(target=serve, args=(client,), daemon=True).start()

        def serve(client: socket.socket) -> None:
            with contextlib.suppress(OSError), client, client.makefile("rb") as stream:
                client.settimeout(idle)
                head = _read_head(stream)
                if head is None or not _is_for(head, host, port):
                    client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    return
                with _connect(remote.addresses, port, idle) as server:
                    if head.startswith(b"CONNECT "):
                        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                    else:
                        server.sendall(head)
                    back = threading.Thread(target=_copy, args=(server.makefile("rb", 0), client), daemon=True)
                    back.start()
                    _copy(stream, server)
                    back.join()

        threading.Thread(target=accept, daemon=True).start()
        yield int(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)


def _read_head(stream: IO[bytes]) -> bytes | None:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline(_HEAD)
        head += line
        if not line or len(head) > _HEAD:
            return None
    return head


def _is_for(head: bytes, host: str, port: int) -> bool:
    """Whether a request to the proxy is for the host that was judged. What follows on its connection goes there too."""
    method, _, rest = head.partition(b" ")
    target = rest.partition(b" ")[0].decode("latin-1")
    parts = urlsplit(f"//{target}" if method == b"CONNECT" else target)
    try:
        return (parts.hostname, parts.port or _PORTS.get(parts.scheme, 443)) == (host.lower(), port)
    except ValueError:
        return False


def _connect(addresses: tuple[str, ...], port: int, idle: int) -> socket.socket:
    error: OSError = ConnectionRefusedError()
    for address in addresses:
        try:
            return socket.create_connection((address, port), timeout=idle)
        except OSError as refused:
            error = refused
    raise error


def _copy(source: IO[bytes], target: socket.socket) -> None:
    with contextlib.suppress(OSError, ValueError):
        read = getattr(source, "read1", source.read)
        while chunk := read(_CHUNK):
            target.sendall(chunk)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
