# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests of Git over HTTP: which URLs are git's, and what they ask for (system.md 3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from trivium.forge.sessions.endings import NO_SUCH_REPOSITORY
from trivium.forge.sessions.git.session import Service
from trivium.http.asgi import Scope, header
from trivium.wire.admission import Refused

_SERVICES: Final = ("/info/refs", "/git-upload-pack", "/git-receive-pack")
_LFS: Final = ("/info/lfs/objects/", "/info/lfs/locks")
"""Large file storage, which some clients ask for before they push."""
_LONGEST_PATH: Final = 4096


@dataclass(frozen=True, slots=True)
class GitRequest:
    """What a request asks of git."""

    name: str
    """The repository, as the URL has it."""
    service: Service
    advertises: bool

    @property
    def writes(self) -> bool:
        return self.service is Service.RECEIVE

    @property
    def answer_type(self) -> tuple[bytes, bytes]:
        """The header that says what the answer is."""
        content = "advertisement" if self.advertises else "result"
        return b"content-type", f"application/x-git-{self.service}-{content}".encode()


def is_git_path(path: str) -> bool:
    """Whether a URL belongs to the Git protocol (system.md 3.1)."""
    return path.endswith(_SERVICES) or any(part in path for part in _LFS)


def recognise(scope: Scope) -> GitRequest:
    """What a request for a Git URL asks; raises `Refused` for requests outside the smart protocol."""
    path: str = scope["path"]
    asked = next((service for service in _SERVICES if path.endswith(service)), "")
    if len(path) > _LONGEST_PATH or not asked:
        raise Refused(404, NO_SUCH_REPOSITORY)
    name = _name(path.removesuffix(asked))
    if asked == "/info/refs":
        if scope["method"] not in ("GET", "HEAD"):
            raise Refused(405, "Use GET here.", ((b"allow", b"GET, HEAD"),))
        wanted = parse_qs(scope["query_string"].decode("latin-1")).get("service", [""])[0]
        if wanted not in ("git-upload-pack", "git-receive-pack"):
            raise Refused(403, "Only the smart HTTP protocol is spoken here.")
        return GitRequest(name, Service(wanted.removeprefix("git-")), True)
    if scope["method"] != "POST":
        raise Refused(405, "Use POST here.", ((b"allow", b"POST"),))
    service = Service(asked.removeprefix("/git-"))
    if header(scope, b"content-type") != f"application/x-git-{service}-request".encode():
        raise Refused(415, f"The content type must be application/x-git-{service}-request.")
    return GitRequest(name, service, False)


def lfs_repository(path: str) -> str:
    """The repository whose large files a URL asks for; empty for other URLs."""
    if path.endswith(_SERVICES) or len(path) > _LONGEST_PATH:
        return ""
    return _name(path[: min((path.index(part) for part in _LFS if part in path), default=0)])


def _name(path: str) -> str:
    return "/".join(segment for segment in path.split("/") if segment)
