# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of pages as mails have them: below base_url alone, never below what a request says of itself.

Otherwise whoever asks for a mail to somebody else would choose where its links lead.
"""

from __future__ import annotations

from urllib.parse import quote, urlencode

from trivium.settings import Settings


def changeset(settings: Settings, repository: str, revision: str, comment: int) -> str:
    """The page of a changeset, at a comment; empty without a base_url."""
    return _below(settings, f"{_quoted(repository)}/changeset/{_quoted(revision)}#comment-{comment}")


def password_reset(settings: Settings, key: str) -> str:
    """Where somebody chooses another password; empty without a base_url."""
    return _below(settings, f"_admin/password_reset_confirmation?{urlencode({'key': key})}")


def email_confirmation(settings: Settings, key: str) -> str:
    """Where somebody says that a mail reached them; empty without a base_url."""
    return _below(settings, f"_admin/my_account/emails/confirmation?{urlencode({'key': key})}")


def sign_in(settings: Settings) -> str:
    """Where somebody signs in; empty without a base_url."""
    return _below(settings, "_admin/login")


def _below(settings: Settings, path: str) -> str:
    base = settings.base_url.rstrip("/")
    return f"{base}/{path}" if base else ""


def _quoted(path: str) -> str:
    return quote(path.encode("utf-8", "surrogateescape"), safe="/~:@!$,")
