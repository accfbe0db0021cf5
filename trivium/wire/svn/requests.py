# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Subversion request may be: its method, and the kind of resource that it is about.

Apache offers more than clients use, and some of that makes it crash. So only those pairs of method and resource pass
that clients use: svn from 1.6 on with both versions of its protocol, SVNKit, git-svn, and WebDAV's readers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote

from trivium.http.asgi import Scope
from trivium.wire.admission import Refused
from trivium.wire.svn.paths import RawPath, parse_path
from trivium.wire.svn.xml import SVN, Document

READS: Final = frozenset({"OPTIONS", "PROPFIND", "REPORT", "GET", "HEAD"})
_TRANSACTIONAL: Final = frozenset({"PUT", "DELETE", "MKCOL", "COPY", "MOVE", "PROPPATCH", "MKACTIVITY", "CHECKOUT"})
WRITES: Final = _TRANSACTIONAL | {"MERGE", "POST", "LOCK", "UNLOCK"}
COPIES: Final = frozenset({"COPY", "MOVE"})

WITH_XML: Final = frozenset({
    "OPTIONS", "PROPFIND", "PROPPATCH", "REPORT", "MERGE", "CHECKOUT", "LOCK", "DELETE",
})  # fmt: skip
"""Methods whose request bodies are XML."""
WITH_REFERENCES: Final = frozenset({"REPORT", "MERGE", "CHECKOUT"})
"""Those whose XML names resources."""
WITH_PATHS: Final = frozenset({"REPORT", "MERGE", "DELETE"})
"""Those whose XML has paths of the repository."""

_ALLOWED: Final = {
    "": {"OPTIONS", "PROPFIND", "REPORT", "GET", "HEAD", "MERGE", "LOCK", "UNLOCK"},
    "me": {"OPTIONS", "REPORT", "POST"},
    "vcc": {"OPTIONS", "PROPFIND", "REPORT", "CHECKOUT"},
    "bln": {"OPTIONS", "PROPFIND", "CHECKOUT"},
    "rev": {"OPTIONS", "PROPFIND", "REPORT"},
    "bc": {"OPTIONS", "PROPFIND", "REPORT", "GET", "HEAD", "COPY"},
    "rvr": {"OPTIONS", "PROPFIND", "REPORT", "GET", "HEAD", "COPY"},
    "ver": {"OPTIONS", "PROPFIND", "REPORT", "GET", "HEAD", "COPY", "CHECKOUT"},
    "act": {"MKACTIVITY", "DELETE"},
    "wbl": {"PROPPATCH"},
    "wrk": {"PUT", "DELETE", "MKCOL", "PROPPATCH", "GET", "HEAD"},
    "txn": {"PROPPATCH", "DELETE"},
    "vtxn": {"PROPPATCH", "DELETE"},
    "txr": {"PUT", "DELETE", "MKCOL", "PROPPATCH", "GET", "HEAD"},
    "vtxr": {"PUT", "DELETE", "MKCOL", "PROPPATCH", "GET", "HEAD"},
}
"""What stands after `!svn` in a URL, nothing for paths of the youngest revision → methods."""
_ALLOW: Final = {kind: (b"allow", ", ".join(sorted(methods)).encode()) for kind, methods in _ALLOWED.items()}
_MADE: Final = frozenset({"wrk", "txr", "vtxr"})
"""Places for files and directories that are in no revision yet, and for copies."""
WORKING: Final = _MADE | {"txn", "vtxn", "wbl", "act"}
"""Everything that is being made and in no revision yet."""

_MOST_ARGUMENTS: Final = 100
_REVISION: Final = re.compile(r"[0-9]{1,10}")
_LARGEST_REVISION: Final = (1 << 31) - 1
_NAME: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,127}")
"""The name of an activity or transaction."""
_SHAPES: Final = {
    "me": (),
    "vcc": (re.compile("default"),),
    **dict.fromkeys(("bln", "rev", "bc", "rvr", "ver"), (_REVISION,)),
    **dict.fromkeys(("act", "txn", "vtxn", "wrk", "txr", "vtxr"), (_NAME,)),
    "wbl": (_NAME, _REVISION),
}
"""The segments that must follow; a path may come after them for the words in `_WITH_PATH`."""
_WITH_PATH: Final = frozenset({"bc", "rvr", "ver", "wrk", "txr", "vtxr"})

_REPORTS: Final = frozenset({
    "update-report", "replay-report", "log-report", "dated-rev-report", "get-locations", "get-location-segments",
    "file-revs-report", "get-locks-report", "get-deleted-rev-report", "mergeinfo-report", "inherited-props-report",
    "list-report",
})  # fmt: skip
_PULLS: Final = frozenset({"update-report", "replay-report"})
"""The reports that hand out the files of a revision: checkout, update, switch, export, dump."""

_ONLY_COMMITS: Final = "Only commits change a repository; a revision and its properties stay as they are."


@dataclass(frozen=True, slots=True)
class SvnRequest:
    """What a request asks."""

    method: str
    path: RawPath

    @property
    def writes(self) -> bool:
        return self.method not in READS

    @property
    def adds(self) -> bool:
        """Whether the repository takes more room afterwards, if only until a commit is given up."""
        return self.writes and self.method not in ("DELETE", "UNLOCK")

    @property
    def locks_a_file(self) -> bool:
        """Whether it changes who holds a file."""
        return self.method in ("LOCK", "UNLOCK")

    @property
    def makes_revisions(self) -> bool:
        return self.method == "MERGE"


def recognise(scope: Scope) -> SvnRequest:
    """What a request asks; raises `Refused` for requests that Subversion does not have."""
    method = scope["method"]
    if method not in READS and method not in WRITES:
        raise Refused(405, "Subversion has no such method.", (allow(""),))
    return SvnRequest(method, parse_path(scope["raw_path"].partition(b"?")[0]))


def allow(kind: str) -> tuple[bytes, bytes]:
    """The header that names the methods of a kind of resource."""
    return _ALLOW[kind]


def kind_of(inside: tuple[str, ...]) -> str:
    """The kind of the resource at a path of a repository; raises `Refused` for one that no client asks for."""
    if not inside or inside[0] != "!svn":
        return ""
    kind = inside[1] if len(inside) > 1 else ""
    shape = _SHAPES.get(kind)
    given = inside[2:]
    if (
        shape is None
        or len(given) < len(shape)
        or (len(given) > len(shape) and kind not in _WITH_PATH)
        or not all(_fits(pattern, part) for pattern, part in zip(shape, given, strict=False))
    ):
        raise Refused(404, "Subversion has no such resource.")
    return kind


def _fits(pattern: re.Pattern[str], part: str) -> bool:
    return bool(pattern.fullmatch(part)) and (pattern is not _REVISION or int(part) <= _LARGEST_REVISION)


def check_target(method: str, kind: str) -> None:
    """Refuse a method that this kind of resource does not have, and any change of a revision."""
    if method in _ALLOWED[kind]:
        return
    if method in _TRANSACTIONAL and kind not in WORKING:
        raise Refused(403, _ONLY_COMMITS)
    raise Refused(405, "Subversion has no such method for this resource.", (allow(kind),))


def check_lockable(inside: tuple[str, ...]) -> None:
    """Refuse a lock that would crash its process of Apache, which decodes a file's path twice to get its directory."""
    for name in inside:
        if "%" in name and not {"", "."}.isdisjoint(unquote(name).split("/")):
            raise Refused(403, "A file whose name reads like this cannot be locked.")


def check_destination(inside: tuple[str, ...]) -> None:
    """Refuse a copy that does not go into a commit under way."""
    if kind_of(inside) not in _MADE:
        raise Refused(403, _ONLY_COMMITS)


def query_of(method: str, query: bytes) -> bytes:
    """The useful part of Subversion's queries: revisions of a file. The rest would tell where Apache is."""
    if not query or method not in ("GET", "HEAD"):
        return b""
    if query.count(b"&") >= _MOST_ARGUMENTS:
        raise Refused(400, "The address has too many arguments.")
    known = []
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name in ("p", "r"):
            if not _fits(_REVISION, value):
                raise Refused(400, "A revision in the address is no number.")
            known.append(f"{name}={int(value)}")
    return "&".join(known).encode()


def check_report(document: Document) -> bool:
    """Refuse an unknown report; returns whether it hands out the files of a revision."""
    if document.namespace != SVN or document.name not in _REPORTS:
        raise Refused(400, "Subversion has no such report.")
    return document.name in _PULLS
