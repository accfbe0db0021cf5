# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what: permissions, credentials, addresses. Every decision about access is made here."""
