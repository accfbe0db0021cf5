# SPDX-License-Identifier: GPL-3.0-or-later
"""`--save-config`, where the file is, and which of options, environment and file counts."""

import json
import os
import stat
from pathlib import Path

import pytest

from tests.client.fakes import KEY, ApiServer, Client, Run
from trivium_client.config import location
from trivium_client.errors import ConfigUnusable

HOST = "https://code.example.org"


def save(client: Client, *words: str, apikey: str = KEY, apihost: str = HOST) -> Run:
    return client.run("--save-config", f"--apikey={apikey}", f"--apihost={apihost}", *words)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# writing


def test_created_then_updated(client: Client) -> None:
    assert save(client) == Run(0, f"Created new config in {client.config}\n", "")
    assert json.loads(client.config.read_text()) == {"apikey": KEY, "apihost": HOST}
    assert mode(client.config) == 0o600

    client.config.chmod(0o644)
    assert save(client, apikey="other", apihost=HOST + "/") == Run(0, f"Updated config in {client.config}\n", "")
    assert json.loads(client.config.read_text()) == {"apikey": "other", "apihost": HOST + "/"}
    assert mode(client.config) == 0o600
    assert list(client.config.parent.iterdir()) == [client.config]


def test_what_is_saved_is_used(client: Client, server: ApiServer) -> None:
    assert save(client, apihost=server.url).status == 0
    assert client.run("get_ip").status == 0
    assert server.call["api_key"] == KEY


def test_saving_calls_nothing(client: Client, server: ApiServer) -> None:
    assert save(client, "get_ip", apihost=server.url).status == 0
    assert server.requests == []


@pytest.mark.parametrize(
    "words",
    [[], [f"--apikey={KEY}"], [f"--apihost={HOST}"], ["--apikey=", f"--apihost={HOST}"], ["get_ip"]],
)
def test_saving_needs_both_options(client: Client, words: list[str]) -> None:
    run = client.run("--save-config", *words, RHODECODE_API_KEY=KEY, RHODECODE_API_HOST=HOST)
    assert (run.status, run.out) == (2, "")
    assert run.err.endswith("error: --save-config requires --apikey and --apihost\n")
    assert not client.config.exists()


def test_saving_to_a_given_file(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "new" / "my config.json"
    assert save(client, f"--config={path}").out == f"Created new config in {path}\n"
    assert json.loads(path.read_text())["apikey"] == KEY
    assert mode(path) == 0o600
    assert not client.config.exists()


@pytest.mark.parametrize("target", ["file", "nothing", "directory"])
def test_saving_never_follows_a_link(client: Client, tmp_path: Path, target: str) -> None:
    victim = tmp_path / "victim"
    if target == "file":
        victim.write_text("precious")
    elif target == "directory":
        victim.mkdir()
    client.config.parent.mkdir(parents=True)
    client.config.symlink_to(victim)
    run = save(client)
    assert (run.status, run.out) == (1, "")
    assert run.err == f"rhodecode-api: Could not write config {client.config}: it is a symbolic link\n"
    assert client.config.is_symlink()
    assert target != "file" or victim.read_text() == "precious"
    assert target != "nothing" or not victim.exists()


def test_saving_replaces_the_file_and_not_its_other_names(client: Client, tmp_path: Path) -> None:
    """Atomic means a new file under the old name: whoever holds the old one never sees the new key."""
    client.save("old", HOST)
    other_name = tmp_path / "other"
    os.link(client.config, other_name)
    assert save(client).status == 0
    assert "old" in other_name.read_text()


def test_saving_where_it_cannot_be(client: Client, tmp_path: Path) -> None:
    (tmp_path / "xdg").write_text("a file")
    run = save(client)
    assert (run.status, run.out) == (1, "")
    assert run.err.startswith(f"rhodecode-api: Could not write config {client.config}: ")
    assert KEY not in run.err

    run = save(client, f"--config={tmp_path}")
    assert (run.status, run.out) == (1, "")
    assert "not a regular file" in run.err


# where the file is


def test_home_config_when_it_is_a_regular_file(client: Client, server: ApiServer) -> None:
    client.save("from xdg", server.url)
    old = client.home / ".config"
    old.write_text(json.dumps({"apikey": "from home", "apihost": server.url}))
    old.chmod(0o600)
    assert client.run("get_ip").status == 0
    assert server.call["api_key"] == "from home"
    assert save(client).out == f"Updated config in {old}\n"
    assert json.loads(old.read_text())["apikey"] == KEY


@pytest.mark.parametrize("xdg", ["", "relative/path"], ids=["unset", "relative"])
@pytest.mark.parametrize("exists", [True, False])
def test_home_config_when_it_is_a_directory_or_nothing(client: Client, xdg: str, exists: bool) -> None:
    if exists:
        (client.home / ".config").mkdir()
    expected = client.home / ".config" / "rhodecode" / "api.json"
    assert save(client).out == f"Created new config in {client.config}\n"
    run = client.run("--save-config", f"--apikey={KEY}", f"--apihost={HOST}", XDG_CONFIG_HOME=xdg)
    assert run.out == f"Created new config in {expected}\n"
    assert mode(expected) == 0o600


def test_account_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers run under made-up user ids; a directory named `~` would be a surprise there."""

    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    assert location(None, {"XDG_CONFIG_HOME": "/x"}) == Path("/x/rhodecode/api.json")
    assert location(Path("given"), {}) == Path("given")
    with pytest.raises(ConfigUnusable, match="no home directory"):
        location(None, {})


def test_given_file_wins(client: Client, server: ApiServer, tmp_path: Path) -> None:
    client.save("from xdg", server.url)
    (client.home / ".config").write_text(json.dumps({"apikey": "from home", "apihost": server.url}))
    given = tmp_path / "given"
    given.write_text(json.dumps({"apikey": "from option", "apihost": server.url}))
    given.chmod(0o600)
    assert client.run("get_ip", "--config", str(given)).status == 0
    assert server.call["api_key"] == "from option"


# reading


@pytest.mark.parametrize(
    ("option", "variable", "file", "used"),
    [
        ("o", "v", "f", "o"),
        ("o", "", "", "o"),
        (None, "v", "f", "v"),
        (None, "", "f", "f"),
        ("o", None, "f", "o"),
        (None, None, "f", "f"),
    ],
)
def test_precedence_of_keys(
    client: Client, server: ApiServer, option: str | None, variable: str | None, file: str, used: str
) -> None:
    client.save(file, server.url)
    words = [] if option is None else [f"--apikey={option}"]
    env = {} if variable is None else {"RHODECODE_API_KEY": variable}
    assert client.run("get_ip", *words, **env).status == 0
    assert server.call["api_key"] == used


def test_precedence_of_hosts(client: Client, server: ApiServer, elsewhere: ApiServer) -> None:
    client.save(KEY, elsewhere.url)
    assert client.run("get_ip", f"--apihost={server.url}", RHODECODE_API_HOST=elsewhere.url).status == 0
    assert client.run("get_ip", RHODECODE_API_HOST=server.url).status == 0
    assert (len(server.requests), len(elsewhere.requests)) == (2, 0)
    assert client.run("get_ip").status == 0
    assert (len(server.requests), len(elsewhere.requests)) == (2, 1)


@pytest.mark.parametrize("words", [[], [f"--apikey={KEY}"], [f"--apihost={HOST}"], ["--config=/nowhere/at/all"]])
def test_nothing_to_call_with(client: Client, words: list[str]) -> None:
    run = client.run("get_ip", *words)
    assert (run.status, run.out) == (2, "")
    assert run.err.endswith("error: Could not find config file and missing --apikey or --apihost in params\n")
    assert KEY not in run.err


@pytest.mark.parametrize("content", ["{}", f'{{"apikey": "{KEY}"}}', f'{{"apikey": "", "apihost": "{HOST}"}}'])
def test_incomplete_file(client: Client, content: str) -> None:
    client.save("", "").write_text(content)
    run = client.run("get_ip")
    assert (run.status, run.out) == (2, "")
    assert run.err.endswith(f"Missing --apikey or --apihost in params and in config {client.config}\n")
    assert KEY not in run.err


@pytest.mark.parametrize(
    "content",
    [b"", KEY.encode(), b"[]", b"\xff\xfe\x00", f'{{"apikey": ["{KEY}"]}}'.encode(), b"[" * 100_000],
)
def test_broken_file(client: Client, content: bytes) -> None:
    client.save("", "").write_bytes(content)
    run = client.run("get_ip")
    assert (run.status, run.out) == (2, "")
    assert run.err.startswith(f"rhodecode-api: Could not read config {client.config}: ")
    assert run.err.count("\n") == 1
    assert KEY not in run.err


def test_directory_for_a_file(client: Client, tmp_path: Path) -> None:
    run = client.run("get_ip", f"--config={tmp_path}")
    assert run == Run(2, "", f"rhodecode-api: Could not read config {tmp_path}: Is a directory\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_file(client: Client) -> None:
    client.save(KEY, HOST).chmod(0)
    run = client.run("get_ip")
    assert run == Run(2, "", f"rhodecode-api: Could not read config {client.config}: Permission denied\n")


def test_file_is_left_alone_when_it_is_not_needed(api: Client, server: ApiServer) -> None:
    api.save("", "").write_text("broken")
    api.config.chmod(0o644)
    run = api.run("get_ip")
    assert (run.status, run.err) == (0, "")


@pytest.mark.parametrize("bits", [0o644, 0o640, 0o604])
def test_warns_when_others_can_read_the_key(client: Client, server: ApiServer, bits: int) -> None:
    client.save(KEY, server.url).chmod(bits)
    run = client.run("--format=json", "get_ip")
    assert (run.status, run.out) == (0, "null\n")
    assert run.err == (
        f"rhodecode-api: warning: other users can read your API key in {client.config}; "
        f"run: chmod 600 {client.config}\n"
    )


@pytest.mark.parametrize("option", ["--apikey", "--apihost"])
def test_empty_option_does_not_fall_back(api: Client, server: ApiServer, option: str) -> None:
    """`--apikey=$KEY` with KEY unset must not act with another key."""
    run = api.run("get_ip", f"{option}=")
    assert (run.status, run.out) == (2, "")
    assert run.err.endswith(f"error: {option} is empty\n")
    assert server.requests == []


@pytest.mark.parametrize(
    "host",
    [
        "code.example.org",
        "localhost:5000",
        "file:///etc/passwd",
        "ftp://code.example.org",
        "https://",
        "https://u:p4ssw0rd@code.example.org",
        "https://code.example.org/?a=b",
        "https://code.example.org/#x",
        "https://code.example.org/a b",
        "https://code.example.org\n",
        "https://code.example.org:port",
        "https://[::1",
    ],
)
def test_unusable_host(client: Client, host: str) -> None:
    for run in (client.run("get_ip", f"--apikey={KEY}", f"--apihost={host}"), save(client, apihost=host)):
        assert (run.status, run.out) == (2, "")
        assert "error: apihost " in run.err
        assert "p4ssw0rd" not in run.err
        assert KEY not in run.err
    assert not client.config.exists()
