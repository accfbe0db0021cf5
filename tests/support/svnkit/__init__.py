# SPDX-License-Identifier: GPL-3.0-or-later
"""SVNKit, the client of Jenkins, Eclipse and IntelliJ: Debian's library, driven by `Kit.java`."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

import pytest

from tests.support.clients import Person

_JARS: Final = Path("/usr/share/java")
_NEEDED: Final = ("svnkit", "sqljet", "antlr3-runtime", "sequence-library", "trilead-ssh2", "jna")
_SHORT: Final = ("-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""For programs that end before it pays to compile them well, or to have threads that collect garbage."""
_LZ4: Final = ("lz4", "lz4-java")
"""Its name in different releases of Debian."""


@cache
def _class_path() -> str:
    """Where Java finds the program and all that it needs; compiled once."""
    missing = [name for name in ("java", "ecj") if shutil.which(name) is None]
    missing += [name for name in _NEEDED if not (_JARS / f"{name}.jar").exists()]
    if missing and os.environ.get("CI"):
        pytest.fail(f"missing: {missing}")
    if missing:
        pytest.skip(f"SVNKit cannot be used here: {missing} (scripts/install dev)")
    jars = os.pathsep.join(str(_JARS / f"{name}.jar") for name in (*_NEEDED, *_LZ4) if (_JARS / f"{name}.jar").exists())
    place = mkdtemp(prefix="trivium-svnkit-")
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    source = Path(__file__).with_name("Kit.java")
    subprocess.run(
        ["ecj", "-proc:none", "-nowarn", "-11", "-cp", jars, "-d", place, str(source)],
        env=os.environ | {"JAVA_TOOL_OPTIONS": " ".join(_SHORT)},
        check=True,
        capture_output=True,
    )
    return f"{place}{os.pathsep}{jars}"


class SvnKit:
    """The client of one person."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def _ask(self, words: tuple[str, ...]) -> str:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write("\t".join(words).encode() + b"\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().decode().removesuffix("\n").replace("\\n", "\n")

    def run(self, *words: str) -> str:
        """One command, which must succeed; returns what it says."""
        said = self._ask(words)
        assert said.startswith("ok "), f"{words}: {said}"
        return said.removeprefix("ok ")

    def refused(self, *words: str) -> str:
        """What the user reads when a command must fail."""
        said = self._ask(words)
        assert said.startswith("error "), f"{words}: {said}"
        return said.removeprefix("error ")


@contextmanager
def svnkit(person: Person, home: Path) -> Iterator[SvnKit]:
    """A running client; commands stand in `Kit.java`."""
    home.mkdir(parents=True, exist_ok=True)
    command = ["java", *_SHORT, "-cp", _class_path(), "Kit"]
    with subprocess.Popen(
        [*command, person.name, person.password, str(home / "config")],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        yield SvnKit(process)
        process.terminate()
