# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Mercurial process can be asked: each kind of request, what carries it out, and whether it takes long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec

from trivium.vcs.hg.frames import RESULT, Call, frame
from trivium.vcs.hg.limits import HgLimits
from trivium.vcs.hg.server import (
    changing,
    details,
    differences,
    editing,
    files,
    graph,
    listing,
    patches,
    reading,
    serving,
)
from trivium.vcs.hg.server.confinement import end_with_client, limit_processor, limit_time
from trivium.vcs.hg.server.objects import Repository
from trivium.vcs.hg.server.request import Request


class Host(Protocol):
    """The process that carries out a request."""

    base: Any
    limits: HgLimits

    def repository(self, directory: int) -> Repository:
        """The repository in an open directory, to be read."""
        ...

    def fresh(self, directory: int) -> Repository:
        """The same for a client to change."""
        ...


Operation = Callable[[Host, Request], None]


def is_long(call: Call) -> bool:
    """Whether a request is carried out by a process of its own from the beginning."""
    return call.what in _LONG or (call.what == "serve" and serving.is_long(call.arguments))


def _result(function: Callable[..., Any]) -> Operation:
    """An operation that reads the repository and answers with one value; a long one is given up with its client."""

    def carry_out(host: Host, request: Request) -> None:
        if request.apart:
            end_with_client(request)
        value = function(host.repository(request.files[0]), **request.call.arguments)
        request.send(frame(RESULT, msgspec.msgpack.encode(value)))

    return carry_out


def _result_of_several(function: Callable[..., Any]) -> Operation:
    """The same, of one repository or of two that are read together."""

    def carry_out(host: Host, request: Request) -> None:
        if request.apart:
            end_with_client(request)
        value = function([host.repository(file) for file in request.files], **request.call.arguments)
        request.send(frame(RESULT, msgspec.msgpack.encode(value)))

    return carry_out


def _change(function: Callable[..., Any]) -> Operation:
    """An operation that changes something and answers with one value; it is given up with its client."""

    def carry_out(host: Host, request: Request) -> None:
        if request.apart:
            end_with_client(request)
        value = function(host.base, *request.files, **request.call.arguments)
        request.send(frame(RESULT, msgspec.msgpack.encode(value)))

    return carry_out


def _pieces(function: Callable[..., Any]) -> Operation:
    """An operation whose answer is one long content, told as it is made."""

    def carry_out(host: Host, request: Request) -> None:
        end_with_client(request)
        limit_processor(host.limits.transfer_seconds)
        request.send_pieces(function(host.repository(request.files[0]), **request.call.arguments))

    return carry_out


def _changes(host: Host, request: Request) -> None:
    end_with_client(request)
    repository = host.repository(request.files[0])
    for found, contents in reading.changes(repository, **request.call.arguments):
        request.send(frame(RESULT, msgspec.msgpack.encode(found)))
        for content in contents:
            request.send_content(content)


def _contents(host: Host, request: Request) -> None:
    end_with_client(request)
    for content in reading.contents(host.repository(request.files[0]), **request.call.arguments):
        request.send_content(content)


def _differences(host: Host, request: Request) -> None:
    """Most changesets are small: no process is forked for them."""
    if request.apart:
        end_with_client(request)
    repositories = [host.repository(file) for file in request.files]
    found, contents = differences.differences(repositories, **request.call.arguments)
    request.send(frame(RESULT, msgspec.msgpack.encode(found)))
    for content in contents:
        request.send_content(content)


def _serve(host: Host, request: Request) -> None:
    if request.call.arguments["writes"]:
        limit_processor(host.limits.transfer_seconds)
        serving.serve_write(host.fresh(request.files[0]), request)
    else:
        if request.apart:
            end_with_client(request)
            if request.call.arguments["command"] in serving.TRANSFERS:
                limit_processor(host.limits.transfer_seconds)
            else:
                limit_time(host.limits.request_seconds)
        serving.serve_read(host.repository(request.files[0]), request)


OPERATIONS: Final[dict[str, Operation]] = {
    "index": _result(reading.index),
    "state": _result(reading.state),
    "changesets": _result(reading.changesets),
    "added": _result(reading.added_since),
    "present": _result(reading.present),
    "nodes": _result(reading.nodes),
    "file": _result(reading.file),
    "sizes": _result(reading.sizes),
    "few_contents": _result(reading.few_contents),
    "path_history": _result(files.path_history),
    "annotate": _result(files.annotate),
    "changes": _changes,
    "contents": _contents,
    "entry": _result(listing.entry),
    "children": _result(listing.children),
    "files_below": _result(listing.files_below),
    "subrepositories": _result(listing.subrepositories),
    "last_changes": _result(listing.last_changes),
    "stream": _pieces(listing.stream),
    "details": _result(details.details),
    "page": _result(graph.page),
    "branch_page": _result(graph.branch_page),
    "ancestor": _result_of_several(graph.ancestor),
    "lacking": _result_of_several(graph.lacking),
    "differing": _result_of_several(differences.differing),
    "differences": _differences,
    "raw_diff": _pieces(patches.raw_diff),
    "patch": _pieces(patches.patch),
    "serve": _serve,
    "create": _change(changing.create),
    "fork": _change(changing.fork),
    "import": _change(changing.import_from),
    "pull": _change(changing.pull),
    "strip": _change(changing.strip),
    "commit": _change(editing.commit),
    "recover": _change(changing.recover),
    "warm": _change(changing.warm),
    "verify": _change(changing.check),
}
CHANGES: Final = frozenset({"create"})
"""Those of the short ones that must not be begun twice."""
_LONG: Final = frozenset(
    {
        *("changes", "contents", "sizes", "path_history", "annotate", "stream", "raw_diff", "patch"),
        *("fork", "import", "pull", "strip", "commit", "recover", "warm", "verify"),
    }
)
