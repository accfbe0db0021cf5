# SPDX-License-Identifier: GPL-3.0-or-later
"""A version-control process and its pipes, for as long as one request lasts.

It ends with its request, and with this worker. A thread starts it and does not keep the interpreter meanwhile
(`trivium.procs.spawn`): a start takes milliseconds when processors are scarce.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import sys
import termios
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import IO, Final

from trivium.procs.priority import yield_to_others
from trivium.procs.spawn import MEMORY, spawn
from trivium.procs.ties import tied

CHUNK: Final = 256 << 10
_PIPE: Final = 1 << 20
_ERRORS: Final = 64 << 10
_LONG: Final = 256 << 10
"""Bytes after which an output is a long one."""
_GATHERING: Final = 0.004
_LONGEST_GATHERING: Final = 0.032
"""Seconds in which a long output may fill the pipe: the fewest, and the most for a program that writes slowly."""
_STRETCH: Final = 64 << 10
"""Bytes that are enough to be passed on by themselves."""
_KEPT: Final = 4
"""Bytes behind them that stay in the pipe. By its last bytes an answer may say how it ended."""
_LAST_WORDS: Final = 5.0
"""How long git may take to end."""
_ORDERLY: Final = (signal.SIGTERM, signal.SIGPIPE)
"""Signals on which git removes its locks and temporary files before it ends."""


_Errors = tuple[asyncio.StreamReader, asyncio.ReadTransport]


class _Output:
    """What a program writes, in pieces as large as can be had.

    Git writes a pack in packets of eight kilobytes. Looking at the pipe for each of them took as much of the processor
    as git itself. So between two reads of a long output we wait a moment for the pipe to fill.
    """

    def __init__(self, pipe: int) -> None:
        os.set_blocking(pipe, False)
        self.pipe = pipe
        self._gathers = False
        self._so_far = 0
        self._gathering = _GATHERING

    async def stretch(self) -> int:
        """How many bytes of a long output are there, before others that are there too; 0: few, or it is no long one."""
        if self._so_far <= _LONG:
            return 0
        if (waiting := self._waiting()) < _PIPE // 2:
            await asyncio.sleep(self._gathering)
            waiting = self._waiting()
            if waiting < _PIPE // 4:
                self._gathering = min(2 * self._gathering, _LONGEST_GATHERING)
            elif waiting > _PIPE // 2:
                self._gathering = max(self._gathering / 2, _GATHERING)
        self._gathers = False  # for a moment: the next read need not wait again
        return waiting - _KEPT if waiting > _STRETCH else 0

    def _waiting(self) -> int:
        """How many bytes are in the pipe."""
        return int.from_bytes(fcntl.ioctl(self.pipe, termios.FIONREAD, bytes(4)), sys.byteorder)

    async def read(self) -> bytes:
        """The next bytes; none at the end."""
        if self._gathers:
            await asyncio.sleep(_GATHERING)
        while True:
            try:
                piece = os.read(self.pipe, CHUNK)
            except BlockingIOError:
                await self._readable()
                continue
            self._so_far += len(piece)
            self._gathers = self._so_far > _LONG and len(piece) < CHUNK // 2
            return piece

    def close(self) -> None:
        os.close(self.pipe)

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()

        def tell() -> None:
            if not ready.done():
                ready.set_result(None)

        loop.add_reader(self.pipe, tell)
        try:
            await ready
        finally:
            loop.remove_reader(self.pipe)


@dataclass(frozen=True, slots=True)
class _Child:
    """A program that was just started."""

    pid: int
    pipes: list[int]
    """Our ends of its input, output and error output, as long as nobody else is to close them."""

    def abandon(self) -> None:
        """End it: nobody has told it anything yet."""
        os.kill(self.pid, signal.SIGKILL)
        for pipe in self.pipes:
            os.close(pipe)
        os.waitpid(self.pid, 0)


class Process:
    """A running process and the tasks around its pipes; made by `start`."""

    def __init__(self, pid: int, stdin: asyncio.StreamWriter, stdout: _Output, stderr: _Errors) -> None:
        self._pid = pid
        self._input = stdin
        self._output = stdout
        errors, error_pipe = stderr
        self._pipes = (stdout, error_pipe)
        self._errors = asyncio.ensure_future(_beginning(errors))
        self._exited = _exit_of(pid)
        self.fed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._feeding: asyncio.Future[None] | None = None

    @classmethod
    async def start(
        cls,
        argv: list[str],
        *,
        environment: Mapping[str, str],
        cwd: int,
        keep: int | None = None,
        yielding: bool = False,
        memory: int = MEMORY,
    ) -> Process:
        """Start a program in the directory behind the descriptor `cwd`; it inherits `keep`, and no other of ours.

        `yielding`: it may wait while shorter work needs a processor. `memory`: bytes that it may have for itself
        (`procs.spawn.confine`).
        """
        argv = tied(argv)
        with contextlib.ExitStack() as theirs:
            # The thread has copies: the caller may close its own when it is told to stop waiting.
            place, kept = _dup(cwd, theirs), None if keep is None else _dup(keep, theirs)
            starting = asyncio.get_running_loop().run_in_executor(
                None, _start, argv, environment, place, kept, theirs.pop_all(), yielding, memory
            )
        try:
            child = await asyncio.shield(starting)
        except asyncio.CancelledError:
            starting.add_done_callback(_abandon)
            raise
        opened: list[asyncio.BaseTransport | _Output] = []
        try:
            stdin = await _writer(child.pipes.pop(0))
            opened.append(stdin.transport)
            stdout = _Output(child.pipes.pop(0))
            opened.append(stdout)
            stderr = await _reader(child.pipes.pop(0))
        except BaseException:
            child.abandon()
            for transport in opened:
                transport.close()
            raise
        return cls(child.pid, stdin, stdout, stderr)

    def feed_nothing(self) -> None:
        self._input.close()
        self.fed.set_result(None)

    def feed(self, body: AsyncIterator[bytes]) -> None:
        """Begin to write a body to the process."""
        self._feeding = self.fed = asyncio.ensure_future(self._feed(body))

    async def _feed(self, body: AsyncIterator[bytes]) -> None:
        try:
            async for chunk in body:
                if self._input.is_closing():  # the event loop has noticed already that nobody reads it
                    raise BrokenPipeError
                self._input.write(chunk)
                await self._input.drain()
        except (BrokenPipeError, ConnectionResetError):
            async for _ in body:  # git reads no more, but the client still sends the rest
                pass
        finally:
            self._input.close()

    @property
    def was_killed(self) -> bool:
        """Whether it ended so suddenly that it could not clean up (as it does when we end it)."""
        status = self._exited.result() if self._exited.done() else None
        return status is not None and status < 0 and -status not in _ORDERLY

    async def read(self) -> bytes:
        """The next bytes of its output; none at the end."""
        return await self._output.read()

    async def stretch(self) -> int:
        """How many bytes of a long output may be taken from its `pipe` unseen: at least these and a few more are there.

        It may take a moment in which more arrive. 0: there are few; `read` them.
        """
        return await self._output.stretch()

    @property
    def pipe(self) -> int:
        """The descriptor from which its output is read."""
        return self._output.pipe

    async def wait(self) -> int:
        return await asyncio.shield(self._exited)

    async def end(self, *, patient: bool = False) -> bytes:
        """Make sure that nothing of the process remains; returns what it wrote to its error output.

        `patient`: it may first end by itself, because its input has ended. A signal while git removes its quarantine
        directory would leave that behind.
        """
        if self._feeding is not None:
            self._feeding.cancel()
            await asyncio.gather(self._feeding, return_exceptions=True)
        if patient:
            self._input.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wait(), _LAST_WORDS)
        if not self._exited.done():
            self._signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.wait(), _LAST_WORDS)
            except TimeoutError:
                self._signal(signal.SIGKILL)
                await self.wait()
        try:
            return await asyncio.wait_for(asyncio.shield(self._errors), _LAST_WORDS)
        except TimeoutError:
            # A child of git still has the pipe.
            self._signal(signal.SIGKILL)
            return await self._errors
        finally:
            for pipe in self._pipes:  # the event loop leaves them open at their end
                pipe.close()

    def _signal(self, number: int) -> None:
        """Tell git and all its children: they are a process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, number)


async def _beginning(stream: asyncio.StreamReader) -> bytes:
    """Read a stream to its end and keep the first of it."""
    kept = b""
    while chunk := await stream.read(CHUNK):
        kept += chunk[: _ERRORS - len(kept)]
    return kept


def _dup(descriptor: int, until: contextlib.ExitStack) -> int:
    """Another descriptor of the same file."""
    copy = os.dup(descriptor)
    until.callback(os.close, copy)
    return copy


def _start(
    argv: list[str],
    environment: Mapping[str, str],
    cwd: int,
    keep: int | None,
    theirs: contextlib.ExitStack,
    yielding: bool,
    memory: int,
) -> _Child:
    """Start a program; runs in a thread that lives as long as this worker, for the program ends with it.

    `theirs` closes the descriptors that only the program needs, once it has been started.
    """
    with contextlib.ExitStack() as ours, theirs:
        (stdin, writing), (reading, stdout), (hearing, stderr) = (_pipe(end, ours, theirs) for end in (1, 0, 0))
        with contextlib.suppress(OSError):  # a larger pipe is only faster
            fcntl.fcntl(reading, fcntl.F_SETPIPE_SZ, _PIPE)
        streams = (stdin, stdout, stderr)
        pid = spawn(argv, environment=environment, cwd=cwd, streams=streams, keep=keep, memory=memory)
        if yielding:
            yield_to_others(pid)
        ours.pop_all()
        return _Child(pid, [writing, reading, hearing])


def _pipe(end: int, ours: contextlib.ExitStack, theirs: contextlib.ExitStack) -> tuple[int, int]:
    """A pipe of which we keep one end."""
    pipe = os.pipe()
    ours.callback(os.close, pipe[end])
    theirs.callback(os.close, pipe[1 - end])
    return pipe


def _abandon(starting: asyncio.Future[_Child]) -> None:
    """End a program for which nobody waits any more."""
    if starting.exception() is None:
        starting.result().abandon()


async def _reader(pipe: int) -> _Errors:
    reader = asyncio.StreamReader(limit=CHUNK)
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, _given_away(pipe, "rb"))
    return reader, transport


async def _writer(pipe: int) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, _given_away(pipe, "wb"))
    return asyncio.StreamWriter(transport, protocol, None, loop)


def _given_away(pipe: int, mode: str) -> IO[bytes]:
    """A pipe for the event loop to close, and only for it.

    uvloop closes the descriptor and then the file object. One that owns its descriptor would close the number a second
    time, when another thread may already have something else under it.
    """
    return os.fdopen(pipe, mode, buffering=0, closefd=False)


def _exit_of(pid: int) -> asyncio.Future[int]:
    """The exit status, as soon as there is one."""
    loop = asyncio.get_running_loop()
    exited: asyncio.Future[int] = loop.create_future()
    descriptor = os.pidfd_open(pid)

    def reap() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        exited.set_result(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

    loop.add_reader(descriptor, reap)
    return exited
