# SPDX-License-Identifier: GPL-3.0-or-later
"""No text of a client takes longer than in proportion to its length (issue 8, part 1; security.md 6).

Every regular expression of the program is found, wherever it stands, and given what is worst for it. Every function
that takes apart what a client wrote is called with rows of what means something to it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable
from ipaddress import ip_network
from itertools import product
from typing import Any

import pytest

from tests.support import expressions
from tests.support.growth import assert_linear
from trivium import names
from trivium.access.throttle import _account
from trivium.api import arguments, bodies, texts
from trivium.api.door import is_api_path
from trivium.api.json import Unusable, decode
from trivium.api.methods.kallithea import _moment
from trivium.api.methods.people import get_method
from trivium.cli.logs import harmless
from trivium.egress.policy import parse_remote
from trivium.errors import TriviumError
from trivium.forge import bounds
from trivium.forge.accounts import users as accounts
from trivium.forge.repositories.fields import parse_fields
from trivium.forge.repositories.new import check_landing_rev
from trivium.forge.reviews.comments import place_of
from trivium.forge.sessions.git.pktline import FetchCommand, Malformed, PacketReader, PackWatch, WantReader, pkt
from trivium.forge.sessions.git.push import PushCommands
from trivium.http.addresses import ClientAddresses, is_allowed, neighbourhood, parse_network
from trivium.http.asgi import TooLarge, key_in_headers
from trivium.vcs.annotation import lines_of
from trivium.vcs.git import commit as gitcommit
from trivium.vcs.git import patches
from trivium.vcs.git.trees import entries_of
from trivium.vcs.hg.server import arguments as hg_arguments
from trivium.vcs.paths import clean_path
from trivium.vcs.svn.externals import externals_of
from trivium.vcs.values import cut
from trivium.wire.admission import Refused, _basic
from trivium.wire.git import requests as git
from trivium.wire.hg import requests as hg
from trivium.wire.hg.arguments import in_headers
from trivium.wire.svn import door as svn
from trivium.wire.svn import requests
from trivium.wire.svn.answers import _read
from trivium.wire.svn.paths import Translation, parse_path
from trivium.wire.svn.svndiff import Scale
from trivium.wire.svn.xml import rewritten

MOST_OF_AN_EXPRESSION = 8_000
MOST = 64_000
MOST_PIECES = 12_000
"""Larger than most heads; bodies that are larger are read in pieces, or by one of the parsers here."""

FOUND = expressions.written()


def test_no_expression_is_hidden() -> None:
    """What modules hold was found in their sources, with the way in which it is used."""
    unseen = [
        (place, pattern.pattern)
        for place, pattern in expressions.held()
        if (pattern.pattern, pattern.flags) not in FOUND
    ]
    assert unseen == []
    assert len(FOUND) > 30


@pytest.mark.parametrize("found", FOUND.values(), ids=lambda found: min(found.places))
def test_every_expression_takes_time_by_the_length(found: expressions.Expression) -> None:
    for (what, make), run in product(expressions.attacks(found.pattern), found.runs()):
        assert_linear(run, make, most=MOST_OF_AN_EXPRESSION, what=f"{found.pattern.pattern!r} on {what}")


def test_what_is_not_linear_is_noticed() -> None:
    def try_all(one: expressions.Expression) -> None:
        for (what, make), run in product(expressions.attacks(one.pattern), one.runs()):
            assert_linear(run, make, most=MOST_OF_AN_EXPRESSION, what=what)

    for bad in (r"a*a*b", r"[^<>\n]*<"):
        with pytest.raises(AssertionError):
            try_all(expressions.Expression(re.compile(bad), uses={"search"}))


def test_what_does_not_end_is_ended() -> None:
    with pytest.raises(AssertionError, match="does not end"):
        assert_linear(re.compile(r"(a*)*b").search, lambda size: "a" * size, most=1000, what="this", patience=1)


REFUSALS = (TriviumError, Refused, TooLarge, Malformed, Unusable, texts.Refusal)
TRANSLATION = Translation(("group", "name"), "1-0123456789abcdef", b"http://apache:80", ("scm",))
PROXIES = ClientAddresses([ip_network("10.0.0.0/8")], "X-Forwarded-For")


def asked(path: str = "/x", query: bytes = b"", method: str = "GET", *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode("utf-8", "surrogatepass"),
        "query_string": query,
        "headers": list(headers),
        "client": ("10.0.0.1", 9),
    }


def by_bytes(reader: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """A text that arrives byte by byte."""

    def read(text: bytes) -> None:
        for at in range(len(text)):
            reader(text[at : at + 1])

    return read


def packets(text: bytes) -> None:
    list(PacketReader().feed(text))


def commands(text: bytes) -> None:
    PushCommands().feed(text)


def commands_by_bytes(text: bytes) -> None:
    by_bytes(PushCommands().feed)(text)


def weights_by_bytes(text: bytes) -> None:
    by_bytes(Scale().weigh)(text)


def answers_by_bytes(text: bytes) -> None:
    by_bytes(PackWatch().feed)(text)


def headers_of(text: bytes) -> None:
    """Many headers of Mercurial's, in the worst order."""
    in_headers([(b"x-hgarg-%d" % number, b"x") for number in range(len(text) // 16, 0, -1)], b"x-hgarg-")


def commit(text: bytes) -> None:
    found = gitcommit._parsed(gitcommit.pygit2.Oid(hex="0" * 40), b"tree " + b"0" * 40 + b"\n" + text)
    patches.header(found)


ID = b"0123456789" * 4
OLD, LINE = ID + b" " + ID, pkt(ID + b" " + ID + b" refs/heads/x")
JSON = [
    b"[",
    b"{",
    b'{"a":',
    b"[[",
    b'"',
    b"\\",
    b'\\"',
    b'"\\\\',
    b",",
    b":",
    b"1,",
    b'"a":1,',
    b" ",
    b"\xff",
    b"\xc3",
    b"9",
    b"-",
    b"e",
    b"1e",
    b"\\ud800",
    b"t",
    b'{"":0},',
    b"[]",
    b"[],",
    b'"api_key":',
    b'"api_key" ',
]
ADDRESS = [b"10.0.0.2,", b",", b"x,", b" ", b"[", b"]", b":", b'"', b"::1,", b"10.0.0.2:1,", b"1", b".", b"\xff"]
XML = [
    b"<",
    b"<a>",
    b"<a/>",
    b"</a>",
    b"&",
    b"&amp;",
    b"&#10;",
    b"<!--",
    b"<![CDATA[",
    b"]]>",
    b" ",
    b"x",
    b"<?",
    b"<a b='",
    b" b='c'",
    b"<a xmlns:b='c'>",
    b"<a xmlns:b='c'/>",
    b"\xc3\xa9",
    b"<href>",
    b"<href>/x</href>",
    b"\r\n",
    b"%41",
]
PATH = [
    b"/",
    b"%",
    b"%2f",
    b"%2F",
    b"%25",
    b"/.",
    b"/..",
    b"a/",
    b"%00",
    b"\xc3\xa9",
    b"\xff",
    b"?",
    b"#",
    b"%2",
    b"//",
    b"/a%",
]
CONDITION = [
    b"<",
    b"<a>",
    b"(",
    b"(<",
    b"(<a>)",
    b"([",
    b"([a])",
    b")",
    b" ",
    b"\t",
    b"(<a>) ",
    b"<http://x/scm/group/name/a>",
    b"<http://x/scm/group/name/a> (<b>) ",
    b"(Not ",
    b"(((",
    b"(<a> [b])",
]
QUERY = [
    b"&",
    b"=",
    b"a=1&",
    b"%",
    b"%41",
    b"+",
    b"a",
    b"%%%",
    b"\xff",
    b"cmd=",
    b"cmd=x&",
    b"&&",
    b";",
    b"p=1&",
    b"r=1&",
    b"service=git-upload-pack&",
    b"service=",
]
PACKET = [
    b"0000",
    b"0001",
    b"0004",
    b"0005x",
    b"ffff",
    b"000",
    b"0",
    pkt(b"x"),
    LINE,
    pkt(ID),
    pkt(b"shallow " + ID),
    pkt(OLD + b" r\0" + b"a " * 50),
    pkt(b"push-cert"),
    pkt(b"\1PACK"),
    b"PACK",
]
NAME = [
    "a",
    "\u0300",
    "a\u0300\u0327",
    "\u0327\u0300",
    "/",
    "a/",
    "//",
    ".",
    "..",
    "-",
    " ",
    "_",
    "_1",
    "0",
    "\0",
    "\ud800",
    "\U0001f600",
    "\ufdfa",
    "\u00df",
    "\u0130",
    "İ",
    ".git",
    "\u202e",
    "@",
    "%",
    "\uac00",
    "\u1100\u1161",
]
EXTERNALS = [b"x", b" ", b"\n", b'"', b"\\", b"-r1 ", b"-r ", b"//h n\n", b"@1", b"/", b"#", b"\xff"]
LINE_OF = [
    b"<",
    b">",
    b" ",
    b"a",
    b"<a>",
    b"\n",
    b"\n\n",
    b"author ",
    b"author a <b> 1 +0000\n",
    b"parent ",
    b"parent " + ID + b"\n",
    b"tree ",
    b"encoding utf-8\n",
    b"encoding ",
    b"1 ",
    b"9",
    b"\0",
    b" \t",
    b"\xff",
    b"> 1",
]
TREE = [b"100644 a\0" + b"x" * 20, b"0 a\0" + b"x" * 20, b" ", b"\0", b"0", b"40000 ", b"a\0"]
DELTA = [b"SVN\0", b"SVN\1", b"\0", b"\1", b"\x80", b"\xff", b"\0\0\1\0\1x", b"\0\0\x84\0\0\0", b"\0\0\x84\0\1\1xx"]
FIELDS = [",", "\\,", "\\", "a=b,", "a", "=", "a=b\\,", "=,", " ,"]
WORDS = ["a", " ", "*", "?", "[", "[!", "[a-", "*a", "**", "]", "[]", "\\"]
REMOTE = ["http://", "a", "@", ":", "/", "[", "]", "%", "?", "#", "\\", ".", "http://a@", "-", "\u2100", "\uff0f"]
TEXT = ["a", "\0", "\ud800", "\n", "\x1b", "\u202e", "é", "\U0001f600", "\r\n", "\x1b[31m"]
BASIC = [b"A", b"=", b" ", b"QQ==", b"////", b"Og==", b"\xff", b"Ojo6", b":"]

BYTES: dict[str, tuple[Callable[[Any], object], Iterable[bytes], bytes, bytes]] = {
    # What reads; what it is given again and again; what stands before and behind that.
    "calls": (lambda text: decode(text, max_depth=64), JSON, b"", b""),
    "calls with an argument": (lambda text: decode(text, max_depth=64), JSON, b'{"args":', b"}"),
    "calls with a text": (lambda text: decode(text, max_depth=64), JSON, b'{"args":"', b'"}'),
    "keys of calls": (bodies._key_in, JSON, b"", b'"'),
    "keys in headers": (
        lambda text: key_in_headers(asked("/", b"", "POST", (b"authorization", text))),
        BASIC,
        b"Bearer ",
        b"",
    ),
    "forwarded addresses": (lambda text: PROXIES.behind("10.0.0.1", [(b"x-forwarded-for", text)]), ADDRESS, b"", b""),
    "forwarded headers": (
        lambda text: PROXIES.behind("10.0.0.1", [(b"x-forwarded-for", b"10.0.0.2")] * (len(text) // 8)),
        [b"x"],
        b"",
        b"",
    ),
    "passwords": (_basic, BASIC, b"Basic ", b""),
    "passwords in blanks": (_basic, BASIC, b"Basic QQ", b"=="),
    "packets": (packets, PACKET, b"", b""),
    "packets in pieces": (
        lambda text: by_bytes(lambda piece: list(PacketReader().feed(piece)))(text),
        PACKET,
        b"",
        b"",
    ),
    "commands": (commands, PACKET, b"", b""),
    "commands after one": (commands, PACKET, LINE, b""),
    "commands in pieces": (commands_by_bytes, PACKET, LINE, b""),
    "one packet in pieces": (commands_by_bytes, [b"x"], b"ffff", b""),
    "fetches": (lambda text: FetchCommand(versioned=True).feed(text), PACKET, b"", b""),
    "wants": (lambda text: WantReader().feed(text), [b"0031want " + b"1" * 40, b"0031wan", b"0005w"], b"", b""),
    "answers of git": (answers_by_bytes, PACKET, b"", b""),
    "git requests": (lambda text: git.recognise(asked("/x/info/refs", text)), QUERY, b"", b""),
    "bodies of Subversion": (lambda text: rewritten(text, lambda named: named), XML, b"", b""),
    "bodies of Subversion, inside": (
        lambda text: rewritten(text, lambda named: named),
        XML,
        b"<a xmlns='DAV:'>",
        b"</a>",
    ),
    "references": (lambda text: rewritten(text, lambda named: named), XML, b"<a xmlns='DAV:'><href>", b"</href></a>"),
    "attributes": (lambda text: rewritten(text, lambda named: named), XML, b"<a b='", b"'/>"),
    "errors of Subversion": (lambda text: _read(b"<D:error xmlns:D='DAV:'>" + text), XML, b"", b"</D:error>"),
    "paths": (parse_path, PATH, b"/", b""),
    "translated paths": (TRANSLATION.inwards, PATH, b"/scm/group/name", b""),
    "destinations": (TRANSLATION.destination, PATH, b"http://x/scm/group/name/", b""),
    "servers of references": (TRANSLATION.inwards, PATH, b"http://", b""),
    "conditions": (TRANSLATION.condition, CONDITION, b"", b""),
    "conditions that do not end": (TRANSLATION.condition, CONDITION, b"(", b""),
    "queries of Subversion": (lambda text: requests.query_of("GET", text), QUERY, b"", b""),
    "kinds of resources": (lambda text: requests.kind_of(parse_path(text).segments), PATH, b"/!svn/txr/1-1/", b""),
    "resources": (lambda text: requests.kind_of(parse_path(text).segments), PATH, b"/!svn/rvr/", b""),
    "locks": (lambda text: requests.check_lockable(parse_path(text).segments), PATH, b"/", b""),
    "clients of Subversion": (lambda text: svn.is_svn_request(asked("/", b"", "GET", (b"dav", text))), PATH, b"", b""),
    "differences": (lambda text: Scale().weigh(text), DELTA, b"SVN\0", b""),
    "differences in pieces": (weights_by_bytes, DELTA, b"SVN\0", b""),
    "externals": (externals_of, EXTERNALS, b"", b""),
    "one external": (externals_of, EXTERNALS, b"//h n", b""),
    "arguments of Mercurial": (hg_arguments.parse, QUERY, b"", b""),
    "one argument of Mercurial": (hg_arguments.parse, QUERY, b"a=", b""),
    "headers of Mercurial": (headers_of, [b"x"], b"", b""),
    "requests of Mercurial": (lambda text: hg.recognise(asked("/x", text)), QUERY, b"cmd=x&", b""),
    "commits": (commit, LINE_OF, b"", b""),
    "authors": (commit, LINE_OF, b"author ", b"\n\nmessage"),
    "messages": (commit, LINE_OF, b"author a <b> 1 +0000\n\n", b""),
    "who did it": (gitcommit._who, LINE_OF, b"", b""),
    "when it was": (gitcommit._time_of, LINE_OF, b"", b""),
    "where it was then": (gitcommit.zoned, LINE_OF, b"", b""),
    "trees": (entries_of, TREE, b"", b""),
    "lines of a file": (lines_of, LINE_OF, b"", b""),
}

IN_PIECES = {
    "packets in pieces",
    "commands in pieces",
    "one packet in pieces",
    "answers of git",
    "differences in pieces",
}

TEXTS: dict[str, tuple[Callable[[str], object], Iterable[str], str, str]] = {
    "keys of names": (names.key_of, NAME, "", ""),
    "keys of accounts": (names.account_key_of, NAME, "", ""),
    "accounts that are guessed at": (_account, NAME, "", ""),
    "paths of names": (names.path_of, NAME, "", ""),
    "names with groups": (names.check_path, NAME, "", ""),
    "segments": (names.check_segment, NAME, "", ""),
    "user names": (names.check_username, NAME, "", ""),
    "user groups": (names.check_user_group, NAME, "", ""),
    "field keys": (names.check_field_key, NAME, "", ""),
    "e-mail addresses": (names.check_email, NAME, "", ""),
    "ids": (accounts.id_in, ["9", "0", "\u0663"], "", ""),
    "clean texts": (names.is_clean_text, NAME, "", ""),
    "flags": (lambda text: arguments._flag(None, None, text), NAME, "", ""),  # type: ignore[arg-type]
    "texts": (lambda text: arguments._text(None, None, text), NAME, "", ""),  # type: ignore[arg-type]
    "shown paths": (texts.shown_path, NAME, "", ""),
    "descriptions": (bounds.check_description, TEXT, "", ""),
    "labels": (bounds.check_label, TEXT, "", ""),
    "comments": (lambda text: bounds.check_comment(text, 64 << 10), TEXT, "", ""),
    "fields": (parse_fields, FIELDS, "", ""),
    "landing revisions": (check_landing_rev, FIELDS, "branch:", ""),
    "lines that are commented": (lambda text: place_of("a", text), NAME, "n", ""),
    "patterns of methods": (lambda text: get_method(None, text), WORDS, "", ""),  # type: ignore[arg-type]
    "moments": (lambda text: _moment(text, ""), ["2", "-", "2014-03-05", "T", ":"], "2014-03-05T", ""),
    "remote addresses": (parse_remote, REMOTE, "http://", ""),
    "networks": (parse_network.__wrapped__, ["1", ".", "/", ":", " ", "10.0.0.0/8"], "", ""),
    "addresses": (lambda text: is_allowed(text, ["10.0.0.0/8"]), ["1", ".", ":", "::", "%"], "", ""),
    "neighbours": (neighbourhood, ["1", ".", ":", "::", "%"], "fe80::1%", ""),
    "paths in repositories": (clean_path, NAME, "", ""),
    "texts that are cut": (lambda text: cut(text, 1000), TEXT, "", ""),
    "lines of the log": (harmless, TEXT, "", ""),
    "paths of the API": (is_api_path, ["/", "_admin/", "//_admin/api"], "", ""),
    "paths of git": (lambda text: git.recognise(asked(text + "/info/refs", b"")), NAME, "/", ""),
    "paths of Mercurial": (lambda text: hg.recognise(asked(text, b"cmd=x")), NAME, "/", ""),
}


def check(read: Callable[[Any], object], pieces: Iterable[Any], before: Any, behind: Any, most: int = MOST) -> None:
    def work(text: Any) -> None:
        with contextlib.suppress(REFUSALS):
            read(text)

    for piece in pieces:
        assert_linear(
            work,
            lambda size, piece=piece: before + piece * (size // len(piece) + 1) + behind,
            most=most,
            what=f"{before[:20]!r}, {piece[:40]!r} again and again",
        )


@pytest.mark.parametrize("what", BYTES)
def test_every_parser_takes_time_by_the_length(what: str) -> None:
    check(*BYTES[what], most=MOST_PIECES if what in IN_PIECES else MOST)


@pytest.mark.parametrize("what", TEXTS)
def test_every_rule_for_texts_takes_time_by_the_length(what: str) -> None:
    check(*TEXTS[what])
