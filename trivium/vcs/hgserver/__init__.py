# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes that know Mercurial: nobody else imports it (`pyproject.toml` says so).

They serve what `hgframes` describes. `master` owns the processes and loads Mercurial when the first request comes;
a `worker` answers short requests itself, one after the other, and gives each long one to a process of its own.
"""
