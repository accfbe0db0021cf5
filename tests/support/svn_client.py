# SPDX-License-Identifier: GPL-3.0-or-later
"""Stock svn, with a configuration of its own and the credentials of a person."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from urllib.parse import quote

from tests.support.clients import Person

_SAFE = "/!$&'()*+,:=@~-_."


class Svn:
    """The svn client of one person; without one it has no name to give."""

    def __init__(self, home: Path, person: Person | None = None, *, password: str | None = None) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        self.person = person
        self.password = password if password is not None else person.password if person else ""
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "NO_PROXY": "*"}

    def run(
        self, *arguments: str, cwd: Path | None = None, check: bool = True, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        """Run one command; output and errors are kept."""
        options = ["--non-interactive", "--no-auth-cache", "--config-dir", str(self.home / "config")]
        if self.person is not None:
            options += ["--username", self.person.name, "--password", self.password]
        done = subprocess.run(
            ["svn", *arguments, *options],
            cwd=cwd or self.home,
            env=self.environment,
            input=stdin,
            capture_output=True,
            timeout=120,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"svn {' '.join(arguments)} failed: {done.stderr.decode(errors='replace')}")
        return done

    def out(self, *arguments: str, cwd: Path | None = None) -> str:
        return self.run(*arguments, cwd=cwd).stdout.decode()

    def refused(self, *arguments: str, cwd: Path | None = None) -> str:
        """What the user reads when a command must fail."""
        done = self.run(*arguments, cwd=cwd, check=False)
        assert done.returncode != 0, f"svn {' '.join(arguments)} succeeded"
        return done.stderr.decode(errors="replace")

    def checkout(self, url: str, name: str = "work") -> Path:
        work = self.home / name
        self.run("checkout", "--quiet", url, str(work))
        return work

    def commit(self, work: Path, message: str = "a change", **files: str) -> int:
        """Commit what was changed in a working copy, and new files; returns the revision."""
        for name, content in files.items():
            target = work / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content)
            self.run("add", "--quiet", "--parents", "--force", f"{name}@", cwd=work)
        said = self.out("commit", "-m", message, cwd=work)
        found = re.search(r"Committed revision (\d+)\.", said)
        assert found, said
        return int(found[1])

    def log(self, url: str) -> list[tuple[int, str, str]]:
        """Revision, author and first line of the message of each commit, newest first."""
        entries = re.findall(r"^r(\d+) \| (.*?) \| .*?\n\n(.*?)\n", self.out("log", url), re.MULTILINE)
        return [(int(number), author, message) for number, author, message in entries]


def svn_url(server: str, name: str) -> str:
    """The address of a repository, or of something in it."""
    return f"{server}/{quote(name, safe=_SAFE)}"
