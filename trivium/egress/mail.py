# SPDX-License-Identifier: GPL-3.0-or-later
"""How a mail leaves: to a mail server, into a file, or as a line of the log (system.md 5.1).

A mail is handed over to one recipient at a time, so that of two recipients one can be refused. Whatever went wrong is
either worth another try (`MailDelayed`) or not (`MailRefused`). Their messages are for administrators, and name no
secret.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any, Final

import structlog

from trivium.errors import TriviumError
from trivium.settings import Settings

_log = structlog.get_logger(__name__)

_LONGEST_SAID: Final = 200
"""Characters of what a mail server said that a reason repeats."""
_MOST_HEARD: Final = 100
"""Lines of a conversation that are noted."""
_GOES_ON: Final = 334
"""The reply that asks for the next part of credentials."""
_SMTPS: Final = 465
_SUBMISSION: Final = 587
_SMTP: Final = 25


class MailDelayed(TriviumError):
    """The mail could not be handed over now; another try makes sense."""


class MailRefused(TriviumError):
    """The mail will never be taken, or there is nowhere to send it."""


def send(
    settings: Settings, message: EmailMessage, *, sender: str, recipient: str, heard: list[str] | None = None
) -> None:
    """Hand a mail over, for one recipient; `sender` and `recipient` are plain addresses.

    What is said to the mail server and what it answers is added to `heard`, without secrets and without the mail.
    Raises `MailDelayed` and `MailRefused`. Whoever calls it again after a crash hands over the same mail again: it has
    the same Message-ID then.
    """
    match settings.mail_goes:
        case "smtp":
            _by_smtp(settings, message, sender, recipient, heard)
        case "file":
            _into_file(settings, message, recipient)
        case "log":
            # Not what it says: a mail may hold a link that lets its reader in.
            _log.info("a mail", to=recipient, subject=message["Subject"], message_id=message["Message-ID"])
        case _:
            raise MailRefused("no mail is configured (smtp_server)")


class _Heard:
    """Notes the conversation of an `smtplib.SMTP`; what is said to sign in is not told."""

    heard: list[str] | None = None
    _signing_in = False

    def putcmd(self, cmd: str, args: str = "") -> None:
        if self.heard is not None and len(self.heard) < _MOST_HEARD:
            self._signing_in = self._signing_in or cmd.upper() == "AUTH"
            said = f"{cmd.upper()} {args}".strip()[:_LONGEST_SAID]
            self.heard.append(f"> {'AUTH …' if self._signing_in else said}")
        super().putcmd(cmd, args)  # type: ignore[misc]

    def getreply(self) -> tuple[int, bytes]:
        code, said = super().getreply()  # type: ignore[misc]
        if self.heard is not None and len(self.heard) < _MOST_HEARD:
            # What asks for a part of the credentials may repeat one; the next words are another command.
            words = "" if code == _GOES_ON else said.decode("utf-8", "replace").replace("\n", " · ")[:_LONGEST_SAID]
            self.heard.append(f"< {code} {words}".rstrip())
        self._signing_in = self._signing_in and code == _GOES_ON
        return code, said


class _Smtp(_Heard, smtplib.SMTP):
    pass


class _SmtpOverTls(_Heard, smtplib.SMTP_SSL):
    pass


def _by_smtp(
    settings: Settings, message: EmailMessage, sender: str, recipient: str, heard: list[str] | None = None
) -> None:
    try:
        with _connected(settings, sender, heard) as server:
            server.send_message(message, sender, [recipient])
    except smtplib.SMTPRecipientsRefused as error:
        code, said = next(iter(error.recipients.values()))
        raise _judged(code, said, "the recipient") from None
    except smtplib.SMTPSenderRefused as error:
        raise _judged(error.smtp_code, error.smtp_error, "the sender") from None
    except smtplib.SMTPResponseException as error:
        raise _judged(error.smtp_code, error.smtp_error, "the mail") from None
    except smtplib.SMTPNotSupportedError:
        raise MailRefused("the mail server takes no addresses with such characters (SMTPUTF8)") from None
    except ssl.SSLCertVerificationError as error:
        raise MailDelayed(f"the certificate of the mail server is not accepted: {error.verify_message}") from None
    except smtplib.SMTPServerDisconnected:
        raise MailDelayed("the mail server ends the connection, or does not answer") from None
    except TimeoutError:
        raise MailDelayed("the mail server does not answer") from None
    except OSError as error:
        raise MailDelayed(f"the mail server is not reached: {error.strerror or type(error).__name__}") from None
    except smtplib.SMTPException as error:
        raise MailDelayed(f"the mail server is not understood: {type(error).__name__}") from None


def _judged(code: int, said: bytes | str, what: str) -> TriviumError:
    """What the reply of a mail server means: 5xx is final."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    told = " ".join(text.split())[:_LONGEST_SAID]
    kind = MailRefused if 500 <= code <= 599 else MailDelayed
    return kind(f"the mail server refuses {what}: {code} {told}".rstrip())


@contextmanager
def _connected(settings: Settings, sender: str, heard: list[str] | None) -> Iterator[smtplib.SMTP]:
    """A connection on which a mail may be sent; how it ends does not matter to who has sent one."""
    name = sender.rpartition("@")[2] or "localhost"
    try:
        server = _opened(settings, name, heard)
    except smtplib.SMTPResponseException as error:
        # A greeting of 554 says nothing of the mail: whoever looks after the servers can mend that.
        raise MailDelayed(str(_judged(error.smtp_code, error.smtp_error, "the connection"))) from None
    try:
        yield server
        with contextlib.suppress(OSError, smtplib.SMTPException):
            server.quit()
    finally:
        server.close()


def _opened(settings: Settings, name: str, heard: list[str] | None) -> smtplib.SMTP:
    """A new connection, encrypted and signed in as the options say."""
    port = settings.smtp_port or (_SMTPS if settings.smtp_use_ssl else _SUBMISSION if settings.smtp_use_tls else _SMTP)
    # With its name: to find that out may ask a name server, which may be silent.
    limits: dict[str, Any] = {"local_hostname": name, "timeout": settings.smtp_timeout}
    if settings.smtp_use_ssl:
        server: _Smtp | _SmtpOverTls = _SmtpOverTls(settings.smtp_server, port, context=_trust(settings), **limits)
    else:
        server = _Smtp(settings.smtp_server, port, **limits)
    server.heard = heard
    try:
        server.ehlo_or_helo_if_needed()
        if settings.smtp_use_tls:
            if not server.has_extn("starttls"):
                raise MailDelayed("the mail server does not encrypt (STARTTLS), as smtp_use_tls demands")
            server.starttls(context=_trust(settings))
            server.ehlo_or_helo_if_needed()
        if settings.smtp_username:
            _sign_in(server, settings)
    except BaseException:
        server.close()
        raise
    return server


def _trust(settings: Settings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.smtp_ca_file or None)
    except (OSError, ssl.SSLError):
        raise MailDelayed(f"the certificates in {settings.smtp_ca_file} cannot be read (smtp_ca_file)") from None


def _sign_in(server: smtplib.SMTP, settings: Settings) -> None:
    """Sign in by one of the ways that both sides know, the best first.

    That the server refuses it says nothing of the mail: it is tried again, for somebody may mend the password.
    """
    offered = set(server.esmtp_features.get("auth", "").upper().split())
    ways = [way.upper() for way in settings.smtp_auth] or ["CRAM-MD5", "PLAIN", "LOGIN"]
    server.user, server.password = settings.smtp_username, settings.smtp_password  # as `login` does
    known: dict[str, Any] = {
        "CRAM-MD5": server.auth_cram_md5,
        "PLAIN": server.auth_plain,
        "LOGIN": server.auth_login,
    }
    usable = [way for way in ways if way in offered]
    if not usable:
        raise MailDelayed("the mail server offers no way to sign in that may be used (smtp_auth)")
    code = 0
    for way in usable:
        try:
            server.auth(way, known[way], initial_response_ok=way == "PLAIN")
        except smtplib.SMTPAuthenticationError as error:
            code = error.smtp_code  # its words may repeat what was sent
        else:
            return
    raise MailDelayed(f"the mail server refuses smtp_username and smtp_password: {code}")


def _into_file(settings: Settings, message: EmailMessage, recipient: str) -> None:
    """Write a mail into `<data>/mail`, whole or not at all; one that is there already is replaced by itself."""
    directory = settings.data / "mail"
    label = hashlib.sha256(f"{message['Message-ID']}\n{recipient}".encode()).hexdigest()[:32]
    draft = directory / f".{label}.{os.getpid()}"
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as stream:
            stream.write(message.as_bytes(policy=SMTP.clone(utf8=not recipient.isascii())))
        draft.rename(directory / f"{label}.eml")
    except OSError as error:
        raise MailDelayed(f"the mail cannot be written into {directory}: {error.strerror}") from None
