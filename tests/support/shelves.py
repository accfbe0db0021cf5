# SPDX-License-Identifier: GPL-3.0-or-later
"""A repository of each system with files of every sort, for tests of pages that only look."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from tests.support.browser import Browser
from tests.support.clients import Api, Person
from tests.support.servers import Server
from tests.support.systems import Copy, new_system


def picture(side: int = 8) -> bytes:
    """A small PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes((x * 4, y * 4, 99)[c] for x in range(side) for c in range(3)) for y in range(side))
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


CODE = '"""A module."""\n\nimport os\n\n\ndef area(side):\n    return side * side\n'
README = (
    "# Tide\n\nSee [the guide](docs/guide.md#start), [a line](src/area.py#L6) and [home](/docs).\n\n"
    "![mark](mark.png)\n\n<script>alert(1)</script>\n"
)
FIRST: dict[str, str | bytes] = {
    "README.md": README,
    "docs/guide.md": "# Start\n",
    "src/area.py": CODE,
    "mark.png": picture(),
    "data.bin": b"\0\1\2\xff" * 500,
    "latin.txt": "Grüße\n".encode("latin-1"),
    "empty.txt": b"",
    "page.html": "<script>alert(1)</script>\n",
    "drawing.svg": "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>\n",
    "fake.png": "<script>alert(1)</script>\n",
    "run.js": "alert(1)\n",
    "only/a/b/c.txt": "deep\n",
    "grüße & co/x y#%.txt": "odd\n",
    "crlf.txt": b"one\r\ntwo\r\n",
    "large.txt": "".join(f"line {number}\n" for number in range(25_000)),
    "gone.txt": "soon gone\n",
    "pointer.psd": f"version https://git-lfs.github.com/spec/v1\noid sha256:{'ab' * 32}\nsize 12345678\n",
}


@dataclass(frozen=True)
class Shelf:
    """Such a repository."""

    kind: str
    name: str
    owner: Person
    browser: Browser
    """Its owner's."""
    copy: Copy
    ids: list[str]
    """Of its changesets, oldest first."""
    files: dict[str, bytes]
    """Path → content at the last of them."""

    def at(self, page: str) -> str:
        """The address of a page."""
        return f"/{self.name}/{page}"


def new_shelf(kind: str, server: Server, root: Api, home: Path) -> Shelf:
    """Make one, for an owner of its own."""
    owner = root.new_user()
    system = new_system(kind, home)
    name = system.new_repository(root, owner, private=True, enable_downloads=True)
    copy = system.checkout(server, name, owner)
    ids = [
        copy.change("First & <b>foremost</b>\n\nwith a body", **FIRST),
        copy.change("Area is in square metres", **{"src/area.py": CODE.replace("import os", "import sys")}),
        copy.change("Later", **{"gone.txt": None, "later.txt": "here\n"}),
    ]
    browser = Browser(server.url)
    assert browser.sign_in(owner).status == 302
    return Shelf(kind, name, owner, browser, copy, ids, copy.files())
