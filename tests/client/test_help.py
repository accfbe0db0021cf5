# SPDX-License-Identifier: GPL-3.0-or-later
"""`--help` alone, and `--help METHOD`, which asks the server."""

import json

import pytest

from tests.client.fakes import KEY, ApiServer, Client

DOCUMENT = {
    "openrpc": "1.3.2",
    "info": {"title": "Trivium", "version": "4.3.0"},
    "methods": [
        {
            "name": "get_repo",
            "summary": "Returns a repository.",
            "description": "Returns a repository.\n\nNeeds read access. You may\nuse its id.\n\n* one\n* two",
            "params": [
                {
                    "name": "repoid",
                    "required": True,
                    "description": "Its name or id.",
                    "schema": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
                },
                {"name": "cache", "required": False, "schema": {"type": "boolean", "default": True}},
            ],
            "result": {"name": "repository", "schema": {"type": "object"}},
            "errors": [{"code": -32000, "message": "repository `<repoid>` does not exist"}],
            "tags": [{"name": "repositories"}],
        },
        {
            "name": "create_gist",
            "summary": "Creates a gist.",
            "deprecated": True,
            "params": [
                {"name": "files", "required": True, "schema": {"type": "object"}},
                {"name": "gist_type", "schema": {"enum": ["public", "private"], "default": "public"}},
                {"name": "owner", "schema": {"type": ["string", "null"], "default": None}},
                {"name": "names", "schema": {"type": "array", "items": {"type": "string"}}},
                {"name": "parent", "schema": {"$ref": "#/components/schemas/Gist"}},
            ],
        },
    ],
}


def test_help_alone_needs_no_server(client: Client) -> None:
    for option in ("--help", "-h"):
        run = client.run(option)
        assert (run.status, run.err) == (0, "")
        assert run.out.startswith("usage: rhodecode-api ")
        for word in (
            "--apikey",
            "--apihost",
            "--config",
            "--save-config",
            "--format",
            "key:=json",
            "exit status",
        ):
            assert word in run.out


@pytest.mark.parametrize(
    "words", [["--help", "get_repo"], ["get_repo", "--help"], ["get_repo", "-h", "repoid:x", "nonsense"]]
)
def test_method(api: Client, server: ApiServer, words: list[str]) -> None:
    server.answers(DOCUMENT)
    run = api.run(*words)
    assert (run.status, run.err) == (0, "")
    assert run.out == (
        "usage: rhodecode-api get_repo repoid:<value> [cache:<value>]\n"
        "\n"
        "Returns a repository.\n"
        "\n"
        "Needs read access. You may use its id.\n"
        "\n"
        "* one\n"
        "* two\n"
        "\n"
        "Arguments:\n"
        "  repoid  string or integer, required\n"
        "          Its name or id.\n"
        "  cache   boolean, default true\n"
        "\n"
        "Result: repository: object\n"
        "\n"
        "Errors:\n"
        "  repository `<repoid>` does not exist\n"
    )
    envelope = server.call
    assert envelope.pop("id")
    assert envelope == {"api_key": KEY, "method": "rpc.discover", "args": {}}


def test_kinds_of_arguments(api: Client, server: ApiServer) -> None:
    server.answers(DOCUMENT)
    run = api.run("--help", "create_gist")
    assert run.out == (
        "usage: rhodecode-api create_gist files:=<json> [gist_type:<value>]\n"
        "       [owner:<value>] [names:=<json>] [parent:<value>]\n"
        "\n"
        "This method is deprecated.\n"
        "\n"
        "Creates a gist.\n"
        "\n"
        "Arguments:\n"
        "  files      object, required\n"
        '  gist_type  public | private, default "public"\n'
        "  owner      string or null, default null\n"
        "  names      list of string, optional\n"
        "  parent     Gist, optional\n"
    )


def test_json(api: Client, server: ApiServer) -> None:
    server.answers(DOCUMENT)
    run = api.run("--format=json", "--help", "get_repo")
    assert json.loads(run.out) == DOCUMENT["methods"][0]  # type: ignore[index]


def test_unknown_method(api: Client, server: ApiServer) -> None:
    server.answers(DOCUMENT)
    run = api.run("--help", "get_rep")
    assert (run.status, run.out) == (1, "")
    assert run.err == "rhodecode-api: No such method: get_rep; did you mean get_repo?\n"
    assert api.run("--help", "zzz").err == "rhodecode-api: No such method: zzz\n"


def test_server_that_does_not_explain(api: Client, server: ApiServer) -> None:
    server.answers(error="No such method: rpc.discover")
    run = api.run("--help", "get_repo")
    assert (run.status, run.out) == (1, "")
    assert run.err == (f"rhodecode-api: {server.url} does not describe its methods: No such method: rpc.discover\n")


@pytest.mark.parametrize("result", [None, [], "text", {}, {"methods": None}, {"methods": {}}])
def test_answer_that_is_no_description(api: Client, server: ApiServer, result: object) -> None:
    server.answers(result)
    run = api.run("--help", "get_repo")
    assert (run.status, run.out) == (1, "")
    assert run.err.count("\n") == 1


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"params": None, "result": [], "errors": {}, "summary": 5},
        {"params": [1, {}, {"name": "a"}, {"name": "b", "schema": 3}], "errors": ["x", {"code": 1}]},
        {"params": [{"name": "a", "schema": {"type": 7, "enum": [1, None, {"x": 1}]}}]},
        {"params": [{"name": "a", "schema": {"type": [{}, "string"], "default": {}}}]},
        {"params": [{"name": "a", "schema": {"oneOf": [None, {"anyOf": [{}]}]}}]},
        {"params": [{"name": "x" * 200, "description": "y" * 200}]},
        {"params": [{"name": "a", "schema": {"type": "array", "items": {"type": "array", "items": True}}}]},
        {"summary": "\x1b[2J", "description": "\u202e"},
    ],
)
def test_odd_descriptions(api: Client, server: ApiServer, entry: dict[str, object]) -> None:
    server.answers({"methods": [None, 1, {}, {"name": 2}, {"name": "odd", **entry}]})
    run = api.run("--help", "odd")
    assert (run.status, run.err) == (0, "")
    assert run.out.startswith("usage: rhodecode-api odd")
    assert "\x1b" not in run.out


def test_nothing_to_ask(client: Client) -> None:
    run = client.run("--help", "get_repo")
    assert (run.status, run.out) == (2, "")
    assert "Could not find config file and missing --apikey or --apihost in params" in run.err
    assert "--help get_repo asks the server" in run.err


def test_server_that_cannot_be_reached(api: Client, server: ApiServer) -> None:
    server.sends(b"no", status=503)
    run = api.run("--help", "get_repo")
    assert (run.status, run.out) == (1, "")
    assert run.err == f"rhodecode-api: {server.url} answered HTTP 503 Service Unavailable\n"
