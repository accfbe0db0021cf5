# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses that repositories are cloned from: by name and by number, as the site wants them (system.md 3.1)."""

from __future__ import annotations

from trivium.forge.repositories.finding import Repository
from trivium.web.urls import quoted, quoted_segment
from trivium.web.visit import Visit


def addresses(visit: Visit, repository: Repository) -> tuple[str, str]:
    """Two whole addresses of a repository: by its name, and the one that it keeps whatever it is called."""
    template = visit.look.clone_uri_tmpl or "{scheme}://{netloc}/{repo}"
    permanent = template if "{repoid}" in template else template.replace("{repo}", "_{repoid}")
    return _filled(visit, template, repository), _filled(visit, permanent, repository)


def _filled(visit: Visit, template: str, repository: Repository) -> str:
    scheme, _, netloc = visit.urls.absolute(visit.urls.root).partition("://")
    user = quoted_segment(visit.caller.username) if visit.signed_in else ""
    if not user:
        template = template.replace("{user}@", "")
    values = {
        "{scheme}": scheme,
        "{user}": user,
        "{netloc}": netloc,
        "{repoid}": str(repository.id),
        "{repo}": quoted(repository.name),
    }
    for placeholder, value in values.items():
        template = template.replace(placeholder, value)
    return template
