# SPDX-License-Identifier: GPL-3.0-or-later
"""One's own account in pages: who one is, keys, addresses, sessions, and what one may (system.md 2.8)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from tests.support import rows
from tests.support.browser import Answer
from tests.support.doors import Doorway, Visitor
from tests.support.filled_forms import filled_form
from trivium.access.caller import Caller, the_system
from trivium.access.credentials import Authenticator, CredentialsRefused
from trivium.access.keys import Role
from trivium.access.levels import Level
from trivium.access.throttle import Throttle
from trivium.forge.accounts import emails, tokens
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.failed_sign_ins import journal_failure
from trivium.forge.site import Site
from trivium.store import tables
from trivium.store.tables import email_confirmations, user_emails

MINE = "/_admin/my_account"
TOKENS, EMAILS, SESSIONS = f"{MINE}/auth_tokens", f"{MINE}/emails", f"{MINE}/sessions"
SECTIONS = (
    *("", "/edit", "/password", "/auth_tokens", "/emails", "/ips", "/sessions", "/repos", "/watched"),
    *("/pull_requests", "/perms", "/perms?of=repositories", "/perms?of=groups", "/perms?of=user_groups"),
    *("/jobs", "/preferences"),
)
PASSWORD = "ada's own password"
KEY = re.compile(r"\b[0-9a-f]{40}\b")
HERE = "192.0.2.1"


@pytest.fixture
def ida(site: Site) -> Caller:
    """Somebody with a password."""
    made = accounts.create(site, the_system(), username="ida", email="ida@example.org", password=PASSWORD)
    return made.as_caller(HERE)


@pytest.fixture
def idas(doorway: Doorway, ida: Caller) -> Visitor:
    return doorway.visitor(ida)


@pytest.fixture
def mailing(site: Site) -> Callable[[], Doorway]:
    """A door of a site that sends mails."""
    settings = replace(site.settings, email_backend="file", base_url="http://forge.example.org")
    return lambda: Doorway(replace(site, settings=settings))


def delete(visitor: Visitor, path: str, **fields: str) -> Answer:
    return visitor.post(path, _method="DELETE", **fields)


def lets_in(site: Site, key: str, role: Role = Role.API) -> bool:
    try:
        Authenticator(site.store, site.ring, Throttle(100, 100, 1), journal_failure).by_key(key, HERE, role)
    except CredentialsRefused:
        return False
    return True


def test_every_section_is_the_users_own(doorway: Doorway, idas: Visitor) -> None:
    for section in SECTIONS:
        answer = idas.get(MINE + section)
        assert answer.status == 200, (section, answer.text)
        (current,) = [link for link in answer.page.all("a", aria_current="page") if link.get("class") == "flush"]
        assert current["href"] == (MINE + section).partition("?")[0].removesuffix("/edit"), section
        if section != "/preferences":
            assert doorway.visitor().get(MINE + section).status == 302, section


def test_a_new_key_is_shown_once_and_works(site: Site, ida: Caller, idas: Visitor) -> None:
    made = idas.post(TOKENS, description="CI <b>", lifetime="60", role="token_role_api")
    assert made.status == 302 and not KEY.search(made.location)
    shown = idas.get(made.location)
    keys = set(KEY.findall(shown.text))
    assert len(keys) == 1 and shown.headers["cache-control"] == "private, no-store"
    (key,) = keys
    assert lets_in(site, key) and not lets_in(site, key, Role.VCS)
    assert "CI &lt;b&gt;" in shown.text and "curl" in shown.text and "git clone" not in shown.text
    for path in (made.location, TOKENS):
        assert not KEY.search(idas.get(path).text)
    # Nor does the address show it again when the next thing is told, to another session.
    other = Doorway.visitor(idas._doorway, ida)
    assert other.post(MINE, firstname="Ida").status == 302
    assert not KEY.search(other.get(made.location).text)
    assert key[-4:] in idas.get(TOKENS).page.text
    (row,) = [one for one in _tokens(site, ida) if not one.builtin]
    assert row.role is Role.API and 3590 <= row.expires - time.time() <= 3600


def test_a_key_is_deleted_at_once_by_its_number_or_itself(site: Site, ida: Caller, idas: Visitor, ben: Caller) -> None:
    made = [tokens.create_token(site, ida, ida.user_id, "ida", role=Role.ALL) for _ in range(2)]
    bens = tokens.create_token(site, ben, ben.user_id, "ben", role=Role.ALL)
    for given in (str(bens.id), bens.key, "", "9" * 30, "x", "no such key"):
        assert delete(idas, TOKENS, del_auth_token=given).status == 404
    assert delete(idas, TOKENS, del_auth_token=str(made[0].id)).status == 302
    assert delete(idas, TOKENS, del_auth_token=made[1].key).status == 302
    assert [lets_in(site, one.key) for one in (*made, bens)] == [False, False, True]
    (builtin,) = _tokens(site, ida)
    before = delete(idas, TOKENS, del_auth_token=str(builtin.id))
    assert before.status == 400  # it is replaced, not deleted


def test_the_built_in_key_is_replaced_and_shown(site: Site, ida: Caller, idas: Visitor) -> None:
    old = tokens.reset_builtin(site, ida, ida.user_id, "ida")
    answer = delete(idas, TOKENS, del_auth_token_builtin="1")
    shown = idas.get(answer.location).text
    (new,) = set(KEY.findall(shown))
    assert lets_in(site, new) and not lets_in(site, old)
    assert f"git clone http://ida:{new}@forge.example.org/REPOSITORY" in shown


@pytest.mark.parametrize(
    ("field", "given"),
    [
        *(("lifetime", given) for given in ("0", "-2", "soon", "")),
        *(("role", given) for given in ("root", "")),
        ("description", "x" * 1001),
    ],
)
def test_what_is_wrong_with_a_key_is_told_beside_its_field(
    site: Site, ida: Caller, idas: Visitor, field: str, given: str
) -> None:
    fields = {"description": "kept", "lifetime": "5", "role": "token_role_vcs"} | {field: given}
    answer = idas.post(TOKENS, **fields)
    assert answer.status == 422
    page = answer.page
    assert [one for tag in ("input", "select") for one in page.all(tag, name=field, aria_invalid="true")], field
    if field != "description":
        assert page.all("input", name="description")[0]["value"] == "kept"
    assert len(_tokens(site, ida)) == 1


def test_an_empty_form_makes_no_key_for_everything_for_ever(site: Site, ida: Caller, idas: Visitor) -> None:
    assert filled_form(idas.get(TOKENS), "lifetime")["lifetime"] == ""
    for fields in ({}, {"description": "CI"}, {"role": "token_role_all"}, {"lifetime": "-1"}):
        assert idas.post(TOKENS, **fields).status == 422, fields
    assert len(_tokens(site, ida)) == 1


def test_expired_keys_stay_marked(site: Site, ida: Caller, idas: Visitor) -> None:
    tokens.create_token(site, ida, ida.user_id, "ida", role=Role.FEED, description="old", expires=int(time.time()) - 60)
    text = idas.get(TOKENS).page.text
    assert "old" in text and "Expired" in text and "Feeds" in text


def test_where_a_key_was_used_last_is_told(doorway: Doorway, site: Site, ida: Caller, idas: Visitor) -> None:
    made = tokens.create_token(site, ida, ida.user_id, "ida", role=Role.API)
    authenticator = Authenticator(site.store, site.ring, Throttle(100, 100, 1), journal_failure)
    authenticator.by_key(made.key, "198.51.100.7", Role.API)
    doorway.activity.write(site, authenticator.used_tokens, set())
    assert "198.51.100.7" in idas.get(TOKENS).page.text
    assert authenticator.used_tokens == {}


def test_an_address_counts_when_its_mail_was_answered(site: Site, ida: Caller, mailing: Callable[[], Doorway]) -> None:
    doorway = mailing()
    idas, bens = doorway.visitor(ida), doorway.visitor(rows.user(site, "cy"))
    assert idas.post(EMAILS, new_email=" Ida@Elsewhere.example ").status == 302
    page = idas.get(EMAILS).page
    assert "ida@elsewhere.example" in page.text and "Not confirmed" in page.text
    assert _emails(site, ida) == []
    key = _key(doorway.site, ida)
    path = f"{EMAILS}/confirmation?key={key}"
    for _ in range(2):  # to look at it uses up nothing
        assert idas.get(path).status == 200
    assert idas.get(path).headers["referrer-policy"] == "no-referrer"
    # Nobody else may use it, whatever mailbox they read.
    assert bens.get(path).status == bens.post(f"{EMAILS}/confirmation", key=key).status == 404
    assert idas.post(f"{EMAILS}/confirmation", key=key).status == 302
    assert _emails(site, ida) == ["ida@elsewhere.example"]
    assert idas.post(f"{EMAILS}/confirmation", key=key).status == idas.get(path).status == 404
    # Then mails may go there, for who knows the password; the other one stays.
    fields = {"firstname": "", "lastname": "", "email": "ida@elsewhere.example"}
    for wrong in ("", "wrong"):
        refused = idas.post(MINE, **fields, current_password=wrong)
        assert refused.status == 422 and "current password is wrong" in refused.page.text
    assert idas.post(MINE, **fields, current_password=PASSWORD).status == 302
    assert _emails(site, ida) == ["ida@example.org"]
    with site.store.read() as db:
        assert accounts.by_id(db, ida.user_id).email == "ida@elsewhere.example"
        (number,) = db.execute(select(user_emails.c.id)).scalars()
    assert delete(bens, EMAILS, del_email_id=str(number)).status == 404
    assert delete(idas, EMAILS, del_email_id=str(number)).status == 302
    assert _emails(site, ida) == []
    doorway.close()


def test_a_link_is_void_when_it_is_old_or_another_was_sent(
    site: Site, ida: Caller, mailing: Callable[[], Doorway]
) -> None:
    doorway = mailing()
    idas = doorway.visitor(ida)
    idas.post(EMAILS, new_email="a@b.example")
    first = _key(doorway.site, ida)
    idas.post(EMAILS, new_email="a@b.example")
    second = _key(doorway.site, ida)
    assert first != second and idas.get(f"{EMAILS}/confirmation?key={first}").status == 404
    with site.store.write() as db:
        db.execute(update(email_confirmations).values(asked_at=int(time.time()) - emails.LIFETIME - 1))
    assert idas.post(f"{EMAILS}/confirmation", key=second).status == 404
    assert "Its link holds no more" in idas.get(EMAILS).page.text
    with site.store.read() as db:
        (waiting,) = emails.emails_of(db, ida, ida.user_id).unconfirmed
    assert delete(idas, EMAILS, del_unconfirmed_id=str(waiting.id)).status == 302
    assert "a@b.example is removed" in idas.get(EMAILS).page.text
    assert "a@b.example" not in idas.get(EMAILS).page.text
    doorway.close()


def test_addresses_that_cannot_be_added(site: Site, ida: Caller, ben: Caller, mailing: Callable[[], Doorway]) -> None:
    doorway = mailing()
    idas = doorway.visitor(ida)
    for given in (
        "ida@example.org",
        "nobody",
        "a b@c.example",
        "",
        "x" * 300 + "@y.z",
    ):
        answer = idas.post(EMAILS, new_email=given)
        assert answer.status == 422, given
        assert answer.page.all("input", name="new_email", aria_invalid="true"), given
    statuses = [idas.post(EMAILS, new_email="ida@example.org").status for _ in range(20)]
    assert statuses[-1] == 429 and set(statuses) == {422, 429}
    assert _emails(site, ida) == []
    doorway.close()


def test_nobody_is_told_which_addresses_other_accounts_have(
    site: Site, ida: Caller, ben: Caller, mailing: Callable[[], Doorway]
) -> None:
    doorway = mailing()
    idas = doorway.visitor(ida)
    answers = {}
    for given in ("BEN@example.org", "nobody@example.org"):
        answer = idas.post(EMAILS, new_email=given)
        listed = idas.get(answer.location).page.text
        answers[given] = (answer.status, answer.location, listed.replace(given.lower(), "").replace(given, ""))
    assert answers["BEN@example.org"][:2] == answers["nobody@example.org"][:2] == (302, EMAILS)
    listed = idas.get(EMAILS).page.text
    assert listed.count("@example.org") == 3 and _emails(site, ida) == []
    doorway.close()


def test_a_site_without_mails_says_so(idas: Visitor) -> None:
    assert "This site sends no mails" in idas.get(EMAILS).page.text
    assert idas.post(EMAILS, new_email="a@b.example").status == 422


def test_names_are_changed_and_ranks_are_not(site: Site, ida: Caller, idas: Visitor) -> None:
    hopeful = {"admin": "1", "active": "", "username": "root2", "extern_type": "ldap", "user_id": "1"}
    assert idas.post(MINE, firstname="  Ida ", lastname="<b>", email="ida@example.org", **hopeful).status == 302
    with site.store.read() as db:
        found = accounts.by_id(db, ida.user_id)
    assert (found.username, found.firstname, found.lastname, found.admin) == ("ida", "Ida", "<b>", False)
    assert found.active and found.extern_type == "rhodecode"
    long = idas.post(MINE, firstname="x" * 256, lastname="kept", email="ida@example.org")
    assert long.status == 422 and long.page.all("input", name="lastname")[0]["value"] == "kept"
    strange = idas.post(MINE, firstname="", lastname="", email="root@example.org", current_password=PASSWORD)
    assert strange.status == 422 and "none of your confirmed addresses" in strange.page.text


@pytest.mark.parametrize("new", ["s3-crt", "IDA@example.org", PASSWORD, "x" * 1025])
def test_passwords_that_everybody_tries_first(site: Site, idas: Visitor, new: str) -> None:
    given = {"current_password": PASSWORD, "new_password": new, "new_password_confirmation": new}
    answer = idas.post(f"{MINE}/password", **given)
    assert answer.status == 422
    assert answer.page.all("input", name="new_password", aria_invalid="true") and new not in answer.text


def test_sessions_end_one_by_one_and_all_together(doorway: Doorway, ida: Caller, ben: Caller) -> None:
    here, there, elsewhere = (doorway.visitor(ida) for _ in range(3))
    bens = doorway.visitor(ben)

    def listed(visitor: Visitor) -> list[str]:
        page = visitor.get(SESSIONS).page
        return [one["value"] for one in page.all("input", name="del_session_id")]

    first, second = listed(here)
    assert delete(bens, SESSIONS, del_session_id=first).status == 404  # of others nothing ends
    assert len(listed(here)) == 2
    assert delete(here, SESSIONS, del_session_id="x").status == 404
    assert [delete(here, SESSIONS, del_session_id=first).status for _ in range(2)] == [302, 404]  # a second click
    assert sorted(one.get(SESSIONS).status for one in (there, elsewhere)) == [200, 302]
    delete(here, SESSIONS, del_all="1")
    assert [one.get(SESSIONS).status for one in (here, there, elsewhere, bens)] == [200, 302, 302, 200]
    assert second not in listed(here)


def test_each_right_has_its_reason_and_none_costs_a_statement(
    doorway: Doorway, site: Site, ada: Caller, ben: Caller
) -> None:
    with site.store.write() as db:
        rows.repository(db, "un-seen", ada, default=Level.NONE)
        rows.repository(db, "own", ben, default=Level.NONE)
        given = rows.repository(db, "given", ada, default=Level.NONE)
        rows.grant(db, tables.repository_grants, given, ben.user_id, Level.WRITE)
        for number in range(60):
            rows.repository(db, f"open-{number:02}", ada)
    bens = doorway.visitor(ben)
    first = bens.get(f"{MINE}/perms?of=repositories")
    assert "un-seen" not in first.text and first.page.text.count("What everybody may") == 49
    assert "Given to this user" in first.page.text
    (older,) = [link for link in first.page.links if "after=" in link]
    second = bens.get(older).page.text
    assert second.count("What everybody may") == 11 and "The owner may do everything" in second
    with doorway.statements() as asked:
        bens.get(f"{MINE}/perms?of=repositories&after=a")
    assert len([one for one in asked if one.startswith("SELECT")]) <= 6
    assert doorway.visitor(ada).get(f"{MINE}/perms").page.text.count("What everybody may") == 5


def test_who_sees_why(doorway: Doorway, site: Site, ada: Caller, ben: Caller) -> None:
    with site.store.write() as db:
        hidden = rows.repository(db, "un-seen", ada, default=Level.NONE, private=True)
        rows.repository(db, "open", ada)
    adas, bens, root = (doorway.visitor(one) for one in (ada, ben, rows.user(site, "super", admin=True)))
    assert bens.get("/_admin/why").status == 200
    assert bens.get("/_admin/why?repository=open").page.text.count("Decides") == 1
    assert bens.get("/_admin/why?user=ada&repository=open").status == 403
    assert bens.get("/_admin/why?repository=un-seen").status == bens.get("/_admin/why?repository=absent").status == 404
    assert bens.get("/_admin/why?user=ada&repository=un-seen").status == 404
    for visitor in (adas, root):
        told = visitor.get("/_admin/why?user=ben&repository=un-seen").page.text
        assert "It is private: what everybody may does not count" in told
        assert (
            "Visitors may not look at this site at all"
            in visitor.get("/_admin/why?user=default&repository=open").page.text
        )
    with site.store.write() as db:
        rows.grant(db, tables.repository_grants, hidden, ben.user_id, Level.READ)
    assert "Given to this user" in bens.get("/_admin/why?repository=un-seen").page.text


def _tokens(site: Site, of: Caller) -> list[tokens.Token]:
    with site.store.read() as db:
        return tokens.tokens_of(db, of.user_id)


def _emails(site: Site, of: Caller) -> list[str]:
    with site.store.read() as db:
        return [one.email for one in emails.emails_of(db, of, of.user_id).further]


def _key(site: Site, of: Caller) -> str:
    """What the mail that was asked for last has in its link."""
    newest = select(email_confirmations.c.id).where(email_confirmations.c.user_id == of.user_id)
    with site.store.read() as db:
        number = db.execute(newest.order_by(email_confirmations.c.id.desc()).limit(1)).scalar_one()
        found = emails.to_mail(db, site, number)
    assert found is not None
    return found.key
