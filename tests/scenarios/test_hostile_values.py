# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that mean something to a program, given for every argument of every method (security.md S-1, S-4, S-5).

Tripwires would show what got through: git is started by way of a script that writes down each word it is given, every
Python of the server tells which programs it starts, which files it opens elsewhere and whom it calls (`tests/support/
witness`), and the texts themselves try to make a file.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.clients import Git, unique
from tests.support.repositories import found_below
from tests.support.servers import Server
from tests.support.systems import new_system

WIRE = "tripwire"
ONE_WORD = [
    # What git, a shell or a path look-up would understand, without blanks.
    f"--upload-pack=touch${{IFS}}{WIRE}",
    f"--output={WIRE}",
    f"--exec={WIRE}",
    f"--receive-pack={WIRE}",
    "--help",
    "--version",
    "--all",
    "--stdin",
    "-c",
    f"-calias.x=!{WIRE}",
    "-h",
    "--",
    "--end-of-options",
    "-",
    "HEAD",
    "FETCH_HEAD",
    "HEAD~1",
    "HEAD..",
    "..HEAD",
    "HEAD...master",
    "^master",
    "master^{tree}",
    "master^0",
    "master@{0}",
    "@{upstream}",
    "@{-1}",
    "@",
    ":/change",
    "master:file.txt",
    "refs/heads/master",
    "heads/master",
    "refs/heads/*",
    "+master",
    "master:refs/heads/new",
    "master.lock",
    "reverse(all())",
    "re:.*",
    "branch(master)",
    "'",
    '"',
    "`touch${IFS}tripwire`",
    "$(touch${IFS}tripwire)",
    ";touch${IFS}tripwire",
    "|touch${IFS}tripwire",
    "..",
    "../..",
    "../../../../etc/passwd",
    "/etc/passwd",
    "//etc",
    "docs/../../..",
    "..%2f..%2fetc",
    "..\\..",
    ".git",
    ".git/config",
    ".trash",
    ".staging/x",
    "./.",
    "file:///etc/passwd",
    "ext::sh%20-c%20touch%20tripwire",
    "fd::17/x",
    "ssh://-oProxyCommand=touch%20tripwire/x",
    "-oProxyCommand=x:y",
    "git://127.0.0.1/x",
    "http://-oProxyCommand=x/y",
    "http://127.0.0.1:1/--upload-pack=x",
    "http://u:p@-x/",
    "0" * 40,
    "f" * 39,
    "9" * 30,
    # What Mercurial would evaluate, or take for another repository.
    "tip^",
    "p1(tip)",
    "wdir()",
    "null",
    ".",
    "-1",
    f"set:exec('touch${{IFS}}{WIRE}')",
    "path:/etc/passwd",
    "include:/etc/passwd",
    "listfile:/etc/passwd",
    "listfile0:/etc/passwd",
    "bundle:/etc/passwd",
    "bundle:../x+../y",
    "union:/etc+/usr",
    "static-http://127.0.0.1:1/x",
    "largefile://x",
    "--config=alias.log=!touch${IFS}tripwire",
    f"--config=hooks.pre-pull=touch${{IFS}}{WIRE}",
    f"ssh://-oProxyCommand=touch${{IFS}}{WIRE}/x",
    ".hg",
    ".hg/store/00changelog.i",
    ".hg/hgrc",
    # What Subversion would.
    "HEAD@1",
    "docs@1",
    "@1",
    "{2020-01-01}",
    "COMMITTED",
    "1:HEAD",
    "!svn",
    "!svn/rvr/1",
    "$svn",
    "db/format",
    "file:///",
    "svn://127.0.0.1:1/x",
    f"svn+ssh://-oProxyCommand=touch${{IFS}}{WIRE}/x",
    f"svn+{WIRE}://x",
    "--config-option=config:tunnels:x=touch",
]
MORE = [
    "",
    " ",
    f"ext::sh -c touch% {WIRE}",
    f"--upload-pack=touch {WIRE}",
    f"x; touch {WIRE}",
    f"master\n--output={WIRE}",
    "master\0",
    "\0",
    "\r\n",
    "\x1b[31mred",
    "\x7f",
    "\u202etxt",
    "e\u0301",
    "\ud800",
    "a\udcffb",
    "\U0001f600" * 20,
    "a/" * 3000 + "a",
    "x" * 5000,
    "%00",
    "%s%n",
    "{0.__class__}",
]
HOSTILE = ONE_WORD + MORE

texts = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=40),
    st.builds(
        "{}{}".format, st.sampled_from(["-", "--", "../", "/", "refs/", ":", "^", "@{", "\0"]), st.text(max_size=20)
    ),
    st.text(st.sampled_from("-./:^~@{}*?[\\ \0\n\t=$`'\"%ahH0"), min_size=1, max_size=30),
)

FETCH = "--quiet --force --no-tags --no-write-fetch-head --no-auto-maintenance --no-recurse-submodules"
OPTIONS = frozenset(
    f"--git-dir=. --bare --template= --initial-branch=master --symref --stdin --count --date-order --reverse"
    f" --max-count=1 --stateless-rpc --http-backend-info-refs --strict --advertise-refs --reject-shallow"
    f" --remove-section {FETCH} -c -a -d -q --write-bitmap-index --expire=now --reachable"
    f" --changed-paths --split=replace --split --no-progress"
    " --all --prune --geometric=2 --write-midx --cruft --cruft-expiration=2.weeks.ago --expire=2.weeks.ago"
    " --batch-all-objects --unordered --buffer --batch-check=%(objectsize) --is-ancestor".split()
)
"""Every option that the server has a reason to give to git."""
SETTINGS = re.compile(
    r"(protocol\.(http|https|file)\.allow=always|fetch\.fsckObjects=false|transfer\.fsckObjects=false"
    r"|http\.followRedirects=false|http\.lowSpeedLimit=1|http\.lowSpeedTime=\d+|credential\.helper="
    r"|core\.askPass=true|core\.bigFileThreshold=\d+|http\.proxy=socks5h://127\.0\.0\.1:\d+)"
)


SVNADMIN = frozenset({"create", "hotcopy", "setuuid", "--fs-type"})


class Trap:
    """A server that tells what it starts, opens and calls."""

    def __init__(
        self,
        server: Server,
        pictured: Callable[[], dict[str, Any]],
        said: Path,
        witnessed: Path,
        base: dict[str, Any],
        repoids: dict[str, int],
    ) -> None:
        self.server = server
        self._pictured = pictured
        self.root = server.api(server.admin_key)
        self.said = said
        self.witnessed = witnessed
        self.base = base
        """An argument's name → a value that works."""
        self.repoids = repoids
        """System → a repository of it."""
        self.slots = [
            (one["name"], param["name"], [other["name"] for other in one["params"] if other.get("required")])
            for one in self.root.envelope("rpc.discover")["result"]["methods"]
            for param in one["params"]
        ]
        """Method, one of its arguments, and the arguments that it needs."""
        self._seen = len(server.log.read_bytes())
        self._heard = 0
        self._relays: set[str] = set()
        """Where the server listens for what fetches."""
        self._picture = self._look()

    def look_anew(self) -> None:
        """What the server keeps has changed by something else than a call."""
        self._picture = self._look()

    def _look(self) -> dict[str, Any]:
        """What the server keeps, but for what it finds out about a repository when somebody first looks at it."""
        picture = self._pictured()
        picture["repositories"] = self.server.query(
            "SELECT id, name, group_id, owner_id, description, private, landing_rev, clone_uri, last_changeset"
            " FROM repositories ORDER BY id"
        )
        return picture

    def call(self, method: str, argument: str, needed: list[str], value: object, kind: str = "git") -> None:
        """Whatever is answered is orderly; whatever is refused has changed nothing."""
        args = {name: self.value_of(method, name, kind) for name in needed}
        if (method, argument) == ("strip", "branch") and kind == "hg":
            args["revision"] = "nowhere"  # the branch is not looked at, and there is only so much to strip
        args[argument] = value
        body = json.dumps({"id": 7, "api_key": self.root.key, "method": method, "args": args})
        status, _, raw = self.root.post(body)
        answer = json.loads(raw)
        assert status == 200
        assert set(answer) - {"error_detail"} == {"id", "result", "error"}
        before, self._picture = self._picture, self._look()
        if answer["error"] is not None:
            changed = [part for part, now in self._picture.items() if before[part] != now]
            assert changed == [], args
        assert b"an API call failed" not in self._new_in_log(), args
        self.check_words()

    def _new_in_log(self) -> bytes:
        """What the server has written to its log since the last look."""
        with self.server.log.open("rb") as log:
            log.seek(self._seen)
            new = log.read()
        self._seen += len(new)
        return new

    def value_of(self, method: str, name: str, kind: str) -> Any:
        if name == "repoid":
            return self.repoids[kind]
        if name == "repo_type":
            return kind
        if name == "perm":
            kind = method.rpartition("_to_")[2]
            return {"repo_group": "group.read", "user_group": "usergroup.read"}.get(kind, "repository.read")
        value = self.base[name]
        return unique(name) if value is unique else value

    def check_words(self) -> None:
        """Git was given nothing for an option that we did not think of ourselves."""
        if not self.said.exists():
            return
        for line in self.said.read_text(errors="surrogateescape").split("\1\n"):
            words = line.split("\2")[:-1]
            before = words[: words.index("--")] if "--" in words else words
            for number, word in enumerate(before):
                if number and before[number - 1] == "-c":
                    assert SETTINGS.fullmatch(word), words
                elif word.startswith("-"):
                    assert word in OPTIONS, words
            assert all(word.startswith(("http://", "+refs/", "file:///", ".")) for word in words[len(before) + 1 :])
        self.said.unlink()

    def check_witnesses(self) -> None:
        """Nothing was started, opened or called that is not ours."""
        told = self.witnessed.read_bytes()
        new, self._heard = told[self._heard :], len(told)
        events = [json.loads(line) for line in new.decode(errors="surrogateescape").splitlines()]
        # Processes tell of themselves in no order.
        for event in sorted(events, key=lambda event: event[0] != "listen"):
            self.judge(*event)

    def judge(self, event: str, *what: Any) -> None:
        if event == "start":
            program, *words = what
            assert Path(program).name in ("git", "python", "python3", "svnadmin", "apache2", "setpriv"), what
            if Path(program).name == "svnadmin":
                below = f"{self.server.root}/"
                assert all(word in SVNADMIN or word == "fsfs" or word.startswith(below) for word in words), what
        elif event == "open":
            assert what[0] in HARMLESS or what[0].startswith(HARMLESS_BELOW) or TRIAL.fullmatch(what[0]), what
        elif event == "listen":
            self._relays.add(what[0])
        else:
            ours = (str(self.server.data / "hg/socket"), urlsplit(self.server.url).netloc, *self._relays)
            assert what[0] in ours or what[0].startswith("/proc/"), what


HARMLESS = frozenset({"/dev/null", "/dev/urandom", "/etc/mime.types"})
HARMLESS_BELOW = ("/proc/", "/sys/", "/usr/share/zoneinfo/")
TRIAL = re.compile(re.escape(tempfile.gettempdir()) + "/(?:trivium-)?[a-z0-9_]{8}(?:/.*)?")
"""What Python's library opens to see whether a directory is one for temporary files, and our own below it."""


@pytest.fixture(scope="module")
def trap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trap]:
    place = tmp_path_factory.mktemp("trap")
    (place / "home").mkdir()
    said, script = place / "said", place / "git"
    script.write_text(
        f"#!/bin/sh\n{{ printf '%s\\002' \"$@\"; printf '\\001\\n'; }} >>'{said}'\n"
        f"exec '{shutil.which('git')}' \"$@\"\n"
    )
    script.chmod(0o755)
    server = Server(place / "data")
    server.set_up()
    witness = Path(__file__).parent.parent / "support" / "witness"
    server.start(
        TRIVIUM_GIT_PATH=str(script), PYTHONPATH=str(witness), WITNESS=str(place / "witnessed"), WITNESS_HOME=str(place)
    )
    root = server.api(server.admin_key)
    others: dict[str, str] = {}
    git = Git(place / "home")
    work = git.new_work()
    for number in range(3):
        git.commit(work, f"change {number}", **{f"docs/{number}.txt": "x\n"})
    git.run("branch", "side", cwd=work)
    ada, core = root.new_user(), root.new_repo()
    for kind in ("hg", "svn"):
        system = new_system(kind, place / f"home-{kind}")
        others[kind] = system.new_repository(root, server.administrator)
        copy = system.checkout(server, others[kind], server.administrator)
        for number in range(3):
            copy.change(f"change {number}", **{f"docs/{number}.txt": "x\n"})
    repoids = {kind: root("get_repo", repoid=name)["repo_id"] for kind, name in others.items()} | {"git": core.id}
    git.run("push", "--quiet", server.clone_url(core.name, None).replace("://", f"://root:{server.admin_password}@"),
            "master", "side", cwd=work)  # fmt: skip
    said.unlink()
    base = {
        "repogroupid": root.new_repo_group().id, "usergroupid": root.new_user_group().id,
        "sourceusergroupid": root.new_user_group().id, "userid": ada.id, "repo_name": unique, "fork_name": unique,
        "group_name": unique, "username": unique, "email": unique, "key": unique,
        "revision": "tip", "start_rev": "0", "limit": 2, "root_path": "", "branch": "side", "message": "x",
        "files": {"a.txt": {"content": "x"}}, "gistid": "1", "commit_id": "tip", "raw_id": "tip",
        "file_path": "docs/0.txt", "settings": {}, "exc_data_json": "{}",
        "task_id": "00000000-0000-7000-8000-000000000000",
        "comment_id": root("comment_commit", repoid=core.id, commit_id="tip", message="x")["comment_id"],
        "filename": "x.txt", "content": "eA==", "context": "tests", "state": "success",
    }  # fmt: skip
    with server.pictured() as pictured:
        yield Trap(server, pictured, said, place / "witnessed", base, repoids)
    server.stop()


def check_outside(trap: Trap) -> None:
    """No file came to be where none should."""
    place = trap.server.data.parent
    ours = {"data", "home", "home-hg", "home-svn", "git", "said", "witnessed", "server.log"}
    assert {path.name for path in place.iterdir()} <= ours
    trap.check_witnesses()
    assert found_below(place, WIRE) == []
    assert not list(Path.cwd().glob(WIRE))


TO_SYSTEMS = [
    # Arguments that are about revisions, paths, branches and addresses, or become names on the disk.
    ("get_repo_changeset", "revision"),
    ("get_repo_changesets", "start_rev"),
    ("get_repo_nodes", "revision"),
    ("get_repo_nodes", "root_path"),
    ("get_repo_file", "commit_id"),
    ("get_repo_file", "file_path"),
    ("get_repo_fts_tree", "commit_id"),
    ("get_repo_fts_tree", "root_path"),
    ("get_changesets", "start"),
    ("get_changesets", "end"),
    ("get_changesets", "branch_name"),
    ("get_changeset", "raw_id"),
    ("comment_commit", "commit_id"),
    ("get_repo_comments", "commit_id"),
    ("changeset_comment", "revision"),
    ("strip", "revision"),
    ("strip", "branch"),
    ("create_repo", "repo_name"),
    ("create_repo", "repo_type"),
    ("create_repo", "clone_uri"),
    ("create_repo", "landing_rev"),
    ("update_repo", "name"),
    ("update_repo", "group"),
    ("update_repo", "clone_uri"),
    ("fork_repo", "fork_name"),
    ("create_repo_group", "group_name"),
    ("update_repo_group", "group_name"),
    ("update_repo_group", "parent"),
]
OF_REPOSITORIES = [
    ("get_repo_changeset", "revision"),
    ("get_repo_changesets", "start_rev"),
    ("get_repo_nodes", "revision"),
    ("get_repo_nodes", "root_path"),
    ("get_repo_file", "commit_id"),
    ("get_repo_file", "file_path"),
    ("get_repo_fts_tree", "root_path"),
    ("get_changesets", "start"),
    ("get_changesets", "branch_name"),
    ("changeset_comment", "revision"),
    ("strip", "revision"),
    ("strip", "branch"),
    ("create_repo", "clone_uri"),
    ("fork_repo", "landing_rev"),
]


@pytest.mark.parametrize(("method", "argument"), TO_SYSTEMS)
def test_nothing_that_a_user_says_is_a_word_for_git(trap: Trap, method: str, argument: str) -> None:
    (slot,) = [slot for slot in trap.slots if slot[:2] == (method, argument)]
    for value in HOSTILE:
        trap.call(*slot, value)
    check_outside(trap)


@pytest.mark.parametrize("kind", ["hg", "svn"])
@pytest.mark.parametrize(("method", "argument"), OF_REPOSITORIES)
def test_nothing_is_evaluated_by_the_others_either(trap: Trap, method: str, argument: str, kind: str) -> None:
    (slot,) = [slot for slot in trap.slots if slot[:2] == (method, argument)]
    for value in HOSTILE:
        trap.call(*slot, value, kind)
    check_outside(trap)
    assert trap.root("get_repo", repoid=trap.repoids[kind])["last_changeset"]["revision"] == 2


@pytest.mark.parametrize("kind", ["git", "hg"])
def test_an_address_on_an_allowed_server_is_no_option_either(trap: Trap, kind: str) -> None:
    (slot,) = [slot for slot in trap.slots if slot[:2] == ("create_repo", "clone_uri")]
    for word in ONE_WORD if kind == "git" else ONE_WORD[::3]:
        trap.call(*slot, f"{trap.server.url}/{word}", kind)
    check_outside(trap)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_any_text_for_any_argument_of_any_method(trap: Trap, data: st.DataObject) -> None:
    slot = data.draw(st.sampled_from(trap.slots))
    trap.call(*slot, data.draw(texts), data.draw(st.sampled_from(sorted(trap.repoids))))


@pytest.mark.parametrize("value", [10**40, -(2**70), 2**63])
def test_a_number_without_end_for_any_argument_of_any_method(trap: Trap, value: int) -> None:
    for slot in trap.slots:
        trap.call(*slot, value)


def test_the_trap_springs(trap: Trap) -> None:
    """A word that should not be there is found, or all the others would prove nothing."""
    trap.said.write_text("fetch\2--upload-pack=x\2--\2http://x\2\1\n")
    with pytest.raises(AssertionError):
        trap.check_words()
    trap.said.unlink()
    for needed in ("get_repo_changesets", "fork_repo", "strip"):
        assert any(slot[0] == needed for slot in trap.slots)
    forks = {kind: unique("fork") for kind in trap.repoids}
    for kind, repoid in trap.repoids.items():
        trap.root("fork_repo", repoid=repoid, fork_name=forks[kind])
    trap.root("strip", repoid=forks["git"], revision="1", branch="master")
    trap.look_anew()
    assert all(word in trap.said.read_text() for word in ("clone\2", "--is-ancestor\2"))
    trap.check_words()
    for what in (["start", "/bin/sh", "-c", "x"], ["start", "/usr/bin/svnadmin", "create", "--x"], ["open", "/etc/x"],
                 ["connect", "127.0.0.1:1"]):  # fmt: skip
        with pytest.raises(AssertionError):
            trap.judge(*what)
    told = trap.witnessed.read_text()
    assert all(word in told for word in ('"hotcopy"', '"connect"'))
    trap.check_witnesses()
