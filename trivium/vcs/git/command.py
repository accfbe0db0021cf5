# SPDX-License-Identifier: GPL-3.0-or-later
"""How git is run: absolute program, closed environment, our configuration (security.md S-1, S-6)."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import select
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from trivium.errors import StartRefused
from trivium.procs.spawn import MEMORY, FirstWords, check_library, confine, run, words_of
from trivium.procs.ties import tied
from trivium.vcs.errors import NotAccepted, VcsError

_HARMLESS: Final = (
    *("badTimezone", "missingSpaceBeforeDate", "zeroPaddedDate", "zeroPaddedFilemode"),
    *("missingEmail", "missingNameBeforeEmail", "missingSpaceBeforeEmail", "badEmail", "badName"),
)
"""Flaws that old tools left in well-known histories, and that all other servers accept, too."""

HIDDEN: Final = "refs/trivium"
"""The refs at and below this name are ours: no client sees them."""
CONFIGURATION: Final = """\
[safe]
\tdirectory = *
\tbareRepository = all
[core]
\thooksPath = /dev/null
\tfsync = committed,loose-object
\tfsyncMethod = fsync
\tbigFileThreshold = 64m
\tpackedGitWindowSize = 64m
\tpackedGitLimit = 256m
[pack]
\twindowMemory = 96m
[uploadpack]
\tallowFilter = true
\tallowReachableSHA1InWant = true
[uploadpackfilter "sparse:oid"]
\tallow = false
[receive]
\tfsckObjects = true
\tadvertisePushOptions = true
\tautogc = false
\tdenyDeleteCurrent = ignore
\tunpackLimit = 1
[fetch]
\tunpackLimit = 1
[transfer]
\tfsckObjects = true
\thideRefs = {hidden}
[gc]
\tauto = 0
[repack]
\twriteBitmaps = true
[protocol]
\tallow = never
[init]
\tdefaultBranch = {default_branch}
"""
"""Pushed objects are durable before the push is acknowledged (security.md R-2). Objects that
could attack a client are refused; `_HARMLESS` flaws are not.

A filter that is itself a file of the repository is not applied: each of its patterns would be tried on each path. Large
objects are streamed, not loaded, and packing has bounds (security.md R-18). A pack that arrives stays a pack of two
files; its objects would be a file each.
"""

_FLAW = re.compile(r"error: object [0-9a-f]+: ([^\n]{1,500})")
"""What git says of an object that it does not take."""
_BRANCH = re.compile(r"[A-Za-z0-9_]+([.\-/][A-Za-z0-9_]+)*", re.ASCII)

PROTOCOL_1: Final = "version=1"
PROTOCOL_2: Final = "version=2"

_WHOLE_GROUP: Final = (
    "/bin/sh",
    "-c",
    'ulimit -d "$1" 2>/dev/null; shift; trap "trap - TERM; kill 0" TERM; "$@" & wait $!',
    "sh",
)
"""A constant script: its parameters are the memory limit in KiB, then the words of the command."""

_ROOM: Final = 512 << 20
"""Memory of a git that takes objects in, beside the largest of them."""
_LEAST_ALLOCATION: Final = 256 << 20
"""Git keeps lists of objects in one piece: a smaller limit of one allocation would stop pushes of many small ones."""
_LARGEST_RATIO: Final = 1032
"""How many times its size compressed data can have (deflate)."""
_PIECE: Final = 64 << 10
"""Bytes, as many as a pipe holds."""
_HOOK: Final = """\
#!/bin/sh
# Refuses a push with an object larger than max_object_bytes. It looks at what is new: the objects in quarantine.
unset GIT_ALTERNATE_OBJECT_DIRECTORIES
{{ git cat-file --batch-all-objects --unordered --buffer --batch-check='%(objectsize) %(objectname)' && echo end; }} |
awk '$1 == "end" {{ whole = 1; next }}
     $1 + 0 > {limit} {{ print "object " $2 " has " $1 " bytes, max_object_bytes is {limit}" > "/dev/stderr"; exit }}
     END {{ exit !whole }}'
"""


@dataclass(frozen=True, slots=True)
class GitCommand:
    """The git program with the environment in which we run it."""

    program: str
    environment: dict[str, str]
    max_object_bytes: int = 0
    """The largest object that may come in; 0: any."""
    hooks: str = ""
    """The directory of the hook that looks at the sizes of objects."""
    default_branch: str = "master"
    """The branch that HEAD of a new repository names."""
    _said: dict[tuple[str, int, int], bytes] = field(default_factory=dict, repr=False, compare=False)
    """The abilities that each service has told, once it was asked, and of which program."""

    def argv(self, *arguments: str) -> list[str]:
        return [self.program, *arguments]

    def tied(self, *arguments: str) -> list[str]:
        """A command that ends with the thread that waits for it, so that it never changes a repository unseen."""
        return tied(self.argv(*arguments))

    def tied_with_helpers(self, *arguments: str, memory: int = MEMORY) -> list[str]:
        """As `tied`, for the leader of a session: what git starts, such as its HTTP client, ends as well.

        `memory`: bytes that each of these programs may have for itself.
        """
        return tied([*_WHOLE_GROUP, str(memory >> 10), *self.argv(*arguments)])

    def checking(self) -> list[str]:
        """The command that looks through a repository, its directory, and says what is damaged."""
        accepted = [word for flaw in _HARMLESS for word in ("-c", f"fsck.{flaw}=ignore")]
        return self.tied_with_helpers("--git-dir=.", *accepted, "fsck", "--full", "--no-dangling", "--no-progress")

    def judge(self, pack: Path, objects: Path, cwd: Path) -> None:
        """Look at the objects in a pack as at those that are pushed to the repository `cwd`, which gets none of them.

        `objects` is a directory that has them as well: git reads some there. Raises `NotAccepted` with git's reason,
        and `VcsError`.
        """
        judging = replace(self, environment=self.environment | {"GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects)})
        accepted = ",".join(f"{flaw}=ignore" for flaw in _HARMLESS)
        index = str(pack.with_suffix(".index"))
        try:
            judging.run("index-pack", f"--strict={accepted}", "--no-rev-index", "-o", index, str(pack), cwd=cwd)
        except VcsError as error:
            if found := _FLAW.search(str(error)):
                raise NotAccepted(found[1].partition(" fatal: ")[0].partition(" error: ")[0]) from error
            raise

    @property
    def receiving_memory(self) -> int:
        """Bytes of its own that a git which takes objects in may have."""
        return self.max_object_bytes + _ROOM if self.max_object_bytes else MEMORY

    def receiving(self) -> dict[str, str]:
        """The environment of a git that takes objects in.

        It refuses an object by the size that its header or delta names, before it makes room for it.
        """
        if not self.max_object_bytes:
            return self.environment
        return self.environment | {"GIT_ALLOC_LIMIT": str(max(self.max_object_bytes, _LEAST_ALLOCATION) + 1)}

    def check_of_sizes(self, pack_bytes: int | None) -> list[str]:
        """Options of git with which it looks at the size of each object that a push brings.

        `pack_bytes` is how large the pack is at most, if that is known: a small one can hold no object that is too
        large, unless as a delta, which `receiving` refuses. Then there are no options, and no program is started.
        """
        limit = self.max_object_bytes
        if not limit or (
            pack_bytes is not None and limit >= _LEAST_ALLOCATION and pack_bytes * _LARGEST_RATIO <= limit
        ):
            return []
        return ["-c", f"core.hooksPath={self.hooks}"]

    def loading(self) -> list[str]:
        """Options for fetching from another server: what is too large is refused when its header arrives."""
        return ["-c", f"core.bigFileThreshold={1 << 40}"] if self.max_object_bytes else []

    def run(
        self,
        *arguments: str,
        cwd: Path,
        stdin: bytes = b"",
        timeout: float = 600,
        only_reads: bool = False,
        nothing: int = 0,
    ) -> bytes:
        """Run one command in the repository `cwd` to its end and return its output; raises `VcsError`.

        `nothing` is a status with which it ends when it has found nothing. One that `only_reads` need not end with us,
        and ends when it finds that nobody reads what it says: nothing is started to see to it.
        """
        command = (self.argv if only_reads else self.tied)("--git-dir=.", *arguments)
        try:
            done = run(command, cwd=cwd, environment=self.environment, stdin=stdin, timeout=timeout)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise VcsError(f"git {arguments[0]}: {error}") from error
        if done.returncode not in (0, nothing):
            raise VcsError(f"git {arguments[0]} ended with {done.returncode}: {words_of(done.stderr)}")
        return done.stdout

    def beginning(self, *arguments: str, cwd: str, most: int) -> bytes:
        """The first `most` bytes that a command in the repository `cwd` puts out; raises `VcsError` without any."""
        command = self.tied("--git-dir=.", *arguments)
        with subprocess.Popen(
            command,
            cwd=cwd,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            confine(process.pid)
            assert process.stdout is not None
            said = process.stdout.read(most)
            process.kill()
        if not said:
            raise VcsError(f"git {arguments[0]} said nothing")
        return said

    def abilities(self) -> bytes:
        """The abilities that `git upload-pack` tells to a client that speaks protocol v2; raises `VcsError`.

        They depend on git and on our configuration, not on the repository: git is asked once, in an empty repository,
        and again when it was replaced by another git.
        """
        return self._said_by("upload-pack", PROTOCOL_2)

    def known_abilities(self) -> bytes:
        """The same without starting git; empty when it has to be asked."""
        return self._said.get(self._saying("upload-pack"), b"")

    def abilities_for_push(self) -> bytes:
        """The abilities that `git receive-pack` tells behind its first ref; as `abilities`."""
        _, _, said = self._said_by("receive-pack").partition(b"\0")
        return said.partition(b"\n")[0]

    def _said_by(self, service: str, protocol: str = "") -> bytes:
        saying = self._saying(service)
        if known := self._said.get(saying):
            return known
        with tempfile.TemporaryDirectory(prefix="trivium-") as place:
            path = Path(place)
            self.run("init", "--quiet", "--bare", "--template=", ".", cwd=path)
            asking = replace(self, environment=self.environment | {"GIT_PROTOCOL": protocol})
            said = asking.run(service, "--stateless-rpc", "--http-backend-info-refs", ".", cwd=path)
        self._said[saying] = said
        return said

    def _saying(self, service: str) -> tuple[str, int, int]:
        return service, *self.identity()

    def identity(self) -> tuple[int, int]:
        """Differs once git was replaced by another git; raises `VcsError`."""
        try:
            program = Path(self.program).stat()
        except OSError as error:
            raise VcsError(f"git: {error}") from error
        return program.st_ino, program.st_mtime_ns

    def lines(self, *arguments: str, cwd: Path, timeout: float = 600) -> Generator[bytes]:
        """The output of a command in the repository `cwd`, line by line as it comes; closing this ends the command.

        Raises `VcsError`, also when the whole takes longer than `timeout` seconds.
        """
        command = self.tied("--git-dir=.", *arguments)
        with self._started(command, arguments[0], cwd) as process:
            end = threading.Timer(timeout, process.kill)
            end.start()
            try:
                assert process.stdout
                yield from process.stdout
            finally:
                end.cancel()

    def pieces(self, *arguments: str, cwd: Path, timeout: float = 600) -> Generator[bytes]:
        """As `lines`, in pieces of at most some dozen KiB, of a command that only reads (`run`).

        Any thread may ask for the next piece: the command does not depend on the one that asked for the first. Time
        does not count while nobody asks.
        """
        with self._started(self.argv("--git-dir=.", *arguments), arguments[0], cwd) as process:
            assert process.stdout
            with contextlib.suppress(OSError):  # it has ended already
                # Should we die it ends when it writes, and at the latest when it has computed for so long.
                resource.prlimit(process.pid, resource.RLIMIT_CPU, (int(timeout) + 1,) * 2)
            pipe = process.stdout.fileno()
            readable = select.poll()
            readable.register(pipe, select.POLLIN)
            while timeout > 0:
                began = time.monotonic()
                if readable.poll(1000 * timeout):
                    piece = os.read(pipe, _PIECE)
                    if not piece:
                        return
                    timeout -= time.monotonic() - began
                    yield piece
                else:
                    break
            raise VcsError(f"git {arguments[0]} takes too long")

    @contextlib.contextmanager
    def _started(self, command: list[str], name: str, cwd: Path) -> Iterator[subprocess.Popen[bytes]]:
        """A program whose output is read meanwhile; raises `VcsError` when that ends badly."""
        pipe = subprocess.PIPE
        try:
            process = subprocess.Popen(
                command, cwd=cwd, env=self.environment, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe
            )
        except (OSError, ValueError) as error:
            raise VcsError(f"git {name}: {error}") from error
        confine(process.pid)
        assert process.stderr
        errors = FirstWords(process.stderr)
        process.stderr = None  # it is the reader's now
        with process:
            try:
                yield process
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            raise VcsError(f"git {name} ended with {process.returncode}: {words_of(errors.get())}")


def git_command(
    program: str,
    configuration: Path,
    *,
    max_input_bytes: int = 0,
    max_object_bytes: int = 0,
    default_branch: str = "master",
) -> GitCommand:
    """Find git and write our configuration to `configuration`; raises `StartRefused` when git cannot be started."""
    check_library()
    found = shutil.which(program)
    if found is None:
        raise StartRefused(f"the git program {program!r} was not found; install git or set git_path")
    if not _BRANCH.fullmatch(default_branch) or default_branch.endswith(".lock"):
        raise StartRefused(f"option default_branch: {default_branch!r} is not the name of a branch")
    text = CONFIGURATION.format(default_branch=default_branch, hidden=HIDDEN)
    for section in ("receive", "fetch"):
        text += f'[{section} "fsck"]\n' + "".join(f"\t{flaw} = ignore\n" for flaw in _HARMLESS)
    if max_input_bytes:
        text += f"[receive]\n\tmaxInputSize = {max_input_bytes}\n"
    _write(configuration, text, 0o600)
    hooks = configuration.with_name("githooks")
    hooks.mkdir(mode=0o700, exist_ok=True)
    _write(hooks / "pre-receive", _HOOK.format(limit=max_object_bytes), 0o700)
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(configuration),
        "GIT_TERMINAL_PROMPT": "0",
        # Anybody may push refs/replace/…, but neither libgit2 nor the packs for clients follow them.
        "GIT_NO_REPLACE_OBJECTS": "1",
    }
    return GitCommand(str(Path(found).absolute()), environment, max_object_bytes, str(hooks), default_branch)


def _write(path: Path, text: str, mode: int) -> None:
    """Write a file of ours, unless it has this text already."""
    if path.exists() and path.read_text() == text:
        return
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.chmod(mode)
    temporary.replace(path)
