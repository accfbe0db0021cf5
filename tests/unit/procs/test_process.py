# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of transfers: they leave nothing open, and close nothing that is not theirs."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvloop

from tests.support.processes import below, opened
from trivium.procs.process import Process, _given_away

ENVIRONMENT = {"PATH": os.environ["PATH"]}


async def _echoed(directory: Path, content: bytes) -> bytes:
    """What `cat` gives back."""

    async def body() -> AsyncIterator[bytes]:
        yield content

    with opened(directory) as cwd:
        process = await Process.start(["cat"], environment=ENVIRONMENT, cwd=cwd)
    process.feed(body())
    answer = b""
    while chunk := await process.read():
        answer += chunk
    assert await process.wait() == 0
    assert await process.end() == b""
    return answer


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_no_descriptor_is_left_open_or_closed_twice(tmp_path: Path) -> None:
    failures: list[OSError] = []
    done = threading.Event()

    def open_and_close() -> None:
        """What the threads of a worker do all the time; a number closed by somebody else shows here."""
        while not done.is_set():
            try:
                descriptor = os.open(tmp_path, os.O_RDONLY)
                os.fsync(descriptor)
                os.close(descriptor)
            except OSError as error:
                failures.append(error)

    async def many() -> None:
        await _echoed(tmp_path, b"x")
        before = _descriptors()
        threads = [threading.Thread(target=open_and_close) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(10):
                answers = await asyncio.gather(*(_echoed(tmp_path, b"x" * 100_000) for _ in range(20)))
                assert {len(answer) for answer in answers} == {100_000}
        finally:
            done.set()
            for thread in threads:
                thread.join()
        async with asyncio.timeout(30):
            while _descriptors() > before:  # one for each of two hundred would be seen
                await asyncio.sleep(0.01)

    uvloop.run(many())
    assert failures == []


def test_the_file_object_of_a_pipe_does_not_close_its_descriptor() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    _given_away(reading, "rb").close()
    os.close(reading)  # fails when it was closed before


def test_a_program_without_a_directory_is_an_error_that_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    async def start() -> None:
        with opened(tmp_path / "file") as file:
            before = _descriptors()
            for _ in range(5):
                with pytest.raises(NotADirectoryError):
                    await Process.start(["cat"], environment=ENVIRONMENT, cwd=file)
            assert _descriptors() == before

    uvloop.run(start())


def test_the_middle_of_a_long_output_may_be_taken_unseen_and_never_its_end(tmp_path: Path) -> None:
    async def taken(script: str) -> tuple[bytes, int, bytes]:
        """What was read, how much was passed on, and what was read last."""
        with opened(tmp_path) as cwd:
            process = await Process.start(["sh", "-c", script], environment=ENVIRONMENT, cwd=cwd)
        process.feed_nothing()
        seen, unseen, last = b"", 0, b""
        while chunk := await process.read():
            seen, last = seen + chunk, chunk
            while count := await process.stretch():
                unseen += count
                while count:
                    count -= len(os.read(process.pipe, count))
        await process.end()
        return seen, unseen, last

    seen, unseen, last = uvloop.run(taken("head -c 9000000 /dev/zero; printf the-end"))
    assert len(seen) + unseen == 9_000_007
    assert unseen > 4_000_000
    assert last.endswith(b"end")
    assert uvloop.run(taken("head -c 200000 /dev/zero"))[1] == 0


def test_what_a_program_says_on_its_error_output_is_kept_and_a_long_one_is_ended(tmp_path: Path) -> None:
    async def run() -> None:
        script = "echo oops >&2; echo ready; exec sleep 60"
        with opened(tmp_path) as cwd:
            process = await Process.start(["sh", "-c", script], environment=ENVIRONMENT, cwd=cwd)
        process.feed_nothing()
        assert await process.read() == b"ready\n"
        assert await process.end() == b"oops\n"
        assert await process.wait() < 0

    uvloop.run(run())


def test_a_start_that_nobody_waits_for_any_more_leaves_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        await _echoed(tmp_path, b"x")
        before = _descriptors(), below(os.getpid())
        for steps in range(12):
            with opened(tmp_path) as cwd:
                start = asyncio.ensure_future(
                    Process.start(["sleep", str(60 + steps)], environment=ENVIRONMENT, cwd=cwd, keep=1)
                )
                for _ in range(steps):
                    await asyncio.sleep(0.001)
                if start.cancel():
                    with pytest.raises(asyncio.CancelledError):
                        await start
                else:
                    await start.result().end()
        async with asyncio.timeout(30):
            while (_descriptors(), below(os.getpid())) != before:
                await asyncio.sleep(0.01)

    uvloop.run(run())


def test_what_a_program_that_has_ended_is_still_told_is_nobodys_fault(tmp_path: Path) -> None:
    """The event loop may notice that nobody reads before the client has said all."""

    async def ended_early() -> list[bytes]:
        heard = []

        async def body() -> AsyncIterator[bytes]:
            for piece in (b"a", b"b", b"c"):
                heard.append(piece)
                yield piece
                await asyncio.sleep(0.1)

        with opened(tmp_path) as cwd:
            process = await Process.start(["false"], environment=ENVIRONMENT, cwd=cwd)
        process.feed(body())
        await process.fed
        assert await process.wait() == 1
        await process.end()
        return heard

    assert uvloop.run(ended_early()) == [b"a", b"b", b"c"]
