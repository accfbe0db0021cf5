# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

# A comparison that fails in a support module says what was compared, as in the tests themselves.
pytest.register_assert_rewrite("tests.support")
