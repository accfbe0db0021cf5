# SPDX-License-Identifier: GPL-3.0-or-later
"""What was expensive to find out about a repository, kept in files that all workers share."""
