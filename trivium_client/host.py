# SPDX-License-Identifier: GPL-3.0-or-later
"""`apihost`, the address of the server: what is accepted, where calls go, and who can read them."""

import ipaddress
from urllib.parse import urlsplit

from trivium_client.errors import UsageError

ENDPOINT = "/_admin/api"


def check(apihost: str) -> None:
    """Refuse what cannot be called or should not be shown. Raises `UsageError`.

    The scheme is checked because urllib would also open `file:` and `ftp:` addresses. A name and
    password in the address would be printed with it on every call, and urllib would not send them anyway.
    """
    try:
        parts = urlsplit(apihost)
        name = parts.hostname
        _ = parts.port  # a port that is none raises here, and not in the middle of the call
    except ValueError:
        raise UsageError("apihost is not a valid URL") from None
    if parts.scheme not in ("http", "https") or not name:
        raise UsageError("apihost must be a URL that begins with http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise UsageError("apihost must not contain a name or password")
    if parts.query or parts.fragment or any(not c.isprintable() or c.isspace() for c in apihost):
        raise UsageError("apihost must be a plain URL, such as https://code.example.org")


def endpoint(apihost: str) -> str:
    """Return the URL that calls are posted to."""
    return apihost.rstrip("/") + ENDPOINT


def is_loopback(apihost: str) -> bool:
    """Tell whether the server is on this very machine; names are judged without a look-up."""
    name = (urlsplit(apihost).hostname or "").rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def exposes_key(apihost: str) -> bool:
    """Tell whether a key sent there can be read by others on the way."""
    return urlsplit(apihost).scheme == "http" and not is_loopback(apihost)
