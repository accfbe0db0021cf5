# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks between processes, and the signs of life of workers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trivium.errors import Busy
from trivium.tree.kernel_locks import RepositoryLock, WorkerIdentity, is_alive, remove_dead


def _shared(lock: RepositoryLock) -> int:
    descriptor = lock.try_shared()
    assert descriptor is not None
    return descriptor


def test_many_can_share_a_lock_and_one_can_have_it_alone(tmp_path: Path) -> None:
    lock = RepositoryLock(tmp_path, 7)
    first, second = _shared(lock), _shared(lock)
    for held in (first, second):
        with pytest.raises(Busy), lock.exclusive(0):
            pass
        os.close(held)
    with lock.exclusive(0):
        assert lock.try_shared() is None
        with pytest.raises(Busy), RepositoryLock(tmp_path, 7).exclusive(0):
            pass
        os.close(_shared(RepositoryLock(tmp_path, 8)))
    os.close(_shared(lock))


def test_an_exception_gives_the_lock_back(tmp_path: Path) -> None:
    lock = RepositoryLock(tmp_path, 7)
    with pytest.raises(ZeroDivisionError), lock.exclusive(0):
        _ = 1 / 0
    with lock.exclusive(0):
        pass


def test_a_copy_of_the_descriptor_keeps_the_lock(tmp_path: Path) -> None:
    lock = RepositoryLock(tmp_path, 7)
    held = _shared(lock)
    inherited = os.dup(held)
    os.close(held)
    with pytest.raises(Busy), lock.exclusive(0):
        pass
    os.close(inherited)
    with lock.exclusive(0):
        pass


def test_a_process_that_ends_gives_its_lock_back(tmp_path: Path) -> None:
    lock = RepositoryLock(tmp_path, 7)
    told, tell = os.pipe()
    go, leave = os.pipe()
    child = os.fork()
    if not child:
        with lock.exclusive(0):
            WorkerIdentity(tmp_path)
            os.write(tell, b"1")
            os.close(leave)
            os.read(go, 1)
            os._exit(0)
    os.close(tell)
    assert os.read(told, 1) == b"1"
    (sign,) = tmp_path.glob("worker-*")
    worker = sign.name.removeprefix("worker-")
    assert lock.try_shared() is None
    os.close(leave)
    os.waitpid(child, 0)
    os.close(_shared(lock))
    assert not is_alive(tmp_path, worker)
    remove_dead(tmp_path)
    assert not sign.exists()
    os.close(told)
    os.close(go)


def test_a_worker_lives_until_it_closes(tmp_path: Path) -> None:
    one, other = WorkerIdentity(tmp_path), WorkerIdentity(tmp_path)
    assert one.id != other.id
    remove_dead(tmp_path)
    assert is_alive(tmp_path, one.id) and is_alive(tmp_path, other.id)
    one.close()
    assert not is_alive(tmp_path, one.id)
    assert is_alive(tmp_path, other.id)
    other.close()
    assert not is_alive(tmp_path, "no such worker")
