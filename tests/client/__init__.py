# SPDX-License-Identifier: GPL-3.0-or-later
"""`rhodecode-api` as its users meet it: a process, given a command line and a server that a test invents."""
