# SPDX-License-Identifier: GPL-3.0-or-later
"""One at a time makes an answer, of all processes, and nobody who is gone keeps others from it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from trivium.forge.caches import makers
from trivium.forge.caches.files import RepositoryCache
from trivium.forge.caches.makers import BeingMade, only_maker
from trivium.forge.site import Site

ONE, OTHER = b"one answer", b"other answer"
MAKING = """
import sys
from pathlib import Path
from trivium.forge.caches.makers import only_maker
with only_maker(Path(sys.argv[1]), sys.argv[2].encode()):
    print("makes", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "7" / "makers"


@contextmanager
def maker(file: Path, digest: bytes) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that makes an answer."""
    command = [sys.executable, "-c", MAKING, str(file), digest.decode()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"makes\n"
        yield process
        process.kill()


def refused(file: Path, digest: bytes) -> BeingMade:
    with pytest.raises(BeingMade) as told, only_maker(file, digest):
        raise AssertionError
    return told.value


def test_two_threads_of_one_process_are_two(file: Path) -> None:
    with only_maker(file, ONE):
        made = refused(file, ONE)
        assert not made.is_over()
    assert made.is_over()
    with only_maker(file, ONE):
        assert not made.is_over()


def test_who_makes_another_answer_is_not_in_the_way(file: Path) -> None:
    with only_maker(file, ONE), only_maker(file, OTHER):
        assert not refused(file, ONE).is_over()
    with only_maker(file.with_name("elsewhere"), ONE), only_maker(file, ONE):
        pass


def test_a_maker_that_fails_lets_the_next_one_try(file: Path) -> None:
    with pytest.raises(ZeroDivisionError), only_maker(file, ONE):
        raise ZeroDivisionError
    with only_maker(file, ONE):
        pass


def test_other_processes_are_noticed_and_those_that_were_killed_are_not(file: Path) -> None:
    with maker(file, ONE) as process:
        made = refused(file, ONE)
        assert not made.is_over()
        with only_maker(file, OTHER):
            pass
        process.kill()
        process.wait()
        assert made.is_over()
        with only_maker(file, ONE):
            assert not made.is_over()


def test_where_the_cache_is_cleared_nobody_is_waited_for(file: Path) -> None:
    with only_maker(file, ONE):
        made = refused(file, ONE)
        shutil.rmtree(file.parent)
        assert made.is_over()
        with only_maker(file, ONE):
            pass


def test_where_there_is_no_room_for_the_file_everybody_makes_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Path) -> int:
        raise OSError(28, "no space left")

    monkeypatch.setattr(makers, "_open", full)
    with only_maker(file, ONE), only_maker(file, ONE):
        pass


def test_the_file_is_no_answer_and_goes_with_the_cache(site: Site) -> None:
    cache = RepositoryCache(site, 7)
    with cache.only_maker("key"):
        assert [path.name for path in cache.directory.iterdir()] == ["makers"]
        assert cache.find("key") is None
        with pytest.raises(BeingMade), cache.only_maker("key"):
            pass
        with cache.only_maker("other"):
            pass
    cache.clear()
    assert not cache.directory.exists()
