# SPDX-License-Identifier: GPL-3.0-or-later
"""The door through which the server's own work enters: jobs are taken, carried out, sent to a queue, and scheduled."""
