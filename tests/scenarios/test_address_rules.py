# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about addresses bind everybody, whichever way they come (system.md 1.7, decisions.md W9, W10)."""

from __future__ import annotations

import pytest

from tests.support.clients import Api
from tests.support.raw import basic
from tests.support.servers import Server

PATHS = {
    "git": "/{}/info/refs?service=git-upload-pack",
    "hg": "/{}?cmd=capabilities",
    "svn": "/{}/!svn/me",
}


def asked(server: Server, api: Api, kind: str, name: str, headers: dict[str, str]) -> int:
    """The status of a reading request of each system."""
    more = {"Accept": "application/mercurial-0.1"} if kind == "hg" else {}
    method = "OPTIONS" if kind == "svn" else "GET"
    return api.post(b"", method=method, path=PATHS[kind].format(name), headers=more | headers)[0]


@pytest.mark.parametrize("kind", ["git", "hg", "svn"])
def test_visitors_do_not_look_from_where_default_may_not(own_server: Server, kind: str) -> None:
    own_server.start(TRIVIUM_TRUSTED_PROXIES="127.0.0.1")
    data = ("--data", str(own_server.data))
    own_server.trivium("public-access", *data, "on")
    root = own_server.api(own_server.admin_key)
    name = root.new_repo(kind=kind).name
    near, far = {"X-Forwarded-For": "203.0.113.5"}, {"X-Forwarded-For": "198.51.100.5"}
    assert asked(own_server, root, kind, name, far) == 200
    own_server.trivium("address", "allow", *data, "default", "203.0.113.0/24")
    assert asked(own_server, root, kind, name, near) == 200
    assert asked(own_server, root, kind, name, far) == 401
    assert asked(own_server, root, kind, name, far | {"X-Real-IP": "203.0.113.5"}) == 401


def test_forty_wrong_passwords_from_one_ipv6_network_are_too_many(own_server: Server) -> None:
    own_server.start(TRIVIUM_TRUSTED_PROXIES="127.0.0.1")
    root = own_server.api(own_server.admin_key)
    ada = root.new_user()

    def status(number: int) -> int:
        headers = {"X-Forwarded-For": f"2001:db8:1:2::{number:x}", "Authorization": basic(ada.name, f"wrong-{number}")}
        return asked(own_server, root, "git", "nothing", headers)

    assert [status(number) for number in range(40)].count(401) == 10
