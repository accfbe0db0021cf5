# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor under the API: a bare uvicorn endpoint that does one indexed SQLite read.

uvicorn bench.floors:app   with FLOOR_DB naming the database
"""

from __future__ import annotations

import os
import sqlite3
from typing import Any

import msgspec

_database: sqlite3.Connection | None = None


async def app(scope: Any, receive: Any, send: Any) -> None:
    global _database
    if scope["type"] != "http":
        return
    if _database is None:
        _database = sqlite3.connect(f"file:{os.environ['FLOOR_DB']}?mode=ro", uri=True, isolation_level=None)
    message = await receive()
    request = msgspec.json.decode(message["body"])
    row = _database.execute(
        "SELECT id, username, email, active, admin FROM users WHERE username_key = ?", (request["args"]["name"],)
    ).fetchone()
    body = msgspec.json.encode({"id": request["id"], "result": row, "error": None})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
