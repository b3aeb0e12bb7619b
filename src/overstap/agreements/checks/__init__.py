"""Checks of agreement files; each finding has a place and a remedy, and one run reports all of them.

`shape` looks at keys and forms, `moments` at dates and clocks, `law` at the statutory year, `content` at what goes to
whom, `people` at schools and coordinators. Each looks at the plain data, so that one mistake does not hide another.
"""

from overstap.agreements.checks.check import Checked, check_agreements

__all__ = ["Checked", "check_agreements"]
