# SPDX-License-Identifier: GPL-3.0-or-later
"""Who does not want gzip gets none."""

from __future__ import annotations

import pytest

from trivium.http.coding import takes_gzip


@pytest.mark.parametrize(
    ("header", "takes"),
    [
        (b"gzip", True),
        (b"deflate, GZIP;q=0.5, br", True),
        (b"gzip;q=0.001", True),
        (b"gzip ; q=1", True),
        (b"x-gzip", True),
        (b"*", True),
        (b"gzip;q=0", False),
        (b"gzip; q=0.000, br", False),
        (b"*, gzip;q=0", False),
        (b"*;q=0", False),
        (b"br, zstd", False),
        (b"identity", False),
        (b"not-gzip", False),
        (b"", False),
        (b",;=,", False),
        (b"gzip," * 1000, False),
    ],
)
def test_what_a_header_takes(header: bytes, takes: bool) -> None:
    assert takes_gzip({"headers": [(b"accept-encoding", header)]}) is takes


def test_without_the_header_nothing_is_compressed() -> None:
    assert not takes_gzip({"headers": []})
