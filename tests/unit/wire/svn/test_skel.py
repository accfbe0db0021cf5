# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests in Subversion's own notation are understood before Apache gets them (security.md S-8)."""

from __future__ import annotations

import pytest

from trivium.wire.admission import Refused
from trivium.wire.svn.skel import rewritten


@pytest.mark.parametrize(("given", "written"), [
    (b"( create-txn )", b"( create-txn )"),
    (b"(create-txn)", b"( create-txn )"),
    (b"\n( 10 create-txn ) ", b"( create-txn )"),
    (b"(create-txn-with-props ())", b"( create-txn-with-props (  ) )"),
    (b"( create-txn-with-props (7 svn:log 3 a)( svn:x-y 0 ))",
     b"( create-txn-with-props ( 7 svn:log 3 a)( 7 svn:x-y 0  ) )"),
    ("( create-txn-with-props (7 svn:log 2 ä ) )".encode(),
     "( create-txn-with-props ( 7 svn:log 2 ä ) )".encode()),
])  # fmt: skip
def test_what_begins_a_transaction_is_written_anew(given: bytes, written: bytes) -> None:
    assert rewritten(given) == written


@pytest.mark.parametrize("given", [
    b"", b"create-txn", b"( create-txn", b"( create-txn ) )", b"( create-txn ) x", b"( create-txn x )", b"()", b"(())",
    b"( create-txn-with-props )", b"( create-txn-with-props ( a ) )", b"( create-txn-with-props ( a ( b ) ) )",
    b"( create-txn-with-props ( 9 a b ) )", b"( create-txn-with-props ( 99999999999 a b ) )",
    b"( create-txn-with-props ( -1 a b ) )", b"( other )", b"( create-txn [ ] )", b"(" * 1_000_000,
    b"(" * 400_000 + b")" * 400_000, b"( create-txn-with-props (" + b" a b" * 20_000 + b" ) )", b"\0( create-txn )",
])  # fmt: skip
def test_nothing_else_gets_to_apache(given: bytes) -> None:
    with pytest.raises(Refused) as refused:
        rewritten(given)
    assert refused.value.status == 400
