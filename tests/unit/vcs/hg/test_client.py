# SPDX-License-Identifier: GPL-3.0-or-later
"""The Mercurial processes as other programs use them: started when needed, replaced, reached by directory."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hg_client import PROGRAM, Hg
from tests.support.ports import free_port
from tests.support.processes import about, are_gone, kill_all, tree
from tests.support.waiting import until
from trivium.egress.remote import Remote, TransferLimits
from trivium.vcs.errors import TooLarge, UnknownPath, UnknownRevision, VcsError
from trivium.vcs.hg.back_end import Hg as BackEnd
from trivium.vcs.hg.client import HgProcesses
from trivium.vcs.hg.frames import Call, Gone, frame, receive, receive_call, send_call

ZERO = "0" * 40
LIMITS = TransferLimits(5, 20)


@pytest.fixture
def back_end(tmp_path: Path) -> Iterator[BackEnd]:
    processes = HgProcesses(tmp_path)
    yield BackEnd(processes)
    processes.close()


@pytest.fixture
def filled(back_end: BackEnd, hg: Hg, tmp_path: Path) -> tuple[Path, list[str]]:
    """A repository with three changesets."""
    path = tmp_path / "filled"
    back_end.create(path)
    work = hg.new_work()
    commits = [hg.commit(work, f"{number}") for number in range(3)]
    hg.run("push", str(path), cwd=work)
    return path, commits


def below(back_end: BackEnd) -> list[int]:
    own = back_end.processes._own
    return tree(own._process.pid) if own else []


def test_frames_say_what_was_sent_with_the_files() -> None:
    one, other = socket.socketpair()
    with one, other:
        directory = os.open("/", os.O_RDONLY)
        send_call(one, Call("look", {"raw": b"\0\xff", "text": "ü", "none": None}), [directory])
        one.sendall(frame(b"D", b"x" * 1000) + frame(b"D", b"cut off")[:-1])
        one.close()
        os.close(directory)
        call, files = receive_call(other)
        assert call == Call("look", {"raw": b"\0\xff", "text": "ü", "none": None})
        assert [os.path.samestat(os.fstat(file), Path("/").stat()) for file in files] == [True]
        os.close(files[0])
        assert receive(other).content == b"x" * 1000
        with pytest.raises(Gone):
            receive(other)


def test_own_processes_end_with_their_program(tmp_path: Path) -> None:
    program = (
        "import sys, os; from pathlib import Path; from trivium.vcs.hg.back_end import Hg; "
        "from trivium.vcs.hg.client import *\n"
        "back_end = Hg(HgProcesses(Path(sys.argv[1]))); back_end.create(Path(sys.argv[1]) / 'made')\n"
        "print(back_end.processes._own._process.pid, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdout
        pids = tree(int(running.stdout.readline()))
        assert len(pids) == 2
        running.kill()
    until(lambda: are_gone(pids))


def test_processes_that_die_are_replaced(back_end: BackEnd, filled: tuple[Path, list[str]]) -> None:
    path, commits = filled
    for first in (0, 1):  # the parent and all, the worker alone
        assert back_end.history(path, path).last.raw_id == commits[-1]
        kill_all(below(back_end)[first:])
        deadline = time.monotonic() + 20
        while True:
            try:
                assert back_end.history(path, path).last.raw_id == commits[-1]
                break
            except VcsError:  # the answer of the one that was killed
                assert time.monotonic() < deadline


def test_a_worker_makes_room_for_a_fresh_one(back_end: BackEnd, filled: tuple[Path, list[str]]) -> None:
    path, commits = filled
    ids = bytes.fromhex(commits[0])
    before = below(back_end)
    for _ in range(5_100):
        assert back_end.processes.ask(list[bool], "present", path, ids=ids) == [True]
    after = below(back_end)
    assert before[0] == after[0]
    assert before[1:] != after[1:]


def test_an_answer_larger_than_a_socket_holds(back_end: BackEnd, filled: tuple[Path, list[str]]) -> None:
    path, commits = filled
    ids = bytes.fromhex("".join(commits)) * 2000
    assert len(back_end.processes.ask(list[dict[str, object]], "changesets", path, ids=ids)) == 6000


def test_nobody_waits_behind_a_short_question_that_turns_out_to_be_long(
    back_end: BackEnd, filled: tuple[Path, list[str]]
) -> None:
    path, commits = filled
    ids = bytes.fromhex("".join(commits)) * 40_000
    done: list[bool] = []

    def ask_much() -> None:
        with pytest.raises(UnknownRevision):  # the last one: a short answer
            back_end.processes.ask(list[dict[str, object]], "changesets", path, ids=ids + b"\xff" * 20)
        done.append(True)

    asking = threading.Thread(target=ask_much)
    asking.start()
    until(lambda: len(below(back_end)) > 2)  # the only worker has handed it on
    assert back_end.processes.ask(list[bool], "present", path, ids=ids[:20]) == [True]
    assert not done
    asking.join()
    assert done


def test_a_long_question_is_dropped_with_its_client(back_end: BackEnd, filled: tuple[Path, list[str]]) -> None:
    path, commits = filled
    ids = bytes.fromhex("".join(commits)) * 1_000_000
    with pytest.raises(VcsError):
        back_end.processes.ask(list[dict[str, object]], "changesets", path, timeout=1, ids=ids)
    until(lambda: len(below(back_end)) == 2)


def test_sizes_are_told_and_limits_respected_without_reading(
    back_end: BackEnd, filled: tuple[Path, list[str]], hg: Hg
) -> None:
    path, _ = filled
    work = hg.home / "work"
    large = hg.commit(work, "large", large="x" * 1_000_000, small="y")
    hg.run("push", str(path), cwd=work)
    with back_end.open(path, back_end.index(path, path, "")) as snapshot:
        nodes = [node for node in snapshot.nodes(large, "") if node.kind == "file"]
        assert [node.path for node in nodes] == ["file.txt", "large", "small"]
        sizes = snapshot.sizes(nodes)
        assert (sizes[1], sizes[2]) == (1_000_000, 1)
        assert [content.data is not None for content in snapshot.contents(nodes, most=500_000)][1:] == [False, True]
        assert [content.size for content in snapshot.contents(nodes, most=1_000_000)][1:] == [1_000_000, 1]
        with pytest.raises(TooLarge):
            snapshot.nodes(large, "", most=2)
        assert len(snapshot.nodes(large, "", most=3)) == 3


def test_what_became_obsolete_since_does_not_hide_what_was_added(
    back_end: BackEnd, hg: Hg, filled: tuple[Path, list[str]]
) -> None:
    path, commits = filled
    work = hg.home / "work"
    hg.run("update", "-r", commits[0], cwd=work)
    branch = hg.commit(work, "obsolete soon")
    hg.run("update", "-r", commits[2], cwd=work)
    later = hg.commit(work, "later")
    hg.run("push", "-f", str(path), cwd=work)
    known = back_end.history(path, path).state
    on_disk = ("-R", str(path), "--config", "experimental.evolution=all", "--config", "phases.publish=false")
    hg.run("phase", "--force", "--draft", "-r", branch, *on_disk)
    hg.run("debugobsolete", branch, *on_disk)
    last = back_end.history(path, path).last
    assert (last.raw_id, last.revision) == (later, 4)
    assert back_end.accepted(path, (), known) == []
    newest = hg.commit(work, "newest")
    hg.run("push", "-f", "-r", newest, str(path), cwd=work)
    assert [(update.name, update.new) for update in back_end.accepted(path, (), known)] == [
        ("branches/default", newest)
    ]
    with back_end.open(path, back_end.index(path, path, "")) as snapshot:
        listed = list(snapshot.ids(0, None))
        assert listed == [*commits, later, newest]
        found = snapshot.changesets(listed)
        assert [one.raw_id for one in found] == listed
        for one in found:
            assert snapshot.resolve(str(one.revision)) == one.raw_id
        with pytest.raises(UnknownRevision):
            snapshot.resolve(branch)
    # What came and became obsolete since was not added, for all that others may see.
    hg.run("phase", "--force", "--draft", "-r", newest, *on_disk)
    hg.run("debugobsolete", newest, *on_disk)
    hg.run("update", "-r", later, cwd=work)
    final = hg.commit(work, "final")
    hg.run("push", "-f", "-r", final, str(path), cwd=work)
    assert [update.new for update in back_end.accepted(path, (), known)] == [final]


def test_what_does_not_exist_is_said_to(back_end: BackEnd, filled: tuple[Path, list[str]], tmp_path: Path) -> None:
    path, commits = filled
    with pytest.raises(UnknownRevision):
        back_end.strip(path, "f" * 40, "")
    with back_end.open(path, back_end.index(path, path, "")) as snapshot, pytest.raises(UnknownPath):
        snapshot.nodes(commits[0], "nope")
    (tmp_path / "nothing").mkdir()
    for place in (tmp_path / "nothing", tmp_path / "missing"):
        with pytest.raises(VcsError):
            back_end.history(place, place)
        assert not back_end.is_repository(place)
    assert back_end.is_repository(path)
    with pytest.raises(VcsError):
        back_end.processes.ask(type(None), "no such thing", path)


def test_a_repository_that_is_moved_is_the_same(back_end: BackEnd, filled: tuple[Path, list[str]]) -> None:
    path, commits = filled
    with back_end.open(path, back_end.index(path, path, "")) as snapshot:
        path.rename(path.with_name("elsewhere"))
        back_end.create(path)
        assert [one.raw_id for one in snapshot.changesets(snapshot.ids(0, None))] == commits
    assert back_end.history(path, path).last.revision == -1


def test_what_was_added_is_told_by_the_state_before(back_end: BackEnd, hg: Hg, filled: tuple[Path, list[str]]) -> None:
    path, commits = filled
    known = back_end.history(path, path).state
    work = hg.home / "work"
    more = hg.commit(work, "more")
    hg.run("bookmark", "-r", commits[0], "book", cwd=work)
    hg.run("push", "-B", "book", "-r", "tip", str(path), cwd=work)
    moved = [(update.name, update.old, update.new) for update in back_end.accepted(path, (), known)]
    assert moved == [("branches/default", ZERO, more), ("bookmarks/book", ZERO, commits[0])]
    assert [update.new for update in back_end.accepted(path, ())] == [*commits, more, commits[0]]
    assert back_end.accepted(path, (), back_end.history(path, path).state) == []
    updates = back_end.accepted(path, (), known)
    assert back_end.accepted(path, updates) == updates
    strip = back_end.strip(path, more, "")
    assert back_end.accepted(path, [strip]) == []
    back_end.apply_strip(path, strip, path.with_name("kept"))
    assert back_end.accepted(path, [strip]) == [strip]
    assert back_end.accepted(path, (), known)[0].name == "bookmarks/book"


def test_a_stale_lock_and_an_interrupted_strip_are_cleared_away(
    back_end: BackEnd, filled: tuple[Path, list[str]]
) -> None:
    path, commits = filled
    (path / ".hg-strip" / ".hg").mkdir(parents=True)
    # Of a process that has ended long ago, and whose number somebody else has now.
    lock = path / ".hg" / "store" / "lock"
    lock.symlink_to(f"{socket.gethostname()}/{Path('/proc/self/ns/pid').stat().st_ino:x}:{os.getpid()}")
    back_end.recover(path)  # Mercurial itself would wait for ten minutes
    assert not os.path.lexists(lock)
    assert sorted(entry.name for entry in path.iterdir()) == [".hg"]
    assert back_end.history(path, path).last.raw_id == commits[-1]


# Other servers


@pytest.fixture
def remote(filled: tuple[Path, list[str]], hg: Hg) -> Iterator[int]:
    """The port at which Mercurial's own server has the repository."""
    port = free_port()
    command = [PROGRAM, "serve", "-R", str(filled[0]), "--port", str(port), "--address", "127.0.0.1"]
    serving = subprocess.Popen(command, env=hg.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.05)
    yield port
    serving.terminate()
    serving.wait()


def test_connections_go_to_the_address_that_was_judged(
    back_end: BackEnd, filled: tuple[Path, list[str]], remote: int, tmp_path: Path
) -> None:
    url = f"http://trivium.invalid:{remote}/"
    back_end.import_from(Remote(url, ("127.0.0.1",)), tmp_path / "copy", LIMITS)
    assert back_end.history(tmp_path / "copy", tmp_path).last.raw_id == filled[1][-1]
    with pytest.raises(VcsError):
        back_end.import_from(Remote(f"http://localhost:{remote}/", ("127.0.0.2",)), tmp_path / "other", LIMITS)


def test_no_request_can_take_all_memory(back_end: BackEnd, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        remote = Remote(f"http://127.0.0.1:{silent.getsockname()[1]}/", ("127.0.0.1",))

        def give_up() -> None:
            with pytest.raises(VcsError):
                back_end.import_from(remote, tmp_path / "copy", LIMITS)

        importing = threading.Thread(target=give_up)
        importing.start()
        connection, _ = silent.accept()
        with connection:
            limits = [about(pid, "limits") for pid in below(back_end)]
        importing.join()
    assert sum(bool(re.search(r"Max data size +\d", limit)) for limit in limits) == len(limits) - 1 > 1


def test_a_server_that_says_nothing_is_given_up(back_end: BackEnd, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        threading.Thread(target=lambda: [silent.accept() for _ in range(2)], daemon=True).start()
        # Ten minutes are longer than a test may take: it is the second that ends it.
        for number, limits in enumerate((TransferLimits(1, 600), TransferLimits(600, 1))):
            with pytest.raises(VcsError):
                back_end.import_from(
                    Remote(f"http://127.0.0.1:{port}/", ("127.0.0.1",), "ada", "s3cret"), tmp_path / f"{number}", limits
                )
