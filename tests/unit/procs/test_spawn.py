# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs are started with what they are given, and with nothing else of ours."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import opened
from trivium.procs.spawn import MEMORY, spawn, words_of

SHELL = shutil.which("sh") or ""
ENVIRONMENT = {"PATH": os.environ["PATH"], "WORD": "a word"}

CROSSED = """
import fcntl, os, sys
from pathlib import Path
from trivium.procs.spawn import spawn

place = Path(sys.argv[1])
files = [os.open(place / name, os.O_RDWR | os.O_CREAT) for name in ("error", "kept", "input", "output")]
high = [fcntl.fcntl(file, fcntl.F_DUPFD, 50) for file in files]
for number, file in enumerate(high):  # each where another one belongs
    os.dup2(file, number)
script = "cat; echo complaint >&2; echo lock >&3"
cwd = os.open(place, os.O_RDONLY)
pid = spawn(["/bin/sh", "-c", script], environment={"PATH": os.defpath}, cwd=cwd, streams=(2, 3, 0), keep=1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def run(place: Path, script: str) -> str:
    """What a script says that knows nothing but its output, and which must end well."""
    reading, writing = os.pipe()
    nothing = os.open(os.devnull, os.O_RDWR)
    streams = (nothing, writing, nothing)
    with open(reading, encoding="utf-8") as output:
        try:
            with opened(place) as cwd:
                pid = spawn([SHELL, "-c", script], environment=ENVIRONMENT, cwd=cwd, streams=streams, keep=None)
        finally:
            os.close(writing)
            os.close(nothing)
        said = output.read()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    return said


def test_a_program_gets_its_directory_its_environment_and_a_session(tmp_path: Path) -> None:
    place = tmp_path / "a place with \N{LATIN SMALL LETTER U WITH DIAERESIS}"
    place.mkdir()
    said = run(place, 'pwd; echo "$WORD"; env | grep -c =; read -r stat < /proc/$$/stat; echo "$stat"; echo $$')
    directory, word, variables, status, pid = said.splitlines()
    assert (directory, word) == (str(place), "a word")
    assert int(variables) <= 5, "PATH and WORD, and what a shell adds"
    assert status.split()[5] == pid, "it leads its session"


def test_a_program_inherits_no_other_descriptor(tmp_path: Path) -> None:
    with (tmp_path / "secret").open("wb") as secret:
        os.set_inheritable(secret.fileno(), True)
        assert "secret" not in run(tmp_path, "ls -l /proc/self/fd")


def test_signals_that_python_ignores_are_a_programs_own_again(tmp_path: Path) -> None:
    ignored = int(run(tmp_path, "sed -n 's/^SigIgn:\\t//p' /proc/self/status"), 16)
    assert not ignored & (1 << signal.SIGPIPE - 1)
    assert not ignored & (1 << signal.SIGXFSZ - 1)


def test_pipes_may_have_the_numbers_of_each_other(tmp_path: Path) -> None:
    (tmp_path / "input").write_text("what was asked")
    subprocess.run([sys.executable, "-c", CROSSED, str(tmp_path)], check=True)
    found = {name: (tmp_path / name).read_text() for name in ("output", "error", "kept")}
    assert found == {"output": "what was asked", "error": "complaint\n", "kept": "lock\n"}


@pytest.mark.parametrize(
    ("program", "place", "error"),
    [
        ("/nowhere/program", ".", FileNotFoundError),
        (SHELL, "file", NotADirectoryError),
        ("file", ".", PermissionError),
        ("a\0b", ".", ValueError),
    ],
)
def test_what_cannot_be_started_is_an_error(tmp_path: Path, program: str, place: str, error: type[Exception]) -> None:
    (tmp_path / "file").touch()
    path = program if program.startswith("/") or "\0" in program else str(tmp_path / program)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(error), opened(tmp_path / place) as cwd:
        spawn([path], environment={}, cwd=cwd, streams=(0, 1, 2), keep=None)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_what_a_program_complained_of_is_one_line_that_acts_on_nothing() -> None:
    assert words_of(b"remote: no\r\n\tsuch \x1b[31mthing\xff\n") == "remote: no such [31mthing\ufffd"
    assert len(words_of(b"x" * 10_000)) == 500


def test_a_program_has_so_much_memory_as_it_was_given(tmp_path: Path) -> None:
    """Whoever streams through it has started it himself, and nobody waits for its end."""
    # The limit may come a moment after the program.
    said = run(tmp_path, "for i in 1 2 3 4 5 6 7 8 9 10; do ulimit -d; sleep 0.05; done; (ulimit -d)")
    assert said.split()[-1] == str(MEMORY >> 10)
