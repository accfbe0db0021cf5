# SPDX-License-Identifier: GPL-3.0-or-later
"""What pages repeat by the hundred, and what strangers wrote: functions of bytes and values to escaped HTML."""
