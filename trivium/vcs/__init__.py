# SPDX-License-Identifier: GPL-3.0-or-later
"""Git, Mercurial and Subversion behind one interface (`model.BackEnd`), a room for each."""
