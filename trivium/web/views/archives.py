# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of a revision (system.md 2.5)."""

from __future__ import annotations

from functools import partial

from trivium.access.levels import Level
from trivium.forge.history.archives import ArchiveTooLarge, DownloadsDisabled, NoArchive, open_archive
from trivium.turns import Pace
from trivium.web.answers import Body, Refused
from trivium.web.downloads import attachment
from trivium.web.registering import view
from trivium.web.showing import links
from trivium.web.visit import RepositoryVisit


@view(
    "GET",
    "/{repository}/archive/{name*}",
    needs=Level.READ,
    word="FilesController:archivefile",
    pace=Pace.LONG,
)
def archivefile(visit: RepositoryVisit, name: str) -> Body:
    """`<revision>.zip`, `.tar.gz` or `.tar.bz2`."""
    try:
        found = open_archive(
            visit.history,
            visit.caller,
            visit.repository,
            name,
            leads=partial(links.repositories, visit) if visit.query.get("subrepos") == "true" else None,
            kept=visit.query.get("no_cache", "") in ("", "0", "false"),
            told=visit.asked.method == "GET",
        )
    except DownloadsDisabled:
        raise Refused(403, "Downloads disabled") from None
    except ArchiveTooLarge:
        raise Refused(413, "The archive would be larger than the server allows (max_archive_bytes).") from None
    except NoArchive as error:
        raise Refused(404, str(error)) from error
    return Body(
        found.pieces,
        found.type,
        length=found.length,
        tag=found.tag,
        headers=(("Content-Disposition", attachment(found.file_name)),),
        between=found.between,
    )
