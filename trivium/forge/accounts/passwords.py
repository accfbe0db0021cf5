# SPDX-License-Identifier: GPL-3.0-or-later
"""What a password has to be that somebody chooses for themselves (security.md S-19, system.md 3.5)."""

from __future__ import annotations

from typing import Final

from trivium.access.logins.local import MAX_LENGTH
from trivium.errors import Invalid
from trivium.names import account_key_of

MIN_PASSWORD: Final = 8
"""Characters of a password that is chosen on a page."""


def check_chosen(password: str, *known: str | None) -> str:
    """Refuse what is too short, too long, or what everybody would try first: `known` is what the account is called.

    Raises `Invalid` about `password`.
    """
    if not MIN_PASSWORD <= len(password) <= MAX_LENGTH:
        raise Invalid("A password has 8 to 1024 characters.", about="password")
    guessed = {account_key_of(part) for name in known if name for part in (name, name.partition("@")[0])}
    if account_key_of(password) in guessed:
        raise Invalid("A password is neither the user name nor the e-mail address.", about="password")
    return password
