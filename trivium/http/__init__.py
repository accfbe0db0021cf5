# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP as all doors share it: connections and their limits, ASGI, client addresses, threads for short calls."""
