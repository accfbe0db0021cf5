# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes that know Mercurial: no other code imports it. `master` owns them and loads Mercurial; a `worker`
answers short requests itself, one after the other, and gives each long one to a process of its own.
"""
