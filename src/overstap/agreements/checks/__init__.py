"""Checks of agreement files; each finding has a position and a remedy, and one run reports all findings.

`schema_check` checks keys and forms, `moments` dates and clock changes, `law` the statutory year, `content` categories
and receivers, `people` schools and coordinators, `notices` mail times, `retention` periods. All checks use the plain
data, so that one fault does not hide another.
"""

from overstap.agreements.checks.check import CheckedAgreement, check_agreements

__all__ = ["CheckedAgreement", "check_agreements"]
