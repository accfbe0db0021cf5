# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of mails: one mailbox each, never a list, a comment or a route (RFC 5321, 4.1.2; RFC 6531)."""

from __future__ import annotations

import re
from email.headerregistry import Address
from typing import Final

from trivium.settings import Settings

_LONGEST: Final = 254
_LONGEST_LOCAL: Final = 64
_LONGEST_NAME: Final = 100
_LOCAL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u00a1-\U0010ffff-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u00a1-\U0010ffff-]+)*"
)
_DOMAIN = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_NAMED = re.compile(r"([^<>]{0,200})<([^<>]{1,254})>")


def mailbox(text: str, name: str = "") -> Address | None:
    """The mailbox that a text names, with a name to show; None when it is not exactly one that can be written to.

    International domains become ASCII (IDNA). Control characters and line ends are in no part of it.
    """
    local, at, domain = text.strip().rpartition("@")
    if not at or len(text) > _LONGEST or len(local.encode("utf-8", "replace")) > _LONGEST_LOCAL:
        return None
    try:
        domain = domain.encode("idna").decode("ascii").lower()
        local.encode()
    except UnicodeError:
        return None
    if not _LOCAL.fullmatch(local) or not local.isprintable() or not _DOMAIN.fullmatch(domain):
        return None
    return Address(one_line(name)[:_LONGEST_NAME], local, domain)


def sender(settings: Settings) -> Address:
    """Who mails of this site come from."""
    given = settings.app_email_from.strip()
    named = _NAMED.fullmatch(given)
    found = mailbox(named[2], named[1].strip().strip('"')) if named else mailbox(given)
    return found or mailbox(f"trivium@{host(settings)}", settings.realm) or Address("", "trivium", "localhost")


def host(settings: Settings) -> str:
    """The name of this site in ids of mails: the host of base_url."""
    rest = settings.base_url.partition("://")[2].partition("/")[0].rpartition("@")[2]
    name = rest.partition("]")[0].lstrip("[").replace(":", "-") if rest.startswith("[") else rest.partition(":")[0]
    return name.lower() if _DOMAIN.fullmatch(name) else "localhost"


def one_line(text: str) -> str:
    """A text as a header may hold it: what ends a line, or acts in another way, is a blank."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())
