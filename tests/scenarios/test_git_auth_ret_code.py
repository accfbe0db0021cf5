# SPDX-License-Identifier: GPL-3.0-or-later
"""`auth_ret_code`: what protocol clients get instead of 401 (system.md 3.2, step 5b)."""

from __future__ import annotations

import pytest

from tests.support.clients import Git
from tests.support.raw import basic
from tests.support.servers import Server


@pytest.mark.parametrize(("detection", "first"), [("false", 404), ("true", 401)])
def test_missing_and_wrong_credentials_get_another_status(
    own_server: Server, git: Git, detection: str, first: int
) -> None:
    own_server.start(TRIVIUM_AUTH_RET_CODE="404", TRIVIUM_AUTH_RET_CODE_DETECTION=detection)
    root = own_server.api(own_server.admin_key)
    ada = root.new_user()
    name = root.new_repo(owner=ada.name).name
    for address in (name, "no-such-repository"):
        path = f"/{address}/info/refs?service=git-upload-pack"
        status, headers, _ = root.post(b"", method="GET", path=path)
        assert status == first
        assert ("www-authenticate" in headers) is (first == 401)
        for wrong in (basic(ada.name, "wrong-password"), basic("nobody", "wrong-password"), "Bearer x"):
            status, headers, _ = root.post(b"", method="GET", path=path, headers={"Authorization": wrong})
            assert status == 404
            assert "www-authenticate" not in headers
    right = {"Authorization": basic(ada.name, ada.password)}
    assert root.post(b"", method="GET", path=f"/{name}/info/refs?service=git-upload-pack", headers=right)[0] == 200
    if first == 401:
        # git asks first without credentials, and offers them only when it is asked.
        git.run("ls-remote", own_server.clone_url(name, ada))
