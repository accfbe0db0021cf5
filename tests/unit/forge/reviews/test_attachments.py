# SPDX-License-Identifier: GPL-3.0-or-later
"""A file is there before its row is."""

from __future__ import annotations

import pytest

from trivium.access.caller import Caller
from trivium.errors import Busy
from trivium.forge.reviews import attachments
from trivium.forge.site import Site

ROOT = Caller(2, "root", super_admin=True, inherits=True, address="127.0.0.1")


def kept(site: Site) -> list[str]:
    place = site.settings.data / "attachments"
    return [path.name for path in place.iterdir()] if place.exists() else []


def test_an_upload_that_has_no_row_has_no_file(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        assert len(kept(site)) == 1  # by then it is on the disk
        raise Busy("the database is locked")

    monkeypatch.setattr(attachments, "insert_id", fails)
    with pytest.raises(Busy):
        attachments.add(site, ROOT, "a.txt", b"x")
    assert kept(site) == []


def test_a_link_in_the_place_of_a_file_is_not_followed(site: Site) -> None:
    fid = attachments.add(site, ROOT, "a.txt", b"x")
    place = site.settings.data / "attachments" / fid
    place.unlink()
    place.symlink_to(site.settings.data / "secret.key")
    assert attachments.open_for(site, ROOT, fid) is None
    place.unlink()
    assert attachments.open_for(site, ROOT, fid) is None
