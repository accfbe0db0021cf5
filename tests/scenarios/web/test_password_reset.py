# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody forgot their password: page, mail, link, another password (system.md 2.8)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from tests.support.browser import Browser
from tests.support.clients import Api, Git, Person
from tests.support.mail_server import Delivered, MailServer, mail_server
from tests.support.servers import Server
from tests.support.waiting import until

_PAGE = "/_admin/password_reset"
_LINK = re.compile(r"https://forge\.example\.org(/_admin/password_reset_confirmation\?key=[\w-]{43})\s")


@dataclass
class Post:
    """A server that sends mails, and where they arrive."""

    server: Server
    mails: MailServer
    root: Api

    def to(self, address: str, count: int = 1) -> list[Delivered]:
        """The mails to an address, once there are so many."""

        def found() -> list[Delivered]:
            return [mail for mail in list(self.mails.delivered) if mail.recipients == [address]]

        until(lambda: len(found()) >= count)
        assert len(found()) == count
        return found()

    def link(self, person: Person, count: int = 1) -> str:
        found = _LINK.search(self.to(f"{person.name}@example.org", count)[-1].part("plain"))
        assert found is not None
        return found[1]


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory, prepared: Server) -> Iterator[Post]:
    running = prepared.copied(tmp_path_factory.mktemp("post") / "data")
    with mail_server() as mails:
        running.start(
            TRIVIUM_SMTP_SERVER="127.0.0.1",
            TRIVIUM_SMTP_PORT=str(mails.port),
            TRIVIUM_BASE_URL="https://forge.example.org",
        )
        yield Post(running, mails, running.api(running.admin_key))
        running.stop()


def test_a_forgotten_password_is_replaced(post: Post) -> None:
    ada = post.root.new_user()
    signed_in, browser = Browser(post.server.url), Browser(post.server.url)
    assert signed_in.sign_in(ada).status == 302
    assert _PAGE in browser.get("/_admin/login").page.links
    asked = browser.send(_PAGE, email=f" {ada.name.upper()}@EXAMPLE.org ")
    unknown = browser.send(_PAGE, email=" nobody@example.org ")
    assert asked.status == unknown.status == 200
    strip = {"email": f" {ada.name.upper()}@EXAMPLE.org ", "none": " nobody@example.org "}
    assert asked.page.text.replace(strip["email"].strip(), "") == unknown.page.text.replace(strip["none"].strip(), "")

    link = post.link(ada)
    page = browser.get(link)
    assert page.status == 200 and ada.name in page.page.text
    assert page.headers["cache-control"] == "private, no-store" and page.headers["referrer-policy"] == "no-referrer"
    assert not [found for found in page.page.links if "key=" in found]
    key = page.page.all("input", name="key")[0]["value"]
    fields = {"csrf_token": page.page.token, "key": key, "new_password": "another-pw-9"}
    path = urlsplit(link).path
    assert browser.post(path, fields | {"new_password_confirmation": "another-pw-8"}).status == 422
    short = {"new_password": "short", "new_password_confirmation": "short"}
    assert browser.post(path, fields | short).status == 422
    forged = Browser(post.server.url).post(path, fields | {"new_password_confirmation": "another-pw-9"})
    assert forged.status == 403
    done = browser.post(path, fields | {"new_password_confirmation": "another-pw-9"})
    assert (done.status, done.location) == (302, "/_admin/login")
    assert "Your password was changed" in browser.get(done.location).page.text
    # Nobody is signed in by the link, everybody else no more, and it holds once.
    assert signed_in.get("/_admin/my_account/password").status == 302
    again = browser.post(path, fields | {"new_password_confirmation": "another-pw-9"})
    assert again.status == browser.get(link).status == 404 and "does not hold any more" in again.page.text
    ada.password = "another-pw-9"
    assert browser.sign_in(ada).status == 302
    assert [row[0] for row in post.server.journal("user.password", ada.name)] == ["default"]
    post.to(f"{ada.name}@example.org", 2)  # and is told of it
    assert key.encode() not in post.server.log.read_bytes()


def test_the_link_never_leads_where_a_request_says(post: Post) -> None:
    ada = post.root.new_user()
    browser = Browser(post.server.url)
    token = browser.get(_PAGE).page.token
    fields = {"csrf_token": token, "email": f"{ada.name}@example.org"}
    answer = browser.post(_PAGE, fields, Host="evil.example", X_Forwarded_Host="evil.example")
    assert answer.status in (200, 403)
    if answer.status == 200:
        assert "evil.example" not in post.to(f"{ada.name}@example.org")[0].raw.decode()


def test_the_mail_is_in_the_language_of_the_page(post: Post) -> None:
    ada = post.root.new_user()
    browser = Browser(post.server.url)
    token = browser.get(_PAGE, Accept_Language="de").page.token
    said = browser.post(_PAGE, {"csrf_token": token, "email": f"{ada.name}@example.org"}, Accept_Language="de")
    assert "Sehen Sie in Ihre Mails" in said.page.text
    assert post.to(f"{ada.name}@example.org")[0].message["Subject"] == "Ein neues Passwort wählen"


def test_two_workers_count_together(post: Post) -> None:
    ada = post.root.new_user()
    for _ in range(6):
        assert Browser(post.server.url).send(_PAGE, email=f"{ada.name}@example.org").status in (200, 429)
    assert len(post.to(f"{ada.name}@example.org", 3)) == 3


def test_a_comment_reaches_the_author_of_the_commit(post: Post, git: Git) -> None:
    ada, ben = post.root.new_user(), post.root.new_user()
    work = git.new_work()
    name = post.root.new_repo().name
    git.environment["GIT_AUTHOR_EMAIL"] = f"{ada.name}@example.org"
    commit = git.commit(work)
    git.run("push", "--quiet", post.server.clone_url(name, post.server.administrator), "master", cwd=work)
    said = ben.api("comment_commit", repoid=name, commit_id=commit, message="<b>Well</b> done", status="approved")
    (mail,) = post.to(f"{ada.name}@example.org")
    assert mail.message["Message-ID"] == f"<comment.{said['comment_id']}@forge.example.org>"
    assert f"/{name}/changeset/{commit}#comment-{said['comment_id']}" in mail.part("plain")
    ben.api("comment_commit", repoid=name, commit_id=commit, message="And quiet", send_email=False)
    last = ben.api("comment_commit", repoid=name, commit_id=commit, message="And loud")
    assert f"<comment.{last['comment_id']}@" in str(post.to(f"{ada.name}@example.org", 2)[1].message["Message-ID"])


def test_a_kill_between_question_and_mail_loses_nothing(own_server: Server) -> None:
    with mail_server() as mails:
        environment = {
            "TRIVIUM_SMTP_SERVER": "127.0.0.1",
            "TRIVIUM_SMTP_PORT": str(mails.port),
            "TRIVIUM_BASE_URL": "https://forge.example.org",
        }
        mails.refusals += ["451 not now"] * 50
        own_server.start(**environment)
        answer = Browser(own_server.url).send(_PAGE, email="root@example.org")
        assert answer.status == 200
        own_server.kill()
        mails.refusals.clear()
        own_server.execute("UPDATE undelivered_events SET retry_at = 0")
        own_server.start(**environment)
        until(lambda: mails.delivered)
        assert len({mail.message["Message-ID"] for mail in mails.delivered}) == 1


def test_a_server_without_mail_says_so(browser: Browser) -> None:
    page = browser.get(_PAGE)
    assert page.status == 200 and "sends no mails" in page.page.text and not page.page.all("input", name="email")
    assert _PAGE not in browser.get("/_admin/login").page.links
    token = browser.get("/_admin/login").page.token
    assert browser.post(_PAGE, {"csrf_token": token, "email": "root@example.org"}).status == 422
    assert browser.get(f"{_PAGE}_confirmation?key=x").status == 404


def test_an_administrator_tries_mails(server: Server, tmp_path_factory: pytest.TempPathFactory) -> None:
    with mail_server() as mails:
        settings = {"TRIVIUM_SMTP_SERVER": "127.0.0.1", "TRIVIUM_SMTP_PORT": str(mails.port)}
        arguments = ("--data", str(server.data))
        said = server.trivium("send-test-mail", "ada@example.org", *arguments, **settings)
        assert b"127.0.0.1 took the mail" in said.stdout and len(mails.delivered) == 1
        mails.refusals.append("550 5.1.1 unknown")
        for address, expected in (("ada@example.org", b"550 5.1.1 unknown"), ("a, b", b"not the address of one")):
            refused = server.trivium("send-test-mail", address, *arguments, check=False, **settings)
            assert refused.returncode == 1 and expected in refused.stderr
    refused = server.trivium("send-test-mail", "ada@example.org", *arguments, check=False)
    assert refused.returncode == 1 and b"no mail is configured" in refused.stderr
