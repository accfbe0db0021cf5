# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON-RPC door: the documented API (docs/specification)."""
