# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of Mercurial's requests on their way through the door: gathered, and never more than there is room for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trivium.access.caller import anonymous
from trivium.errors import Busy
from trivium.wire.hg.arguments import Room, in_headers

PREFIX = b"x-hgarg-"


def test_what_is_spread_over_headers_is_put_together_in_their_order() -> None:
    pieces = [(b"%b%d" % (PREFIX, number), b"%d " % number) for number in range(1, 301)]
    told = [(b"host", b"x"), *reversed(pieces), (b"x-hgarg-900", b"beyond a gap"), (b"x-hgarg-x", b"no number")]
    assert in_headers(told, PREFIX) == b"".join(value for _, value in pieces)
    assert in_headers([(b"host", b"x")], PREFIX) == b""


def test_nobody_fills_the_room_alone_and_all_together_no_more_than_it_holds() -> None:
    room = Room(most=100, most_for_one=40)
    callers = [anonymous(f"192.0.2.{number}") for number in range(4)]  # visitors, who share an account
    callers.append(replace(callers[0], user_id=7, username="ada"))
    with room.of(callers[0]) as one, room.of(callers[0]) as two:
        one.more(30)
        with pytest.raises(Busy):
            two.more(11)
        two.more(10)
        with room.of(callers[1]) as three, room.of(callers[4]) as four:
            three.more(40)
            four.more(20)
            with pytest.raises(Busy):
                four.more(1)
        with room.of(callers[2]) as five:
            five.more(40)
    with room.of(callers[0]) as again:
        again.more(40)
