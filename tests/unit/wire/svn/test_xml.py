# SPDX-License-Identifier: GPL-3.0-or-later
"""XML of clients: what is passed on is what was understood, whatever else another parser could have seen in it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.growth import assert_linear
from trivium.wire.admission import Refused
from trivium.wire.svn.paths import Translation
from trivium.wire.svn.xml import rewritten

HERE = Translation(("own",), "7-abc", b"http://apache")
MERGE = '<?xml version="1.0" encoding="utf-8"?><D:merge xmlns:D="DAV:"><D:source>{}</D:source></D:merge>'


def reference(given: bytes) -> bytes:
    return HERE.inwards(given)[0]


def passed(xml: str) -> ElementTree.Element:
    return ElementTree.fromstring(rewritten(xml.encode(), reference).text)


def test_references_are_translated_and_everything_else_stays() -> None:
    document = rewritten(
        b'<S:update-report xmlns:S="svn:" send-all="true"><S:src-path>\n http://h/own/trunk </S:src-path>'
        b'<S:entry rev="3" a="&quot;&#10;&#13;&lt;">x &lt;D:href&gt;/own&#13; &amp;</S:entry></S:update-report>',
        reference,
    )
    assert (document.namespace, document.name) == ("svn:", "update-report")
    root = ElementTree.fromstring(document.text)
    assert root.tag == "{svn:}update-report" and root.attrib == {"send-all": "true"}
    assert root[0].text == "/7-abc/trunk"
    assert root[1].text == "x <D:href>/own\r &" and root[1].attrib == {"rev": "3", "a": '"\n\r<'}


@pytest.mark.parametrize("href", [
    '<\u00e9:href xmlns:\u00e9="DAV:">{}</\u00e9:href>',
    "<D:href>" + " " * 140000 + "{}" + " " * 10 + "</D:href>",
    "<D:href>/own<!-- -->/..{}</D:href>",
    "<D:href>/own<![CDATA[/..{}]]></D:href>",
    "<D:href><![CDATA[{}]]></D:href>",
    '<href xmlns="DAV:">{}</href>',
    "<D:href>/own/x<D:x/>{}</D:href>",
    "<D:href><D:href>/own</D:href>{}</D:href>",
    "<D:href>/own</D:href><D:href>{}</D:href>",
    '<x:src-path xmlns:x="other:">{}</x:src-path>',
    "<D:href\n>&#x2f;7-abc<!---->{}</D:href>",
    "<D:href>/own<?p?>/..{}</D:href>",
])  # fmt: skip
def test_no_spelling_of_a_reference_gets_past_the_look_at_it(href: str) -> None:
    with pytest.raises(Refused):
        passed(MERGE.format(href.format("/8-other/!svn/txn/1-1")))
    assert rewritten(MERGE.format("<D:href>/own/a</D:href>").encode(), reference).text.count(b"/7-abc/a") == 1


def test_comments_and_instructions_do_not_arrive() -> None:
    text = rewritten(
        b'<?xml version="1.0"?><!-- a --><?b c?><x xmlns="DAV:"><!-- d --><?e?><![CDATA[<f>]]></x><!-- g -->'
    ).text
    assert text == b'<?xml version="1.0" encoding="utf-8"?>\n<n0:x xmlns:n0="DAV:">&lt;f&gt;</n0:x>'


def test_a_name_means_what_its_prefix_means_where_it_stands() -> None:
    root = passed(
        '<x xmlns="u:0" xmlns:a="u:1"><a:y/><x/><x xmlns="u:2" xmlns:a="u:3"><a:y/><x/></x><a:y/><x/>'
        '<a:y xmlns:a="u:4" a:x="1"/><a:y/></x>'
    )
    assert [element.tag for element in root.iter()] == [
        "{u:0}x", "{u:1}y", "{u:0}x", "{u:2}x", "{u:3}y", "{u:2}x", "{u:1}y", "{u:0}x", "{u:4}y", "{u:1}y",
    ]  # fmt: skip
    assert root[5].attrib == {"{u:4}x": "1"}


def test_names_of_properties_may_contain_colons() -> None:
    text = rewritten(b'<x><C:bugtraq:url xmlns:C="http://c/">1</C:bugtraq:url><y xml:lang="en"/></x>').text
    assert b'<x xmlns:n0="http://c/"><n0:bugtraq:url>1</n0:bugtraq:url><y xml:lang="en"></y></x>' in text


@given(st.recursive(
    st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff")),
    lambda inner: st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["DAV:", "svn:", ""]), inner), max_size=3
    ),
    max_leaves=10,
))  # fmt: skip
def test_the_same_is_said_in_other_words(tree: object) -> None:
    def build(inner: object) -> ElementTree.Element:
        element = ElementTree.Element("{svn:}root")
        fill(element, inner)
        return element

    def fill(element: ElementTree.Element, inner: object) -> None:
        if isinstance(inner, str):
            element.text = inner
        else:
            assert isinstance(inner, list)
            for name, namespace, below in inner:
                fill(ElementTree.SubElement(element, f"{{{namespace}}}{name}" if namespace else name), below)

    given_ = ElementTree.tostring(build(tree), "utf-8")
    again = rewritten(given_).text
    assert ElementTree.canonicalize(again, rewrite_prefixes=True) == ElementTree.canonicalize(
        given_, rewrite_prefixes=True
    )
    assert rewritten(again).text == again


@pytest.mark.parametrize("xml", [
    b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>', b'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x"><x/>', b"<x>&a;</x>",
    b"<a>" * 101 + b"</a>" * 101, b'<?xml version="1.0" encoding="iso-8859-1"?><x/>', "<x/>".encode("utf-16"),
    b"no XML", b"<x>", b"", b"<x/><x/>", b"<x>\xff</x>", b"<a:x/>", b'<x a="1" a="2"/>',
    b"<x>" + b"<a/>" * 100_000 + b"</x>", b"<x " + b" ".join(b'a%d=""' % n for n in range(100_000)) + b"/>",
    b"<x>" + b"".join(b'<a xmlns="u:%d"/>' % n for n in range(101)) + b"</x>",
])  # fmt: skip
def test_what_no_client_says_is_refused(xml: bytes) -> None:
    with pytest.raises(Refused):
        rewritten(xml)


@pytest.mark.parametrize("worst", [
    lambda n: b"<x>" + b"<a/>" * (n // 4) + b"</x>",
    lambda n: b"<" * n,
    lambda n: b"<x>" + b"a" * n + b"</x>",
    lambda n: b"<x>" + b"<href>" * n,
    lambda n: b"<x><href>" + b" " * n + b"/own</href></x>",
    lambda n: b"<x>" + b"&lt;" * (n // 4) + b"</x>",
    lambda n: b'<x a="' + b"&#10;" * (n // 5) + b'"/>',
    lambda n: b"<!--" + b"-" * n,
    lambda n: b"<x>" + b"]]" * (n // 2),
    lambda n: b"<x " + b" ".join(b'a%d=""' % m for m in range(n // 9)) + b"/>",
    lambda n: b"<x>" + b"<![CDATA[a]]>" * (n // 13) + b"</x>",
    lambda n: b"<x><href>" + b"<![CDATA[a]]>" * (n // 13) + b"</href></x>",
    lambda n: b"<x><src-path>/" + b"a" * n + b"://</src-path></x>",
])  # fmt: skip
def test_the_time_grows_with_the_length_and_not_with_its_square(worst: Callable[[int], bytes]) -> None:
    def work(body: bytes) -> None:
        with contextlib.suppress(Refused):
            rewritten(body, reference)

    assert_linear(work, worst, most=1 << 18, what="rewriting")


@pytest.mark.parametrize("path", [
    ".", "..", "./a", "a/.", "a/../b", "a//b", "/a", "a/", "//", "/", "http://x/a", "a" * 20_000, "&#46;", "a&#47;/b",
    "<![CDATA[.]]>",
])  # fmt: skip
@pytest.mark.parametrize("name", ["entry", "missing", "update-target"])
def test_paths_over_which_apache_would_end_are_refused(name: str, path: str) -> None:
    with pytest.raises(Refused):
        rewritten(f'<x:r xmlns:x="svn:"><x:{name}>{path}</x:{name}></x:r>'.encode(), paths=True)
    with pytest.raises(Refused):
        rewritten(f'<r xmlns="svn:"><{name} rev="1">a<b/>/{path}</{name}></r>'.encode(), paths=True)


@pytest.mark.parametrize(("path", "plain"), [
    ("/a/b", "a/b"), ("a//b/", "a/b"), ("", ""), ("/", ""), (" a / b ", " a / b "), ("...", "..."), (".a/b.", ".a/b."),
    ("&lt;&amp;", "&lt;&amp;"),
])  # fmt: skip
@pytest.mark.parametrize("name", ["path", "include-path", "lock-path"])
def test_paths_are_put_into_their_plainest_form(name: str, path: str, plain: str) -> None:
    body = f'<r xmlns="svn:"><{name}>{path}</{name}></r>'.encode()
    assert f"<n0:{name}>{plain}</n0:{name}>" in rewritten(body, paths=True).text.decode()
    for wrong in ("../a", "a/./b", "."):
        with pytest.raises(Refused):
            rewritten(f'<r xmlns="svn:"><{name}>{wrong}</{name}></r>'.encode(), paths=True)
        # The properties of files are called as their users like, and say what they like.
        other = f'<r xmlns="http://subversion.tigris.org/xmlns/custom/"><{name}>{wrong}</{name}></r>'.encode()
        assert wrong.encode() in rewritten(other, paths=True).text
        assert wrong.encode() in rewritten(f'<r xmlns="svn:"><{name}>{wrong}</{name}></r>'.encode()).text


def test_where_an_entry_leads_is_put_into_its_plainest_form() -> None:
    body = '<r xmlns="svn:"><entry linkpath="{}">a</entry></r>'
    assert b'linkpath="/a/b"' in rewritten(body.format("a//b/").encode(), paths=True).text
    with pytest.raises(Refused):
        rewritten(body.format("/a/./b").encode(), paths=True)
