# SPDX-License-Identifier: GPL-3.0-or-later
"""The database: tables, engine, migrations, recorded intents."""
