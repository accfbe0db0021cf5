# SPDX-License-Identifier: GPL-3.0-or-later
"""The method of the later line with which files are uploaded (api-reviews.md 6)."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from trivium.api.arguments import Text, Word
from trivium.api.methods.registered import registry
from trivium.api.registry import Call
from trivium.errors import Invalid
from trivium.forge.reviews import attachments
from trivium.turns import Pace

_BLANKS: Final = str.maketrans("", "", " \t\r\n")


@registry.method(pace=Pace.LONG, failure="failed to store file")
def file_store_add(call: Call, filename: Text, content: Word) -> dict[str, Any]:
    """Keep a file that comments may link to; `content` is its bytes in base64.

    Anybody may call it. The file may have as many bytes as the server says (max_attachment_bytes), and stays under the
    address `access_path_fqn`: for who uploaded it, for super-admins, and for whoever may read a comment with that
    address in it.
    """
    fid = attachments.add(call.site, call.caller, filename, _bytes(content, call.site.settings.max_attachment_bytes))
    path = f"{attachments.ADDRESS}{fid}"
    return {"access_path": path, "access_path_fqn": f"{call.base_url}{path}", "store_fid": fid}


def _bytes(given: Any, most: int) -> bytes:
    """The bytes of a base64 text, which may have line breaks; raises `Invalid`."""
    if not isinstance(given, str):
        raise Invalid("the content of a file is a text in base64")
    packed = given.translate(_BLANKS)
    if len(packed) // 4 * 3 > most + 3:
        raise Invalid(f"a file has at most {most} bytes (max_attachment_bytes)")
    try:
        return base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid("the content of a file is a text in base64") from error
