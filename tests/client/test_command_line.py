# SPDX-License-Identifier: GPL-3.0-or-later
"""Options in any place, arguments of a method, and what is refused before anything is sent."""

import json

import pytest

from tests.client.fakes import KEY, ApiServer, Client


@pytest.mark.parametrize(
    "words",
    [
        ["--apikey=K1", "--apihost={url}", "--format=json", "get_repo", "repoid:x"],
        ["--apikey", "K1", "--apihost", "{url}", "--format", "json", "get_repo", "repoid:x"],
        ["get_repo", "repoid:x", "--apikey=K1", "--apihost={url}", "--format=json"],
        ["get_repo", "--apikey", "K1", "--format", "json", "repoid:x", "--apihost", "{url}"],
        ["--format=json", "get_repo", "--apikey=K1", "--apihost={url}", "--", "repoid:x"],
    ],
    ids=["before", "before, separate", "after", "between", "dashes"],
)
def test_options_stand_anywhere(client: Client, server: ApiServer, words: list[str]) -> None:
    server.answers({"repo_name": "x"})
    run = client.run(*(word.format(url=server.url) for word in words))
    assert (run.status, json.loads(run.out), run.err) == (0, {"repo_name": "x"}, "")
    assert server.call["api_key"] == "K1"
    assert server.call["method"] == "get_repo"
    assert server.call["args"] == {"repoid": "x"}


@pytest.mark.parametrize(
    ("words", "args"),
    [
        ([], {}),
        (["repoid:5", "private:true"], {"repoid": "5", "private": "true"}),
        (["clone_uri:http://x:8080/y"], {"clone_uri": "http://x:8080/y"}),
        (["description:"], {"description": ""}),
        (["description:two words, ünïcode 漢字 🎈"], {"description": "two words, ünïcode 漢字 🎈"}),
        (["description:a=b"], {"description": "a=b"}),
        (["description:-x"], {"description": "-x"}),
        (["repoid:a", "repoid:b"], {"repoid": "b"}),
        (["private:=true", "lifetime:=60", "owner:=null"], {"private": True, "lifetime": 60, "owner": None}),
        (['files:={"a.txt": {"content": "ü"}}'], {"files": {"a.txt": {"content": "ü"}}}),
        (["list:=[1, 2.5]"], {"list": [1, 2.5]}),
        (['description:="=text"'], {"description": "=text"}),
        (["description: =text"], {"description": " =text"}),
    ],
)
def test_arguments(api: Client, server: ApiServer, words: list[str], args: dict[str, object]) -> None:
    assert api.run("some_method", *words).status == 0
    assert server.call["args"] == args
    for key, value in args.items():
        assert type(server.call["args"][key]) is type(value)


@pytest.mark.parametrize(
    "word",
    [
        "repoid",
        "",
        "repoid=x",
        ":x",
        ":=1",
        "a:=",
        "a:={",
        "a:=text",
        "a:=NaN",
        "a:=[1e999]",
        "a:=1 2",
        "a:=" + "[" * 5000,
        "a:=" + "9" * 5000,
        b"a:\xff",
    ],
)
def test_unparsable_argument(api: Client, server: ApiServer, word: str | bytes) -> None:
    run = api.run("get_repo", "repoid:x", word)
    assert (run.status, run.out, run.err) == (2, "", "Error parsing arguments\n")
    assert server.requests == []


@pytest.mark.parametrize("words", [[], ["--format=json"], [""], ["repoid:x"], ["repoid:x", "get_repo"]])
def test_no_method(api: Client, server: ApiServer, words: list[str]) -> None:
    run = api.run(*words)
    assert (run.status, run.out) == (2, "")
    assert run.err.endswith("error: Please specify method name\n")
    assert server.requests == []


def test_no_method_on_a_machine_without_config(client: Client) -> None:
    run = client.run()
    assert run.status == 2
    assert "Please specify method name" in run.err


@pytest.mark.parametrize(
    "words",
    [
        [f"--apiky={KEY}", "get_repo"],
        [f"--apikey:{KEY}", "get_repo"],
        [f"--save-config={KEY}", "get_repo"],
        ["--format=xml", "get_repo"],
        ["--format", "get_repo"],
        ["get_repo", "--apikey"],
        ["--api=x", "get_repo"],
        ["-x", "get_repo"],
    ],
)
def test_misuse_never_repeats_a_key(api: Client, server: ApiServer, words: list[str]) -> None:
    run = api.run(*words)
    assert (run.status, run.out) == (2, "")
    assert run.err.startswith("usage: rhodecode-api ")
    assert "rhodecode-api: error: " in run.err
    assert KEY not in run.err
    assert server.requests == []
