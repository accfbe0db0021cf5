# SPDX-License-Identifier: GPL-3.0-or-later
"""Mercurial's own protocol: requests over HTTP, answered by Mercurial's protocol code.

Rights were decided about before; `commands` ensures that a request admitted for reading never writes, whatever it
hides. The protocol code is called directly, not through hgweb. So there is no web interface to close, and a repository
is opened by its directory.
"""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from typing import Any, Final

from mercurial import error, mdiff
from mercurial.hgweb import request as hgweb_request
from mercurial.utils import procutil

from trivium.vcs.hg.frames import DATA, END, HEAD, MOVED, PIECE, Head, Moved, NotUnderstood, frame, frame_of
from trivium.vcs.hg.server.arguments import parse
from trivium.vcs.hg.server.commands import Protocol, dispatch
from trivium.vcs.hg.server.library import Watched, published, text_of
from trivium.vcs.hg.server.objects import Repository
from trivium.vcs.hg.server.request import Body, Request

TRANSFERS: Final = frozenset({"getbundle", "changegroup", "changegroupsubset", "stream_out"})
"""Commands that bring history to a client: they take as long as the client does."""
_SHORT: Final = frozenset({
    "capabilities", "heads", "known", "branchmap", "lookup", "listkeys", "hello", "protocaps", "clonebundles",
    "clonebundles_manifest", "batch",
})  # fmt: skip
"""Commands that are quick when their request is small; the others get a process of their own."""
_LITTLE: Final = 16 << 10
_FEW: Final = 8


def is_long(arguments: dict[str, Any]) -> bool:
    """Whether a request gets a process of its own."""
    told = arguments["arguments"]
    return (
        bool(arguments["writes"])
        or arguments["command"] not in _SHORT
        or sum(map(len, told)) > _LITTLE
        or (arguments["command"] == "batch" and sum(one.count(b"%3B") + one.count(b";") for one in told) > _FEW)
    )


def serve_read(repository: Repository, request: Request) -> None:
    """Answer a request that changes nothing."""
    _answer(published(repository), request, None, None)


def serve_write(repository: Repository, request: Request) -> None:
    """Answer a push. Its changes are told first, and are durable by then."""
    request.connection.settimeout(None)
    if repository.svfs.exists(b"journal"):
        with repository.lock():  # its last holder is dead
            repository.recover()
    watched = Watched(repository)
    body = Body(request.connection)
    try:
        _answer(published(repository), request, body, watched)
    except BaseException:
        request.pending.clear()
        with contextlib.suppress(ConnectionError):
            body.drain()  # the client reads only after it has sent all
        request.send(frame_of(MOVED, Moved(watched.updates)))
        request.flush()
        raise


def _answer(repository: Repository, request: Request, body: Body | None, watched: Watched | None) -> None:
    given = request.call.arguments
    # A request to a repository with a thousand heads may have more arguments than fit into its head; the body can take
    # them. But Mercurial's client loses them when it must come again with a password, as visitors who push must.
    in_body = b"false" if given["may_come_again"] else b"true"
    repository.ui.setconfig(b"experimental", b"httppostargs", in_body, b"trivium")
    # In a repository that does not publish, a pushed draft stays a draft, and its author can change it.
    repository.ui.setconfig(b"phases", b"publish", b"true" if given["publishes"] else b"false", b"trivium")
    # A stream has the files of the store as they are, hidden changesets included; Mercurial checks for secrets only.
    hides = bool(repository.changelog.filteredrevs)
    repository.ui.setconfig(b"server", b"uncompressed", b"false" if hides else b"true", b"trivium")
    asked = hgweb_request.parserequestfromenv(_environment(given), bodyfh=io.BytesIO())
    response = hgweb_request.wsgiresponse(asked, lambda *_: None)
    try:
        protocol = Protocol(
            asked,
            repository.ui,
            writes=bool(given["writes"]),
            arguments=parse(*given["arguments"]),
            abilities=given["abilities"],
            body=lambda: iter(lambda: body.read(PIECE), b"") if body is not None else iter(()),
        )
        if not dispatch(repository, asked, response, protocol, given["command"].encode()):
            response.status = b"404 Not Found"
            response.setbodybytes(b"")
    except error.LockError:
        raise
    except _CONFUSED as confused:
        raise NotUnderstood(_sentence(confused)) from confused
    except OSError as failed:
        if failed.errno is not None:
            raise
        raise NotUnderstood(_sentence(failed)) from failed  # the data claims to be bzip2 and is not
    if watched is not None and body is not None:
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


_ZSTD_ERRORS: list[type[BaseException]] = []
with contextlib.suppress(ImportError):  # Mercurial can be built without it
    from mercurial import zstd

    _ZSTD_ERRORS.append(zstd.ZstdError)
_CONFUSED: Final = (
    error.Error,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
    mdiff.mpatch.mpatchError,
    *_ZSTD_ERRORS,
)
"""Errors that Mercurial's commands raise for arguments and bundles that none of its own clients would send."""


def _sentence(confused: BaseException) -> str:
    """The error in words, as far as they are meant for users."""
    if isinstance(confused, (error.Abort, error.LookupError)):
        return f"Mercurial: {text_of(getattr(confused, 'message', None) or bytes(str(confused), 'utf-8', 'replace'))}"
    return "Mercurial does not understand this request."


def _environment(given: dict[str, Any]) -> dict[str, Any]:
    """The request in WSGI's form, without its arguments: we parse those ourselves, once."""
    return {
        "REQUEST_METHOD": given["method"],
        "SERVER_NAME": "trivium",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "REMOTE_HOST": given["address"],
        "REMOTE_USER": given["username"].encode().decode("latin-1"),
        "wsgi.url_scheme": "http",
    }
