# SPDX-License-Identifier: GPL-3.0-or-later
"""Git is run within bounds, whatever it says and however much it wants."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from trivium.errors import StartRefused
from trivium.procs.spawn import run
from trivium.vcs.errors import VcsError
from trivium.vcs.git.command import GitCommand, git_command

TALKER = """#!/bin/sh
head -c 2000000 /dev/zero | tr '\\0' w >&2
echo line
exit $TALKER_STATUS
"""
GREEDY = "import sys; x = bytearray(int(sys.argv[1]) << 20); print('had it')"


@pytest.fixture
def talker(tmp_path: Path) -> GitCommand:
    """A git that has more to complain about than a pipe holds."""
    script = tmp_path / "git"
    script.write_text(TALKER.replace("$TALKER_STATUS", "0"))
    script.chmod(0o755)
    return git_command(str(script), tmp_path / "gitconfig")


def test_warnings_without_end_stop_nobody(talker: GitCommand, tmp_path: Path) -> None:
    assert list(talker.lines("x", cwd=tmp_path, timeout=20)) == [b"line\n"]
    assert talker.run("x", cwd=tmp_path, timeout=20) == b"line\n"


def test_of_endless_complaints_the_beginning_is_kept(talker: GitCommand, tmp_path: Path) -> None:
    script = Path(talker.program)
    script.write_text(TALKER.replace("$TALKER_STATUS", "3"))
    with pytest.raises(VcsError, match="ended with 3: w"):
        talker.run("x", cwd=tmp_path, timeout=20)
    with pytest.raises(VcsError, match="ended with 3: w"):
        list(talker.lines("x", cwd=tmp_path, timeout=20))


def test_abilities_are_asked_once_of_each_git(tmp_path: Path) -> None:
    script = tmp_path / "git"

    def replaced(words: str) -> None:
        fresh = tmp_path / "fresh"
        fresh.write_text(f"#!/bin/sh\necho {words}; echo asked >> {tmp_path}/asked\n")
        fresh.chmod(0o755)
        fresh.replace(script)

    replaced("old")
    command = git_command(str(script), tmp_path / "gitconfig")
    assert command.known_abilities() == b""
    assert [command.abilities() for _ in range(3)] == [b"old\n"] * 3
    assert command.known_abilities() == b"old\n"
    replaced("new")
    assert command.known_abilities() == b""
    assert command.abilities() == command.known_abilities() == b"new\n"
    # Each time in a repository that was made for that.
    assert (tmp_path / "asked").read_text() == "asked\n" * 4


def test_pieces_come_to_whoever_asks(tmp_path: Path) -> None:
    """The thread that asked for the first one may be gone."""
    script = tmp_path / "git"
    script.write_text("#!/bin/sh\nhead -c 300000 /dev/zero\n")
    script.chmod(0o755)
    pieces = git_command(str(script), tmp_path / "gitconfig").pieces("x", cwd=tmp_path)
    first: list[bytes] = []
    asking = threading.Thread(target=lambda: first.append(next(pieces)))
    asking.start()
    asking.join()
    rest = list(pieces)
    assert b"".join([*first, *rest]) == bytes(300_000)
    assert max(map(len, rest)) <= 64 << 10


def test_pieces_have_bounds(talker: GitCommand, tmp_path: Path) -> None:
    assert list(talker.pieces("x", cwd=tmp_path, timeout=20)) == [b"line\n"]
    script = Path(talker.program)
    script.write_text(TALKER.replace("$TALKER_STATUS", "3"))
    with pytest.raises(VcsError, match="ended with 3: w"):
        list(talker.pieces("x", cwd=tmp_path, timeout=20))
    script.write_text("#!/bin/sh\necho line\nexec sleep 60\n")
    pieces = talker.pieces("x", cwd=tmp_path, timeout=2)  # enough for a shell to start, on any machine
    assert next(pieces) == b"line\n"
    with pytest.raises(VcsError, match="takes too long"):
        next(pieces)
    pieces = talker.pieces("x", cwd=tmp_path)
    assert next(pieces) == b"line\n"
    pieces.close()
    with pytest.raises(VcsError, match="x"):
        next(talker.pieces("x", cwd=tmp_path / "nowhere"))


def test_a_program_that_wants_too_much_memory_does_not_get_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", GREEDY]
    assert run([*command, "10"], cwd=tmp_path, environment={}, timeout=20, memory=100 << 20).stdout == b"had it\n"
    greedy = run([*command, "200"], cwd=tmp_path, environment={}, timeout=20, memory=100 << 20)
    assert greedy.returncode != 0
    assert b"MemoryError" in greedy.stderr


def test_sizes_are_looked_at_where_a_pack_can_hide_them(tmp_path: Path) -> None:
    command = git_command("git", tmp_path / "gitconfig", max_object_bytes=512 << 20)
    assert command.check_of_sizes(500_000) == [], "compressed data do not unfold so far"
    for unclear in (600_000, None):
        assert command.check_of_sizes(unclear) == ["-c", f"core.hooksPath={tmp_path / 'githooks'}"]
    small = git_command("git", tmp_path / "gitconfig", max_object_bytes=1 << 20)
    assert small.check_of_sizes(100), "a delta may be larger than git is told to refuse"
    assert git_command("git", tmp_path / "gitconfig").check_of_sizes(None) == [], "no limit"


@pytest.mark.parametrize("branch", ["", "-x", "a b", "a..b", "x.lock", "a\nb", "ä"])
def test_a_default_branch_is_the_name_of_a_branch(tmp_path: Path, branch: str) -> None:
    with pytest.raises(StartRefused, match="default_branch"):
        git_command("git", tmp_path / "gitconfig", default_branch=branch)
