# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting a program without keeping anybody waiting.

Python holds its interpreter from the start of a child until the child has become the program. On a busy machine that
takes 1.5 ms, sometimes 30, and no thread of the process does anything meanwhile. `posix_spawn(3)`, called as a foreign
function, keeps only the thread that calls it (`make bench`).
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import resource
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Final

from trivium.errors import StartRefused
from trivium.procs.watching import watched

_SETSIGDEF: Final = 0x04
_SETSID: Final = 0x80
"""Of `spawn.h`, in the GNU C library as in musl."""
_OPAQUE: Final = 1024
"""Bytes, more than any of the library's structures has."""
_IGNORED_BY_PYTHON: Final = (signal.SIGPIPE, signal.SIGXFSZ)

_FIRST_WORDS: Final = 64 << 10
MEMORY: Final = 2 << 30
"""Bytes that a program may have for itself, unless it is known to need less. What it maps of files does not count."""

_library = ctypes.CDLL(None)


def check_library() -> None:
    """Raise `StartRefused` when the C library is too old to start programs in this way."""
    if not hasattr(_library, "posix_spawn_file_actions_addclosefrom_np"):
        raise StartRefused("the C library cannot start programs as needed: GNU libc 2.34 or newer is needed")


def confine(pid: int, memory: int = MEMORY) -> None:
    """Bound the memory of a program that was just started, in bytes, and that of each program which it will start.

    Only what is private and writable counts (RLIMIT_DATA): not the packs that git maps. A program that wants more ends
    with an error of its own. One that has ended already is no error.
    """
    with contextlib.suppress(OSError, ValueError):
        _, most = resource.prlimit(pid, resource.RLIMIT_DATA)
        limit = memory if most == resource.RLIM_INFINITY else min(memory, most)
        resource.prlimit(pid, resource.RLIMIT_DATA, (limit, limit))


class FirstWords:
    """The beginning of what a program says; the rest is read and thrown away, however much it is.

    A thread reads while the program runs. Otherwise a program whose pipe is full would never end.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._kept = b""
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError), self._stream:
            while chunk := self._stream.read1(_FIRST_WORDS):  # type: ignore[attr-defined]  # it is buffered
                self._kept += chunk[: _FIRST_WORDS - len(self._kept)]

    def get(self) -> bytes:
        """What was said, once the program has ended; does not wait for children that outlive it."""
        self._reading.join(1.0)
        return self._kept


_LAST_WORDS: Final = 500
"""Bytes of a complaint that are repeated."""


def words_of(complaint: bytes) -> str:
    """The end of what a program complained of, as a text of one line without characters that act on a terminal."""
    text = complaint[-_LAST_WORDS:].decode("utf-8", "replace")
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    stdin: bytes = b"",
    timeout: float,
    memory: int = MEMORY,
    check: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end, within bounds of time and memory; like `subprocess.run`, also in what it raises.

    Its output is kept, and of its error output the beginning. `check` as for `watched`.
    """
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, cwd=cwd, env=environment, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        confine(process.pid, memory)
        assert process.stderr is not None
        errors = FirstWords(process.stderr)
        process.stderr = None  # it is the reader's now
        try:
            with contextlib.nullcontext() if check is None else watched(check, process.kill):
                output, _ = process.communicate(stdin, timeout=timeout)
        except BaseException:
            process.kill()
            raise
        return subprocess.CompletedProcess(argv, process.returncode, output, errors.get())


def spawn(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    cwd: int,
    streams: tuple[int, int, int],
    keep: int | None,
    memory: int = MEMORY,
) -> int:
    """Start a program, given with its directory, as the leader of a session; returns its process id.

    It works in the directory behind the descriptor `cwd`. `streams` become its standard input, output and error output,
    and `keep`, if there is one, descriptor 3; of the other descriptors of this process it gets none. `memory` as for
    `confine`. Raises `OSError`.
    """
    given = [*streams, *(() if keep is None else (keep,))]
    with ExitStack() as made:
        actions = _made(made, "posix_spawn_file_actions")
        _call("posix_spawn_file_actions_addfchdir_np", actions, cwd)
        for target, source in enumerate(given):
            if source < len(given):  # another descriptor needs this number
                source = fcntl.fcntl(source, fcntl.F_DUPFD_CLOEXEC, len(given))
                made.callback(os.close, source)
            _call("posix_spawn_file_actions_adddup2", actions, source, target)
        _call("posix_spawn_file_actions_addclosefrom_np", actions, len(given))
        attributes = _made(made, "posix_spawnattr")
        signals = ctypes.create_string_buffer(_OPAQUE)
        _library.sigemptyset(signals)
        for number in _IGNORED_BY_PYTHON:
            _library.sigaddset(signals, int(number))
        _call("posix_spawnattr_setsigdefault", attributes, signals)
        _call("posix_spawnattr_setflags", attributes, ctypes.c_short(_SETSIGDEF | _SETSID))
        pid = ctypes.c_int()
        words = _strings(argv)
        names = _strings([f"{name}={value}" for name, value in environment.items()])
        _call("posix_spawn", ctypes.byref(pid), words[0], actions, attributes, words, names)
        confine(pid.value, memory)
        return pid.value


def _made(until: ExitStack, kind: str) -> ctypes.Array[ctypes.c_char]:
    """A structure of the library, which is given back in the end."""
    structure = ctypes.create_string_buffer(_OPAQUE)
    _call(f"{kind}_init", structure)
    until.callback(getattr(_library, f"{kind}_destroy"), structure)
    return structure


def _call(name: str, *arguments: Any) -> None:
    """Call a function that returns an error number."""
    error = getattr(_library, name)(*arguments)
    if error:
        raise OSError(error, os.strerror(error))


def _strings(texts: Sequence[str]) -> Any:
    """A null-terminated array of C strings."""
    encoded = [os.fsencode(text) for text in texts]
    if any(b"\0" in text for text in encoded):
        raise ValueError("a null byte in a word or variable of a program")
    return (ctypes.c_char_p * (len(encoded) + 1))(*encoded, None)
