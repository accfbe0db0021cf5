# SPDX-License-Identifier: GPL-3.0-or-later
"""What pages cost, beside Debian's cgit and hgweb on the same history (web.md 5): `make bench web`.

*With parts* everything that a page is made of was made before. *Without* means the first visit of this page in a fresh
fork, whose list of commits the worker knows; that of the first page of the site is the first after a change of rights.
An annotation takes its colours from the file's page, which has a budget of its own. *After a push* is the first visit
once the job that follows each push is done. All figures are CPU of the whole tree of processes.

BENCH_WEB_SYSTEMS and BENCH_WEB_PAGES, words with blanks between them, choose some of the table.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.crowd import crowd
from bench.fetching import Ask, fetch, with_headers
from bench.hg import HgServe
from bench.peers import APACHE, Cgit
from bench.processes import cpu_seconds
from bench.report import Report
from bench.svn import load as load_svn
from bench.webhistory import ANNOTATED, LONG, MANY, RAW, commits, generate_git
from tests.support.browser import Browser
from tests.support.servers import Server
from trivium.access.caller import the_system
from trivium.access.levels import Level
from trivium.cli.opening import opened
from trivium.forge.repositories import finding
from trivium.forge.upkeep.after_pushes import make_pages

COMMITS = int(os.environ.get("BENCH_WEB_COMMITS", "8000"))
CHANGESETS = int(os.environ.get("BENCH_WEB_CHANGESETS", "1000"))
REVISIONS = int(os.environ.get("BENCH_WEB_REVISIONS", "500"))
REPOSITORIES = int(os.environ.get("BENCH_WEB_REPOSITORIES", "1000"))
FRESH = int(os.environ.get("BENCH_WEB_FRESH", "6"))
ROUNDS = int(os.environ.get("BENCH_WEB_ROUNDS", "3"))
SYSTEMS = os.environ.get("BENCH_WEB_SYSTEMS", "git hg svn growth").split()
PAGES = os.environ.get("BENCH_WEB_PAGES", "").split()
"""Words that the pages' names have in them; none: all pages."""
_REQUESTS = 300
_OF_PEERS = 40
_FEW = 6
CONNECTIONS = 16
NAME = "history"
_NOT_MODIFIED_MS = 0.1
_FIRST_BYTE_MS = 5.0
_LEXING_MS = 54.0
"""What Pygments took for the 2,000 lines where the budgets were set (web.md 5)."""
_PREPARED = ("atom", "changelog, 50 rows", "changeset, 31 files", "summary")
"""Pages whose parts are made after a push (`web.ahead`)."""
_GZIP = {"Accept-Encoding": "gzip"}


@dataclass(frozen=True)
class Kind:
    """A kind of page with its budgets: CPU in ms, with parts and without, and kB compressed."""

    what: str
    path: str
    cgit: str
    hgweb: str
    warm: float
    fresh: float
    size: float


def kinds(name: str, tip: str, *, peer: str = "", trunk: str = "") -> tuple[Kind, ...]:
    """The table of web.md 5, for the repository `name`. `tip` is its newest commit, the changeset of 31 files; `peer`
    what cgit calls that; `trunk` the directory in which files are.
    """
    at, inside = f"/{name}", f"{tip}/{trunk}"
    cgit = f"/{NAME}"
    every = (
        Kind("summary", at, f"{cgit}/", "summary?style=gitweb", 0.4, 4, 8),
        Kind("files, 30 entries", f"{at}/files/{inside}{MANY}", f"{cgit}/tree/{MANY}", f"file/tip/{MANY}", 0.4, 2, 6),
        Kind("file, 2,000 lines", f"{at}/files/{inside}{LONG}", f"{cgit}/tree/{LONG}", f"file/tip/{LONG}", 0.8, 65, 55),
        Kind("changelog, 50 rows", f"{at}/changelog", f"{cgit}/log/", "log", 0.4, 3, 10),
        Kind("changeset, 31 files", f"{at}/changeset/{tip}", f"{cgit}/commit/?id={peer}", "rev/tip", 0.6, 8, 30),
        Kind("raw file, 80 kB", f"{at}/raw/{inside}{RAW}", f"{cgit}/plain/{RAW}", f"raw-file/tip/{RAW}", 0.5, 0.5, 0),
        Kind("home", "/", "/", "", 0.6, 1, 8),
        Kind("atom", f"{at}/feed/atom", f"{cgit}/atom/", "atom-log", 0.3, 3, 6),
        Kind(
            "annotate, 700 lines",
            f"{at}/annotate/{inside}{ANNOTATED}",
            f"{cgit}/blame/{ANNOTATED}",
            f"annotate/tip/{ANNOTATED}",
            warm=0.8,
            fresh=0,
            size=60,
        ),
    )
    return tuple(one for one in every if not PAGES or any(word in one.what for word in PAGES))


@dataclass
class Figures:
    """What was measured of one page, in ms of CPU."""

    warm: float = 0.0
    signed_in: float = 0.0
    fresh: float = 0.0
    pushed: float = 0.0
    """Of the first visit after a push, for what the job prepares."""
    not_modified: float = 0.0
    head: float = 0.0
    rate: float = 0.0
    """Requests in a second."""
    kilobytes: float = 0.0
    gzipped: float = 0.0
    peer: float = 0.0


def measure_web(report: Report, place: Path) -> None:
    """The table of pages for each system; then what grows with the site."""
    from bench.webgrowth import measure_web_growth  # it measures by what stands here

    began = time.monotonic()
    home = place / "web"
    home.mkdir()
    history = home / "history.git"
    generate_git(history, length=COMMITS)
    server = site(home / "data", history, REPOSITORIES)
    try:
        _measure_machine(report, server, history)
        if "git" in SYSTEMS:
            _measure_git(report, server, history, home)
        if "hg" in SYSTEMS:
            _measure_hg(report, server, home)
        if "svn" in SYSTEMS:
            _measure_svn(report, server)
    finally:
        server.stop()
    if "growth" in SYSTEMS:
        measure_web_growth(report, home)
    report.note(f"pages: measured in {(time.monotonic() - began) / 60:.1f} minutes")


def _measure_machine(report: Report, server: Server, history: Path) -> None:
    """What the machine takes for things that are not ours, or next to nothing: with that the figures can be read."""
    told = _lexing_alone(_git(history, "show", f"master:{LONG}"))
    report.note(
        f"this machine: Pygments alone takes {told:.0f} ms for the 2,000 lines, and took {_LEXING_MS:.0f} where the"
        f" budgets were set: milliseconds are {told / _LEXING_MS:.1f} times as many here"
    )
    port = int(server.url.rpartition(":")[2])
    nothing = Ask("/_static/0/nothing", status=404)
    floor = _cpu_ms(server.pid, port, [nothing], _REQUESTS, rounds=ROUNDS)
    report.note(f"an answer for which nothing is looked up takes {floor:.3f} ms over HTTP: no page takes less")


def lexing_ms(text: str) -> float:
    """CPU in ms of Pygments for a text in Python."""
    from pygments.lexers import get_lexer_by_name

    lexer = get_lexer_by_name("python")
    costs = []
    for _ in range(5):
        began = time.process_time()
        for _ in lexer.get_tokens_unprocessed(text):
            pass
        costs.append((time.process_time() - began) * 1000)
    return min(costs)


def site(data: Path, history: Path, repositories: int) -> Server:
    """A running server with the history and so many other repositories, which visitors may read."""
    data.parent.mkdir(parents=True, exist_ok=True)
    server = Server(data)
    server.set_up()
    server.administer("public-access", "on")
    server.start("--workers", "2")
    root = server.api(server.admin_key)
    root("create_repo", repo_name=NAME, repo_type="git", description="What pages are measured on")
    subprocess.run(["git", "pack-refs", "--all"], cwd=history, check=True)
    place = server.root / NAME  # a push would take minutes for nothing that is measured here
    shutil.copytree(history / "objects", place / "objects", dirs_exist_ok=True)
    shutil.copy(history / "packed-refs", place / "packed-refs")
    root("get_repo", repoid=NAME, cache=False)
    server.stop()
    crowd(server.data / "trivium.db", repositories, like=NAME)
    server.start("--workers", "2")
    return server


def _measure_git(report: Report, server: Server, history: Path, home: Path) -> None:
    tip = _git(history, "rev-parse", "refs/heads/master")
    pages = kinds(NAME, tip, peer="master")
    fresh = _forks(server, NAME)
    pushed = _prepared(server, NAME)
    found = {one.what: _ours(server, one, fresh, pushed, NAME, tip) for one in pages}
    annotating = _git_annotate(history)
    if Cgit.PROGRAM.exists() and Path(APACHE).exists():
        peer_root = home / "peer"
        peer_root.mkdir()
        shutil.copytree(history, peer_root / "history.git")
        names = [NAME, *(f"team{number % 50}/service{number}" for number in range(REPOSITORIES))]
        peer = Cgit(peer_root, home / "run", names)
        try:
            for one in pages:
                some = _OF_PEERS if one.fresh else _FEW  # an annotation takes a quarter of a second
                found[one.what].peer = _cpu_ms(peer.pid, peer.port, [Ask(one.cgit)], some, rounds=ROUNDS)
        finally:
            peer.stop()
    else:
        report.note("no cgit to compare with: apt-get install cgit apache2")
    _print(report, "git", "cgit", pages, found, annotating)
    report.note(_floors(history, annotating))
    first = statistics.median(_first_byte(server, name, tip) for name in _forks(server, NAME, "first"))
    report.line("changeset of 31 files: CPU until the first byte, ms", first, _FIRST_BYTE_MS, "the first visit of it")


def _measure_hg(report: Report, server: Server, home: Path) -> None:
    made = home / "hg-history"
    subprocess.run([sys.executable, "-m", "bench.hghistory", "web", str(made), str(CHANGESETS)], check=True)
    root = server.api(server.admin_key)
    root("create_repo", repo_name="hg-history", repo_type="hg")
    shutil.rmtree(server.root / "hg-history" / ".hg")
    shutil.copytree(made / ".hg", server.root / "hg-history" / ".hg")
    tip = root("get_repo", repoid="hg-history", cache=False)["last_changeset"]["raw_id"]
    pages = tuple(one for one in kinds("hg-history", tip) if one.hgweb)
    fresh, pushed = _forks(server, "hg-history"), _prepared(server, "hg-history")
    found = {one.what: _ours(server, one, fresh, pushed, "hg-history", tip) for one in pages}
    peer = HgServe(made)
    try:
        for one in pages:
            # One after the other: several requests at once get in the way of each other there.
            asks = [Ask(f"/{one.hgweb}")]
            found[one.what].peer = _cpu_ms(peer.pid, peer.port, asks, _FEW, rounds=2, connections=1)
    finally:
        peer.stop()
    _print(report, "hg", "hgweb", pages, found, found["annotate, 700 lines"].peer)


def _measure_svn(report: Report, server: Server) -> None:
    root = server.api(server.admin_key)
    root("create_repo", repo_name="svn-history", repo_type="svn")
    place = server.root / "svn-history"
    load_svn(place, REVISIONS, newest=commits())
    owner = place.stat()
    subprocess.run(["chown", "-R", f"{owner.st_uid}:{owner.st_gid}", str(place)], check=True)
    tip = root("get_repo", repoid="svn-history", cache=False)["last_changeset"]["raw_id"]
    pages = tuple(one for one in kinds("svn-history", tip, trunk="trunk/") if one.path != "/")
    fresh, pushed = _forks(server, "svn-history"), _prepared(server, "svn-history")
    found = {one.what: _ours(server, one, fresh, pushed, "svn-history", tip, "trunk/") for one in pages}
    _print(report, "svn", "none", pages, found, 0.0)


def _ours(
    server: Server, page: Kind, fresh: Sequence[str], pushed: Sequence[str], name: str, tip: str, trunk: str = ""
) -> Figures:
    port = int(server.url.rpartition(":")[2])
    ask, found = Ask(page.path), Figures()
    warm_up = fetch(port, [ask], connections=CONNECTIONS, requests=2 * CONNECTIONS)
    found.kilobytes = warm_up.size / 1000
    found.gzipped = fetch(port, [with_headers(ask, _GZIP)], connections=1, requests=1).size / 1000
    found.warm = _cpu_ms(server.pid, port, [ask], _REQUESTS, rounds=ROUNDS)
    found.head = _cpu_ms(server.pid, port, [with_headers(ask, {}, method="HEAD")], _REQUESTS, rounds=1)
    if warm_up.tag:
        found.not_modified = _not_modified_ms(server.pid, port, ask)
    browser = Browser(server.url)
    browser.sign_in(server.administrator)
    signed = with_headers(ask, {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())})
    found.signed_in = _cpu_ms(server.pid, port, [signed], _REQUESTS, rounds=ROUNDS)
    seen = fetch(port, [ask], connections=CONNECTIONS, requests=_REQUESTS)
    found.rate = seen.requests / seen.seconds

    def first(one: str, *, forget: bool = True) -> float:
        known = [f"/{one}/raw/{tip}/{trunk}{MANY}/file00.txt"]
        if page.what == "summary":
            known.append(f"/{one}/files/tip/trunk" if trunk else f"/{one}/files")  # its README: made once, for both
        if page.what.startswith("annotate"):
            known.append(f"/{one}/files/{tip}/{trunk}{ANNOTATED}")  # its colours: made once, for both
        return _first_visit(server, page.path.replace(f"/{name}", f"/{one}", 1), one, known, forget=forget)

    found.fresh = statistics.median(map(first, fresh))
    if page.what in _PREPARED:
        found.pushed = statistics.median(first(one, forget=False) for one in pushed)
    return found


def _cpu_ms(
    pid: int, port: int, asks: list[Ask], requests: int, *, rounds: int, connections: int = CONNECTIONS
) -> float:
    """Of one request: the lowest of some rounds, because whatever else runs on the machine only adds to it."""
    fetch(port, asks, connections=connections, requests=connections)
    costs = []
    for _ in range(rounds):
        before = cpu_seconds(pid)
        fetch(port, asks, connections=connections, requests=requests)
        time.sleep(0.05)
        costs.append((cpu_seconds(pid) - before) * 1000 / requests)
    return min(costs)


def _not_modified_ms(pid: int, port: int, ask: Ask) -> float:
    """Of a request whose answer the client has already; tried again where the page becomes another one meanwhile."""
    for _ in range(3):
        tag = fetch(port, [ask], connections=1, requests=1).tag
        with contextlib.suppress(RuntimeError):
            again = with_headers(ask, {"If-None-Match": tag}, status=304)
            return _cpu_ms(pid, port, [again], _REQUESTS, rounds=ROUNDS)
    return 0.0


def _forks(server: Server, name: str, word: str = "fresh") -> list[str]:
    """Forks of a history in which nobody has looked at a page yet."""
    root = server.api(server.admin_key)
    names = [f"{name}-{word}{number}" for number in range(FRESH)]
    for one in names:
        root("fork_repo", repoid=name, fork_name=one)
    return names


def _prepared(server: Server, name: str) -> list[str]:
    """Forks for which was done what is done after a push, as its job does it (`forge.upkeep.after_pushes`)."""
    names = _forks(server, name, "pushed")
    with opened(server.data, None) as site:
        for one in names:
            with site.store.read() as db:
                repository = finding.find(db, the_system(), one, Level.READ)
            make_pages(site, repository.id)
    return names


def _first_visit(
    server: Server, path: str, repository: str, known: Sequence[str], method: str = "GET", *, forget: bool = True
) -> float:
    """CPU in ms of one request, after others on the same connection that need no part of this page.

    To forget what was kept also changes the state of all rights: nothing is left of the first page of the site. A
    change of the repository is another moment of it: what was made ahead for this one would be no use.
    """
    port = int(server.url.rpartition(":")[2])
    if forget:
        server.api(server.admin_key)("invalidate_cache", repoid=repository)
        server.api(server.admin_key)("update_repo", repoid=repository, description=f"seen at {time.time()}")
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for one in known:
            _asked(connection, one)
        time.sleep(0.05)
        before = cpu_seconds(server.pid)
        _asked(connection, path, method)
        time.sleep(0.02)
        return (cpu_seconds(server.pid) - before) * 1000


def _asked(connection: socket.socket, path: str, method: str = "GET") -> None:
    connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(1 << 16)
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    if method == "HEAD":
        return
    lines = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while len(body) < int(lines[0][15:]) if lines else not body.endswith(b"0\r\n\r\n"):
        body += connection.recv(1 << 20)


def _first_byte(server: Server, name: str, tip: str) -> float:
    """CPU in ms of the server until a page begins that nobody has seen before: of its head alone.

    Whoever waits for the first byte of the page itself counts what is made of the others before they wake.
    """
    return _first_visit(server, f"/{name}/changeset/{tip}", name, [f"/{name}/raw/{tip}/{MANY}/file00.txt"], "HEAD")


def _git(history: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=history, check=True, capture_output=True, text=True).stdout.strip()


def _git_annotate(history: Path) -> float:
    """CPU in ms of git itself for the annotation that a page shows."""
    return _git_ms(history, "annotate", "--porcelain", ANNOTATED, "master")


def _floors(history: Path, annotating: float) -> str:
    """What others take for what first visits have to find out, without any page."""
    counted = _git_ms(history, "log", "-20", "--numstat", "--format=%H", "master")
    compared = _git_ms(history, "show", "-M", "--format=", "master")
    lines = _git(history, "show", "-M", "--format=", "master").splitlines()
    changed = "".join(f"{line[1:]}\n" for line in lines if line[:1] in (" ", "+", "-"))
    coloured = _lexing_alone(changed)
    raw = _git_ms(history, "cat-file", "blob", f"master:{RAW}")
    nothing = _git_ms(history, "rev-parse", "--git-dir")
    return (
        f"without pages, ms: git counts the lines of 20 commits in {counted:.1f}; it compares the changeset in"
        f" {compared:.1f}, and Pygments takes {coloured:.1f} for its lines; git reads the raw file in {raw:.1f}, and"
        f" annotates in {annotating:.1f}; of each time {nothing:.1f} are the start of git"
    )


def _git_ms(history: Path, *arguments: str) -> float:
    """CPU in ms of git for a command."""
    costs = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        _git(history, *arguments)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        costs.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000)
    return statistics.median(costs)


def _lexing_alone(text: str) -> float:
    """CPU in ms of Pygments for a text in Python, in a process of its own."""
    command = [sys.executable, "-m", "bench.web"]
    told = subprocess.run(command, input=text.encode(), check=True, capture_output=True)
    return float(json.loads(told.stdout))


def _print(
    report: Report, system: str, peer: str, pages: Sequence[Kind], found: dict[str, Figures], annotating: float
) -> None:
    report.note(
        f"{system}: CPU ms a request; {peer:5} | with parts, signed in, limit | without, after a push, limit | 304 |"
        f" HEAD | kB, compressed, limit | requests/s at {CONNECTIONS} connections"
    )
    for page in pages:
        seen = found[page.what]
        # Of an annotation the system's own time is the measure; where nobody else makes one, there is none.
        limit = page.fresh or (annotating * 1.1 + page.warm if annotating else seen.fresh)
        marks = [
            what
            for what, one, most in (
                ("parts", seen.warm, page.warm),
                ("signed in", seen.signed_in, page.warm),
                ("without", seen.fresh, limit),
                (peer, seen.warm, seen.peer or seen.warm),
                ("304", seen.not_modified, _NOT_MODIFIED_MS),
                ("size", seen.gzipped, page.size or seen.gzipped),
            )
            if one > most
        ]
        pushed = f"{seen.pushed:6.2f}" if seen.pushed else "     -"
        report.row(
            f"{page.what:20} {seen.peer:6.2f} | {seen.warm:6.3f} {seen.signed_in:6.3f} {page.warm:5.2f} |"
            f" {seen.fresh:7.2f} {pushed} {limit:6.2f} | {seen.not_modified:6.3f} | {seen.head:6.3f} |"
            f" {seen.kilobytes:6.1f} {seen.gzipped:6.1f} {page.size:5.1f} | {seen.rate:6.0f}",
            marks,
        )


if __name__ == "__main__":
    print(json.dumps(lexing_ms(sys.stdin.read())))
