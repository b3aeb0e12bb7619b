"""Page of a region with acts that wait for a second person, and accounts of schools with their second factors."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from overstap.ledger import schools
from overstap.ledger.accounts import AccountStatus, all_accounts
from overstap.ledger.second_person import waiting
from overstap.pages.board.render import render
from overstap.pages.board.views.page_context import PageContext, PageNotFoundError
from overstap.texts import texts

_DONE = frozenset({"done", "half", "ready", "adopted", "withdrawn", "recovered", "no_account"})


@dataclass(frozen=True, slots=True)
class WaitingAct:
    """An act that waits for a second person, as the page shows it.

    Args:
        request: id of the request.
        says: what the first person wants.
        count: number of dossiers or keys that it is about, where it names them; 0 for a release.
        by: name of the first person.
        is_own: whether the viewer asked for it.
        expires_at: when it can be confirmed no longer.
        changes: what a change of the agreement changes, in sentences; else empty.
        refused: what it would have changed and does not.
    """

    request: UUID
    says: str
    count: int
    by: str
    is_own: bool
    expires_at: datetime
    changes: Sequence[str]
    refused: Sequence[str]


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An account of a school in use, with the school's name."""

    status: AccountStatus
    school: str


def words(key: str) -> str:
    """Return a sentence of the page."""
    return str(texts("board/second")[key]["nl"])


def page(context: PageContext, region: str, *, form_token: str, done: str = "", problem: str = "") -> str:
    """Return the page as HTML.

    Args:
        context: context of the request.
        region: region id.
        form_token: see `csrf.form_token`.
        done: key of what was just done; another value is ignored.
        problem: why it was not done, Dutch.

    Raises:
        PageNotFoundError: the account is no coordinator of the region, or there is none.
    """
    if region not in context.person.reruns:
        raise PageNotFoundError(region)
    people = {person.account: person.name for one in context.agreement_cache.of(region) for person in one.coordinators}
    acts: Sequence[WaitingAct] = ()
    accounts: Sequence[AccountLine] = ()
    with context.region(region) as unit:
        if unit is not None:
            said = texts("board/second")["acts"]
            acts = [
                WaitingAct(
                    one.request,
                    said[one.act]["nl"],
                    0 if one.act == "release" else one.about.count(",") + 1,
                    people.get(one.asked_by, one.asked_by) if one.is_named else words("somebody"),
                    one.asked_by == context.person.account,
                    one.expires_at,
                    [str(change["said"]) for change in one.changes if change["allowed"]],
                    [str(change["said"]) for change in one.changes if not change["allowed"]],
                )
                for one in waiting(unit)
            ]
            known = schools.known(unit)
            accounts = [
                AccountLine(one, known[one.school].name if one.school in known else one.school)
                for one in all_accounts(unit)
                if one.ended_at is None
            ]
    names: dict[str, Any] = texts("board/second")
    return render(
        "supervision",
        base=context.base,
        now=context.now,
        person=context.person,
        region=region,
        said=names,
        acts=acts,
        accounts=accounts,
        form_token=form_token,
        done=names["told"][done]["nl"] if done in _DONE else "",
        problem=problem,
    )
