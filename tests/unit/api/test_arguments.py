# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever JSON somebody sends as whatever argument of whatever method, the answer is one of the documented ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.tracing import traced_at_first, untraced
from trivium.access.credentials import Authenticator
from trivium.access.throttle import Throttle
from trivium.api.arguments import Flag
from trivium.api.door import ApiDoor
from trivium.api.envelope import Answer
from trivium.api.methods import registry
from trivium.api.registry import Method
from trivium.api.texts import INTERNAL
from trivium.assembly import open_site
from trivium.errors import Invalid
from trivium.forge.accounts.failed_sign_ins import journal_failure
from trivium.http.crew import Crew
from trivium.installation import Administrator, set_up
from trivium.settings import Settings
from trivium.turns import Pace

KEY = "0123456789abcdef0123456789abcdef01234567"
"""Of a super-admin."""
SCOPE = {"headers": [(b"host", b"localhost")], "client": ("127.0.0.1", 1), "scheme": "http"}

Serve = Callable[[dict[str, Any]], dict[str, Any]]


# What lets a call get past the look-up of what it is about.
USUAL = {
    "userid": "ada",
    "owner": "ada",
    "repoid": "group/repo",
    "repogroupid": "group",
    "usergroupid": "people",
    "sourceusergroupid": "people",
    "group": "group",
    "repo_type": "git",
}


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """The API of a site with one thing of each kind, without a server around it."""
    site_settings = Settings(data=tmp_path_factory.mktemp("site") / "data", min_free_bytes=0)
    set_up(site_settings, Administrator("root", "administrator-pw", "root@example.org", KEY), public_access=True)
    site = open_site(site_settings)
    crew = Crew(1, "test")
    slow = ThreadPoolExecutor(1)
    door = ApiDoor(
        site, Authenticator(site.store, site.ring, Throttle(10, 300, 60), journal_failure), crew=crew, slow=slow
    )

    def call(request: dict[str, Any]) -> dict[str, Any]:
        with structlog.testing.capture_logs() as logged:
            answer = door._serve(SCOPE, json.dumps(request).encode(), Pace.WAITING)
        # The door survives every exception, and logs those that nobody had foreseen.
        assert [line for line in logged if line["event"] == "an API call failed"] == [], request
        assert isinstance(answer, Answer), request
        return cast("dict[str, Any]", json.loads(answer.body))

    for method, args in (
        ("create_user", {"username": "ada", "email": "ada@example.org", "password": "s3cret-pw"}),
        ("create_user_group", {"group_name": "people"}),
        ("create_repo_group", {"group_name": "group"}),
        ("create_repo", {"repo_name": "group/repo", "repo_type": "git"}),
    ):
        answer = call({"id": 1, "api_key": KEY, "method": method, "args": args})
        assert answer["error"] is None, answer
    yield call
    crew.close()
    slow.shutdown()
    site.close()


# What exists, what looks like it, and the worst of what JSON can say.
KNOWN: list[Any] = ["root", "ada", "people", "group", "group/repo", "default", 1, 2, "1", "2", "git", "hg"]
KNOWN += ["repository.read", "group.admin", "usergroup.none", "all", "none", "repos", "master", "HEAD", "branch:master"]
WORST: list[Any] = [
    "",
    " ",
    "a\0b",
    "\ud800",
    "..",
    "../x",
    "_1",
    "-1",
    "--help",
    "x" * 300,
    "x/" * 50,
    "日本語",
    "%s{0}{x}",
]
WORST += [-1, 2**31, 2**63, 2**64, -(2**63), 10**30, 10**400, 1.5, 1e308, True, False, None, [], {}, [1], {"a": None}]
scalars = st.one_of(
    st.sampled_from(KNOWN),
    st.sampled_from(WORST),
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec=None), max_size=20),
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)


def _argument(name: str) -> st.SearchStrategy[Any]:
    """Two times of three what is usual, where something is."""
    if name not in USUAL:
        return anything
    return st.integers(0, 2).flatmap(lambda number: st.just(USUAL[name]) if number else anything)


def _may_not_be_sent(method: Method, args: dict[str, Any]) -> bool:
    """Calls that would take the caller's key, or the things that all examples share, away."""
    return method.name.startswith("delete_") and any(
        value in (*KNOWN, 2**31) for value in args.values() if _plain(value)
    )


def _plain(value: object) -> bool:
    return isinstance(value, (str, int))


@pytest.mark.parametrize("method", registry.all(), ids=lambda method: method.name)
def test_no_argument_is_a_surprise(serve: Serve, method: Method) -> None:
    names = [parameter.name for parameter in method.parameters]
    required = {parameter.name: _argument(parameter.name) for parameter in method.parameters if parameter.required}
    optional = {name: _argument(name) for name in names if name not in required}

    @given(
        args=st.fixed_dictionaries(required, optional={**optional, "unknown": anything}),
        request_id=st.one_of(
            st.none(), st.integers(-(2**53), 2**53), st.text(st.characters(codec="utf-8"), max_size=9)
        ),
    )
    @settings(max_examples=60)
    @traced_at_first
    def ask(args: dict[str, Any], request_id: Any) -> None:
        if method.name == "update_user" and (not _plain(args["userid"]) or args["userid"] in ("root", 2, "2")):
            args = {**args, "userid": "ada"}
        if _may_not_be_sent(method, args):
            return
        answer = serve({"id": request_id, "api_key": KEY, "method": method.name, "args": args})
        assert set(answer) - {"error_detail"} == {"id", "result", "error"}
        assert "error_detail" not in answer or (answer["error"] and 0 < len(answer["error_detail"]) <= 1000)
        # A value of no use is an internal error only where a method has no words of its own (api-users.md 2.5).
        assert answer["error"] != INTERNAL or method.failure is None, args
        assert answer["error"] is None or (isinstance(answer["error"], str) and answer["result"] is None)
        assert "Traceback" not in str(answer) and "sqlalchemy" not in str(answer)
        if not str(answer["error"]).startswith("JSON parse error"):
            assert answer["id"] == request_id

    with untraced():
        ask()
    # The site is still there, and so is its administrator.
    answer = serve({"id": 1, "api_key": KEY, "method": "get_user", "args": {}})
    assert answer["error"] is None and answer["result"]["username"] == "root" and answer["result"]["admin"]


@pytest.mark.parametrize("args", [None, [], "x", 1, True, 1.5, [{}]])
@pytest.mark.parametrize("method", registry.all(), ids=lambda method: method.name)
def test_arguments_that_are_no_object(serve: Serve, method: Method, args: Any) -> None:
    answer = serve({"id": 7, "api_key": KEY, "method": method.name, "args": args})
    assert answer["id"] == 7
    required = [parameter.name for parameter in method.parameters if parameter.required]
    if required:
        assert answer["error"] == f"Missing non optional `{required[0]}` arg in JSON DATA"


@given(method=anything, key=anything)
def test_a_method_and_a_key_can_be_anything(serve: Serve, method: Any, key: Any) -> None:
    for request in ({"api_key": key, "method": "get_user"}, {"api_key": KEY, "method": method}):
        if request["method"] in (*(known.name for known in registry.all()), "rpc.discover") and key == KEY:
            continue
        answer = serve({"id": "x", "args": {}, **request})
        assert answer["result"] is None
        assert answer["error"] != INTERNAL
        assert answer["id"] == "x" or answer["error"].startswith("JSON parse error")


def _flag(value: Any) -> Any:
    return Flag.__metadata__[0].convert(cast("Any", None), cast("Any", None), value)  # type: ignore[attr-defined]


@pytest.mark.parametrize("word", ["true", "1", "yes", "on", "TRUE", "Yes", "oN"])
def test_words_for_true(word: str) -> None:
    assert _flag(word) is True


@pytest.mark.parametrize("word", ["false", "0", "no", "off", "FALSE", "No", "oFF"])
def test_words_for_false(word: str) -> None:
    assert _flag(word) is False


@given(value=anything)
@settings(max_examples=500)
def test_everything_else_is_neither_true_nor_false(value: Any) -> None:
    if isinstance(value, bool):
        assert _flag(value) is value
    elif isinstance(value, int) and value in (0, 1):
        assert _flag(value) is bool(value)
    elif isinstance(value, str) and value.strip().lower() in ("true", "1", "yes", "on", "false", "0", "no", "off"):
        assert _flag(value) is (value.strip().lower() in ("true", "1", "yes", "on"))
    else:
        with pytest.raises(Invalid):
            _flag(value)
