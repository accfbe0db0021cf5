# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets a mail of which event, and what it says (system.md 6.3, api-reviews.md 8).

`Notices.subscriber` hears of events and has one mail sent to each who should get one. What a mail says, and whether its
reader may still know it, is found out when it is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import structlog
from sqlalchemy import bindparam, select

from trivium.access.caller import the_system
from trivium.access.levels import Level
from trivium.egress import mail
from trivium.egress.mail import MailRefused
from trivium.errors import NotFound
from trivium.forge.accounts import emails, password_resets
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.preferences import parsed
from trivium.forge.accounts.users import User
from trivium.forge.events import outbox
from trivium.forge.events.accounts import EmailAsked, PasswordChanged, PasswordResetAsked, UserChanged, UserRegistered
from trivium.forge.events.delivery import Subscriber
from trivium.forge.events.outbox import Recorded
from trivium.forge.events.reviews import Commented
from trivium.forge.notifications.hearing import commented, hearers, sent
from trivium.forge.repositories import finding as repositories
from trivium.forge.reviews.participants import may_read
from trivium.forge.site import Site
from trivium.language import KNOWN, SOURCE, Language, language
from trivium.mail import links
from trivium.mail.addresses import mailbox, sender
from trivium.mail.messages import Content, Envelope, message
from trivium.mail.wording import worded
from trivium.store.tables import preferences, users
from trivium.vcs.abilities import Numbers

_log = structlog.get_logger(__name__)

NAME: Final = "mail"
Send = Callable[[Recorded, Sequence[int]], None]
"""Has the mails of an event sent to users, by their ids: now, or as jobs. Whatever it raises, it is called again."""

_SHORT: Final = 12
_MOST_ADMINISTRATORS: Final = 50
_ADMINISTRATORS: Final = (
    select(users.c.id).where(users.c.admin, users.c.active).order_by(users.c.id).limit(_MOST_ADMINISTRATORS)
)
_CHOSEN: Final = select(preferences.c.chosen).where(preferences.c.user_id == bindparam("sought"))


class Letter(NamedTuple):
    """One mail, but for its recipient's address."""

    content: Content
    envelope: Envelope


class Notices:
    """The mails of a site."""

    def __init__(self, site: Site, send: Send | None = None) -> None:
        """`send` has mails sent; by default that is done at once, and what is delayed is an event not taken."""
        self._site = site
        self._send = send or self._send_now
        self._kinds: Mapping[str, _Kind] = {
            Commented.action: _Comments(site),
            PasswordResetAsked.action: _Resets(site),
            PasswordChanged.action: _Changes(site),
            UserRegistered.action: _Registrations(site),
            UserChanged.action: _AccountChanges(site),
            EmailAsked.action: _Confirmations(site),
        }

    @property
    def subscriber(self) -> Subscriber:
        """Hears of whatever mails are sent of."""
        return Subscriber(NAME, frozenset(self._kinds), self.hear)

    def hear(self, event: Recorded) -> None:
        """Have the mails of an event sent; raises what `Send` raises."""
        if not self._site.settings.mail_goes:
            return
        if user_ids := self._kinds[event.action].recipients(event):
            self._send(event, user_ids)

    def send(self, event_id: int, user_id: int) -> None:
        """Send the mail of an event to a user, if there still is one for them.

        Raises `MailDelayed` when another try makes sense, and `MailRefused` when none does. The arguments hold no
        secret, and the same ones give a mail with the same id.
        """
        with self._site.store.read() as db:
            event = outbox.recorded(db, event_id)
            try:
                user = accounts.by_id(db, user_id)
            except NotFound:
                return
            chosen = parsed(db.execute(_CHOSEN, {"sought": user_id}).scalar()).locale
        if event is None or not user.active:
            return
        kind = self._kinds[event.action]
        to = mailbox(kind.address(event, user), _named(user))
        letter = kind.letter(event, user, chosen) if to is not None else None
        if to is not None and letter is not None:
            settings = self._site.settings
            made = message(settings, to, letter.content, letter.envelope)
            mail.send(settings, made, sender=sender(settings).addr_spec, recipient=to.addr_spec)

    def _send_now(self, event: Recorded, user_ids: Sequence[int]) -> None:
        for user_id in user_ids:
            try:
                self.send(event.id, user_id)
            except MailRefused as error:
                _log.error("a mail was refused", event_id=event.id, user_id=user_id, why=str(error))


@dataclass(frozen=True, slots=True)
class _Kind:
    """The mails of one kind of event."""

    site: Site

    def recipients(self, event: Recorded) -> list[int]:
        """The ids of those who get one."""
        raise NotImplementedError

    def address(self, event: Recorded, to: User) -> str:  # noqa: ARG002
        """Where the mail of one of them goes."""
        return to.email or ""

    def letter(self, event: Recorded, to: User, chosen: str) -> Letter | None:
        """What one of them gets; `chosen` is their language, if they chose one. None: nothing any more."""
        raise NotImplementedError


class _Comments(_Kind):
    """Of comments on commits: to those who take part."""

    def recipients(self, event: Recorded) -> list[int]:
        if commented(event).unmailed is True:
            return []
        return [one.user.id for one in hearers(self.site, event)]

    def letter(self, event: Recorded, to: User, chosen: str) -> Letter | None:
        said = commented(event)
        assert event.repository_id is not None
        with self.site.store.read() as db:
            found = sent(db, said)
            if not found or not may_read(db, to, event.repository_id):
                return None
            repository = repositories.find(db, the_system(), event.repository_id, Level.READ)
        words, settings = language(chosen or SOURCE), self.site.settings
        name, first, short = repository.name, found[0], said.revision[:_SHORT]
        # As pages show it.
        numbers = self.site.back_ends[repository.kind].abilities.numbers
        commit = f"r{said.revision}" if numbers is Numbers.IDS else short
        subject = words.text(
            "%(who)s commented on %(commit)s in %(repository)s",
            who=first.author_name,
            commit=commit,
            repository=name,
        )
        content = worded(
            "comment",
            words,
            subject,
            comments=found,
            commit=commit,
            repository=name,
            vote=_vote(words, next((one.status for one in reversed(found) if one.status), None)),
            link=links.changeset(settings, name, said.revision, first.id),
        )
        thread = f"commit.{event.repository_id}.{short}"
        return Letter(content, Envelope(f"comment.{first.id}", event.at, thread, f"repository-{event.repository_id}"))


class _Resets(_Kind):
    """Of forgotten passwords: to the account, whose address we know, and nobody else."""

    def recipients(self, event: Recorded) -> list[int]:
        with self.site.store.read() as db:
            found = password_resets.to_mail(db, self.site, int(event.detail.get("reset", 0)))
        return [] if found is None else [found.user_id]

    def letter(self, event: Recorded, to: User, chosen: str) -> Letter | None:
        settings = self.site.settings
        with self.site.store.read() as db:
            found = password_resets.to_mail(db, self.site, int(event.detail.get("reset", 0)))
        if found is None or found.user_id != to.id or not settings.base_url:
            return None
        words = language(chosen or (found.locale if found.locale in KNOWN else SOURCE))
        content = worded(
            "password_reset",
            words,
            words.text("Choose a new password"),
            username=found.username,
            site=settings.realm,
            address=event.address,
            link=links.password_reset(settings, found.key),
        )
        return Letter(content, Envelope(f"event.{event.id}", event.at))


class _Changes(_Kind):
    """Of changed passwords: to the account, in case that was somebody else."""

    def recipients(self, event: Recorded) -> list[int]:
        user_id = event.detail.get("user_id")
        return [user_id] if isinstance(user_id, int) else []

    def letter(self, event: Recorded, to: User, chosen: str) -> Letter | None:
        words = language(chosen or SOURCE)
        content = worded(
            "password_changed",
            words,
            words.text("Your password was changed"),
            username=to.username,
            site=self.site.settings.realm,
            address=event.address,
            at=f"{event.at[:16].replace('T', ' ')} UTC",
        )
        return Letter(content, Envelope(f"event.{event.id}", event.at))


class _AccountChanges(_Kind):
    """Of accounts that may be used from now on, after they waited or were disabled: to their users.

    Of another address that mails go to from now on: to the former one, in case that was somebody else.
    """

    def recipients(self, event: Recorded) -> list[int]:
        user_id = event.detail.get("user_id")
        return [user_id] if isinstance(user_id, int) and (_left(event) or _activates(event)) else []

    def address(self, event: Recorded, to: User) -> str:
        return _left(event) or to.email or ""

    def letter(self, event: Recorded, to: User, chosen: str) -> Letter | None:
        words, settings = language(chosen or SOURCE), self.site.settings
        if _left(event):
            content = worded(
                "email_changed",
                words,
                words.text("Your e-mail address was changed"),
                username=to.username,
                site=settings.realm,
                who=event.username,
                address=event.address,
                at=f"{event.at[:16].replace('T', ' ')} UTC",
            )
        else:
            content = worded(
                "activated",
                words,
                words.text("Your account can be used"),
                username=to.username,
                site=settings.realm,
                link=links.sign_in(settings),
            )
        return Letter(content, Envelope(f"event.{event.id}", event.at))


def _left(event: Recorded) -> str:
    """The address that mails went to until a change of an account; empty: it did not change."""
    changes, was = _changed(event)
    left = was.get("email")
    return left if isinstance(left, str) and left != changes.get("email", left) else ""


def _activates(event: Recorded) -> bool:
    changes, was = _changed(event)
    return changes.get("active") is True and was.get("active") is False


def _changed(event: Recorded) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a change of an account set, and what that replaced; nothing where the row does not tell both."""
    changes, was = event.detail.get("changes"), event.detail.get("was")
    return (changes, was) if isinstance(changes, dict) and isinstance(was, dict) else ({}, {})


class _Confirmations(_Kind):
    """Of addresses that users say they have: to that address, and to nobody else."""

    def _held(self, event: Recorded) -> emails.Confirmation | None:
        with self.site.store.read() as db:
            return emails.to_mail(db, self.site, int(event.detail.get("confirmation", 0)))

    def recipients(self, event: Recorded) -> list[int]:
        found = self._held(event)
        return [] if found is None else [found.user_id]

    def address(self, event: Recorded, to: User) -> str:
        found = self._held(event)
        return "" if found is None or found.user_id != to.id else found.email

    def letter(self, event: Recorded, to: User, chosen: str) -> Letter | None:
        settings, found = self.site.settings, self._held(event)
        if found is None or found.user_id != to.id or not settings.base_url:
            return None
        words = language(chosen or (found.locale if found.locale in KNOWN else SOURCE))
        if found.holder:
            # Their user learns no more of it in a page than that a mail is on its way.
            content = worded(
                "email_taken",
                words,
                words.text("Your e-mail address has an account already"),
                username=found.username,
                holder=found.holder,
                email=found.email,
                site=settings.realm,
            )
            return Letter(content, Envelope(f"event.{event.id}", event.at))
        content = worded(
            "email_confirmation",
            words,
            words.text("Confirm your e-mail address"),
            username=found.username,
            email=found.email,
            site=settings.realm,
            address=event.address,
            link=links.email_confirmation(settings, found.key),
        )
        return Letter(content, Envelope(f"event.{event.id}", event.at))


class _Registrations(_Kind):
    """Of accounts that people made for themselves: to the super-admins."""

    def recipients(self, event: Recorded) -> list[int]:  # noqa: ARG002
        with self.site.store.read() as db:
            return list(db.execute(_ADMINISTRATORS).scalars())

    def letter(self, event: Recorded, to: User, chosen: str) -> Letter | None:
        if not to.admin:
            return None
        words = language(chosen or SOURCE)
        content = worded(
            "registration",
            words,
            words.text("New account: %(username)s", username=event.subject),
            username=event.subject,
            site=self.site.settings.realm,
            address=event.address,
            waits=event.detail.get("active") is False,
        )
        return Letter(content, Envelope(f"event.{event.id}", event.at))


def _named(user: User) -> str:
    return " ".join(part for part in (user.firstname, user.lastname) if part)


def _vote(words: Language, status: str | None) -> str:
    """What a vote says, in words; empty without one."""
    match status:
        case "approved":
            return words.text("Vote: approved")
        case "rejected":
            return words.text("Vote: rejected")
        case "under_review":
            return words.text("Vote: under review")
        case "not_reviewed":
            return words.text("Vote: not reviewed")
    return ""
