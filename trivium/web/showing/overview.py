# SPDX-License-Identifier: GPL-3.0-or-later
"""The first page of a repository, of values that are kept until the next push (web.md 2.2, summary)."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from trivium.forge.history.overview import Overview, overview
from trivium.forge.history.prepared import overview_key
from trivium.vcs.abilities import Lines
from trivium.web.showing import directories
from trivium.web.showing.clone_addresses import addresses
from trivium.web.showing.directories import Directory
from trivium.web.showing.keeping import kept
from trivium.web.showing.places import Spot, spot
from trivium.web.visit import RepositoryVisit


@dataclass(frozen=True, slots=True)
class Clone:
    """How the repository is had: what the commands of its system are made of."""

    address: str
    """The whole address, by name."""
    permanent: str
    """The whole address by the repository's id, which it keeps whatever it is called."""
    folder: str
    """The last part of its name."""
    main: str
    """Where branches are directories, the main one; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What the first page shows of a repository that has commits."""

    overview: Overview
    spot: Spot
    directory: Directory
    readme: Markup | None


def glance(visit: RepositoryVisit) -> Glance | None:
    """All of it; None while the repository is empty."""
    found = overview_of(visit)
    if found is None:
        return None
    directory = directories.directory(visit, found.place, found.listing)
    readme = directories.readme(visit, found.place, directory.readme) if directory.readme else None
    return Glance(found, spot(visit, found.place), directory, readme)


def overview_of(visit: RepositoryVisit) -> Overview | None:
    """The repository at a glance, as it is kept."""
    moment = visit.now()
    found: Overview | None = kept(
        visit,
        Overview | None,
        *overview_key(moment, visit.repository),
        make=lambda: overview(visit.history, visit.repository, moment),
    )
    return found


def clone_of(visit: RepositoryVisit, found: Overview | None) -> Clone:
    """The addresses that commands are made of."""
    repository = visit.repository
    main = found.place.path if found is not None and visit.abilities.lines is Lines.PATHS else ""
    return Clone(
        *addresses(visit, repository),
        repository.name.rpartition("/")[2],
        main,
    )
