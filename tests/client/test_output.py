# SPDX-License-Identifier: GPL-3.0-or-later
"""What is printed, in both formats, and what happens when nobody wants to read it."""

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.client.fakes import KEY, Answer, ApiServer, Client, Request, reply

FULL = Path("/dev/full")

REPOSITORY = {
    "repo_name": "größe/漢字",
    "clone_uri": None,
    "size": 12,
    "members": [{"b": 1, "a": [True, 1.5]}],
}


def test_pretty(api: Client, server: ApiServer) -> None:
    server.answers(REPOSITORY)
    run = api.run("get_repo", "repoid:x")
    assert (run.status, run.err) == (0, "")
    assert run.out == (
        f"Calling method get_repo => {server.url}\n"
        "Server response\n"
        "{\n"
        '    "clone_uri": null,\n'
        '    "members": [\n'
        "        {\n"
        '            "a": [\n'
        "                true,\n"
        "                1.5\n"
        "            ],\n"
        '            "b": 1\n'
        "        }\n"
        "    ],\n"
        '    "repo_name": "größe/漢字",\n'
        '    "size": 12\n'
        "}\n"
    )
    assert api.run("--format=pretty", "get_repo", "repoid:x") == run


def test_pretty_error(api: Client, server: ApiServer) -> None:
    """The contract's own example: the text as JSON, without a prefix."""
    server.answers(error="Missing non optional `repoid` arg in JSON DATA")
    run = api.run("get_repo")
    assert (run.status, run.err) == (1, "")
    assert run.out == (
        f'Calling method get_repo => {server.url}\nServer response\n"Missing non optional `repoid` arg in JSON DATA"\n'
    )


@pytest.mark.parametrize(
    "result", [REPOSITORY, None, False, 0, "", [], {}, "text", [1, None], '\u0001\n\t"\\', 10**30, 1.5]
)
def test_json_is_one_document(api: Client, server: ApiServer, result: object) -> None:
    server.answers(result)
    run = api.run("--format=json", "get_repo", "repoid:x")
    assert (run.status, run.err) == (0, "")
    assert json.loads(run.out) == result
    assert run.out.count("\n") == 1
    assert "\\u6f22" not in run.out


@pytest.mark.parametrize("error", ["repository `x` does not exist", "", {"userid": "Missing"}, ["a"]])
@pytest.mark.parametrize("form", ["json", "pretty"])
def test_error_ends_with_status_1(api: Client, server: ApiServer, error: object, form: str) -> None:
    server.answers(error=error)
    run = api.run(f"--format={form}", "get_repo", "repoid:x")
    assert (run.status, run.err) == (1, "")
    assert json.loads(run.out.partition("Server response\n")[2] if form == "pretty" else run.out) == error


def test_header_stands_before_a_failure(api: Client, server: ApiServer) -> None:
    server.sends(b"no")
    run = api.run("get_ip")
    assert run.status == 1
    assert run.out == f"Calling method get_ip => {server.url}\n"
    assert run.err.count("\n") == 1


@pytest.mark.parametrize("form", ["json", "pretty"])
def test_key_in_an_error_is_masked(api: Client, server: ApiServer, form: str) -> None:
    server.answers(error=f"no such key {KEY}")
    run = api.run(f"--format={form}", "get_ip")
    assert run.status == 1
    assert KEY not in run.out + run.err
    assert "no such key ********" in run.out


def test_key_in_a_result_is_shown(api: Client, server: ApiServer) -> None:
    """`get_user` answers the caller's own key; that is what he asked for."""
    server.answers({"api_key": KEY})
    assert json.loads(api.run("--format=json", "get_user").out) == {"api_key": KEY}


@pytest.mark.parametrize("form", ["json", "pretty"])
def test_nothing_reaches_the_terminal_that_it_would_obey(api: Client, server: ApiServer, form: str) -> None:
    hostile = "\x1b[2J \x9b31m \x7f \u202e \u2028 \ud800 é"
    server.answers({"description": hostile})
    run = api.run(f"--format={form}", "get_repo", "repoid:x")
    assert run.status == 0
    document = run.out.partition("Server response\n")[2] if form == "pretty" else run.out
    assert json.loads(document) == {"description": hostile}
    assert not set("\x1b\x9b\x7f\u202e\u2028") & set(run.out)
    assert "é" in run.out


def test_method_and_messages_cannot_control_the_terminal_either(api: Client, server: ApiServer) -> None:
    server.answers(id=None, error="\x1b[2J\nsecond line")
    run = api.run("\x1b[2J")
    assert "\x1b" not in run.out + run.err
    assert run.err.count("\n") == 1


@pytest.mark.parametrize("form", ["json", "pretty"])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_terminal_that_cannot_show_everything(api: Client, server: ApiServer, form: str, encoding: str) -> None:
    server.answers(REPOSITORY)
    run = api.run(f"--format={form}", "get_repo", PYTHONIOENCODING=encoding)
    assert run.status == 0
    assert json.loads(run.out.partition("Server response\n")[2] if form == "pretty" else run.out) == REPOSITORY


def test_reply_nested_beyond_reason(api: Client, server: ApiServer) -> None:
    def deep(request: Request) -> Answer:
        nested = b"[" * 900 + b"]" * 900
        return Answer(b'{"id": %d, "error": null, "result": %s}' % (request.envelope["id"], nested))

    server.answer = deep
    for form in ("json", "pretty"):
        run = api.run(f"--format={form}", "get_repo")
        assert run.status == 0 or "nested too deeply" in run.err


@pytest.mark.parametrize("result", ["short", ["long"] * 50_000], ids=["short", "long"])
@pytest.mark.parametrize("form", ["json", "pretty"])
def test_closed_pipe(api: Client, server: ApiServer, form: str, result: object) -> None:
    server.answers(result)
    read, write = os.pipe()
    os.close(read)
    try:
        run = api.run_into(write, f"--format={form}", "delete_repo", "repoid:x")
    finally:
        os.close(write)
    assert (run.status, run.err) == (1, "")
    assert len(server.requests) == 1, "the call is made, whoever reads about it"


def test_closed_pipe_and_help(client: Client) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        run = client.run_into(write, "--help")
    finally:
        os.close(write)
    assert (run.status, run.err) == (1, "")


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_full_disk(api: Client) -> None:
    with FULL.open("wb") as full:
        run = api.run_into(full, "get_ip")
    assert (run.status, run.err) == (
        1,
        "rhodecode-api: Could not write the output: No space left on device\n",
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_streams_closed_by_the_shell(api: Client, server: ApiServer, closed: str) -> None:
    server.answers("10.0.0.1")
    api.save(KEY, server.url).chmod(0o644)
    command = shlex.join([sys.executable, "-m", "trivium_client.main", "--format=json", "get_ip"])
    env = {name: value for name, value in api.env.items() if not name.startswith("RHODECODE")}
    done = subprocess.run(
        ["sh", "-c", f"{command} {closed}"],
        env=env,
        cwd=api.home,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout == (b"" if closed.startswith(">") else b'"10.0.0.1"\n')
    assert b"Traceback" not in done.stderr


def test_interrupt(api: Client, server: ApiServer) -> None:
    arrived, finish = threading.Event(), threading.Event()

    def wait(request: Request) -> Answer:
        arrived.set()
        finish.wait(20)
        return reply(request)

    server.answer = wait
    process = subprocess.Popen(
        api.command("pull", "repoid:x"),
        env=api.env,
        cwd=api.home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A test run in the background ignores Ctrl-C, and its children would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert arrived.wait(20)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    finally:
        finish.set()
        process.kill()
        process.wait()
    assert (process.returncode, err) == (130, b"")


def test_the_reason_of_a_refusal_stands_on_stderr(api: Client, server: ApiServer) -> None:
    server.answers(error="failed to create user `1`", error_detail=f"the name\n{KEY}\x1b[2J is no name")
    run = api.run("create_user", "username:1", f"--apikey={KEY}")
    assert run.status == 1
    assert run.out == f'Calling method create_user => {server.url}\nServer response\n"failed to create user `1`"\n'
    assert run.err == "rhodecode-api: the name ********\\u001b[2J is no name\n"
    run = api.run("--format=json", "create_user", "username:1")
    assert (run.status, run.out, run.err) == (1, '"failed to create user `1`"\n', "")
    for strange in (None, 7, ["x"], ""):
        server.answers(error="no", error_detail=strange)
        assert api.run("create_user", "username:1").err == ""
