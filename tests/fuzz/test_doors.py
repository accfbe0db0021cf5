# SPDX-License-Identifier: GPL-3.0-or-later
"""Nonsense for every door: no answer is our fault, nobody dies, and nothing is left (issue 8, part 6).

`make fuzz FUZZ_SECONDS=3600` tries for longer, with other dice each time.
"""

from __future__ import annotations

import json
import random
import time
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.mutation import mutated
from tests.fuzz.watch import DOORS, SECONDS, Watched, dice_of, post, squeezed
from tests.support.browser import Browser
from tests.support.clients import unique
from tests.support.raw import pkt
from tests.support.values import BAD_SEGMENTS, GOOD_SEGMENTS
from trivium.web.registering import every_view
from trivium.web.views import load as load_views

ZERO = "0" * 40
JSON_WORDS = [
    b'"api_key":',
    b'"args":',
    b"null",
    b"true",
    b"[",
    b"{",
    b'{"a":',
    b"[[[[[[[[",
    b"1e999",
    b"-",
    b'"\\ud800"',
    b'"\\u0000"',
    b"\\",
    b'"',
    b",",
    b":",
    b"}",
    b"]",
]
HEAD_WORDS = [
    b"\r\n",
    b"\r\n\r\n",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: Upgrade\r\n",
    b"Upgrade: h2c\r\n",
    b"Host: y\r\n",
    b"X: y\r\n",
    b"Expect: 100-continue\r\n",
    b" HTTP/1.1\r\n",
    b"\r\n 0\r\n\r\n",
    b"Authorization: Basic Og==\r\n",
    b"/!svn/",
    b"?cmd=",
    b"/_admin/api",
    b"/_file_store/download/",
    b"Range: bytes=0-\r\n",
    b"Content-Encoding: gzip\r\n",
    b"If: ",
    b"GET ",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]
PACKET_WORDS = [
    b"0000",
    b"0001",
    b"0002",
    b"0004",
    b"ffff",
    b"fff0",
    b"0005a",
    b"PACK",
    b"\0\0\0\2",
    b"\0\0\0\xff",
    b"want ",
    b"have ",
    b"done\n",
    b"deepen 1\n",
    b"filter blob:none\n",
    b"command=fetch",
    b"command=ls-refs",
    b"push-cert\0",
    b"refs/heads/",
    b"../",
    b"shallow ",
    b" atomic",
    b" push-options",
    b"0009done\n",
]
HG_WORDS = [
    b"HG20",
    b"HG10",
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"CHANGEGROUP",
    b"phase-heads",
    b"replycaps",
    b"Compression=ZS",
    b"check:heads",
    b"pushkey",
    b"stream2",
    b"bookmarks",
    b";",
    b"=",
    b",",
    b" ",
]
XML_WORDS = [
    b"<D:href>",
    b"</D:href>",
    b"<D:prop>",
    b"<D:allprop/>",
    b"xmlns:D=",
    b"<!DOCTYPE a [",
    b"<!ENTITY a 'b'>",
    b"&a;",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"-->",
    b"<?xml version='1.0' encoding='utf-16'?>",
    b"&#0;",
    b"&#xD800;",
    b"&#65;",
    b"<S:revision>",
    b"<S:path>",
    b"<S:src-path>",
    b"/!svn/txn/",
    b"<a>",
    b"<a b='c'/>",
]
PATH_WORDS = [
    b"/!svn/",
    b"rvr/",
    b"txr/",
    b"txn/",
    b"ver/",
    b"bc/",
    b"vcc/default",
    b"act/",
    b"wrk/",
    b"wbl/",
    b"me",
    b"rev/1",
    b"/",
    b"..",
    b"%2e",
    b"%2f",
    b"%25",
    b"%00",
    b"1",
    b"99999999999",
    b"?p=1",
    b"&r=1",
    b"docs/0.txt",
    b"#",
]
PAGE_WORDS = [
    b"/",
    b"..",
    b"...",
    b"@",
    b"%2f",
    b"%25",
    b"<?t x?>",
    b"<?c?>",
    b"&",
    b"=",
    b"tip",
    b"raw/",
    b"files/",
    b"_1",
    b"~",
    b".tar.gz",
    b"99999999999999999999",
    b"-1",
    b"api_key=",
    b"&page=",
    b"&context=",
]
PAGE_HEADERS = [
    b"X-Requested-With: XMLHttpRequest",
    b"Accept-Encoding: gzip",
    b"Range: bytes=0-0",
    b"Range: bytes=-1",
    b"Range: bytes=99999999999999999999-",
    b"If-None-Match: *",
    b'If-Range: "x"',
    b"Accept-Language: de;q=9,\xff",
    b"Origin: null",
    b"X-Rc-Auth-Token: \xff",
    b"X-Forwarded-For: 1.1.1.1",
    b"Content-Type: application/x-www-form-urlencoded",
]
COMMANDS = (
    "batch",
    "between",
    "branches",
    "branchmap",
    "capabilities",
    "changegroup",
    "changegroupsubset",
    "clonebundles",
    "debugwireargs",
    "getbundle",
    "heads",
    "hello",
    "known",
    "listkeys",
    "lookup",
    "protocaps",
    "pushkey",
    "stream_out",
    "unbundle",
    "nonsense",
)


class Calls:
    """Calls of every method with one argument that is not what it should be."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        root = watched.root
        self.ada = root.new_user()
        self.methods = [
            (
                one["name"],
                [param["name"] for param in one["params"]],
                [p["name"] for p in one["params"] if p.get("required")],
            )
            for one in root.envelope("rpc.discover")["result"]["methods"]
        ]
        self._repository = root.new_repo()
        said = root("comment_commit", repoid=watched.names["git"], commit_id="tip", message="x")
        self._base = {
            "comment_id": said["comment_id"],
            "context": "ci",
            "state": "success",
            "content": "YQ==",
            "repogroupid": root.new_repo_group().id,
            "usergroupid": root.new_user_group().id,
            "sourceusergroupid": root.new_user_group().id,
            "userid": self.ada.id,
            "revision": "tip",
            "start_rev": "0",
            "limit": 2,
            "root_path": "",
            "branch": "master",
            "message": "x",
            "files": {"a.txt": {"content": "x"}},
            "gistid": "1",
            "commit_id": "tip",
            "raw_id": "tip",
            "file_path": "docs/0.txt",
            "settings": {},
            "exc_data_json": "{}",
            "perm": "repository.read",
            "repo_type": "git",
        }

    def value_of(self, method: str, name: str, kind: str) -> Any:
        """Something that works."""
        if name == "repoid":
            reads = method.startswith(("get_", "comment_", "changeset_", "set_commit_"))
            return self._watched.names[kind] if reads else self._repository.name
        return self._base.get(name, unique("fuzz"))


def test_any_value_for_any_argument(watched: Watched) -> None:
    calls = Calls(watched)
    hostile = [
        *BAD_SEGMENTS,
        *GOOD_SEGMENTS,
        ZERO,
        "tip",
        "-1",
        "a" * 300,
        "\0",
        "\ud800",
        "http://127.0.0.1:1/x",
        "1" * 400,
    ]
    scalars = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(-(2**70), 2**70),
        st.floats(),
        st.text(max_size=30),
        st.sampled_from(hostile),
    )
    values = st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
        max_leaves=20,
    )
    dice, until_then = dice_of("calls"), time.monotonic() + SECONDS / DOORS
    count = 0

    def call(data: st.DataObject, method: tuple[str, list[str], list[str]], kind: str) -> None:
        nonlocal count
        name, parameters, needed = method
        args = {one: calls.value_of(name, one, kind) for one in needed}
        for one in data.draw(st.lists(st.sampled_from(parameters), max_size=2, unique=True)) if parameters else ():
            args[one] = data.draw(values)
        key = data.draw(st.sampled_from([watched.root.key, watched.root.key, calls.ada.key]))
        body = json.dumps({"id": 1, "api_key": key, "method": name, "args": args}).encode()
        status, _, said = watched.root.post(body)
        assert status == 200, (status, said[:300], body[:3000])
        answer = json.loads(said)
        # What cannot be used is called so where a method has no words of its own (api-users.md 2.5), with the reason.
        assert answer.get("error") != "Internal server error" or answer.get("error_detail"), body[:3000]
        count += 1

    with watched.bounded():
        while time.monotonic() < until_then:
            # A few at a time: they cannot be ended in between.
            few = settings(
                max_examples=60,
                derandomize=False,
                database=None,
                suppress_health_check=list(HealthCheck),
                print_blob=True,
            )
            drawn = given(st.data(), st.sampled_from(calls.methods), st.sampled_from(["git", "hg", "svn"]))
            seed(dice.getrandbits(64))(few(drawn(call)))()
    print(f"calls: {count}")
    watched.check("calls")


def test_bodies_that_are_nearly_calls(watched: Watched) -> None:
    key = watched.root.key
    good = [
        json.dumps({"id": 1, "api_key": key, "method": method, "args": args}).encode()
        for method, args in (
            ("get_user", {}),
            ("get_repos", {}),
            ("get_repo", {"repoid": watched.names["git"]}),
            ("get_repo_nodes", {"repoid": watched.names["hg"], "revision": "tip", "root_path": "/", "details": "full"}),
            ("create_gist", {"files": {"a.txt": {"content": 'a\u00e9"\\' * 20}}, "lifetime": 10}),
            ("get_ip", {"userid": "root"}),
        )
    ]

    def make(dice: random.Random) -> bytes:
        body = mutated(dice, dice.choice(good), JSON_WORDS, good)
        headers = [b"Content-Type: application/json"]
        if not dice.randrange(4):
            headers.append(mutated(dice, b"X-Rc-Auth-Token: " + key.encode()).translate(None, b"\r\n\0"))
        return post(b"/_admin/api", body, *headers)

    watched.run("bodies", make)


def test_heads_that_are_nearly_heads(watched: Watched) -> None:
    names = {kind: name.encode() for kind, name in watched.names.items()}
    signed = watched.authorization
    file = watched.root("file_store_add", filename="a.png", content="iVBORw0KGgo=")["access_path"].encode()
    good = [
        b"GET /_admin/ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        post(b"/_admin/api", b'{"id":1}', b"Content-Type: application/json"),
        (
            b"POST /_admin/api HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            b'8\r\n{"id":1}\r\n0\r\n\r\n'
        ),
        b"GET /%b/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%b\r\n"
        % (names["git"], signed),
        b"GET /%b?cmd=heads HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept: application/mercurial-0.1\r\n"
        b"X-HgArg-1: a=b\r\n%b\r\n" % (names["hg"], signed),
        b"PROPFIND /%b HTTP/1.1\r\nHost: x\r\nConnection: close\r\nDepth: 1\r\nDAV: http://subversion.tigris.org/xmlns/dav/svn/depth\r\n"
        b"%b\r\n" % (names["svn"], signed),
        b"GET /%b/docs/0.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%b\r\n" % (names["svn"], signed),
        b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Rc-Auth-Token: %b\r\n\r\n"
        % (file, watched.root.key.encode()),
    ]
    # Something behind it that closes the connection, unless that has become part of it.
    watched.run("heads", lambda dice: mutated(dice, dice.choice(good), HEAD_WORDS, good) + good[0], kept=True)


def test_addresses_that_are_nearly_pages(watched: Watched) -> None:
    load_views()
    browser = Browser(watched.server.url)
    assert browser.sign_in(watched.who).status == 302
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items()).encode()
    names = [name.encode() for name in watched.names.values()]
    given = [b"tip", b"docs", b"docs/0.txt", b"master", b"tip.zip", b"root", b"branch@master...rev@tip", b"1"]
    given += [raw_id.encode() for ids in watched.ids.values() for raw_id in ids]
    views = [(view, rule) for view in every_view() for rule in view.rules]
    queries = [
        b"page=2&size=10&after=1&before=1&q=x&query=x&sort=name&kind=git",
        b"context=5&ignorews=1&fulldiff=1&layout=split&wrap=0&parent=1",
        b"diff1=tip&diff2=tip&diff=raw&at_rev=tip&no-render=1&changes=1&find=x",
        b"target_repo=%b&merge=1&left=tip&right=tip&branch=master" % names[0],
        b"default_encoding=utf-16&came_from=/x&subrepos=true&no_cache=1&api_key=x",
    ]

    def make(dice: random.Random) -> bytes:
        view, rule = dice.choice(views)
        pieces = [dice.choice(given) if "{" in one else one.encode() for one in rule.segments]
        path = b"/".join([dice.choice(names), *pieces] if view.of_repository else pieces)
        if dice.randrange(2):
            path = mutated(dice, path, PAGE_WORDS, given)[:7000]
        address = b"/" + _in_address(path)
        query = dice.choice(queries)
        address += b"?" + _in_address(mutated(dice, query, PAGE_WORDS, queries) if dice.randrange(3) else query)[:7000]
        headers = [b"Cookie: " + (mutated(dice, cookies) if not dice.randrange(8) else cookies)]
        headers += dice.sample(PAGE_HEADERS, dice.randrange(4))
        headers = [one.translate(None, b"\r\n\0")[:4000] for one in headers]
        return post(address, b"", *headers, method=dice.choice((b"GET", b"GET", b"GET", b"HEAD", b"POST", b"DELETE")))

    watched.run("pages", make)


def test_packets_that_are_nearly_gits(watched: Watched) -> None:
    tip, name = watched.ids["git"][-1], watched.names["git"].encode()
    want = pkt(f"want {tip} multi_ack_detailed side-band-64k thin-pack ofs-delta agent=git/2\n")
    second = (
        pkt("command=fetch") + pkt("agent=git/2") + b"0001" + pkt("thin-pack") + pkt(f"want {tip}\n") + pkt("done\n")
    )
    pack = watched.git.run("pack-objects", "--stdout", "--all", cwd=watched.copies["git"]).stdout
    push = pkt(f"{ZERO} {tip} refs/heads/fuzz\0 report-status side-band-64k agent=git/2")
    fetches = [
        want + b"0000" + pkt("done\n"),
        want + pkt(f"have {watched.ids['git'][0]}\n") + b"0000" + pkt("done\n"),
        second + b"0000",
        pkt("command=ls-refs") + b"0001" + pkt("peel\n") + pkt("ref-prefix refs/\n") + b"0000",
        want + pkt("deepen 1\n") + b"0000" + pkt("done\n"),
    ]
    pushes = [
        push + b"0000" + pack,
        push + pkt(f"{ZERO} {tip} refs/tags/fuzz") + b"0000" + pack,
        pkt(f"{ZERO} {ZERO} refs/heads/none\0 report-status") + b"0000",
        b"0000",
    ]

    def make(dice: random.Random) -> bytes:
        service, good = dice.choice(((b"upload", fetches), (b"receive", pushes)))
        body = mutated(dice, dice.choice(good), PACKET_WORDS, good)
        headers = [*watched.signed(dice), b"Content-Type: application/x-git-%b-pack-request" % service]
        if dice.randrange(2):
            headers.append(
                b"Git-Protocol: " + dice.choice((b"version=2", b"version=1", b"version=9", b"version=2:x", b"\xff"))
            )
        if not dice.randrange(4):
            headers.append(b"Content-Encoding: gzip")
            body = squeezed(body) if dice.randrange(4) else mutated(dice, squeezed(body))
        return post(b"/%b/git-%b-pack" % (name, service), body, *headers)

    watched.run("git", make)


def test_what_is_nearly_mercurials(watched: Watched) -> None:
    first, *_, tip = watched.ids["hg"]
    name = watched.names["hg"].encode()
    copy = watched.copies["hg"]
    bundles = []
    for kind in ("none-v2", "gzip-v1", "zstd-v2"):
        _bundle(copy, kind)
        bundles.append((copy / "fuzz.hg").read_bytes())
    arguments = [
        b"cmds=heads+%3Bknown+nodes%3D" + tip.encode(),
        b"nodes=" + tip.encode(),
        b"pairs=%b-%b" % (tip.encode(), first.encode()),
        b"key=tip",
        b"namespace=bookmarks",
        b"namespace=phases",
        b"namespace=bookmarks&key=fuzz&old=&new=" + tip.encode(),
        b"heads=%b&common=%b&bundlecaps=HG20,bundle2%%3DHG20&cg=1&phases=1&listkeys=bookmarks"
        % (tip.encode(), first.encode()),
        b"heads=666f726365",
        b"roots=%b" % first.encode(),
        b"bases=%b&heads=%b" % (first.encode(), tip.encode()),
        b"",
    ]

    def make(dice: random.Random) -> bytes:
        command = dice.choice(COMMANDS).encode()
        text = mutated(dice, dice.choice(arguments), HG_WORDS, arguments)
        headers = [*watched.signed(dice), b"Accept: application/mercurial-0.1"]
        query, body, method = b"cmd=" + command, b"", b"GET"
        match dice.randrange(3):
            case 0:
                query += b"&" + _in_address(text)
            case 1:
                for number, at in enumerate(range(0, min(len(text), 20_000), 800), 1):
                    headers.append(b"X-HgArg-%d: " % number + text[at : at + 800].translate(None, b"\r\n\0"))
            case 2:
                headers.append(
                    b"X-HgArgs-Post: " + dice.choice((b"%d" % len(text), b"%d" % len(text), b"-1", b"99999999", b"x"))
                )
                body, method = text, b"POST"
        if command == b"unbundle":
            body, method = body + mutated(dice, dice.choice(bundles), HG_WORDS, bundles), b"POST"
            headers.append(b"Content-Type: application/mercurial-0.1")
        return post(b"/%b?%b" % (name, query), body, *headers, method=method)

    watched.run("hg", make)


def _bundle(copy: Any, kind: str) -> None:
    from tests.support.hg_client import Hg

    Hg(copy.parent).run("bundle", "--all", "--type", kind, str(copy / "fuzz.hg"), cwd=copy)


def _in_address(text: bytes) -> bytes:
    """As far as it can stand in a request line."""
    return b"".join(bytes([one]) if 0x21 <= one < 0x7F else b"%%%02x" % one for one in text[:20_000])


def test_xml_that_is_nearly_subversions(watched: Watched) -> None:
    name = watched.names["svn"].encode()
    dav, svn = b'xmlns:D="DAV:"', b'xmlns:S="svn:"'
    good = [
        (b"PROPFIND", b"", b"<D:propfind %b><D:allprop/></D:propfind>" % dav),
        (
            b"PROPFIND",
            b"/docs",
            b"<D:propfind %b><D:prop><D:resourcetype/><D:version-name/></D:prop></D:propfind>" % dav,
        ),
        (b"OPTIONS", b"", b"<D:options %b><D:activity-collection-set/></D:options>" % dav),
        (
            b"REPORT",
            b"/!svn/me",
            b'<S:update-report send-all="true" %b><S:src-path>/%b</S:src-path><S:target-revision>3'
            b'</S:target-revision><S:depth>infinity</S:depth><S:entry rev="1"></S:entry></S:update-report>'
            % (svn, name),
        ),
        (
            b"REPORT",
            b"/!svn/rvr/3",
            b"<S:log-report %b><S:start-revision>3</S:start-revision><S:end-revision>0</S:end-revision>"
            b"<S:limit>5</S:limit><S:discover-changed-paths/><S:path></S:path></S:log-report>" % svn,
        ),
        (
            b"REPORT",
            b"/!svn/rvr/3",
            b"<S:get-locations %b><S:path>docs/0.txt</S:path><S:peg-revision>3</S:peg-revision>"
            b"<S:location-revision>1</S:location-revision></S:get-locations>" % svn,
        ),
        (
            b"REPORT",
            b"/!svn/rvr/3",
            b"<S:mergeinfo-report %b><S:revision>3</S:revision><S:inherit>explicit</S:inherit>"
            b"<S:path></S:path></S:mergeinfo-report>" % svn,
        ),
        (
            b"REPORT",
            b"/!svn/rvr/3",
            b"<S:file-revs-report %b><S:start-revision>0</S:start-revision><S:end-revision>3"
            b"</S:end-revision><S:path>docs/0.txt</S:path></S:file-revs-report>" % svn,
        ),
        (
            b"REPORT",
            b"/!svn/me",
            b"<S:dated-rev-report %b %b><D:creationdate>2020-01-01T00:00:00Z</D:creationdate>"
            b"</S:dated-rev-report>" % (svn, dav),
        ),
        (
            b"REPORT",
            b"/!svn/me",
            b"<S:replay-report %b><S:revision>2</S:revision><S:low-water-mark>0</S:low-water-mark>"
            b"<S:send-deltas>1</S:send-deltas></S:replay-report>" % svn,
        ),
        (b"REPORT", b"/docs", b"<S:get-locks-report depth='infinity' %b/>" % svn),
        (b"MERGE", b"", b"<D:merge %b><D:source><D:href>/%b/!svn/txn/3-1</D:href></D:source></D:merge>" % (dav, name)),
        (
            b"PROPPATCH",
            b"/!svn/txr/3-1",
            b"<D:propertyupdate %b><D:set><D:prop><x>y</x></D:prop></D:set></D:propertyupdate>" % dav,
        ),
        (
            b"LOCK",
            b"/docs/0.txt",
            b"<D:lockinfo %b><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>"
            b"<D:owner>x</D:owner></D:lockinfo>" % dav,
        ),
        (
            b"CHECKOUT",
            b"/!svn/vcc/default",
            b"<D:checkout %b><D:activity-set><D:href>/%b/!svn/act/x</D:href></D:activity-set>"
            b"</D:checkout>" % (dav, name),
        ),
        (b"POST", b"/!svn/me", b"( create-txn-with-props ( svn:log 1 x ) )"),
    ]
    bodies = [body for _, _, body in good]

    def make(dice: random.Random) -> bytes:
        method, path, body = dice.choice(good)
        body = mutated(dice, body, XML_WORDS, bodies)
        if not dice.randrange(6):
            path = _in_address(mutated(dice, path, PATH_WORDS))
        headers = [
            *watched.signed(dice),
            b"Depth: " + dice.choice((b"0", b"1", b"infinity", b"x")),
            b"User-Agent: SVN/1.14",
        ]
        headers.append(b"Content-Type: " + (b"application/vnd.svn-skel" if method == b"POST" else b"text/xml"))
        return post(b"/" + name + path, body, *headers, method=method)

    watched.run("xml", make)


def test_headers_that_are_nearly_subversions(watched: Watched) -> None:
    name = watched.names["svn"].encode()
    text = (b"Content-Type: application/vnd.svn-skel",)
    made = watched.send(post(b"/%b/!svn/me" % name, b"( create-txn )", watched.authorization.rstrip(), *text))
    _, _, transaction = made.lower().partition(b"svn-txn-name: ")
    work = b"/!svn/txr/" + transaction.partition(b"\r")[0]
    assert transaction
    good = [
        (
            b"PUT",
            work + b"/a.txt",
            [b"Content-Type: application/vnd.svn-svndiff", b"X-SVN-Version-Name: 1"],
            b"SVN\0\0\0\3\1\3\x83abc",
        ),
        (b"PUT", work + b"/docs/0.txt", [b"X-SVN-Result-Fulltext-MD5: 0", b"If: (<opaquelocktoken:1>)"], b"plain"),
        (
            b"COPY",
            b"/!svn/rvr/1/docs",
            [b"Destination: http://x/" + name + work + b"/copy", b"Depth: infinity", b"Overwrite: T"],
            b"",
        ),
        (b"MOVE", work + b"/a.txt", [b"Destination: /" + name + work + b"/b.txt"], b""),
        (b"MKCOL", work + b"/new", [], b""),
        (b"DELETE", work + b"/docs/1.txt", [b"X-SVN-Version-Name: 3"], b""),
        (
            b"GET",
            b"/docs/0.txt",
            [b"Range: bytes=0-5", b"If-None-Match: *", b"Accept: */*", b"Accept-Encoding: svndiff1"],
            b"",
        ),
        (b"HEAD", b"/!svn/rvr/3/docs", [b"Label: x"], b""),
        (b"PROPFIND", b"/!svn/vcc/default", [b"Label: 2", b"Depth: 0"], b""),
        (b"UNLOCK", b"/docs/0.txt", [b"Lock-Token: <opaquelocktoken:x>", b"X-SVN-Options: lock-break"], b""),
        (
            b"LOCK",
            b"/docs/0.txt",
            [b"Timeout: Infinite", b"If: <http://x/" + name + b'/docs/0.txt> (<opaquelocktoken:x>) (Not ["a"])'],
            b"",
        ),
        (b"MKACTIVITY", b"/!svn/act/fuzz", [], b""),
        (
            b"POST",
            b"/!svn/me",
            [b"Content-Type: application/vnd.svn-skel", b"SVN-Txn-Name: x", b"SVN-VTxn-Name: y"],
            b"( create-txn )",
        ),
    ]
    everything = [header for _, _, headers, _ in good for header in headers]

    def make(dice: random.Random) -> bytes:
        method, path, headers, body = dice.choice(good)
        given = [*watched.signed(dice), b"User-Agent: SVN/1.14"]
        for header in [*headers, *dice.choices(everything, k=dice.randrange(3))]:
            label, _, value = header.partition(b": ")
            if dice.randrange(2):
                value = mutated(
                    dice, value, [*PATH_WORDS, b"<", b">", b"(", b")", b"[", b"]", b"opaquelocktoken:"], everything
                )
            given.append(label + b": " + value.translate(None, b"\r\n\0")[:20_000])
        if dice.randrange(2):
            path = _in_address(mutated(dice, path, PATH_WORDS))
        return post(b"/" + name + path, mutated(dice, body) if dice.randrange(2) else body, *given, method=method)

    watched.run("headers", make)
