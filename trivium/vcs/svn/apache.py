# SPDX-License-Identifier: GPL-3.0-or-later
"""The private Apache that speaks WebDAV for Subversion: its configuration, and how workers reach it.

<data>/svn/httpd.conf     made at each start; readable for Apache's account
<data>/svn/server.json    port and secret of the present Apache; for us alone
<data>/svn/wanted         Apache was needed once: from then on it starts with the server
<data>/svn/lock           held by every process of an Apache as long as it lives
<data>/svn/key            makes the names of links; for us alone
<data>/svn/links/<id>-…   where repositories stand: Apache takes this for a directory full of them
<data>/svn/run/           files that Apache writes

mod_dav_svn finds repositories in one directory, and the path of that directory's URL must be configured and must have
no blanks or umlauts. So Apache is asked for `/<link>/…`, whatever the repository's name and groups are, and the door
translates (`wire.svn.paths`). A link is made for one repository under one name and never points elsewhere. New
repositories, groups and names need no new configuration.

A header, beside the secret, tells Apache the link of a request. Apache refuses every other link, also where a request
itself leads to a second one: the source of a MERGE, the destination of a COPY. So a request that names another
repository in a way unseen by the door ends there. Links cannot be guessed either.

Each connection has a process of its own (mpm_prefork), with a limit of its memory. A fault of Subversion or too large a
request ends that process, and nobody else's transfer.

Apache's account may have no way to these directories: it is handed them open, as descriptors with fixed numbers, and
its paths begin at /proc/self/fd.
"""

from __future__ import annotations

import contextlib
import fcntl
import hmac
import os
import secrets
import signal
import socket
import time
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from trivium.procs.wishes import Wish
from trivium.settings import Settings
from trivium.vcs.errors import VcsError
from trivium.vcs.svn.command import SvnCommand, SvnPrograms

ROOT_DESCRIPTOR: Final = 9
PLACE_DESCRIPTOR: Final = 10
LOCK_DESCRIPTOR: Final = 11
SECRET_HEADER: Final = "X-Trivium-Secret"
LINK_HEADER: Final = "X-Trivium-Link"
"""Names the only link that a request may lead to."""

_PLACE: Final = f"/proc/self/fd/{PLACE_DESCRIPTOR}"
_ROOT: Final = f"/proc/self/fd/{ROOT_DESCRIPTOR}"
LINKS: Final = f"{_PLACE}/links"
"""The directory of links, as Apache sees it."""
MEMORY: Final = 512 << 20
"""Bytes of its own that a process of Apache may have; the largest requests of tests take a tenth."""
_PROCESSES: Final = 128
_PAUSE: Final = 0.02
_OLD_ENDS: Final = 5.0
_QUIET: Final = 10.0
_CLOSE_WAIT: Final = "08"
_LISTENING: Final = "0A"

_CONFIGURATION: Final = """\
ServerRoot {place}
DefaultRuntimeDir {place}/run
PidFile {place}/run/httpd.pid
ErrorLog {place}/run/error.log
LogLevel error dav:crit
Listen 127.0.0.1:{port}
ServerName 127.0.0.1:{port}
ServerTokens Prod
TraceEnable Off
{modules}
StartServers 3
MinSpareServers 3
MaxSpareServers 8
ServerLimit {processes}
MaxRequestWorkers {processes}
MaxConnectionsPerChild 1000
Timeout {timeout}
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 60
LimitRequestBody 0
LimitXMLRequestBody {max_dav_body}
LimitRequestFields 0
# One line with the tokens of all locks below a directory.
LimitRequestFieldSize 1048576
LimitRequestLine 65536
AllowEncodedSlashes On
HostnameLookups Off
SVNInMemoryCacheSize 8192
SVNCacheFullTexts On
SVNCacheTextDeltas On
# LZ4 for clients that know it.
SVNCompressionLevel 1
<Directory />
  AllowOverride None
  Require all denied
</Directory>
<Location "/">
  DAV svn
  SVNParentPath {links}
  SVNListParentPath Off
  # Who may do what was decided before; paths are not told apart.
  SVNPathAuthz Off
  # One answer with all files instead of one request for each.
  SVNAllowBulkUpdates Prefer
  SVNAdvertiseV2Protocol On
  AuthType Basic
  AuthName Trivium
  AuthBasicProvider anon
  Anonymous "*"
  Anonymous_NoUserID On
  Anonymous_MustGiveEmail Off
  Anonymous_VerifyEmail Off
  Anonymous_LogEmail Off
  <RequireAll>
    Require expr "%{{HTTP:{header}}} == '{secret}'"
    Require valid-user
  </RequireAll>
</Location>
# Asked for each resource that a request leads to; what is required above is asked for the first one only.
<If "! (%{{REQUEST_URI}} =~ m#^/([^/]+)(/|$)# && $1 == %{{HTTP:{link_header}}})">
  Require all denied
</If>
"""
"""The design at the head of this file, as Apache's configuration."""


class Endpoint(msgspec.Struct, frozen=True):
    """Where an Apache listens, and the secret that it requires."""

    port: int
    secret: str


@dataclass(frozen=True, slots=True)
class SvnApache:
    """The Apache of one installation, seen from any of its processes."""

    settings: Settings
    command: SvnCommand
    _root: Path = field(init=False)
    _links: str = field(init=False)
    """What `is_at_hand` needs for each request: to make a `Path` costs more than to look."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_root", self.settings.root)
        object.__setattr__(self, "_links", f"{self.place}/links")

    @property
    def place(self) -> Path:
        return self.settings.data / "svn"

    def is_wanted(self) -> bool:
        return self._wish.stands()

    def want(self, supervisor: int | None) -> None:
        """Let the supervisor, whose process is given, start Apache at once and from now on."""
        self._make_directories()
        self._wish.make(supervisor)

    @property
    def _wish(self) -> Wish:
        return Wish(self.place / "wanted")

    def endpoint(self) -> Endpoint | None:
        """Where it can be reached, if it was started."""
        try:
            return msgspec.json.decode((self.place / "server.json").read_bytes(), type=Endpoint)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def listens_at(self, endpoint: Endpoint) -> bool:
        """Whether Apache listens there, and not another program that took the port while Apache was away."""
        account = self.command.available.account
        uid = os.geteuid() if account is None else account.uid
        return any(one.owner == uid for one in _sockets(endpoint.port) if one.state == _LISTENING)

    def is_at_hand(self, repository_id: int, name: str, path: Path) -> bool:
        """Whether nothing must be done to get Apache to the repository `name`, which stands at `path`.

        A few looks at directories. Raises `FileNotFoundError` when it does not stand there.
        """
        is_there = os.path.islink(f"{self._links}/{self.link(repository_id, name)}")  # noqa: PTH114
        return is_there and self.command.is_at_hand(self._root, path)

    def let_reach(self, repository_id: int, name: str, path: Path) -> None:
        """Apache can get there, and write, from now on."""
        root = self.settings.root
        self.command.let_pass(root, path)
        if not self.command.is_taken_in(path):
            self.command.take_in(path)
        target = f"{_ROOT}/{path.relative_to(root)}"
        place = self.place / "links" / self.link(repository_id, name)
        if not place.is_symlink():
            self._make_directories()
            with contextlib.suppress(FileExistsError):
                place.symlink_to(target)

    def link(self, repository_id: int, name: str) -> str:
        """What Apache calls a repository: letters, digits and a hyphen, which nobody else can tell.

        Each name of the repository has its own link: Apache remembers what it has read under a link.
        """
        return _link(self.settings.data, repository_id, name)

    def _make_directories(self) -> None:
        account = self.command.available.account
        for name, mode in ((".", 0o710), ("links", 0o710), ("run", 0o700)):
            place = self.place / name
            place.mkdir(mode=mode, exist_ok=True)
            if account is not None:
                os.chown(place, account.uid if name == "run" else -1, account.gid)

    def prepare(self) -> SvnPrograms:
        """Make the directories and the configuration for a new Apache, which must be the only one."""
        programs = self.command.available
        self._make_directories()
        for link in (self.place / "links").iterdir():
            name = link.readlink().relative_to(_ROOT)
            number = link.name.partition("-")[0]
            is_ours = number.isdecimal() and link.name == self.link(int(number), name.as_posix())
            if not is_ours or not (self.settings.root / name).exists():
                link.unlink(missing_ok=True)
        endpoint = Endpoint(_free_port(self.endpoint()), secrets.token_hex(32))
        text = _CONFIGURATION.format(
            place=_PLACE,
            links=LINKS,
            processes=_PROCESSES,
            port=endpoint.port,
            modules="\n".join(f'LoadModule {name}_module "{file}"' for name, file in programs.modules),
            timeout=self.settings.vcs_timeout,
            max_dav_body=self.settings.max_dav_body,
            header=SECRET_HEADER,
            link_header=LINK_HEADER,
            secret=endpoint.secret,
        )
        # Errors of the last Apache are of no interest any more, and nobody else shortens the file. The number of one
        # that was killed may be another's by now, or still stand for the dead: Apache would say that it runs, and end.
        for left in ("error.log", "httpd.pid"):
            (self.place / "run" / left).unlink(missing_ok=True)
        _write(self.place / "httpd.conf", text.encode(), 0o640)
        if programs.account is not None:
            os.chown(self.place / "httpd.conf", -1, programs.account.gid)
        _write(self.place / "server.json", msgspec.json.encode(endpoint), 0o600)
        return programs

    def take_over(self) -> int:
        """Wait until no process of an earlier Apache lives; returns the descriptor of the lock that says so."""
        self._make_directories()
        lock = os.open(self.place / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + _OLD_ENDS
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return lock
            if time.monotonic() > deadline:
                for pid in _holders(lock):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(_PAUSE)

    def end_process(self, endpoint: Endpoint, peer: int) -> None:
        """End the process of Apache that serves the connection from the port `peer`, which only reads, for nobody.

        The process itself would notice only when it has something to send. Keep the connection open at this end until
        then, so that the process cannot serve another client by now. May take a while: looks at all processes.
        """
        theirs = [one for one in _sockets(endpoint.port) if one.peer_port == peer]
        with contextlib.suppress(OSError):
            lock = os.open(self.place / "lock", os.O_RDONLY | os.O_CLOEXEC)
            try:
                for pid in _holders(lock) if theirs else ():
                    if _has_open(pid, f"socket:[{theirs[0].inode}]"):
                        os.kill(pid, signal.SIGKILL)
            finally:
                os.close(lock)

    def await_quiet(self) -> None:
        """Wait until Apache has finished the requests of processes that are gone; raises `VcsError`.

        A commit goes on when its worker dies. But the worker's connections are then closed at one end, and stay so
        until Apache has finished their requests and looks at them again.
        """
        endpoint = self.endpoint()
        deadline = time.monotonic() + _QUIET
        while endpoint is not None and _half_closed(endpoint.port):
            if time.monotonic() > deadline:
                raise VcsError("Apache is still at work for a process that is gone")
            time.sleep(_PAUSE)


@lru_cache
def _link(data: Path, repository_id: int, name: str) -> str:
    mark = hmac.digest(_key(data / "svn"), f"{repository_id} {name}".encode(), "sha256")
    return f"{repository_id}-{mark.hex()[:32]}"


@lru_cache
def _key(place: Path) -> bytes:
    """The key that makes links; the first call makes it."""
    path = place / "key"
    try:
        return path.read_bytes()
    except FileNotFoundError:
        place.mkdir(mode=0o710, exist_ok=True)
        new = place / f"key.{os.getpid()}.{secrets.token_hex(4)}"
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
        with contextlib.suppress(FileExistsError):
            os.link(new, path)  # whole or not at all, and the first one counts
        new.unlink()
        return path.read_bytes()


def _write(path: Path, content: bytes, mode: int) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
    temporary.replace(path)


def _free_port(last: Endpoint | None) -> int:
    """A free port on the loopback; the last one again, if it can be had."""
    for port in ([last.port] if last else []) + [0]:
        with socket.socket() as trying, contextlib.suppress(OSError):
            trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trying.bind(("127.0.0.1", port))
            return int(trying.getsockname()[1])
    raise VcsError("no port is free")


def _holders(lock: int) -> list[int]:
    """The processes that have the lock's file open as an Apache of ours does."""
    state = os.fstat(lock)
    found = []
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            held = (process / "fd" / str(LOCK_DESCRIPTOR)).stat()
            if os.path.samestat(state, held) and int(process.name) != os.getpid():
                found.append(int(process.name))
    return found


def _half_closed(port: int) -> bool:
    """Whether a connection to a port of the loopback waits for its owner to notice that the other end is closed."""
    return any(one.state == _CLOSE_WAIT for one in _sockets(port))


def _has_open(pid: int, what: str) -> bool:
    """Whether a process has something open that has this name in the kernel."""
    with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as descriptors:
        return any(os.readlink(one.path) == what for one in descriptors)  # noqa: PTH115
    return False


class _Socket(NamedTuple):
    """A socket of the loopback."""

    peer_port: int
    state: str
    owner: int
    inode: str


def _sockets(port: int) -> list[_Socket]:
    """The sockets that have a port of the loopback for their own."""
    address = f"0100007F:{port:04X}"
    fields = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return [
        _Socket(int(found[2].rpartition(":")[2], 16), found[3], int(found[7]), found[9])
        for found in fields
        if found[1] == address
    ]
