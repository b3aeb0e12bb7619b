"""Operating system account of the PostgreSQL server, which refuses to run as root."""

import os
import pwd

from overstap.errors import OverstapError
from overstap_tools.local.services import SystemUser

UNPRIVILEGED = "nobody"
"""Exists on every Unix, so that the demo need not add a user to the machine."""


def server_account() -> SystemUser | None:
    """Return the account for the server when we are root; None when the present one will do.

    Raises:
        OverstapError: LOCAL-006 when we are root and there is no such account.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError as problem:
        raise OverstapError("LOCAL-006", account=UNPRIVILEGED) from problem
    return SystemUser(entry.pw_uid, entry.pw_gid)
