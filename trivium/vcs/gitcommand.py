# SPDX-License-Identifier: GPL-3.0-or-later
"""How git is run: absolute program, closed environment, our configuration (security.md S-1, S-6)."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from trivium.errors import StartRefused
from trivium.spawn import check_library
from trivium.vcs.model import VcsError

_HARMLESS: Final = (
    *("badTimezone", "missingSpaceBeforeDate", "zeroPaddedDate", "zeroPaddedFilemode"),
    *("missingEmail", "missingNameBeforeEmail", "missingSpaceBeforeEmail", "badEmail", "badName"),
)
"""Flaws that old tools left in well-known histories, which everybody else takes as well."""

CONFIGURATION: Final = """\
[safe]
\tdirectory = *
\tbareRepository = all
[core]
\thooksPath = /dev/null
\tfsync = committed,loose-object
\tfsyncMethod = fsync
[uploadpack]
\tallowFilter = true
\tallowReachableSHA1InWant = true
[receive]
\tfsckObjects = true
\tadvertisePushOptions = true
\tautogc = false
\tdenyDeleteCurrent = ignore
[transfer]
\tfsckObjects = true
\thideRefs = refs/trivium
[gc]
\tauto = 0
[repack]
\twriteBitmaps = true
[protocol]
\tallow = never
[init]
\tdefaultBranch = master
"""
"""Design/protocols.md 1. What a push brings is made durable before it is acknowledged (security.md R-2). Objects that
could attack a client are refused; `_HARMLESS` flaws are not."""

PROTOCOL_2: Final = "version=2"

_SETPRIV: Final = shutil.which("setpriv")
_DIE_WITH_US: Final = (_SETPRIV, "--pdeathsig", "TERM", "--") if _SETPRIV else ()
_WHOLE_GROUP: Final = ("/bin/sh", "-c", 'trap "trap - TERM; kill 0" TERM; "$@" & wait $!', "sh")
"""A constant script: the words of the command are its parameters."""


@dataclass(frozen=True, slots=True)
class GitCommand:
    """The git program with the environment in which we run it."""

    program: str
    environment: dict[str, str]
    _said: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)
    """What git says of itself, once somebody has asked."""

    def argv(self, *arguments: str) -> list[str]:
        return [self.program, *arguments]

    def tied(self, *arguments: str) -> list[str]:
        """A command that ends with the thread that waits for it: nobody is left who changes a repository unseen."""
        return [*_DIE_WITH_US, *self.argv(*arguments)]

    def tied_with_helpers(self, *arguments: str) -> list[str]:
        """As `tied`, for the leader of a session: what git starts, such as its HTTP client, ends as well."""
        return [*_DIE_WITH_US, *_WHOLE_GROUP, *self.argv(*arguments)]

    def run(self, *arguments: str, cwd: Path, stdin: bytes = b"", timeout: float = 600) -> bytes:
        """Run one command in the repository `cwd` to its end and return its output; raises `VcsError`."""
        try:
            done = subprocess.run(
                self.tied("--git-dir=.", *arguments),
                cwd=cwd,
                env=self.environment,
                input=stdin,
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise VcsError(f"git {arguments[0]}: {error}") from error
        if done.returncode:
            raise VcsError(f"git {arguments[0]} ended with {done.returncode}: {done.stderr[-500:]!r}")
        return done.stdout

    def abilities(self) -> bytes:
        """What `git upload-pack` says of itself to a client that speaks protocol v2; raises `VcsError`.

        It depends on git and on our configuration, not on the repository: it is asked once, in one that is empty.
        """
        if known := self._said.get(PROTOCOL_2):
            return known
        with tempfile.TemporaryDirectory(prefix="trivium-") as place:
            path = Path(place)
            self.run("init", "--quiet", "--bare", "--template=", ".", cwd=path)
            asking = replace(self, environment=self.environment | {"GIT_PROTOCOL": PROTOCOL_2})
            said = asking.run("upload-pack", "--stateless-rpc", "--http-backend-info-refs", ".", cwd=path)
        self._said[PROTOCOL_2] = said
        return said

    def lines(self, *arguments: str, cwd: Path, timeout: float = 600) -> Generator[bytes]:
        """The output of a command in the repository `cwd`, line by line as it comes; closing this ends the command.

        Raises `VcsError`, also when the whole takes longer than `timeout` seconds.
        """
        command = self.tied("--git-dir=.", *arguments)
        pipe = subprocess.PIPE
        try:
            process = subprocess.Popen(
                command, cwd=cwd, env=self.environment, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe
            )
        except (OSError, ValueError) as error:
            raise VcsError(f"git {arguments[0]}: {error}") from error
        end = threading.Timer(timeout, process.kill)
        end.start()
        try:
            with process:
                assert process.stdout and process.stderr
                try:
                    yield from process.stdout
                except BaseException:
                    process.kill()
                    raise
                errors = process.stderr.read()
        finally:
            end.cancel()
        if process.returncode:
            raise VcsError(f"git {arguments[0]} ended with {process.returncode}: {errors[-500:]!r}")


def git_command(program: str, configuration: Path, *, max_input_bytes: int = 0) -> GitCommand:
    """Find git and write our configuration to `configuration`; raises `StartRefused` when git cannot be started."""
    check_library()
    found = shutil.which(program)
    if found is None:
        raise StartRefused(f"the git program {program!r} was not found; install git or set git_path")
    text = CONFIGURATION
    for section in ("receive", "fetch"):
        text += f'[{section} "fsck"]\n' + "".join(f"\t{flaw} = ignore\n" for flaw in _HARMLESS)
    if max_input_bytes:
        text += f"[receive]\n\tmaxInputSize = {max_input_bytes}\n"
    if not configuration.exists() or configuration.read_text() != text:
        temporary = configuration.with_name(f"{configuration.name}.{os.getpid()}")
        temporary.write_text(text)
        temporary.replace(configuration)
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(configuration),
        "GIT_TERMINAL_PROMPT": "0",
        # Anybody may push refs/replace/…: libgit2 and the packs that clients get do not know such a thing.
        "GIT_NO_REPLACE_OBJECTS": "1",
    }
    return GitCommand(str(Path(found).absolute()), environment)
