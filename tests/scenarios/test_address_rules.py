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


def asked(api: Api, kind: str, name: str, headers: dict[str, str]) -> int:
    """The status of a reading request of each system."""
    more = {"Accept": "application/mercurial-0.1"} if kind == "hg" else {}
    method = "OPTIONS" if kind == "svn" else "GET"
    return api.post(b"", method=method, path=PATHS[kind].format(name), headers=more | headers)[0]


@pytest.mark.parametrize("kind", ["git", "hg", "svn"])
def test_visitors_do_not_look_from_where_default_may_not(behind_proxy: Server, kind: str) -> None:
    root = behind_proxy.api(behind_proxy.admin_key)
    name = root.new_repo(kind=kind).name
    near, far = {"X-Forwarded-For": "203.0.113.5"}, {"X-Forwarded-For": "198.51.100.5"}
    behind_proxy.administer("public-access", "on")
    try:
        assert asked(root, kind, name, far) == 200
        behind_proxy.administer("address", "allow", "default", "203.0.113.0/24")
        assert asked(root, kind, name, near) == 200
        assert asked(root, kind, name, far) == 401
        assert asked(root, kind, name, far | {"X-Real-IP": "203.0.113.5"}) == 401
    finally:
        behind_proxy.administer("public-access", "off")
        behind_proxy.trivium(
            "address", "forget", "default", "203.0.113.0/24", "--data", str(behind_proxy.data), check=False
        )


def test_forty_wrong_passwords_from_one_ipv6_network_are_too_many(behind_proxy: Server) -> None:
    root = behind_proxy.api(behind_proxy.admin_key)
    ada = root.new_user()

    def status(number: int) -> int:
        headers = {"X-Forwarded-For": f"2001:db8:1:2::{number:x}", "Authorization": basic(ada.name, f"wrong-{number}")}
        return asked(root, "git", "nothing", headers)

    assert [status(number) for number in range(40)].count(401) == 10
