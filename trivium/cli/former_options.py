# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of a configuration file that do nothing here: a start says so, and what to use instead (system.md 5.1)."""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from trivium.settings import APP, PREFIX, SERVER, options

_SECTIONS: Final = (SERVER, APP, PREFIX)
_ANOTHER_FILE: Final = "it is set by the file secret.key in the data directory"
_LOOK: Final = "it is set in Administration → Settings → Look"
_LATER: Final = "there is nothing yet that it would change"
INSTEAD: Final = {
    "debug": "use log_level = debug",
    "use_htsts": "browsers are told so whenever base_url begins with https, or force_https is on",
    "https_fixup": "use force_https, or trusted_proxies and what the proxy says in X-Forwarded-Proto",
    "timeout": "use request_timeout and vcs_timeout",
    "max_requests": "a worker is replaced when it answers nothing (worker_unresponsive)",
    "max_request_body": "use max_api_body, max_push_bytes and max_form_body",
    "cut_off_limit": "use cut_off_limit_diff",
    "cache_dir": "caches are in the data directory",
    "beaker.session.secret": _ANOTHER_FILE,
    "app_instance_uuid": _ANOTHER_FILE,
    "rhodecode.encrypted_values.secret": _ANOTHER_FILE,
    "beaker.session.cookie_path": "it is the path of base_url, or of [filter:proxy-prefix]",
    "beaker.session.type": "sessions are rows of the database",
    "beaker.session.httponly": "it is always so",
    "gzip_responses": "whoever asks for it gets pages compressed",
    "container_auth_enabled": _LATER,
    "proxypass_auth_enabled": _LATER,
    "initial_repo_scan": "use `rescan_repos` of the API",
    "startup.import_repos": "use `rescan_repos` of the API",
    "bugtracker": "patterns of issues are set in Administration → Settings → Issue tracker",
    "clone_uri": _LOOK,
    "show_sha_length": _LOOK,
    "show_revision_number": _LOOK,
    "use_gravatar": "faces are initials or uploads",
    "alternative_gravatar_url": "faces are initials or uploads",
    "allow_repo_location_change": "use repository_root",
    "allow_custom_hooks_settings": "hooks of repositories never run",
    "rhodecode.api.url": "it is always /_admin/api",
    "celery.broker_url": "use broker_url",
    "celery.worker_concurrency": "use `trivium worker --concurrency`",
    "celeryd.concurrency": "use `trivium worker --concurrency`",
    "celery.always.eager": "without use_celery the server does its jobs itself",
    "celery.task_always_eager": "without use_celery the server does its jobs itself",
    "celery.result.backend": "what became of jobs is in the database",
    "celery.result_backend": "what became of jobs is in the database",
    "vcs.server.enable": "the server starts what serves Mercurial and Subversion by itself",
    "vcs.server": "the server starts what serves Mercurial and Subversion by itself",
    "vcs.start_server": "the server starts what serves Mercurial and Subversion by itself",
    "vcs.backends": "Git, Mercurial and Subversion are always served",
    "index_dir": "there is no index of contents yet",
    "search.location": "there is no index of contents yet",
    "search.module": "there is no index of contents yet",
}
"""Name of an option → what a reader of the file should know."""


def sentences(data: Path, config: Path | None) -> Iterator[str]:
    """What to say of each option of the file that is not ours; those of which nothing is known come together, last."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment]  # option names keep their case
    parser.read(config or data / "trivium.ini", encoding="utf-8")
    ours = {(option.section, option.name) for option in options()}
    named = {option.name: option.section for option in options()}
    unknown = []
    for section in parser.sections():
        for name in parser[section] if section in _SECTIONS else ():
            if (section, name) in ours or name in ("use", "paste.app_factory", "filter-with", "here"):
                continue
            if name in INSTEAD:
                yield f"option {name} does nothing here: {INSTEAD[name]}"
            elif name in named:
                yield f"option {name} does nothing in [{section}]: it belongs into [{named[name]}]"
            else:
                unknown.append(name)
    if unknown:
        yield f"options that are not known here, and do nothing: {', '.join(sorted(unknown))}"
