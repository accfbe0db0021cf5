# SPDX-License-Identifier: GPL-3.0-or-later
"""`rhodecode-gist`: what is read becomes a gist, and its address is printed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.fakes import KEY, ROOT, ApiServer, Client, Run

URL = "https://code.example.org/_admin/gists/7"
RESULT = {"msg": "created new gist", "gist": {"access_id": "7", "url": URL}}


def gist(client: Client, *words: str, stdin: bytes = b"") -> Run:
    """Run the program to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "trivium_client.gist", *words],
        input=stdin,
        capture_output=True,
        env=client.env,
        cwd=client.home,
        timeout=30,
        check=False,
    )
    assert b"Traceback" not in done.stderr, done.stderr
    return Run(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def answering(server: ApiServer) -> ApiServer:
    server.answers(RESULT)
    return server


def test_standard_input_becomes_a_gist(api: Client, answering: ApiServer) -> None:
    run = gist(api, stdin="grüße\n".encode())
    assert (run.status, run.out, run.err) == (0, URL + "\n", "")
    assert (answering.call["method"], answering.call["api_key"]) == ("create_gist", KEY)
    assert answering.call["args"] == {
        "files": {"gistfile1.txt": {"content": "grüße\n"}},
        "gist_type": "public",
        "lifetime": -1,
        "description": "",
    }


def test_files_keep_their_names_and_options_say_the_rest(api: Client, answering: ApiServer) -> None:
    (api.home / "deep").mkdir()
    (api.home / "deep" / "a.txt").write_text("A")
    run = gist(api, "deep/a.txt", "-p", "-d", "two words", "-l", "60", "-", stdin=b"B")
    assert run.status == 0, run.err
    assert answering.call["args"] == {
        "files": {"a.txt": {"content": "A"}, "gistfile1.txt": {"content": "B"}},
        "gist_type": "private",
        "lifetime": 60,
        "description": "two words",
    }


def test_a_file_can_be_given_a_name(api: Client, answering: ApiServer) -> None:
    assert gist(api, "--filename", "build.log", "--lifetime", "-1", stdin=b"x").status == 0
    assert list(answering.call["args"]["files"]) == ["build.log"]


def test_json_is_the_whole_answer_and_nothing_else(api: Client, answering: ApiServer) -> None:
    assert json.loads(gist(api, "--format=json", stdin=b"x").out) == RESULT


def test_an_error_of_the_server_ends_with_status_1(api: Client, server: ApiServer) -> None:
    server.answers(error="failed to create gist")
    run = gist(api, stdin=b"x")
    assert (run.status, run.out) == (1, '"failed to create gist"\n')


@pytest.mark.parametrize(
    ("words", "stdin", "says"),
    [
        (["no-such-file"], b"", "No such file"),
        (["."], b"", "Is a directory"),
        ([], b"\xff\xfe", "is not UTF-8 text"),
        (["-", "-"], b"x", "two files would be called gistfile1.txt"),
        (["-f", "x", "a", "b"], b"", "--filename names one file only"),
        (["-l", "soon"], b"", "--lifetime is a number of minutes"),
        (["-l", "-2"], b"", "--lifetime is a number of minutes"),
        (["--apikeyy=secret"], b"", "unrecognized arguments: --apikeyy"),
    ],
)
def test_what_cannot_be_a_gist_is_never_sent(
    api: Client, server: ApiServer, words: list[str], stdin: bytes, says: str
) -> None:
    run = gist(api, *words, stdin=stdin)
    assert run.status == 2
    assert says in run.err
    assert "secret" not in run.err
    assert server.requests == []


@pytest.mark.parametrize("url", ["javascript:alert(1)", "file:///etc/passwd", "--help", None, 5])
def test_no_browser_is_started_with_what_is_no_address(api: Client, server: ApiServer, url: object) -> None:
    server.answers({"gist": {"url": url}})
    run = gist(api, "--open", stdin=b"x")
    assert (run.status, run.out) == (1, "")
    assert "did not tell the address" in run.err


def test_the_config_is_that_of_the_other_program(client: Client, answering: ApiServer) -> None:
    client.save(KEY, answering.url)
    assert gist(client, stdin=b"x").status == 0
    assert gist(client, "--save-config", "--apikey=K", f"--apihost={answering.url}").out.startswith("Updated config in")
    assert json.loads(client.config.read_text())["apikey"] == "K"


def test_it_explains_itself(client: Client) -> None:
    shown = gist(client, "--help")
    assert shown.status == 0
    for option in ("--private", "--filename", "--description", "--lifetime", "--format", "--open"):
        assert option in shown.out


def test_it_runs_without_anything_else(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "trivium_client", tmp_path / "trivium_client", ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-m", "trivium_client.gist", "--help"],
        cwd=tmp_path,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
