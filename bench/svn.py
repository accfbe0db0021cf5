# SPDX-License-Identifier: GPL-3.0-or-later
"""Subversion: checkouts and commits beside a plain Apache with mod_dav_svn, logs beside the library alone."""

from __future__ import annotations

import json
import random
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from bench.history import WORDS
from bench.load import Load
from bench.load import load as load_api
from bench.peers import Apache
from bench.processes import Meter, cpu_seconds
from bench.webhistory import Commit
from tests.support.clients import Api, Person
from tests.support.servers import Server
from tests.support.svn_client import Svn

_MODULES = (
    "mpm_event", "access_compat", "alias", "auth_basic", "authn_core", "authn_file", "authz_core", "authz_host",
    "authz_user", "autoindex", "dav", "dav_svn", "dir", "env", "filter", "mime", "negotiation", "reqtimeout",
    "setenvif", "status",
)  # fmt: skip
"""What Debian enables, without the filter that compresses: we do not compress either."""
_CONFIGURATION = """
{modules}
TypesConfig /etc/mime.types
LogFormat "%h %l %u %t \\"%r\\" %>s %O \\"%{{Referer}}i\\" \\"%{{User-Agent}}i\\"" combined
CustomLog {run}/access.log combined
<Directory />
  AllowOverride None
</Directory>
<Location />
  DAV svn
  SVNParentPath {root}
  AuthType Basic
  AuthName bench
  AuthUserFile {run}/passwords
  Require valid-user
</Location>
"""


class DavSvn(Apache):
    """mod_dav_svn, set up with one account as its documentation says."""

    def __init__(self, root: Path, run: Path, person: Person) -> None:
        modules = "\n".join(f"LoadModule {one}_module /usr/lib/apache2/modules/mod_{one}.so" for one in _MODULES)
        run.mkdir()
        subprocess.run(
            ["htpasswd", "-bc", str(run / "passwords"), person.name, person.password], check=True, capture_output=True
        )
        super().__init__(_CONFIGURATION, root, run, modules=modules)


def generated_dump(revisions: int, *, files: int = 400, newest: Iterable[Commit] = ()) -> Iterator[bytes]:
    """A dump of a history with the shape of a real project's: the same for everybody. `newest` come last."""
    dice = random.Random(1843)
    names = [f"trunk/src/part{number % 17}/module{number}.c" for number in range(files)]
    directories = {"trunk", "trunk/src", *(name.rpartition("/")[0] for name in names)}
    content: dict[str, list[str]] = {}
    yield b"SVN-fs-dump-format-version: 2\n\n"
    for number in range(1, revisions + 1):
        message = " ".join(dice.choices(WORDS, k=dice.randint(4, 40)))
        yield _revision(number, message, 1_300_000_000 + 3600 * number)
        if number == 1:
            for directory in sorted(directories):
                yield f"Node-path: {directory}\nNode-kind: dir\nNode-action: add\n".encode() + _block(
                    b"PROPS-END\n", b""
                )
        for name in names if number == 1 else dice.sample(names, dice.randint(1, 4)):
            lines = content.setdefault(name, [])
            at = dice.randrange(len(lines) + 1)
            new = [" ".join(dice.choices(WORDS, k=8)) for _ in range(dice.randint(1, 60 if number == 1 else 12))]
            lines[at : at + dice.randint(0, 3)] = new
            action = "add" if number == 1 else "change"
            head = f"Node-path: {name}\nNode-kind: file\nNode-action: {action}\n".encode()
            yield head + _block(b"PROPS-END\n" if number == 1 else b"", "\n".join(lines).encode() + b"\n")
    known = {*directories, *content}
    for number, one in enumerate(newest, revisions + 1):
        yield _revision(number, one.message, one.date)
        for name, text in one.files.items():
            path = f"trunk/{name}"
            above = [path[:at] for at, letter in enumerate(path) if letter == "/"]
            for directory in (each for each in above if each not in known):
                yield f"Node-path: {directory}\nNode-kind: dir\nNode-action: add\n".encode() + _block(
                    b"PROPS-END\n", b""
                )
            action, properties = ("change", b"") if path in known else ("add", b"PROPS-END\n")
            known |= {path, *above}
            head = f"Node-path: {path}\nNode-kind: file\nNode-action: {action}\n".encode()
            yield head + _block(properties, text.encode())


def _revision(number: int, message: str, seconds: int) -> bytes:
    date = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(seconds))
    told = ((b"svn:log", message.encode()), (b"svn:author", b"ada"), (b"svn:date", date.encode()))
    properties = b"".join(b"K %d\n%s\nV %d\n%s\n" % (len(key), key, len(value), value) for key, value in told)
    return b"Revision-number: %d\n" % number + _block(properties + b"PROPS-END\n", b"")


def _block(properties: bytes, text: bytes) -> bytes:
    head = b""
    if properties:
        head += b"Prop-content-length: %d\n" % len(properties)
    if text:
        head += b"Text-content-length: %d\n" % len(text)
    return head + b"Content-length: %d\n\n%s%s\n\n" % (len(properties) + len(text), properties, text)


def load(place: Path, revisions: int, newest: Iterable[Commit] = ()) -> None:
    loading = subprocess.Popen(["svnadmin", "load", "--quiet", "--no-flush-to-disk", str(place)], stdin=subprocess.PIPE)
    assert loading.stdin is not None
    for piece in generated_dump(revisions, newest=newest):
        loading.stdin.write(piece)
    loading.stdin.close()
    if loading.wait():
        raise RuntimeError("svnadmin load failed")


def measure_svn(report: Any, server: Server, root: Api, place: Path, *, revisions: int) -> None:
    """Checkouts, commits and logs of a generated history."""
    root("create_repo", repo_name="history-svn", repo_type="svn")
    ours, peers = server.root / "history-svn", place / "svn-peers"
    peers.mkdir()
    theirs = peers / "history-svn"
    subprocess.run(["svnadmin", "create", str(theirs)], check=True)
    for repository in (ours, theirs):
        load(repository, revisions)
    owner = ours.stat()
    subprocess.run(["chown", "-R", f"{owner.st_uid}:{owner.st_gid}", str(ours)], check=True)
    root("get_repo", repoid="history-svn", cache=False)
    administrator = Person(1, server.admin, server.admin_password, "", root)
    peer = DavSvn(peers, place / "svn-run", administrator)
    urls = (f"{server.url}/history-svn", f"http://127.0.0.1:{peer.port}/history-svn")
    svn = Svn(place / "svn-home", administrator)
    checkouts, commits, updates, logs = ({url: Meter() for url in urls} for _ in range(4))
    roots = dict(zip(urls, (server.pid, peer.pid), strict=True))
    try:
        for round_ in range(9):
            for url in urls if round_ % 2 else urls[::-1]:
                work = place / f"svn-checkout{round_}"
                command = ("checkout", "--quiet", f"{url}/trunk", str(work))
                checkouts[url].measure(roots[url], partial(svn.run, *command), counts=round_ > 1)
                shutil.rmtree(work)
        works = {url: svn.checkout(f"{url}/trunk/src/part1", f"work{number}") for number, url in enumerate(urls)}
        behind = {url: svn.checkout(f"{url}/trunk/src/part1", f"behind{number}") for number, url in enumerate(urls)}
        for round_ in range(29):
            for url in urls if round_ % 2 else urls[::-1]:
                (works[url] / "module1.c").write_text(f"round {round_}\n" * 50)
                for meters, places, command in (
                    (commits, works, ("commit", "--quiet", "-m", f"round {round_}")),
                    (updates, behind, ("update", "--quiet")),
                    (logs, works, ("log", "--quiet", "-v", "-l", "20", "^/")),
                ):
                    meters[url].measure(roots[url], partial(svn.run, *command, cwd=places[url]), counts=round_ > 3)
    finally:
        peer.stop()
    for what, meters in (("checkout", checkouts), ("update", updates), ("log", logs), ("commit", commits)):
        one, other = (meters[url].cpu_ms for url in urls)
        report.line(f"svn {what}, CPU of the server / plain mod_dav_svn", one / other, 2, f"{one:.1f} / {other:.1f} ms")
    for what, meters in (("checkout", checkouts), ("commit", commits)):
        times = {url: meter.times for url, meter in meters.items()}
        one, other = (statistics.median(times[url]) for url in urls)
        pairs = statistics.median(a / b for a, b in zip(times[urls[0]], times[urls[1]], strict=True))
        report.line(f"svn {what}, time / plain mod_dav_svn", pairs, 1.3, f"{one * 1000:.0f} / {other * 1000:.0f} ms")
    _measure_log(report, server, ours, revisions)


def _measure_log(report: Any, server: Server, place: Path, revisions: int) -> None:
    """100 changesets through the API, each time others, beside the library's own log of them: CPU of both."""
    from subvertpy.ra import RemoteAccess

    starts = range(1, revisions - 100, max(1, revisions // 300))

    def log(start: int) -> None:
        found: list[Any] = []
        RemoteAccess(place.as_uri()).get_log(
            lambda *entry: found.append(entry), [""], start, start + 99, 0, False, False, False, None
        )
        assert len(found) == 100

    def ask(starts: Iterable[int]) -> Load:
        asked = [
            json.dumps(
                {
                    "id": 1,
                    "api_key": server.admin_key,
                    "method": "get_repo_changesets",
                    "args": {"repoid": "history-svn", "start_rev": str(start), "limit": 100},
                }
            ).encode()
            for start in starts
        ]
        port = int(server.url.rpartition(":")[2])
        return load_api("127.0.0.1", port, "/_admin/api", connections=2, requests=len(asked), bodies=asked)

    ask(starts[:20])
    ours, theirs = [], []
    for one in range(1, 6):  # each asks for something new, because answers are kept
        some = [start + one % len(starts) for start in starts]
        before = cpu_seconds(server.pid)
        seen = ask(some)
        ours.append((cpu_seconds(server.pid) - before) / seen.requests)
        before = time.process_time()
        for start in some:
            log(start)
        theirs.append((time.process_time() - before) / len(some))
    one, other = statistics.median(ours), statistics.median(theirs)
    detail = f"{one * 1e3:.2f} / {other * 1e3:.2f} ms CPU"
    report.line("get_repo_changesets of 100, CPU / library's log", one / other, 3, detail)
