"""Administrator's page with what the checks of `overstap doctor` find from the api-server."""

from collections.abc import Iterable
from typing import Protocol

from overstap.pages.board.render import render
from overstap.pages.board.views.page_context import PageContext

CHECKS = ("settings", "clock", "ledger", "regions", "airflow", "sign-in")
"""Those that this process can judge: folders and mail belong to the one in which tasks run."""
_TONES = {"wrong": "bad", "mind": "mind", "good": "good"}
"""What a check could not see from here is left out."""


class CheckResult(Protocol):
    """What a check found (`overstap.doctor.Finding`)."""

    @property
    def subject(self) -> str:
        """What was looked at."""

    @property
    def level(self) -> str:
        """Its value: good, unseen, mind or wrong."""

    @property
    def says(self) -> str:
        """What was seen."""

    @property
    def do(self) -> str:
        """What to do; empty when nothing."""


def page(desk: PageContext, found: Iterable[CheckResult]) -> str:
    """Write the page: what is wrong first, then what somebody has to look at.

    Args:
        desk: what a page works with; its person must be an administrator.
        found: what the checks found.
    """
    order = list(_TONES)
    lines = sorted((one for one in found if one.level in _TONES), key=lambda one: order.index(one.level))
    return render("self_check", base=desk.base, now=desk.now, person=desk.person, lines=lines, tones=_TONES)
