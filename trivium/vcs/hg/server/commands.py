# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of Mercurial's protocol: the check of rights, and commands whose work Mercurial does not bound.

The door decides whether a request may write. Only Mercurial knows which commands write. So each command is checked
against that decision here, where it is carried out; all commands in a `batch` are checked before the first begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from mercurial import wireprotoserver, wireprototypes, wireprotov1server
from mercurial.wireprotov1server import commands

from trivium.vcs.hg.frames import NotUnderstood, WriteNeeded
from trivium.vcs.hg.server.objects import Repository

_MOST_IN_BATCH: Final = 1_000
_MOST_ANSWERED: Final = 64 << 20
"""Bytes of all answers to a batch; they are joined in memory."""
_MOST_STEPS: Final = 2_000_000
"""Changesets that one question about a way between changesets may visit."""
_IN_BATCH: Final = frozenset({
    b"capabilities", b"heads", b"known", b"branches", b"branchmap", b"between", b"lookup", b"listkeys", b"hello",
    b"protocaps", b"clonebundles", b"clonebundles_manifest", b"debugwireargs", b"pushkey",
})  # fmt: skip
"""Commands that may stand in a batch: those that answer with a few bytes."""


class Protocol(wireprotoserver.httpv1protocolhandler):  # type: ignore[misc]
    """A request as Mercurial's commands see it."""

    def __init__(
        self,
        request: Any,
        ui: Any,
        *,
        writes: bool,
        arguments: dict[bytes, bytes],
        abilities: bytes,
        body: Callable[[], Iterator[bytes]],
    ) -> None:
        """`writes`: whether writing was admitted; `abilities`: what the client says that it can do."""

        def check(operation: bytes) -> None:
            if operation != b"pull" and not writes:
                raise WriteNeeded

        super().__init__(request, ui, check)
        self._arguments = arguments
        self._protocaps = set(abilities.split(b" "))
        self._body = body

    def _args(self) -> dict[bytes, list[bytes]]:
        return {name: [value] for name, value in self._arguments.items()}

    def getpayload(self) -> Iterator[bytes]:
        return self._body()


def install() -> None:
    """Put our commands in the place of Mercurial's."""
    for name, function in (
        (b"batch", _batch),
        (b"between", _between),
        (b"branches", _branches),
        (b"clonebundles", _no_bundles),
        (b"clonebundles_manifest", _no_bundles),
    ):
        commands[name] = (function, commands[name].args)
    # This command looks for files of the server by names of the client's choice.
    del commands[b"get_cached_bundle_inline"]


def _no_bundles(_repository: Repository, _protocol: Protocol, *_: Any) -> Any:
    """Bundles to fetch elsewhere instead: none, whatever somebody has left in the repository."""
    return wireprototypes.bytesresponse(b"")


def _batch(repository: Repository, protocol: Protocol, told: bytes, _others: Any) -> Any:
    """Several commands at once; all are looked at before the first begins."""
    pieces = told.split(b";", _MOST_IN_BATCH)
    if len(pieces) > _MOST_IN_BATCH:
        raise NotUnderstood(f"more than {_MOST_IN_BATCH} commands in a batch")
    wanted = []
    for piece in pieces:
        name, _, arguments = piece.partition(b" ")
        command = commands.get(name)
        # An unknown command counts as a push (system.md 3.2).
        protocol.checkperm(command.permission if command is not None else b"push")
        if command is None or name not in _IN_BATCH:
            raise NotUnderstood("a command that cannot stand in a batch")
        wanted.append((command.func, _in_order(command.args, _told(arguments))))
    answers: list[bytes] = []
    size = 0
    for function, given in wanted:
        answer = function(repository, protocol, *given)
        if isinstance(answer, wireprototypes.ooberror):
            return answer
        answers.append(wireprototypes.escapebatcharg(answer if isinstance(answer, bytes) else answer.data))
        size += len(answers[-1])
        if size > _MOST_ANSWERED:
            raise NotUnderstood("the answer to a batch would be too large")
    return wireprototypes.bytesresponse(b";".join(answers))


def _told(arguments: bytes) -> dict[bytes, bytes]:
    plain = wireprototypes.unescapebatcharg
    found = {}
    for one in arguments.split(b","):
        if one:
            name, _, value = one.partition(b"=")
            found[plain(name)] = plain(value)
    return found


def _in_order(wanted: bytes, given: dict[bytes, bytes]) -> list[Any]:
    """The arguments of a command, in the order in which it names them; `*` stands for all others."""
    names = wanted.split()
    rest = {name: value for name, value in given.items() if name not in names}
    return [rest if name == b"*" else given[name] for name in names]


def _between(repository: Repository, _protocol: Protocol, pairs: bytes) -> Any:
    """For each pair the changesets at growing distances on the way of first parents, as clients before 1.9 ask for."""
    changelog = repository.changelog
    steps = _Steps()
    lines = []
    for pair in pairs.split(b" "):
        top, bottom = wireprototypes.decodelist(pair, b"-")
        end = changelog.index.get_rev(bottom)
        at = changelog.rev(top)
        found, passed, wanted = [], 0, 1
        while at not in (end, -1):
            if passed == wanted:
                found.append(changelog.node(at))
                wanted *= 2
            at = changelog.parentrevs(at)[0]
            passed += 1
            steps.take()
        lines.append(wireprototypes.encodelist(found) + b"\n")
    return wireprototypes.bytesresponse(b"".join(lines))


def _branches(repository: Repository, _protocol: Protocol, nodes: bytes) -> Any:
    """For each changeset the beginning of the line of first parents that it ends, as clients before 1.9 ask for."""
    changelog = repository.changelog
    steps = _Steps()
    lines = []
    for top in wireprototypes.decodelist(nodes) or [changelog.tip()]:
        at = changelog.rev(top)
        while True:
            one, other = changelog.parentrevs(at)
            if other != -1 or one == -1:
                break
            at = one
            steps.take()
        line = [top, changelog.node(at), changelog.node(one), changelog.node(other)]
        lines.append(wireprototypes.encodelist(line) + b"\n")
    return wireprototypes.bytesresponse(b"".join(lines))


class _Steps:
    """The steps that a question may still take."""

    def __init__(self) -> None:
        self._left = _MOST_STEPS

    def take(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise NotUnderstood("the question is about too many changesets")


def dispatch(repository: Repository, request: Any, response: Any, protocol: Protocol, command: bytes) -> bool:
    """Carry out a command; False when there is no such command."""
    if command not in wireprotov1server.commands:
        return False
    wireprotoserver._callhttp(repository, request, response, protocol, command)  # noqa: SLF001
    return True
