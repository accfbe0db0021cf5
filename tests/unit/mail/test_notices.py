# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets a mail of what, and what it says (system.md 6.3)."""

from __future__ import annotations

import itertools
import re
import threading
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from functools import partial
from typing import Any, cast

import msgspec
import pytest
from sqlalchemy import select

from tests.support import rows
from tests.support.delivered import deliver
from tests.support.mail_server import mail_server
from trivium.access.caller import Caller, the_system
from trivium.access.levels import Level
from trivium.egress.mail import MailDelayed, MailRefused
from trivium.errors import DatabaseAway
from trivium.forge.accounts import emails, password_resets, preferences
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.preferences import Preferences
from trivium.forge.accounts.users import User, UserChanges
from trivium.forge.events import delivery, outbox
from trivium.forge.history.reading import History
from trivium.forge.jobs import submission
from trivium.forge.repositories import finding
from trivium.forge.reviews import comments
from trivium.forge.reviews.participants import mail_of
from trivium.forge.site import Site
from trivium.jobs.handlers import mails as mails_of_jobs
from trivium.mail.notices import Notices
from trivium.store import tables
from trivium.store.tables import repository_grants
from trivium.vcs.values import Changeset

COMMIT = "ab" * 20


def changed(site: Site, **more: Any) -> Site:
    base = {"email_backend": "file", "base_url": "https://forge.example.org"}
    return replace(site, settings=replace(site.settings, **(base | more)))


@pytest.fixture
def posting(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site that writes its mails into files; every commit is by cy, with an address of hers beside the main one."""
    found = Changeset(COMMIT, COMMIT[:12], 0, "Cy Clark <Cy@Elsewhere.example>", "2026-01-01T00:00:00", "m", (), None)
    monkeypatch.setattr(History, "read", lambda *_: (found,))
    made = changed(site)
    outbox.begin(made, ["mail"])
    return made


def person(site: Site, name: str) -> User:
    return accounts.create(site, the_system(), username=name, email=f"{name}@example.org", firstname=name.title())


def mails(site: Site) -> dict[str, EmailMessage]:
    """What was sent, by the address that it went to."""
    found = [
        cast("EmailMessage", message_from_bytes(file.read_bytes(), policy=SMTP))
        for file in (site.settings.data / "mail").glob("*.eml")
    ]
    return {str(one["To"].addresses[0].addr_spec): one for one in found}  # type: ignore[union-attr]


def say(site: Site, caller: Caller, text: str, repository_id: int, **more: Any) -> int:
    with site.store.read() as db:
        repository = finding.find(db, caller, repository_id, Level.READ)
        author = accounts.by_id(db, caller.user_id)
    return comments.comment(site, caller, repository, COMMIT, author, text, **more)


def post(site: Site) -> None:
    deliver(site, Notices(site).subscriber)


def body(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    assert found is not None
    return str(found.get_content())


def test_those_hear_of_a_comment_who_take_part_and_may_read(posting: Site, ada: Caller, ben: Caller) -> None:
    site = posting
    cy, dora, _, fred = (person(site, name) for name in ("cy", "dora", "eve", "fred"))
    with site.store.write() as db:
        db.execute(rows.tables.user_emails.insert().values(user_id=cy.id, email="cy@elsewhere.example"))
        repository_id = rows.repository(db, "team", ada, default=Level.NONE)
        for user_id in (ben.user_id, cy.id, dora.id, fred.id):
            rows.grant(db, repository_grants, repository_id, user_id, Level.READ)
    say(site, ben, "first", repository_id)
    comment_id = say(site, ada, "@dora, @eve @ben@x and <b>@nobody</b>; x@fred.org", repository_id, status="approved")
    post(site)
    # cy wrote the commit; ben commented before; dora was named; eve, who was too, may not read; fred was not.
    sent = mails(site)
    assert set(sent) == {"cy@example.org", "ben@example.org", "dora@example.org"}
    told = sent["dora@example.org"]
    assert told["Subject"] == "ada commented on abababababab in team"
    assert told["Message-ID"] == f"<comment.{comment_id}@forge.example.org>"
    assert told["References"] == f"<commit.{repository_id}.abababababab@forge.example.org>"
    plain, rich = body(told, "plain"), body(told, "html")
    link = f"https://forge.example.org/team/changeset/{COMMIT}#comment-{comment_id}"
    assert "> @dora, @eve @ben@x and <b>@nobody</b>" in plain and link in plain and "Vote: approved" in plain
    assert "&lt;b&gt;@nobody&lt;/b&gt;" in rich and "<b>" not in rich and f'href="{link}"' in rich


def test_a_mail_names_a_revision_as_pages_do(posting: Site, ada: Caller, ben: Caller) -> None:
    with posting.store.write() as db:
        repository_id = rows.repository(db, "team", ada, kind="svn")
    with posting.store.read() as db:
        repository = finding.find(db, ada, repository_id, Level.READ)
        author = accounts.by_id(db, ada.user_id)
    comments.comment(posting, ada, repository, "12", author, "@ben")
    post(posting)
    (told,) = mails(posting).values()
    assert told["Subject"] == "ada commented on r12 in team" and "/team/changeset/12#" in body(told, "plain")
    assert told["References"] == f"<commit.{repository_id}.12@forge.example.org>"


def test_whoever_lost_the_right_meanwhile_hears_nothing(posting: Site, ada: Caller, ben: Caller) -> None:
    site = posting
    with site.store.write() as db:
        repository_id = rows.repository(db, "team", ada)
    waiting: list[tuple[int, int]] = []
    say(site, ada, "@ben", repository_id)
    notices = Notices(site, send=lambda event, users: waiting.extend((event.id, user) for user in users))
    deliver(site, notices.subscriber)
    assert [user_id for _, user_id in waiting] == [ben.user_id]
    with site.store.write() as db:
        db.execute(repository_grants.delete())
    notices.send(*waiting[0])
    assert mails(site) == {}


@pytest.mark.parametrize("how", ["unmailed", "deleted", "no mail"])
def test_nobody_hears_of_what_is_not_to_be_told(posting: Site, ada: Caller, ben: Caller, how: str) -> None:
    site = posting
    with site.store.write() as db:
        repository_id = rows.repository(db, "team", ada)
    comment_id = say(site, ada, "@ben", repository_id, mail=how != "unmailed")
    if how == "deleted":
        with site.store.write() as db:
            db.execute(rows.tables.changeset_comments.delete().where(rows.tables.changeset_comments.c.id == comment_id))
    if how == "no mail":
        site = changed(posting, email_backend="")
    post(site)
    assert mails(site) == {}


def test_a_mail_is_in_the_language_of_its_reader_and_hostile_names_write_nothing(
    posting: Site, ada: Caller, ben: Caller
) -> None:
    site = posting
    preferences.set_preferences(site, ben, Preferences(locale="de"))
    with site.store.write() as db:
        repository_id = rows.repository(db, "team", ada)
        accounts_of = rows.tables.users
        hostile = "<img src=x onerror=alert(1)>\r\nBcc: eve@example.org\u202e"
        db.execute(accounts_of.update().where(accounts_of.c.id == ada.user_id).values(firstname=hostile))
    say(site, ada, "@ben\r\n.\r\nQUIT", repository_id)
    post(site)
    (told,) = mails(site).values()
    assert "hat abababababab in team kommentiert" in str(told["Subject"]) and told["Bcc"] is None
    assert "weil Sie an dem teilnehmen" in body(told, "plain") and 'lang="de"' in body(told, "html")
    assert "<img" not in body(told, "html")


def test_a_forgotten_password_is_answered_to_the_account_alone(posting: Site) -> None:
    site = posting
    cy = person(site, "cy")
    password_resets.ask(site, email="CY@example.org", address="192.0.2.7", locale="de")
    password_resets.ask(site, email="nobody@example.org", address="192.0.2.7", locale="de")
    post(site)
    sent = mails(site)
    assert set(sent) == {"cy@example.org"}
    plain = body(sent["cy@example.org"], "plain")
    key = plain.partition("password_reset_confirmation?key=")[2].split()[0]
    assert "https://forge.example.org/_admin/password_reset_confirmation?key=" in plain and "192.0.2.7" in plain
    with site.store.read() as db:
        assert password_resets.held(db, the_system(), site, key).user_id == cy.id
        stored = " ".join(db.execute(rows.tables.journal.select()).all().__repr__().split())
    assert key not in stored
    password_resets.use(site, key, "another password", address="192.0.2.8")
    post(site)
    assert len(list((site.settings.data / "mail").glob("*.eml"))) == 2


def test_a_link_that_is_void_by_now_is_not_sent(posting: Site) -> None:
    cy = person(posting, "cy")
    password_resets.ask(posting, email="cy@example.org", address="192.0.2.7")
    accounts.update_account(posting, the_system(), cy, UserChanges(password="changed meanwhile"))
    post(posting)
    assert mails(posting) == {}


def test_a_mail_that_is_delayed_is_sent_later_and_one_that_is_refused_is_not(posting: Site, ada: Caller) -> None:
    with mail_server() as server:
        site = changed(posting, email_backend="", smtp_server="127.0.0.1", smtp_port=server.port)
        server.refusals += ["450 later", "550 never"]
        person(site, "cy")
        password_resets.ask(site, email="cy@example.org", address="192.0.2.7")
        assert deliver(site, Notices(site).subscriber) is not None
        with site.store.write() as db:
            db.execute(rows.tables.undelivered_events.update().values(retry_at=0))
        assert deliver(site, Notices(site).subscriber) is None
        assert server.refusals == [] and server.delivered == []
        with site.store.read() as db:
            assert db.execute(rows.tables.undelivered_events.select()).all() == []


def test_a_job_is_told_what_to_do_with_a_failure(posting: Site, ada: Caller) -> None:
    with mail_server() as server:
        site = changed(posting, email_backend="", smtp_server="127.0.0.1", smtp_port=server.port)
        server.refusals += ["450 later", "550 never"]
        person(site, "cy")
        password_resets.ask(site, email="cy@example.org", address="192.0.2.7")
        waiting: list[tuple[int, int]] = []
        notices = Notices(site, send=lambda event, users: waiting.extend((event.id, user) for user in users))
        deliver(site, notices.subscriber)
        (mail,) = waiting
        with pytest.raises(MailDelayed):
            notices.send(*mail)
        with pytest.raises(MailRefused):
            notices.send(*mail)
        notices.send(*mail)
        notices.send(*mail)
        assert len({one.message["Message-ID"] for one in server.delivered}) == 1 and len(server.delivered) == 2


@pytest.mark.parametrize("trouble", ["in the middle", "after the commit"])
def test_a_mail_is_asked_for_once_whatever_happens_while_its_event_is_heard(
    posting: Site, ada: Caller, ben: Caller, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    """The database goes away between two of its jobs, or before it is noted that the event was heard."""
    with posting.store.write() as db:
        repository_id = rows.repository(db, "team", ada)
    cy = person(posting, "cy")
    say(posting, ada, "@ben @cy", repository_id)
    subscriber = Notices(posting, partial(mails_of_jobs.ask_for_mails, posting)).subscriber
    sent: list[int] = []

    def work_off() -> None:
        """What a runner does: of a mail that was sent nothing is left."""
        with posting.store.write(access_unchanged=True) as db:
            waiting = db.execute(select(tables.jobs.c.id, tables.jobs.c.arguments)).all()
            db.execute(tables.jobs.delete())
        sent.extend(msgspec.json.decode(row.arguments)["user_id"] for row in waiting)

    def away(*_: object, **__: object) -> None:
        raise DatabaseAway("the database is away")

    with monkeypatch.context() as patch:
        if trouble == "in the middle":
            real, asked = submission.enter, itertools.count()
            patch.setattr(mails_of_jobs, "enter", lambda *a, **b: away() if next(asked) else real(*a, **b))
            deliver(posting, subscriber)
        else:
            patch.setattr(delivery._Turn, "_note", away)
            with pytest.raises(DatabaseAway):
                deliver(posting, subscriber)
    work_off()
    with posting.store.write() as db:
        db.execute(tables.undelivered_events.update().values(retry_at=0))
    deliver(posting, subscriber)
    work_off()
    assert sorted(sent) == sorted([ben.user_id, cy.id])
    with posting.store.read() as db:
        assert db.execute(tables.undelivered_events.select()).all() == []


def test_two_processes_that_are_given_the_same_event_ask_for_its_mails_once(posting: Site, ada: Caller) -> None:
    """One of them has lost its connection, and with that its turn, and does not know yet."""
    with posting.store.write() as db:
        repository_id = rows.repository(db, "team", ada)
    cy = person(posting, "cy")
    say(posting, ada, "@cy", repository_id)
    with posting.store.read() as db:
        event_id = db.execute(select(tables.journal.c.id).order_by(tables.journal.c.id.desc()).limit(1)).scalar_one()
        event = outbox.recorded(db, event_id)
    assert event is not None
    barrier = threading.Barrier(2)

    def ask() -> None:
        barrier.wait()
        mails_of_jobs.ask_for_mails(posting, event, [cy.id])

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    with posting.store.write(access_unchanged=True) as db:
        assert db.execute(tables.jobs.delete()).rowcount == 1  # it is done at once, and leaves nothing
    mails_of_jobs.ask_for_mails(posting, event, [cy.id])
    with posting.store.read() as db:
        assert db.execute(tables.jobs.select()).all() == []


def test_the_address_of_an_author() -> None:
    assert mail_of("Ada <ADA@example.org>") == "ada@example.org" and mail_of("ada") == mail_of("<<>>") == ""


def test_whoever_waited_hears_that_they_may_come_in(posting: Site) -> None:
    """Once, when an administrator lets them in; of other changes nothing."""
    cy = person(posting, "cy")
    for wanted in ({"active": False}, {"firstname": "C"}, {"active": True}, {"active": True}, {"lastname": "D"}):
        accounts.update_account(posting, the_system(), cy, UserChanges(**wanted))
    post(posting)
    (told,) = mails(posting).values()
    assert told["To"].addresses[0].addr_spec == "cy@example.org"
    assert "activated the account cy" in body(told, "plain")
    assert "https://forge.example.org/_admin/login" in body(told, "plain")


def test_the_former_address_hears_that_mails_go_to_another_one(posting: Site) -> None:
    cy = person(posting, "cy")
    for wanted in ({"lastname": "D"}, {"email": "CY@example.org"}, {"email": "cy@new.example"}):
        accounts.update_account(posting, the_system(), cy, UserChanges(**wanted))
    post(posting)
    ((address, told),) = mails(posting).items()
    assert address == "cy@example.org" and told["Subject"] == "Your e-mail address was changed"
    assert "cy@new.example" not in body(told, "plain") + body(told, "html")


def test_whoever_has_an_address_hears_that_another_wants_it(posting: Site, ada: Caller) -> None:
    """And gets no link; the one who asked learns nothing of it in a page."""
    person(posting, "cy")
    emails.ask(posting, ada, "cy@example.org")
    post(posting)
    ((address, told),) = mails(posting).items()
    assert address == "cy@example.org" and "belongs to the account cy already" in body(told, "plain")
    assert "key=" not in body(told, "plain") + body(told, "html")
    with posting.store.read() as db:
        assert [one.email for one in emails.emails_of(db, ada, ada.user_id).unconfirmed] == ["cy@example.org"]


def test_an_address_is_confirmed_from_where_it_is(posting: Site, ada: Caller) -> None:
    """The mail goes to the new address alone; taken back, no mail goes at all."""
    emails.ask(posting, ada, "Ada@New.example", locale="de")
    emails.ask(posting, ada, "other@new.example")
    with posting.store.read() as db:
        waiting = emails.emails_of(db, ada, ada.user_id).unconfirmed
    emails.forget(posting, ada, ada.user_id, ada.username, waiting[1].id)
    post(posting)
    ((address, told),) = mails(posting).items()
    assert address == "ada@new.example" and "Adresse" in told["Subject"]
    (link,) = re.findall(r"https://forge\.example\.org\S*key=(\S+)", body(told, "plain"))
    assert emails.confirm(posting, ada, link) == "ada@new.example"
    with posting.store.read() as db:
        (detail,) = db.execute(
            select(tables.journal.c.detail).where(tables.journal.c.action == "email.ask").limit(1)
        ).one()
    assert link not in detail
