# SPDX-License-Identifier: GPL-3.0-or-later
"""`POST /_admin/api`: one JSON object in, one JSON object out, HTTP 200 whatever happens (api-users.md 1)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.clients import Api
from tests.support.servers import Server

MISSING_KEY = "Incorrect JSON data. Missing 'api_key or auth_token'"
ANY_VALUES: list[Any] = [
    0,
    1,
    -7,
    1.5,
    2**53 + 1,
    2**64,
    10**40,
    "",
    "seven",
    "\u0000",
    "naïve 仓库 😀 \u2028 </script>",
    True,
    False,
    None,
    [],
    [1, [2, {"three": 3}]],
    {},
    {"id": {"id": None}},
]


def said(api: Api, body: bytes | str, **more: Any) -> dict[str, Any]:
    """The answer to a raw body; it must be a whole envelope."""
    status, headers, answer = api.post(body, **more)
    assert status == 200
    assert headers["content-type"].startswith("application/json")
    envelope: dict[str, Any] = json.loads(answer)
    assert set(envelope) == {"id", "result", "error"}
    assert envelope["result"] is None or envelope["error"] is None
    assert envelope["error"] is None or isinstance(envelope["error"], str)
    return envelope


def request(api: Api, **changes: Any) -> str:
    """A call of `get_repos`, with other or further keys; `...` leaves one out."""
    whole = {"id": 1, "api_key": api.key, "method": "get_repos", "args": {}} | changes
    return json.dumps({name: value for name, value in whole.items() if value is not ...})


def error(api: Api, **changes: Any) -> str:
    envelope = said(api, request(api, **changes))
    assert envelope["result"] is None
    assert isinstance(envelope["error"], str)
    return envelope["error"]


# The answer


def test_an_answer_is_one_line_of_json_that_nobody_may_keep(root: Api) -> None:
    status, headers, body = root.post(request(root, method="get_users"))
    assert status == 200
    assert headers["content-type"].split(";")[0] == "application/json"
    assert headers["cache-control"] == "no-store"
    assert b"\n" not in body.rstrip(b"\n")
    assert json.loads(body)["error"] is None


def test_no_cookie_and_no_permission_for_foreign_pages(root: Api) -> None:
    _, headers, _ = root.post(request(root), headers={"Origin": "https://evil.example", "Cookie": "session=1"})
    assert not [name for name in headers if name.startswith("access-control-") or name == "set-cookie"]


@pytest.mark.parametrize("value", ANY_VALUES, ids=lambda value: json.dumps(value)[:30])
def test_the_id_comes_back_with_its_value_and_type(root: Api, value: Any) -> None:
    for changes in ({}, {"method": "no_such_method"}, {"api_key": "wrong"}, {"args": ...}):
        answer = said(root, request(root, id=value, **changes))
        assert answer["id"] == value
        assert type(answer["id"]) is type(value)


def test_the_id_is_null_where_it_could_not_be_read(root: Api) -> None:
    assert said(root, '{"id": 7, ')["id"] is None
    assert said(root, "[7]")["id"] is None
    assert said(root, request(root, id=...))["id"] is None


def test_unicode_comes_back_unchanged(root: Api) -> None:
    text = "<b>é</b> & \"quotes\" 'single' 仓库 😀 \u2028 \\ /"
    assert error(root, method="get_repo", args={"repoid": text}) == f"repository `{text}` does not exist"


@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", "no/such-thing", ""]
)
def test_the_content_type_does_not_matter(root: Api, content_type: str) -> None:
    assert said(root, request(root), headers={"Content-Type": content_type})["error"] is None


def test_a_slash_at_the_end_does_not_matter(root: Api) -> None:
    assert said(root, request(root), path="/_admin/api/")["error"] is None


# Rows 1 to 5: not a call at all


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
def test_row_1_only_post_is_served_even_when_a_body_comes_along(root: Api, verb: str) -> None:
    answer = said(root, request(root), method=verb)
    assert answer == {"id": None, "result": None, "error": f'unsupported request method "{verb}". Please use POST'}


def test_row_1_head_is_refused_without_a_body(root: Api) -> None:
    status, _, body = root.post(b"", method="HEAD")
    assert (status, body) == (200, b"")


def test_the_key_and_the_call_are_never_taken_from_the_address(root: Api) -> None:
    query = f"/_admin/api?api_key={root.key}&method=get_users&id=1"
    assert said(root, b"", method="GET", path=query)["error"].startswith("unsupported request method")
    assert said(root, request(root, api_key=...), path=query)["error"] == MISSING_KEY


def test_row_2_no_body_and_no_length(root: Api) -> None:
    answer = said(root, b"0\r\n\r\n", headers={"Transfer-Encoding": "chunked"})
    assert answer == {"id": None, "result": None, "error": "Empty body, No Content-Length in request"}


def test_row_3_a_length_of_zero(root: Api) -> None:
    answer = said(root, b"", headers={"Content-Length": "0"})
    assert answer == {"id": None, "result": None, "error": "Content-Length is 0"}


@pytest.mark.parametrize(
    "body",
    [
        b" ",
        b"id=1&method=get_repos",
        b'{"id": 1',
        b'{"id": 1} {"id": 2}',
        b"{'id': 1}",
        b'{"id": 1,}',
        b'{"id": NaN}',
        b'{"id": Infinity}',
        b'{"id": -Infinity}',
        b'{"id": 01}',
        b'{"id": "\xff"}',
        b'{"id": "\xc3"}',
        b'{"id": "\xed\xa0\x80"}',
        b'{"id": "\\ud800"}',
        b'{"id": "a\nb"}',
        b'{"id": "\\x41"}',
        b'\xef\xbb\xbf{"id": 1}',
        '{"id": 1}'.encode("utf-16"),
        b"\0",
        b"[" * 100_000,
        b'{"id": ' * 100_000,
        b'{"id": ' + b"[" * 1000 + b"]" * 1000 + b"}",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_row_4_what_is_not_json_is_a_parse_error(root: Api, body: bytes) -> None:
    answer = said(root, body)
    assert answer["id"] is None
    assert answer["error"].startswith("JSON parse error ERR:")


@pytest.mark.parametrize("body", ["[]", "null", "1", '"text"', "true", '[{"id": 1}]'])
def test_row_5_json_that_is_no_object_is_a_parse_error_too(root: Api, body: str) -> None:
    answer = said(root, body)
    assert answer["id"] is None
    assert answer["error"].startswith("JSON parse error ERR:")


def test_a_batch_is_no_call(root: Api) -> None:
    answer = said(root, f"[{request(root)}, {request(root)}]")
    assert answer["error"].startswith("JSON parse error ERR:")


def test_a_parse_error_never_repeats_the_body_which_may_hold_a_key(server: Server, root: Api) -> None:
    body = request(root)[:-1]
    assert root.key in body
    assert root.key not in said(root, body)["error"]
    assert root.key not in server.log.read_text()


# Rows 6 and 7: keys of the envelope


@pytest.mark.parametrize("key", [..., None, ""])
def test_row_6_the_key_is_missing(root: Api, key: Any) -> None:
    assert error(root, api_key=key) == MISSING_KEY
    assert error(root, api_key=key, auth_token=None) == MISSING_KEY
    assert error(root, api_key=key, auth_token="") == MISSING_KEY


def test_row_6_comes_before_row_7(root: Api) -> None:
    assert said(root, "{}")["error"] == MISSING_KEY
    assert said(root, '{"id": 5}') == {"id": 5, "result": None, "error": MISSING_KEY}


def test_row_7_id_method_and_args_are_asked_for_in_this_order(root: Api) -> None:
    assert error(root, id=..., method=..., args=...) == "Incorrect JSON data. Missing 'id'"
    assert error(root, method=..., args=...) == "Incorrect JSON data. Missing 'method'"
    assert error(root, args=...) == "Incorrect JSON data. Missing 'args'"


def test_row_7_comes_before_row_8(root: Api) -> None:
    assert error(root, api_key="wrong", id=...) == "Incorrect JSON data. Missing 'id'"
    assert error(root, api_key="wrong", method=...) == "Incorrect JSON data. Missing 'method'"
    assert error(root, api_key="wrong", args=...) == "Incorrect JSON data. Missing 'args'"


@pytest.mark.parametrize("args", [None, 0, 1, "", "x", [], ["repoid"], True, 1.5])
def test_args_that_are_no_object_count_as_none(root: Api, args: Any) -> None:
    assert isinstance(said(root, request(root, args=args))["result"], list)
    assert error(root, args=args, method="get_repo") == "Missing non optional `repoid` arg in JSON DATA"


def test_of_two_keys_with_one_name_the_last_counts(root: Api) -> None:
    body = f'{{"id": 1, "id": 2, "api_key": "wrong", "api_key": "{root.key}", "method": "x", "method": "get_ip", '
    answer = said(root, body + '"args": {"userid": "nobody"}, "args": {"userid": "nobody", "userid": "root"}}')
    assert answer["id"] == 2
    assert set(answer["result"]) == {"server_ip_addr", "user_ips"}


def test_further_keys_of_the_envelope_are_ignored(root: Api) -> None:
    assert said(root, request(root, jsonrpc="2.0", params=[1], extra=None))["error"] is None


# Row 12 and 13: the method and its arguments


@pytest.mark.parametrize(
    "method",
    [
        "",
        "no_such",
        "GET_USERS",
        "get_users ",
        "_get_users",
        "__init__",
        "users.get_users",
        "rpc.discover2",
        "get_users\0",
    ],
)
def test_row_12_an_unknown_method_is_named(root: Api, method: str) -> None:
    assert error(root, method=method) == f"No such method: {method}"


@pytest.mark.parametrize("method", [None, 1, 1.5, True, [], ["get_users"], {}, {"get_users": 1}, 10**40])
def test_row_12_a_method_is_named_by_a_text(root: Api, method: Any) -> None:
    assert error(root, method=method).startswith("No such method: ")


def test_row_8_comes_before_row_12(root: Api) -> None:
    assert error(root, api_key="wrong", method="no_such") == "Invalid API KEY"


def test_row_13_the_first_missing_argument_is_named(root: Api) -> None:
    def missing(method: str, *given: str) -> str:
        return root.error(method, **dict.fromkeys(given, "x"))

    def text(argument: str) -> str:
        return f"Missing non optional `{argument}` arg in JSON DATA"

    assert missing("create_user") == text("username")
    assert missing("create_user", "username") == text("email")
    assert missing("create_user", "email") == text("username")
    assert missing("grant_user_permission") == text("repoid")
    assert missing("grant_user_permission", "perm", "repoid") == text("userid")
    assert missing("grant_user_permission", "userid", "repoid") == text("perm")
    assert missing("create_repo", "repo_type") == text("repo_name")
    assert missing("create_repo", "repo_name") == text("repo_type")
    assert missing("grant_user_group_permission_to_user_group", "usergroupid", "perm") == text("sourceusergroupid")


def test_row_13_comes_before_row_15(root: Api) -> None:
    ada = root.new_user()
    assert ada.api.error("create_user") == "Missing non optional `username` arg in JSON DATA"
    assert ada.api.error("create_user", username="x", email="x") == "Access was denied to this resource."


def test_row_13_a_null_is_not_missing(root: Api) -> None:
    assert root.error("get_repo", repoid=None) == "repository `null` does not exist"


def test_arguments_that_a_method_does_not_have_are_ignored(root: Api) -> None:
    ada = root.new_user()
    for stranger in ({"apiuser": "root"}, {"apiuser": 2}, {"request": {}}, {"call": 1, "self": 1, "no_such": [1]}):
        assert ada.api("get_user", **stranger)["user_id"] == ada.id
        assert ada.api.error("get_users", **stranger) == "Access was denied to this resource."


def test_a_body_above_the_limit_is_answered_and_names_the_option(own_server: Server) -> None:
    own_server.start(TRIVIUM_MAX_API_BODY="2000", TRIVIUM_MAX_API_DEPTH="5")
    root = own_server.api(own_server.admin_key)
    assert said(root, request(root, id="x" * 1000))["error"] is None
    answer = said(root, request(root, id="x" * 2000))
    assert answer["error"] == "JSON parse error ERR: the body is larger than max_api_body"
    flat: Any = [[] for _ in range(40)]
    assert said(root, request(root, id=flat))["error"] is None
    assert said(root, request(root, id="[" * 40))["error"] is None
    deep: Any = []
    for _ in range(40):
        deep = [deep]
    assert said(root, request(root, id=deep))["error"].startswith("JSON parse error ERR:")
