# SPDX-License-Identifier: GPL-3.0-or-later
"""Git repositories that were made elsewhere: what their configuration may say.

Git reads it after ours, and some of its settings are programs to run. So it may only hold settings known as harmless.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from trivium.vcs.adoption import check_self_contained, check_without
from trivium.vcs.errors import VcsError
from trivium.vcs.git.command import GitCommand

_HARMLESS: Final = re.compile(
    r"""
      core\.(repositoryformatversion|filemode|bare|ignorecase|precomposeunicode|symlinks|logallrefupdates
            |sharedrepository|compression|loosecompression|bigfilethreshold|autocrlf|eol|safecrlf|quotepath)
    | extensions\.(noop|objectformat)
    | receive\.(denynonfastforwards|denydeletes|denycurrentbranch|denydeletecurrent|autogc|unpacklimit)
    | transfer\.unpacklimit
    | http\.(receivepack|uploadpack|getanyfile)
    | uploadpack\.allow\w+
    | gc\.(auto|autopacklimit|autodetach|pruneexpire|reflogexpire|reflogexpireunreachable|packrefs|writecommitgraph)
    | (pack|repack|gitweb|color|advice|user|i18n)\..+
    | remote\..+\.(url|pushurl|fetch|mirror|tagopt|skipdefaultupdate)
    | branch\..+\.(remote|merge|rebase|description)
    """,
    re.VERBOSE,
)


def check(command: GitCommand, path: Path) -> None:
    """Raise `VcsError` for a repository that could lead elsewhere, or let git run something."""
    check_self_contained(path)
    check_without(path, "commondir", "config.worktree", "objects/info/alternates", "objects/info/http-alternates")
    if not (path / "config").exists():
        return
    # Not from inside: nothing in the repository is believed yet.
    said = command.run(
        *("config", "--file", str(path / "config"), "--no-includes", "--list", "--name-only", "-z"), cwd=Path("/")
    )
    for key in said.decode("utf-8", "replace").split("\0"):
        if key and not _HARMLESS.fullmatch(key):
            raise VcsError(f"its configuration sets {key}")
