"""Administrator's page with the results of `overstap doctor` as run in the api-server."""

from collections.abc import Iterable
from typing import Protocol

from overstap.pages.board.render import render
from overstap.pages.board.views.page_context import PageContext

CHECKS = ("settings", "clock", "ledger", "regions", "airflow", "sign-in")
"""Checks that this process can do: folders and mail belong to the process that runs tasks."""
_TONES = {"wrong": "bad", "mind": "mind", "good": "good"}
"""Levels that are shown; a check that this process cannot do is left out."""


class CheckResult(Protocol):
    """Result of a check (`overstap.doctor.Finding`)."""

    @property
    def subject(self) -> str:
        """The thing that was checked."""

    @property
    def level(self) -> str:
        """Level: good, unseen, mind or wrong."""

    @property
    def says(self) -> str:
        """The observation, in a sentence."""

    @property
    def do(self) -> str:
        """The action to take; empty when there is none."""


def page(context: PageContext, found: Iterable[CheckResult]) -> str:
    """Return the page as HTML: errors first, then warnings.

    Args:
        context: context of the request; its account must be an administrator's.
        found: the results of the checks.
    """
    order = list(_TONES)
    lines = sorted((one for one in found if one.level in _TONES), key=lambda one: order.index(one.level))
    return render("self_check", base=context.base, now=context.now, person=context.person, lines=lines, tones=_TONES)
