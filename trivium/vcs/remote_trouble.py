# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a transfer from another server failed, in one of a few sentences that anybody may read.

Messages of git, Mercurial and Subversion repeat the words of the remote server, and may name places of this one. So
they are for administrators. Here they are only searched for their meaning: whatever a server puts into them, one of
these sentences comes out.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from trivium.errors import NO_ROOM
from trivium.vcs.errors import VcsError, says_that_the_disk_is_full

_LONGEST: Final = 4 << 10


class Trouble(StrEnum):
    """What went wrong, for the user who asked for the transfer."""

    CREDENTIALS = "the remote server refused the credentials, or wants some"
    MISSING = "the remote server knows no repository at this address"
    OTHER_KIND = "what is at this address is not a repository of this kind"
    UNREACHABLE = "the remote server cannot be reached"
    CERTIFICATE = "the certificate of the remote server is not trusted"
    REDIRECT = "the remote server sends to another address, which is not followed"
    SLOW = "the remote server takes too long"
    TOO_LARGE = "the repository holds something larger than is allowed (max_object_bytes)"
    SHALLOW = "the repository lacks part of its history (it is shallow)"
    BROKEN = "the transfer broke off, or what came is damaged"
    SERVER = "the remote server answered with an error"
    NO_ROOM = NO_ROOM
    UNKNOWN = "the repository could not be copied"


_SIGNS: Final[tuple[tuple[Trouble, tuple[str, ...]], ...]] = (
    # In small letters. The first one counts where several are found.
    (Trouble.TOO_LARGE, ("max_object_bytes", "exceeds maximum allowed size", "out of memory", "memoryerror")),
    (Trouble.SHALLOW, ("shallow",)),
    (Trouble.REDIRECT, ("sends us elsewhere", "redirect", "error: 301", "error: 302", "error: 307", "error: 308")),
    (
        Trouble.CERTIFICATE,
        (
            "ssl certificate",
            "server certificate",
            "certificate verify failed",
            "certificate error",
            "certificate subject",
            "e230001",
        ),
    ),
    (
        Trouble.CREDENTIALS,
        (
            *("authentication failed", "authorization failed", "authorization required", "could not read username"),
            *("could not read password", "error: 401", "error: 403", "error 401", "error 403"),
            *("no more credentials", "e170001", "e215004", "e175013"),
        ),
    ),
    (
        Trouble.UNREACHABLE,
        (
            *("could not resolve host", "failed to connect", "couldn't connect", "connection refused"),
            *("no route to host", "network is unreachable", "unable to connect", "e170013"),
            # Of our relay: git, Subversion with http and with https.
            *("complete socks5 connection", "502 'server unreachable'", "setting up the ssl tunnel"),
        ),
    ),
    (Trouble.SLOW, ("takes too long", "too slow", "timed out", "timeout")),
    (
        Trouble.OTHER_KIND,
        (
            *("is this a git repository", "invalid server response", "does not appear to be an hg repository"),
            *("not an hg repository", "outofbanderror", "is a git repository.", "is a mercurial repository."),
            "is a subversion repository.",
        ),
    ),
    (Trouble.MISSING, ("not found", "error: 404", "error: 410", "error 404", "error 410", "e160013", "e170000")),
    (Trouble.SERVER, ("error: 5", "http error 5", "error: 4", "http error 4")),
    (
        Trouble.BROKEN,
        (
            *("early eof", "hung up", "unexpected disconnect", "invalid index-pack", "index-pack failed", "fsck"),
            *("bad object", "is corrupt", "stream ended unexpectedly", "connection reset", "premature"),
            # A server that goes away in the middle, as Mercurial and Subversion tell of it.
            *("incomplete response", "intermittent network failure", "remote end closed", "stream truncated"),
            *("connection was closed", "e120106", "e120108"),
        ),
    ),
)


class TransferFailed(VcsError):
    """A transfer from another server failed; `public` is for everybody, the message for administrators."""

    def __init__(self, trouble: Trouble, words: str) -> None:
        super().__init__(f"{trouble}: {words}" if words else str(trouble))
        self.public = str(trouble)


def trouble_of(words: str) -> Trouble:
    """What the words of a version-control system mean."""
    said = words[:_LONGEST].lower()
    if says_that_the_disk_is_full(said):
        return Trouble.NO_ROOM
    return next((trouble for trouble, signs in _SIGNS if any(sign in said for sign in signs)), Trouble.UNKNOWN)
