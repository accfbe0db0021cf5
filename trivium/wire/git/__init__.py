# SPDX-License-Identifier: GPL-3.0-or-later
"""Git over HTTP."""
