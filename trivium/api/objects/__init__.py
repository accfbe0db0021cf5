# SPDX-License-Identifier: GPL-3.0-or-later
"""The documented JSON shapes, one module per noun: functions of values, which look nothing up."""
