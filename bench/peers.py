# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers, started for one run on loopback: Apache with `git http-backend`, and the bare uvicorn floor."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import sys
import time
from pathlib import Path

APACHE = "/usr/sbin/apache2"
_BEGINNING = """
ServerRoot {run}
DefaultRuntimeDir {run}
PidFile {run}/httpd.pid
Listen 127.0.0.1:{port}
ServerName 127.0.0.1:{port}
ErrorLog {run}/error.log
"""
_PROGRAMS = """
LoadModule mpm_prefork_module /usr/lib/apache2/modules/mod_mpm_prefork.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule cgi_module /usr/lib/apache2/modules/mod_cgi.so
LoadModule env_module /usr/lib/apache2/modules/mod_env.so
LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
SetEnv GIT_CONFIG_COUNT 1
SetEnv GIT_CONFIG_KEY_0 safe.directory
SetEnv GIT_CONFIG_VALUE_0 *
"""
"""For peers that run a program of Git for each request."""
_CONFIGURATION = """
LimitRequestBody 0
SetEnv GIT_PROJECT_ROOT {root}
SetEnv GIT_HTTP_EXPORT_ALL 1
SetEnv REMOTE_USER bench
ScriptAlias /git/ /usr/lib/git-core/git-http-backend/
<Directory /usr/lib/git-core>
  Require all granted
</Directory>
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("a peer does not start")


class Apache:
    """A private Apache that serves what is below `root`, with this configuration beside where it listens."""

    def __init__(self, configuration: str, root: Path, run: Path, **more: str) -> None:
        run.mkdir(exist_ok=True)
        self.port = free_port()
        whole = _BEGINNING + configuration
        (run / "httpd.conf").write_text(whole.format(run=run, root=root, port=self.port, **more))
        command = [APACHE, "-DFOREGROUND", "-f", str(run / "httpd.conf")]
        if os.getuid() == 0:
            # Apache refuses to serve as root.
            other = pwd.getpwnam("www-data")
            for path in (run, root):
                subprocess.run(["chown", "-R", f"{other.pw_uid}:{other.pw_gid}", str(path)], check=True)
            command = ["setpriv", "--reuid=www-data", "--regid=www-data", "--clear-groups", *command]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_for(self.port)

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


class HttpBackend(Apache):
    """`git http-backend`."""

    def __init__(self, root: Path, run: Path) -> None:
        super().__init__(_PROGRAMS + _CONFIGURATION, root, run)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/git/{name}"


_CGIT_CONFIGURATION = """
MaxKeepAliveRequests 0
SetEnv CGIT_CONFIG {run}/cgitrc
ScriptAlias / {cgit}/
<Directory /usr/lib/cgit>
  Require all granted
</Directory>
"""


class Cgit(Apache):
    """Debian's cgit, with `repositories` names for the repository `history.git` below `root`."""

    PROGRAM = Path("/usr/lib/cgit/cgit.cgi")

    def __init__(self, root: Path, run: Path, names: list[str]) -> None:
        run.mkdir(exist_ok=True)
        lines = ["virtual-root=/", "enable-blame=1", "cache-size=0", "css=/cgit.css", "readme=:README.md"]
        for name in names:
            lines += [f"repo.url={name}", f"repo.path={root}/history.git", f"repo.desc=about {name}"]
        (run / "cgitrc").write_text("\n".join(lines) + "\n")
        super().__init__(_PROGRAMS + _CGIT_CONFIGURATION, root, run, cgit=str(self.PROGRAM))


class Floor:
    """The bare uvicorn endpoint, with as many workers as the server under test."""

    def __init__(self, database: Path, workers: int) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "uvicorn", "bench.floors:app", "--port", str(self.port)]
        command += ["--workers", str(workers), "--no-access-log", "--log-level", "error", "--lifespan", "off"]
        self._process = subprocess.Popen(command, env=os.environ | {"FLOOR_DB": str(database)})
        wait_for(self.port)
        time.sleep(1)

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()
