"""Questions and corrections that parents send to their school, with due dates and answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

from overstap.errors import OverstapError
from overstap.ledger.audit import AuditLine
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.region_keys import EncryptedContent
from overstap.ledger.session import UnitOfWork

Kind = Literal["question", "correction"]
ANSWER_WITHIN = timedelta(days=5)
"""Time for the school to answer, unless the window closes earlier; a day at least."""
MAX_CHARACTERS = 4_000


@dataclass(frozen=True, slots=True)
class ParentRequest:
    """A question or correction of a parent."""

    request: UUID
    ref: VersionRef
    person: str | None
    kind: str
    text: str = field(repr=False)
    asked_at: datetime
    due_at: datetime
    is_overdue: bool
    state: str
    """open, answered, mended or refused."""
    answer: str | None = field(repr=False)
    settled_by: str | None
    settled_at: datetime | None
    current: int
    """Number of the dossier's newest version; higher than `ref.number` when the school has supplied it again."""


def ask(unit: UnitOfWork, ref: VersionRef, *, kind: Kind, text: str, person: str | None = None) -> UUID:
    """Record a request about a version.

    Args:
        unit: the transaction.
        ref: the version that it is about.
        kind: a question, or a correction of the content.
        text: its text, at most 4,000 characters.
        person: handle of the person; None when a school records it for the family.

    Returns:
        The request's id.

    Raises:
        OverstapError: REVIEW-023 when the text is empty or too long.
    """
    if not text.strip() or len(text) > MAX_CHARACTERS:
        raise OverstapError("REVIEW-023", most=MAX_CHARACTERS)
    request = uuid4()
    sealed = unit.keys.encrypt(text.strip().encode(), f"request/{request}")
    unit.audit("review.ask", AuditLine(ref.bound_to, {"request": str(request), "kind": kind}))
    unit.run(
        "insert into overstap.review_request (request, region, dossier, number, person, kind, key_id, text, due_at) "
        "select %(request)s, d.region, d.dossier, %(number)s, %(person)s, %(kind)s, %(key)s, %(text)s, "
        "least(overstap.clock() + %(within)s, "
        "greatest(d.review_closes_at, overstap.clock() + interval '1 day')) "
        "from overstap.dossier d where d.dossier = %(dossier)s",
        request=request,
        number=ref.number,
        person=person,
        kind=kind,
        key=sealed.key_id,
        text=sealed.data,
        within=ANSWER_WITHIN,
        dossier=ref.dossier,
    )
    return request


def of_dossier(unit: UnitOfWork, dossier: UUID, *, person: str | None = None) -> list[ParentRequest]:
    """Return the requests about a dossier, open ones first, by due date.

    Args:
        unit: the transaction.
        dossier: id of the dossier.
        person: only requests of this person; None: all.
    """
    return _read(
        unit,
        "d.dossier = %(dossier)s and (%(person)s::text is null or q.person = %(person)s)",
        dossier=dossier,
        person=person,
    )


def of_school(unit: UnitOfWork, round_id: str, primary_school: str) -> list[ParentRequest]:
    """Return the requests to a school in a round: open ones first, by due date."""
    return _read(
        unit,
        "d.round_id = %(round)s and d.primary_school = %(school)s",
        round=round_id,
        school=primary_school,
    )


def settle(
    unit: UnitOfWork,
    request: UUID,
    state: Literal["answered", "mended", "refused"],
    *,
    primary_school: str,
    answer: str | None = None,
) -> None:
    """Settle a request: answer a question, or state that a correction was made or why it was refused.

    Args:
        unit: the transaction.
        request: id of the request.
        state: new state of the request.
        primary_school: the school that settles it; another school's requests are not found.
        answer: the text that the parents see; required for an answer and a refusal.

    Raises:
        OverstapError: REVIEW-024 when the school has no such open request, REVIEW-023 when a required text is missing
            or too long, REVIEW-025 when a correction is stated and no newer version of the dossier was supplied.
    """
    found = unit.rows(
        "select q.key_id, q.number, d.version, d.dossier from overstap.review_request q "
        "join overstap.dossier d on d.dossier = q.dossier and d.region = q.region "
        "where q.request = %(request)s and q.state = 'open' and d.primary_school = %(school)s for update of q",
        request=request,
        school=primary_school,
    )
    if not found:
        raise OverstapError("REVIEW-024")
    key_id, number, version, dossier = found[0]
    words = (answer or "").strip()
    if (state != "mended" and not words) or len(words) > MAX_CHARACTERS:
        raise OverstapError("REVIEW-023", most=MAX_CHARACTERS)
    if state == "mended" and version <= number:
        raise OverstapError("REVIEW-025")
    unit.audit("review.settle", AuditLine(f"{dossier}/{number}", {"request": str(request), "state": state}))
    # Under the request's own key, which is the only one that the parents' pages can use.
    sealed = unit.keys.encrypt(words.encode(), f"answer/{request}", key_id) if words else None
    unit.run(
        "update overstap.review_request set state = %(state)s, answer_key_id = %(key)s, answer = %(answer)s, "
        "settled_by = %(by)s where request = %(request)s",
        state=state,
        key=sealed.key_id if sealed else None,
        answer=sealed.data if sealed else None,
        by=unit.actor,
        request=request,
    )


_COLUMNS = (
    "q.request, q.dossier, q.number, q.person, q.kind, q.key_id, q.text, q.asked_at, q.due_at, "
    "q.state = 'open' and q.due_at < overstap.clock(), q.state, q.answer_key_id, q.answer, q.settled_by, "
    "q.settled_at, d.version"
)


def _read(unit: UnitOfWork, condition: str, **values: Any) -> list[ParentRequest]:
    # Erased requests have no text any more
    rows = unit.rows(
        f"select {_COLUMNS} from overstap.review_request q "  # noqa: S608 (written in this module)
        f"join overstap.dossier d on d.dossier = q.dossier and d.region = q.region where {condition} "
        "and d.erased_at is null "
        "order by q.state <> 'open', q.due_at, q.request",
        **values,
    )
    return [_request(unit, row) for row in rows]


def _request(unit: UnitOfWork, row: Sequence[Any]) -> ParentRequest:
    request, dossier, number, person, kind, key_id, text, asked_at, due_at, is_overdue, state, *rest = row
    answer_key, answer, settled_by, settled_at, version = rest
    plain = unit.keys.decrypt(EncryptedContent(answer_key, answer), f"answer/{request}").decode() if answer else None
    return ParentRequest(
        request,
        VersionRef(dossier, number),
        person,
        kind,
        unit.keys.decrypt(EncryptedContent(key_id, text), f"request/{request}").decode(),
        *(asked_at, due_at, is_overdue, state, plain, settled_by, settled_at, version),
    )
