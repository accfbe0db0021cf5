# SPDX-License-Identifier: GPL-3.0-or-later
"""The histories of repositories: read for the API and for pages, and shortened by a strip."""
