# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes from another server takes no more room than there is, on the disk and for one repository."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trivium.assembly import open_site
from trivium.errors import RepositoryFull, StorageFull
from trivium.forge.repositories.creation import transfer_limits
from trivium.settings import Settings


def test_a_transfer_is_refused_more_room_than_one_repository_may_have(settings: Settings) -> None:
    site = open_site(replace(settings, max_repo_bytes=1 << 20))
    target = site.tree.staging / "target"
    limits = transfer_limits(site, target)
    limits.check()  # nothing is there yet
    (target / "objects").mkdir(parents=True)
    limits.check()
    (target / "objects" / "pack").write_bytes(b"x" * ((1 << 20) + 1))
    with pytest.raises(RepositoryFull):
        limits.check()
    transfer_limits(site).check()
    site.close()


def test_a_transfer_leaves_others_the_rest_of_the_disk(settings: Settings) -> None:
    site = open_site(replace(settings, min_free_bytes=1 << 60))
    with pytest.raises(StorageFull):
        transfer_limits(site, site.tree.staging / "target").check()
    site.close()
