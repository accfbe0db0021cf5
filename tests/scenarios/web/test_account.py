# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody sets of their own account counts at every door (system.md 2.8)."""

from __future__ import annotations

import re

from tests.support.browser import Browser
from tests.support.clients import Api, Git, Person
from tests.support.servers import Server

TOKENS = "/_admin/my_account/auth_tokens"


def test_a_token_made_by_the_form_clones_until_it_is_deleted(
    server: Server, ada: Person, adas: Browser, project: str, git: Git
) -> None:
    made = adas.send(TOKENS, description="laptop", lifetime="-1", role="token_role_vcs")
    (command,) = {one["data-copy"] for one in adas.get(made.location).page.all("button") if "git clone" in str(one)}
    address = command.removeprefix("git clone ").replace("REPOSITORY", project)
    git.run("ls-remote", address)
    (key,) = re.findall(r"[0-9a-f]{40}", command)
    assert server.api(key).error("get_user") == "API KEY has bad role for an API call"
    token = adas.get(TOKENS).page.token
    adas.post(TOKENS, {"csrf_token": token, "_method": "DELETE", "del_auth_token": key})
    assert git.run("ls-remote", address, check=False).returncode
    assert key[-4:] not in adas.get(TOKENS).page.text


def test_the_built_in_key_is_replaced_at_every_door(server: Server, root: Api) -> None:
    bob = root.new_user()
    browser = Browser(server.url)
    browser.sign_in(bob)
    token = browser.get(TOKENS).page.token
    done = browser.post(TOKENS, {"csrf_token": token, "_method": "DELETE", "del_auth_token_builtin": "1"})
    (new,) = set(re.findall(r"\b[0-9a-f]{40}\b", browser.get(done.location).text))
    assert bob.api.error("get_user") == "Invalid API KEY"
    assert server.api(new)("get_user")["api_key"] == new
