# SPDX-License-Identifier: GPL-3.0-or-later
"""Subversion's programs, and the account that its repositories belong to.

A private Apache writes repositories. When the server runs as root, Apache runs as another account, which owns the
repositories and nothing else. Otherwise everything belongs to one account, and nothing here changes owners.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from trivium.errors import TriviumError
from trivium.procs.spawn import run, words_of
from trivium.procs.ties import SETPRIV, tied
from trivium.settings import Settings
from trivium.vcs.errors import VcsError

_SYSTEM: Final = "/usr/local/sbin:/usr/sbin:/sbin"
"""Directories of server programs, which are not in everybody's PATH."""
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FSFS: Final = """\
# Apache reaches the repository through an open directory, which SQLite does not follow: no cache of representations.
[rep-sharing]
enable-rep-sharing = false
"""
_MODULES: Final = (
    "mpm_prefork",
    "authn_core",
    "authn_anon",
    "authz_core",
    "authz_user",
    "auth_basic",
    "dav",
    "dav_svn",
)


class Unavailable(TriviumError):
    """Subversion cannot be hosted here; the message is the sentence that says why."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the operating system."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class SvnPrograms:
    """The programs for hosting Subversion; found by `find_programs`."""

    svnadmin: str
    svnrdump: str
    apache: str
    modules: tuple[tuple[str, str], ...]
    """Apache's modules: name and file."""
    account: Account | None
    """The account that runs Apache and owns the repositories; None: the account of this process."""


def find_programs(settings: Settings) -> SvnPrograms:
    """Look for everything; raises `Unavailable`."""
    svnadmin = shutil.which(settings.svnadmin_path)
    if svnadmin is None:
        raise Unavailable(f"the program {settings.svnadmin_path!r} was not found; install subversion")
    apache = shutil.which(settings.apache_path, path=f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM}")
    if apache is None:
        raise Unavailable(f"the program {settings.apache_path!r} was not found; install apache2")
    modules = tuple((name, f"{settings.apache_modules}/mod_{name}.so") for name in _MODULES)
    for name, file in modules:
        if not Path(file).is_file():
            raise Unavailable(f"Apache's module {name} is not in {settings.apache_modules}; install libapache2-mod-svn")
    return SvnPrograms(
        svnadmin=svnadmin,
        svnrdump=str(Path(svnadmin).with_name("svnrdump")),
        apache=apache,
        modules=modules,
        account=_account(settings.svn_user) if os.geteuid() == 0 else None,
    )


def _account(name: str) -> Account:
    """The account for Subversion on a server that runs as root."""
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise Unavailable(
            f"there is no account {name!r}; create it with 'useradd --system --user-group --home-dir /nonexistent"
            f" --shell /usr/sbin/nologin {name}' or name another one in svn_user"
        ) from None
    if SETPRIV is None:
        raise Unavailable("the program 'setpriv' was not found; a server that runs as root needs it")
    if found.pw_uid == 0:
        raise Unavailable("Apache does not run as root; name another account in svn_user")
    return Account(name, found.pw_uid, found.pw_gid)


@dataclass(frozen=True, slots=True)
class SvnCommand:
    """How svnadmin is run: absolute program, closed environment (security.md S-1)."""

    programs: SvnPrograms | None
    missing: str = ""
    """Why there are no programs."""

    @property
    def available(self) -> SvnPrograms:
        """The programs; raises `VcsError` when Subversion cannot be hosted."""
        if self.programs is None:
            raise VcsError(self.missing)
        return self.programs

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "HOME": "/nonexistent"}

    def admin(
        self, subcommand: str, *arguments: str, timeout: float = 3600, check: Callable[[], None] | None = None
    ) -> bytes:
        """Run one command of svnadmin to its end and return its output; raises `VcsError`.

        With `check`, which is called again and again, it ends with us and with whatever that raises.
        """
        words = [self.available.svnadmin, subcommand, *arguments]
        try:
            done = run(
                words if check is None else tied(words, last="KILL"),
                cwd=Path("/"),
                environment=self.environment,
                timeout=timeout,
                check=check,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise VcsError(f"svnadmin {subcommand}: {error}") from error
        if done.returncode:
            raise VcsError(f"svnadmin {subcommand} ended with {done.returncode}: {words_of(done.stderr)}")
        return done.stdout

    def take_in(self, path: Path) -> None:
        """Give a repository, with all that is in it, to the account that Apache runs as, and write its settings."""
        # Another account may own the directories, and replace one by a link meanwhile: so no path is followed twice.
        with _opened(path) as top, _opened("db", within=top) as db:
            with contextlib.suppress(FileNotFoundError):
                os.unlink("fsfs.conf", dir_fd=db)
            with open(os.open("fsfs.conf", _NEW, 0o640, dir_fd=db), "w") as settings:
                settings.write(_FSFS)
            os.fchmod(top, 0o750)
        self.hand_over(path)

    def hand_over(self, path: Path) -> None:
        """Give everything in a repository to the account that Apache runs as."""
        account = self.available.account
        if account is None:
            return
        with _opened(path) as top:
            for _, directories, files, place in os.fwalk(f"/proc/self/fd/{top}/.", topdown=False):
                for name in (*directories, *files):
                    os.chown(name, account.uid, account.gid, dir_fd=place, follow_symlinks=False)
            # The directory itself comes last: `is_taken_in` goes by it, and this process may die before the end.
            os.fchown(top, account.uid, account.gid)

    def is_taken_in(self, path: Path) -> bool:
        """Whether a repository belongs to Apache's account; one that an administrator put there perhaps does not."""
        account = self.available.account
        return account is None or path.stat().st_uid == account.uid

    def is_at_hand(self, root: Path, path: Path) -> bool:
        """Whether neither `let_pass` nor `take_in` has anything to do; called for each request."""
        account = self.available.account
        if account is None:
            return True
        # A `Path` for each directory would cost more than everything else.
        place = os.fspath(path)
        for above in _way(os.fspath(root), place):
            if not _lets_pass(os.stat(above), account):  # noqa: PTH116
                return False
        return os.stat(place).st_uid == account.uid  # noqa: PTH116

    def let_pass(self, root: Path, path: Path) -> None:
        """Let Apache's account through the directories between `root` and a repository: through, not in.

        It can go on to a name that it knows, and list nothing. The directory above the root stays closed to it: Apache
        is given the root itself, opened.
        """
        account = self.available.account
        if account is None:
            return
        for place in map(Path, _way(os.fspath(root), os.fspath(path))):
            state = place.stat()
            if _lets_pass(state, account):
                continue
            if state.st_gid in (account.gid, 0):
                os.chown(place, -1, account.gid, follow_symlinks=False)
                place.chmod((state.st_mode & 0o7707) | 0o010)
            else:  # a group of the administrator's choice keeps its rights
                place.chmod((state.st_mode & 0o7777) | 0o001)


@lru_cache(1000)
def _way(root: str, path: str) -> tuple[str, ...]:
    """The directories on the way to a repository, the root first."""
    found = [root]
    for name in path[len(root) + 1 :].split("/")[:-1]:
        found.append(f"{found[-1]}/{name}")
    return tuple(found)


def _lets_pass(state: os.stat_result, account: Account) -> bool:
    """Whether an account can go through a directory."""
    return bool(state.st_mode & (0o010 if state.st_gid == account.gid else 0o001))


def svn_command(settings: Settings) -> SvnCommand:
    """The command for an installation. If a program is missing, repositories can only be read."""
    try:
        return SvnCommand(find_programs(settings))
    except Unavailable as error:
        return SvnCommand(None, str(error))


@contextlib.contextmanager
def _opened(path: Path | str, *, within: int | None = None) -> Iterator[int]:
    """A directory, opened; a link of its name is not followed."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=within)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
