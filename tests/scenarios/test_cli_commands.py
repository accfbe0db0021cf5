# SPDX-License-Identifier: GPL-3.0-or-later
"""The other commands of `trivium`, as an administrator types them."""

from __future__ import annotations

import configparser
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from tests.support.clients import Api, Git, unique
from tests.support.servers import Server
from trivium import __version__
from trivium.forge.trash import trash
from trivium.settings import Settings, load, options

KEY = "00112233445566778899aabbccddeeff00112233"


@pytest.fixture
def blank(tmp_path: Path) -> Iterator[Server]:
    """A server that was not set up."""
    server = Server(tmp_path / "data")
    yield server
    server.stop()


def _arguments(server: Server, **changed: str | None) -> list[str]:
    given: dict[str, str | None] = {"user": "ada", "password": "s3cret-pw", "email": "ada@example.org"}
    given |= {"api-key": KEY, **changed}
    arguments = [part for name, value in given.items() if value is not None for part in (f"--{name}", value)]
    return ["setup", "--data", str(server.data), *arguments]


def _setup(
    server: Server, *options: str, stdin: bytes = b"", **changed: str | None
) -> subprocess.CompletedProcess[bytes]:
    return server.trivium(*_arguments(server, **changed), *options, stdin=stdin, check=False)


def _fails(server: Server, *arguments: str, status: int, **environment: str) -> str:
    """What a command says that ends with this status: one sentence, no traceback."""
    done = server.trivium(*arguments, check=False, **environment)
    assert done.returncode == status, done.stderr
    said = str(done.stderr.decode())
    assert "Traceback" not in said
    return said


def test_version_and_help(blank: Server) -> None:
    assert __version__ in blank.program("--version").stdout.decode()
    said = blank.program("--help").stdout.decode()
    for command in ("setup", "serve", "make-config", "upgrade-db", "token", "address", "permit", "public-access"):
        assert command in said


def test_setup_makes_an_administrator_and_closes_the_data(blank: Server) -> None:
    done = blank.program(*_arguments(blank))
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == f"Trivium is set up in {blank.data}; the administrator is ada.\n"
    for path in (blank.data, blank.data / "secret.key", *blank.data.glob("trivium.db")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    blank.start()
    me = blank.api(KEY)("get_user")
    assert (me["username"], me["admin"], me["email"]) == ("ada", True, "ada@example.org")


def test_setup_again_changes_nothing(blank: Server) -> None:
    assert _setup(blank).returncode == 0
    with blank.unchanged():
        done = _setup(blank, "--public-access", user="bob", email="bob@example.org", **{"api-key": "f" * 40})
        assert done.returncode == 0
        assert done.stdout.decode() == f"Trivium is set up in {blank.data} already; nothing was changed.\n"


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"", b"\nanother line\n"])
def test_the_password_can_come_from_standard_input(blank: Server, git: Git, end: bytes) -> None:
    done = _setup(blank, "--password-file", "-", password=None, stdin="pässword with blanks ".encode() + end)
    assert done.returncode == 0, done.stderr
    blank.start()
    root = blank.api(KEY)
    repository = root.new_repo(private=True)
    url = blank.url.replace("://", "://ada:p%C3%A4ssword%20with%20blanks%20@")
    git.run("ls-remote", f"{url}/{repository.name}")


def test_password_and_key_can_both_come_from_standard_input(blank: Server) -> None:
    """So `scripts/first-start` has no secret on its command line."""
    options = ("--password-file", "-", "--api-key-file", "-")
    arguments = _arguments(blank, password=None, **{"api-key": None})
    done = blank.program(*arguments, *options, stdin=f"s3cret-pw\n{KEY}\n".encode())
    assert done.returncode == 0, done.stderr
    blank.start()
    assert blank.api(KEY)("get_user")["username"] == "ada"


def test_the_key_can_come_from_a_file(blank: Server, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("no key\n")
    for given, changed, words in (
        (("--api-key-file", str(file)), {"api-key": None}, "40 lower-case hexadecimal"),
        (("--api-key-file", str(tmp_path / "none")), {"api-key": None}, "cannot be read: No such file"),
        (("--api-key-file", str(file)), {}, "--api-key or --api-key-file"),
    ):
        done = _setup(blank, *given, **changed)
        assert done.returncode == 2 and words in done.stderr.decode()
    file.write_text(f"{KEY}\n")
    assert _setup(blank, "--api-key-file", str(file), **{"api-key": None}).returncode == 0


def test_no_script_has_a_secret_on_a_command_line() -> None:
    for script in ("first-start", "demo", "install"):
        text = (Path(__file__).parents[2] / "scripts" / script).read_text()
        assert "--api-key " not in text and "setup --password " not in text, script


def test_the_password_can_come_from_a_file(blank: Server, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("s3cret-pw\n")
    assert _setup(blank, "--password-file", str(file), password=None).returncode == 0


@pytest.mark.parametrize(
    ("options", "changed", "words"),
    [
        ((), {"password": None}, "--password or --password-file"),
        (("--password-file", "-"), {}, "--password or --password-file"),
        (("--password-file", "/no/such/file"), {"password": None}, "cannot be read: No such file"),
        (("--password-file", "-"), {"password": None}, "the password is empty"),
        ((), {"password": "short"}, "6 to"),
        ((), {"api-key": "abc"}, "40 lower-case hexadecimal"),
        ((), {"api-key": "A" * 40}, "40 lower-case hexadecimal"),
        ((), {"api-key": "g" * 40}, "40 lower-case hexadecimal"),
        ((), {"user": "a/b"}, "user name 'a/b'"),
        ((), {"user": "default"}, "user 'default' already exists"),
        ((), {"email": ""}, "e-mail"),
        ((), {"email": None}, "--email"),
        ((), {"user": None}, "--user"),
    ],
)
def test_setup_refuses_what_it_cannot_use_and_can_be_repeated(
    blank: Server, options: tuple[str, ...], changed: dict[str, str | None], words: str
) -> None:
    done = _setup(blank, *options, **changed)
    assert done.returncode == 2
    assert words in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert b"the administrator is ada" in _setup(blank).stdout


@pytest.mark.parametrize(("option", "active"), [("--public-access", 1), ("--no-public-access", 0)])
def test_setup_decides_about_visitors(blank: Server, option: str, active: int) -> None:
    assert _setup(blank, option).returncode == 0
    assert blank.query("SELECT active FROM users WHERE username = 'default'") == [(active,)]


def test_setup_where_nothing_can_be_made(blank: Server, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file is in the way")
    done = _setup(blank)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


def test_make_config_writes_what_can_be_loaded(blank: Server, tmp_path: Path) -> None:
    file = tmp_path / "new.ini"
    assert blank.trivium("make-config", str(file)).stdout.decode() == f"Wrote {file}.\n"
    assert load(tmp_path, file, {}) == Settings(data=tmp_path)
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(file.read_text())
    assert parser.sections() == ["server:main", "filter:proxy-prefix", "app:main"]
    assert all(f"#{option.name} =" in file.read_text() for option in options())
    assert _fails(blank, "make-config", str(file), status=2) == f"trivium: {file} exists already\n"
    assert "cannot be written" in _fails(blank, "make-config", str(tmp_path / "no" / "x.ini"), status=2)
    assert _setup(blank, "--config", str(file)).returncode == 0
    blank.start("--config", str(file))


def test_upgrade_db_has_nothing_to_do(own_server: Server) -> None:
    with own_server.unchanged():
        done = own_server.trivium("upgrade-db", "--data", str(own_server.data))
    assert done.stdout == b"The database is up to date.\n"
    assert not (own_server.data / "backups").exists()


def test_a_key_for_one_purpose(server: Server) -> None:
    data = ("--data", str(server.data))
    made = {role: server.new_token("root", role) for role in ("all", "api", "vcs", "http", "feed")}
    assert len(set(made.values())) == 5
    for role, key in made.items():
        answer = server.api(key).envelope("get_user")
        if role in ("all", "api"):
            assert answer["result"]["username"] == "root"
        else:
            assert answer["error"] == "API KEY has bad role for an API call"
    assert server.api(server.new_token("root", lifetime=5))("get_user")["username"] == "root"
    assert server.api(server.new_token("root", lifetime=0)).error("get_user") == "Invalid API KEY"
    assert _fails(server, "token", "create", *data, "nobody", status=1) == "trivium: there is no user 'nobody'\n"
    assert "lifetime" in _fails(server, "token", "create", *data, "root", "--lifetime", "-2", status=2)
    assert "--role" in _fails(server, "token", "create", *data, "root", "--role", "king", status=2)


def test_an_account_can_be_bound_to_addresses(server: Server, root: Api) -> None:
    data = ("--data", str(server.data))
    person = root.new_user()
    assert person.api("get_user")["username"] == person.name
    server.allow_address(person.name, "192.0.2.7/24")
    assert person.api.error("get_user") == "Request from IP:127.0.0.1 not allowed"
    server.allow_address(person.name, "127.0.0.1")
    assert person.api("get_user")["username"] == person.name
    server.trivium("address", "forget", *data, person.name, "127.0.0.1")
    assert person.api.error("get_user") == "Request from IP:127.0.0.1 not allowed"
    server.trivium("address", "forget", *data, person.name, "192.0.2.0/24")
    assert person.api("get_user")["username"] == person.name
    assert "neither an address nor" in _fails(server, "address", "allow", *data, person.name, "here", status=1)
    assert "no user" in _fails(server, "address", "allow", *data, "nobody", "10.0.0.0/8", status=1)


def test_a_global_permission(server: Server, root: Api) -> None:
    person = root.new_user()
    person.api.new_repo()
    server.permit(person.name, "hg.create.none")
    person.api.error("create_repo", repo_name=unique("repo"), repo_type="git")
    server.permit(person.name, "hg.create.repository")
    person.api.new_repo()
    data = ("--data", str(server.data))
    with server.unchanged():
        for permission in ("nonsense", "hg.admin"):
            assert permission in _fails(server, "permit", *data, person.name, permission, status=1)
        assert "no user" in _fails(server, "permit", *data, "nobody", "hg.create.none", status=1)


def test_visitors_come_and_go(server: Server, root: Api, git: Git, visitors: Callable[[str], None]) -> None:
    data = ("--data", str(server.data))
    repository = root.new_repo()
    for state, welcome in (("on", True), ("off", False), ("off", False), ("on", True)):
        server.trivium("public-access", *data, state)
        asked = git.run("ls-remote", server.clone_url(repository.name), check=False)
        assert (asked.returncode == 0) is welcome, state
    assert "'perhaps'" in _fails(server, "public-access", *data, "perhaps", status=2)


def test_an_archived_repository_is_closed_for_pushes(server: Server, root: Api, git: Git) -> None:
    data = ("--data", str(server.data))
    person = root.new_user()
    repository = person.api.new_repo()
    work = git.new_work()
    url = server.clone_url(repository.name, person)
    first = git.commit(work)
    git.run("push", url, "master", cwd=work)
    server.trivium("archive", *data, repository.name)
    second = git.commit(work)
    git.refused("push", url, "master", cwd=work)
    assert git.out("ls-remote", url, "refs/heads/master").split()[0] == first
    server.trivium("unarchive", *data, repository.name)
    git.run("push", url, "master", cwd=work)
    assert git.out("ls-remote", url, "refs/heads/master").split()[0] == second
    assert "no repository 'nothing'" in _fails(server, "archive", *data, "nothing", status=1)


@pytest.mark.parametrize(
    "command",
    [
        ("upgrade-db",),
        ("token", "create", "root"),
        ("token", "list", "root"),
        ("token", "revoke", "root", "1"),
        ("token", "reset", "root"),
        ("trash", "list"),
        ("trash", "restore", "x"),
        ("trash", "empty", "--all"),
        ("repo-group", "delete", "x"),
        ("address", "list"),
        ("public-access",),
        ("address", "allow", "root", "10.0.0.1"),
        ("address", "forget", "root", "10.0.0.1"),
        ("permit", "root", "hg.create.none"),
        ("public-access", "on"),
        ("archive", "x"),
        ("unarchive", "x"),
    ],
    ids=" ".join,
)
def test_commands_need_data_that_are_set_up(blank: Server, command: tuple[str, ...]) -> None:
    said = _fails(blank, *command, "--data", str(blank.data), status=2)
    assert said == f"trivium: {blank.data} is not set up; run: trivium setup --data {blank.data}\n"
    assert not blank.data.exists()


def test_what_a_command_logs_is_not_among_what_scripts_read(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = structlog.get_logger("anything")

    def warns(*_: object) -> list[object]:
        log.warning("look at this")
        return []

    monkeypatch.setattr(trash, "entries", warns)
    for _ in range(2):  # the second time standard error is another file
        done = own_server.trivium("trash", "list", "--data", str(own_server.data))
        assert done.stdout == b""
        assert b"look at this" in done.stderr


def test_who_mistypes_a_permission_reads_which_there_are(own_server: Server) -> None:
    done = own_server.trivium("permit", "root", "hg.create", "--data", str(own_server.data), check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(
        b"trivium: there is no permission 'hg.create'; there are hg.create.none, hg.create.rep"
    )


def test_a_reason_is_told_once(own_server: Server) -> None:
    (own_server.root / "a link").symlink_to("/")
    done = own_server.trivium("rescan", "--data", str(own_server.data))
    assert (done.stdout, done.stderr) == (b"", b"skipped a link: it is a link\n")


def test_what_was_not_delivered_is_shown_and_tried_again(own_server: Server) -> None:
    own_server.execute(
        "INSERT INTO undelivered_events (subscriber, event_id, line, tries, retry_at, reason, set_aside)"
        " SELECT 'mail', min(id), 'a', 8, 0, 'no such place', ? FROM journal",
        True,
    )
    said = own_server.administer("undelivered")
    assert said.startswith("mail") and "set aside" in said and "no such place" in said
    number = said.split()[1]
    assert own_server.administer("undelivered", "--again", "mail", number) == ""
    assert "waits" in own_server.administer("undelivered")
    refused = own_server.trivium("undelivered", "--again", "x", number, "--data", str(own_server.data), check=False)
    assert refused.returncode == 2 and b"x has taken event" in refused.stderr
