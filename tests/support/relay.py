# SPDX-License-Identifier: GPL-3.0-or-later
"""Between a server and one that it fetches from: lets everything through, up to a point."""

from __future__ import annotations

import socket
import threading
from urllib.parse import urlsplit


class Relay:
    """Listens on a free port; what the other side answers is counted, and held back after so many bytes."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._target = ("", 0)
        self._turn = threading.Lock()
        self._most: int | None = None
        self.passed = 0
        """Bytes of answers."""
        self.holding = threading.Event()
        """Something is held back."""
        threading.Thread(target=self._accept, daemon=True).start()

    def to(self, url: str, *, most: int | None = None) -> None:
        """From now on lead to another server, and let so many bytes of its answers through."""
        target = urlsplit(url)
        with self._turn:
            self._target = (target.hostname or "", target.port or 80)
            self._most = most
            self.passed = 0
            self.holding.clear()

    def close(self) -> None:
        """Accept nobody any more."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            try:
                with self._turn:
                    far = socket.create_connection(self._target)
            except OSError:  # it was killed after somebody had come to us: who comes later finds the next one
                near.close()
                continue
            threading.Thread(target=self._pass_on, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(far, near, True), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        try:
            while piece := source.recv(1 << 14):
                target.sendall(self._admitted(piece) if answers else piece)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            # One side is gone, so that the other has nobody to talk to.
            for end in (source, target):
                end.close()

    def _admitted(self, piece: bytes) -> bytes:
        with self._turn:
            left = len(piece) if self._most is None else max(0, self._most - self.passed)
            self.passed += min(len(piece), left)
            if left < len(piece):
                self.holding.set()
            return piece[:left]
