# SPDX-License-Identifier: GPL-3.0-or-later
"""Found by every Python of a server that a test watches: writes down what it starts, opens elsewhere and calls,
and at which ports it serves.

`WITNESS` names the file that it is written to, a JSON list a line; `WITNESS_HOME` the directory in which every file may
be opened.
"""

import json
import os
import sys

_FILE = os.open(os.environ["WITNESS"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
_OURS = tuple(
    os.path.realpath(place) + "/" for place in (os.environ["WITNESS_HOME"], sys.prefix, sys.base_prefix, *sys.path)
)

_LISTENING = []
"""Sockets that are given a port of the loopback, until it is known which."""


def _text(value):
    return os.fsdecode(value) if isinstance(value, (str, bytes, os.PathLike)) else str(value)


def _tell(event, *what):
    os.write(_FILE, json.dumps([event, *map(_text, what)]).encode() + b"\n")


def _tell_ports():
    for listening in tuple(_LISTENING):
        port = listening.getsockname()[1] if listening.fileno() >= 0 else -1
        if port and listening in _LISTENING:
            _LISTENING.remove(listening)
            if port > 0:
                _tell("listen", f"127.0.0.1:{port}")


def _witness(event, arguments):
    if _LISTENING:
        _tell_ports()
    if event == "open":
        path = arguments[0]
        if isinstance(path, (str, bytes)):
            path = os.path.abspath(os.fsdecode(path))
            if not path.startswith(_OURS):
                _tell("open", path)
    elif event == "subprocess.Popen":
        _tell("start", *([arguments[1]] if isinstance(arguments[1], (str, bytes)) else arguments[1]))
    elif event in ("os.system", "os.exec", "os.posix_spawn"):
        _tell("start", arguments[0])
    elif event == "socket.bind" and arguments[1] == ("127.0.0.1", 0):
        _LISTENING.append(arguments[0])
    elif event == "socket.connect":
        address = arguments[1]
        _tell("connect", f"{address[0]}:{address[1]}" if isinstance(address, tuple) else address)


sys.addaudithook(_witness)
