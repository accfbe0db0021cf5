# SPDX-License-Identifier: GPL-3.0-or-later
"""Mercurial's own protocol: requests over HTTP, answered by Mercurial's protocol code.

Who may do what was decided before; here it is only made sure that a request which was admitted for reading does not
write, whatever is hidden in it (a `batch` holds other commands). The protocol code is called itself, not through hgweb:
so there is no web interface to close, and a repository is opened by its directory.
"""

from __future__ import annotations

import io
from typing import Any, Final

from mercurial import wireprotoserver
from mercurial.hgweb import common
from mercurial.hgweb import request as hgweb_request
from mercurial.utils import procutil

from trivium.vcs.hgframes import DATA, END, HEAD, MOVED, PIECE, Head, Moved, frame, frame_of
from trivium.vcs.hgserver.library import Repository, Watched, published
from trivium.vcs.hgserver.request import Body, Request

_SHORT: Final = frozenset({
    "capabilities", "heads", "known", "branches", "branchmap", "between", "lookup", "listkeys", "hello", "protocaps",
    "clonebundles", "clonebundles_manifest", "batch",
})  # fmt: skip
"""Commands whose answers are small; the others get a process of their own."""


def is_long(arguments: dict[str, Any]) -> bool:
    """Whether a request gets a process of its own."""
    return bool(arguments["writes"]) or arguments["command"] not in _SHORT


def serve_read(repository: Repository, request: Request) -> None:
    """Answer a request that changes nothing."""
    posted = io.BytesIO(request.call.arguments["posted"])
    _answer(published(repository), request, posted, None)


def serve_write(repository: Repository, request: Request) -> None:
    """Answer a push. What it changed is told first, and is durable by then."""
    request.connection.settimeout(None)
    if repository.svfs.exists(b"journal"):
        with repository.lock():  # whoever had it is dead
            repository.recover()
    watched = Watched(repository)
    body = Body(request.connection)
    try:
        _answer(published(repository), request, body, watched)
    except BaseException:
        request.pending.clear()
        request.send(frame_of(MOVED, Moved(watched.updates)))
        request.flush()
        raise


class _Context:
    """What Mercurial's protocol code wants to know of hgweb."""

    def __init__(self, repository: Repository) -> None:
        self.repo = repository


def _answer(repository: Repository, request: Request, body: Body | io.BytesIO, watched: Watched | None) -> None:
    given = request.call.arguments
    writes = bool(given["writes"])

    def check(_context: Any, _request: Any, operation: bytes) -> None:
        if operation != b"pull" and not writes:
            raise common.ErrorResponse(common.HTTP_FORBIDDEN, b"push not authorized")

    # A repository with a thousand heads is asked for with more arguments than fit into the head of a request. But
    # Mercurial's client sends nothing in their place when it must come again with a password, as visitors do.
    in_body = b"false" if given["anonymous"] else b"true"
    repository.ui.setconfig(b"experimental", b"httppostargs", in_body, b"trivium")
    asked = hgweb_request.parserequestfromenv(_environment(given), bodyfh=body)
    response = hgweb_request.wsgiresponse(asked, lambda *_: None)
    if not wireprotoserver.handlewsgirequest(_Context(repository), asked, response, check):
        response.status = b"404 Not Found"
        response.setbodybytes(b"")
    if watched is not None and isinstance(body, Body):
        body.drain()
        request.send(frame_of(MOVED, Moved(watched.updates)))
    content = response.sendresponse()
    first = next(content, b"")
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.items()]
    request.send(frame_of(HEAD, Head(int(response.status.split()[0]), headers)))
    gathered, size = [first], len(first)
    for piece in content:
        gathered.append(bytes(piece))
        size += len(piece)
        if size >= PIECE:
            request.send(frame(DATA, b"".join(gathered)))
            gathered, size = [], 0
    request.send(frame(DATA, b"".join(gathered)) + frame(END))
    procutil.stderr.flush()


def _environment(given: dict[str, Any]) -> dict[str, Any]:
    """The request as WSGI would tell it."""
    environment = {
        "REQUEST_METHOD": given["method"],
        "SERVER_NAME": "trivium",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": given["query"],
        "REMOTE_HOST": given["address"],
        "REMOTE_USER": given["username"].encode().decode("latin-1"),
        "wsgi.url_scheme": "http",
    }
    for name, value in given["headers"]:
        environment["HTTP_" + name.upper().replace("-", "_")] = value
    return environment


def _whole_body(protocol: Any) -> Any:
    """The body of a request, however its length was told: ours knows where it ends."""
    return iter(lambda: protocol._req.bodyfh.read(PIECE), b"")  # noqa: SLF001


wireprotoserver.httpv1protocolhandler.getpayload = _whole_body
