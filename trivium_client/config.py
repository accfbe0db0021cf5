# SPDX-License-Identifier: GPL-3.0-or-later
"""The config file: a JSON object with the strings `apikey` and `apihost` (api-users 12, decision C1).

It holds a key, so it is written with mode 0600, whole or not at all, and never through a symbolic link that
somebody else may have put there.
"""

import contextlib
import json
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trivium_client.errors import ConfigNotWritten, ConfigUnusable

MAX_BYTES = 1024 * 1024
"""Far more than two strings need; a wrong --config (a disk image, /dev/zero) shall not fill the memory."""


@dataclass(frozen=True)
class Config:
    """What a config file says; a value that is absent or empty is `None`."""

    apikey: str | None = field(repr=False)
    apihost: str | None
    exposed: bool
    """Others than its owner may read the file."""


def location(explicit: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the config file to use, whether it exists or not.

    `explicit` (`--config`) wins. The documented place is `~/.config`. Today that is a directory nearly everywhere,
    so only a regular file of an old set-up counts. Otherwise the file has its place inside the directory.
    Raises `ConfigUnusable` for an account without a home.
    """
    if explicit is not None:
        return explicit
    dot_config = _dot_config()
    # Path.is_file() would raise in a home we may not enter, such as root's after sudo.
    if dot_config is not None and os.path.isfile(dot_config):
        return dot_config
    xdg = Path(environ.get("XDG_CONFIG_HOME", ""))
    # A relative XDG_CONFIG_HOME is to be ignored, says the XDG specification.
    base = xdg if xdg.is_absolute() else dot_config
    if base is None:
        raise ConfigUnusable("There is no home directory to look for a config file in; use --config")
    return base / "rhodecode" / "api.json"


def _dot_config() -> Path | None:
    try:
        return Path.home() / ".config"
    except RuntimeError:  # HOME is unset and the user id unknown, as in many containers
        return None


def read(path: Path) -> Config | None:
    """Return what the file says, or `None` when there is no such file. Raises `ConfigUnusable`."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigUnusable(f"Could not read config {path}: {error.strerror or error}") from None
    try:
        values = json.loads(content)
    except (ValueError, RecursionError):
        # Nothing of the content in the message: it may well be the key.
        raise ConfigUnusable(f"Could not read config {path}: it is not JSON") from None
    if not isinstance(values, dict):
        raise ConfigUnusable(f"Could not read config {path}: it is not a JSON object")
    return Config(
        apikey=_string(values, "apikey", path),
        apihost=_string(values, "apihost", path),
        exposed=stat.S_ISREG(status.st_mode) and bool(status.st_mode & (stat.S_IRGRP | stat.S_IROTH)),
    )


def _string(values: Mapping[str, object], name: str, path: Path) -> str | None:
    value = values.get(name)
    if value is not None and not isinstance(value, str):
        raise ConfigUnusable(f"Could not read config {path}: {name} is not a string")
    return value or None


def write(path: Path, apikey: str, apihost: str) -> bool:
    """Write the file; tell whether it is new. Raises `ConfigNotWritten`."""
    content = json.dumps({"apikey": apikey, "apihost": apihost}, indent=4) + "\n"
    try:
        created = _is_new(path)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(path, content)
    except OSError as error:
        raise ConfigNotWritten(f"Could not write config {path}: {error.strerror or error}") from None
    return created


def _is_new(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return True
    if stat.S_ISLNK(mode):
        raise ConfigNotWritten(f"Could not write config {path}: it is a symbolic link")
    if not stat.S_ISREG(mode):
        # As root, replacing /dev/null by a file would break much more than this program.
        raise ConfigNotWritten(f"Could not write config {path}: it is not a regular file")
    return False


def _replace(path: Path, content: str) -> None:
    """Write beside the file and rename: readers and crashes find the old file or the new one.

    `mkstemp` creates the file itself, with mode 0600, and the rename replaces a link instead of following it.
    So nobody can lead either step elsewhere.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
