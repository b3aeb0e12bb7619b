"""Drafts of agreements: begun, saved and approved on the board, written to the agreement file by a task."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from psycopg.rows import TupleRow

from overstap.agreements.drafting.files import AgreementTexts
from overstap.ledger.session import UnitOfWork


class DraftState(StrEnum):
    """State of a draft."""

    OPEN = "open"
    APPROVED = "approved"
    """A second person approved it; a task is going to write it."""
    APPLIED = "applied"
    REFUSED = "refused"
    """It was approved and could not be written, for the reason in `problem`."""
    DROPPED = "dropped"


class DraftAnswer(StrEnum):
    """Answer of the database to a change of a draft."""

    SAVED = "saved"
    APPROVED = "approved"
    DROPPED = "dropped"
    CHANGED = "changed"
    """Somebody saved another version meanwhile."""
    AGREED = "agreed"
    """That person wrote some of it and approved what others wrote; another approval is still needed."""
    OWN = "own"
    """That person alone wrote it, so another has to approve."""
    SETTLED = "settled"
    """The draft is not open (any more)."""


@dataclass(frozen=True, slots=True)
class DraftVersion:
    """A saved version of a draft."""

    number: int
    changed_by: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class AgreementDraft:
    """A draft with its newest version.

    Args:
        draft: its id.
        school_year: such as "2026-2027".
        state: its state.
        version: number of the newest version.
        texts: the newest version.
        base_digest: SHA-256 of the files that it was made from; None when there were none.
        base: those files.
        made_by: account that began it.
        made_at: when.
        changed_by: account that saved the newest version.
        changed_at: when.
        approved_by: account that approved it.
        settled_at: when it was applied, refused or dropped.
        problem: key of the reason of the refusal.
    """

    draft: UUID
    school_year: str
    state: DraftState
    version: int
    texts: AgreementTexts = field(repr=False)
    base_digest: str | None
    base: AgreementTexts = field(repr=False)
    made_by: str
    made_at: datetime
    changed_by: str
    changed_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    settled_at: datetime | None
    problem: str | None


_SELECT = (
    "select d.draft, d.school_year, d.state, d.version, v.content, v.schools, d.base_digest, d.base_text, "
    "d.base_schools, d.made_by, d.made_at, v.changed_by, v.changed_at, d.approved_by, d.approved_at, d.settled_at, "
    "d.problem from overstap.agreement_draft d join overstap.agreement_draft_version v "
    "on v.draft = d.draft and v.number = d.version "
)


def drafts(unit: UnitOfWork, *, most: int = 50) -> list[AgreementDraft]:
    """Return the region's newest drafts, the open ones first.

    Args:
        unit: the transaction.
        most: at most so many.
    """
    rows = unit.rows(
        f"{_SELECT} order by d.state not in ('open', 'approved'), v.changed_at desc limit %(most)s", most=most
    )
    return [_draft(row) for row in rows]


def find_draft(unit: UnitOfWork, draft: UUID) -> AgreementDraft | None:
    """Return a draft of the region; None when it has none of that id."""
    rows = unit.rows(f"{_SELECT} where d.draft = %(draft)s", draft=draft)
    return _draft(rows[0]) if rows else None


def approved_drafts(unit: UnitOfWork) -> list[AgreementDraft]:
    """Return the drafts that were approved and not written yet, in the order of their approval."""
    return [_draft(row) for row in unit.rows(f"{_SELECT} where d.state = 'approved' order by d.approved_at")]


def text_of_version(unit: UnitOfWork, draft: UUID, number: int) -> AgreementTexts | None:
    """Return a version of a draft as it was saved; None when there is none of that number."""
    rows = unit.rows(
        "select content, schools from overstap.agreement_draft_version where draft = %(draft)s and number = %(number)s",
        draft=draft,
        number=number,
    )
    return AgreementTexts(*rows[0]) if rows else None


def versions_of_draft(unit: UnitOfWork, draft: UUID) -> Sequence[DraftVersion]:
    """Return who saved which version of a draft when, the newest first."""
    rows = unit.rows(
        "select number, changed_by, changed_at from overstap.agreement_draft_version where draft = %(draft)s "
        "order by number desc",
        draft=draft,
    )
    return [DraftVersion(*row) for row in rows]


def approvals_of(unit: UnitOfWork, draft: UUID, version: int) -> list[str]:
    """Return the accounts, in lower case, that approved a version of a draft, in order."""
    rows = unit.rows(
        "select approved_by from overstap.agreement_draft_approval where draft = %(draft)s and number = %(version)s "
        "order by approved_at",
        draft=draft,
        version=version,
    )
    return [row[0] for row in rows]


def begin_draft(
    unit: UnitOfWork, school_year: str, new: AgreementTexts, base_digest: str | None, base: AgreementTexts, by: str
) -> UUID | None:
    """Begin a draft; return its id, or None when the region has as many open drafts as it may have.

    Args:
        unit: a transaction of the login `overstap_drafts`.
        school_year: such as "2026-2027".
        new: its first version.
        base_digest: SHA-256 of the files that it was made from; None when there are none.
        base: those files.
        by: the account.
    """
    found: UUID | None = unit.one(
        "select overstap.begin_draft(%(year)s, %(content)s, %(schools)s, %(digest)s, %(base)s, "
        "%(base_schools)s, %(by)s)",
        year=school_year,
        content=new.content,
        schools=new.schools,
        digest=base_digest,
        base=base.content,
        base_schools=base.schools,
        by=by,
    )[0]
    return found


def save_draft(unit: UnitOfWork, draft: UUID, version: int, new: AgreementTexts, by: str) -> DraftAnswer:
    """Save a version that was made from version number `version`.

    Args:
        unit: a transaction of the login `overstap_drafts`.
        draft: id of the draft.
        version: number of the version that it was made from.
        new: the texts.
        by: the account.
    """
    return DraftAnswer(
        unit.one(
            "select overstap.save_draft(%(draft)s, %(version)s, %(content)s, %(schools)s, %(by)s)",
            draft=draft,
            version=version,
            content=new.content,
            schools=new.schools,
            by=by,
        )[0]
    )


def rebase_draft(
    unit: UnitOfWork,
    draft: UUID,
    version: int,
    new: AgreementTexts,
    *,
    base_digest: str | None,
    base: AgreementTexts,
    by: str,
) -> DraftAnswer:
    """Save a version that takes in the file as it is now; arguments as of `begin_draft` and `save_draft`."""
    return DraftAnswer(
        unit.one(
            "select overstap.rebase_draft(%(draft)s, %(version)s, %(content)s, %(schools)s, %(digest)s, %(base)s, "
            "%(base_schools)s, %(by)s)",
            draft=draft,
            version=version,
            content=new.content,
            schools=new.schools,
            digest=base_digest,
            base=base.content,
            base_schools=base.schools,
            by=by,
        )[0]
    )


def approve_draft(unit: UnitOfWork, draft: UUID, version: int, by: str, agreed_digest: str) -> DraftAnswer:
    """Approve the version that a person read; what somebody wrote needs another's approval.

    Args:
        unit: a transaction of the login `overstap_drafts`.
        draft: id of the draft.
        version: number of the version that was read.
        by: the account.
        agreed_digest: digest of the agreement that this version means.
    """
    sql = "select overstap.approve_draft(%(draft)s, %(version)s, %(by)s, %(agreed)s)"
    return DraftAnswer(unit.one(sql, draft=draft, version=version, by=by, agreed=agreed_digest)[0])


def drop_draft(unit: UnitOfWork, draft: UUID, by: str) -> DraftAnswer:
    """Put an open draft aside; its versions stay."""
    return DraftAnswer(unit.one("select overstap.drop_draft(%(draft)s, %(by)s)", draft=draft, by=by)[0])


def announce_draft(unit: UnitOfWork, draft: UUID, digest: str | None) -> bool:
    """Announce in the audit chain that an approved draft is going to be the file; commit before it is written.

    Args:
        unit: a transaction of a task.
        draft: id of the draft.
        digest: SHA-256 of the files that it replaces; None when there are none.

    Returns:
        Whether the draft is still approved.
    """
    return bool(unit.one("select overstap.announce_draft(%(draft)s, %(digest)s)", draft=draft, digest=digest)[0])


def settle_draft(unit: UnitOfWork, draft: UUID, problem: str | None = None) -> bool:
    """Record that an approved draft was written, or why it was not; return whether it was still approved."""
    return bool(
        unit.one(
            "select overstap.settle_draft(%(draft)s, %(outcome)s, %(problem)s)",
            draft=draft,
            outcome="refused" if problem else "applied",
            problem=problem,
        )[0]
    )


def _draft(row: TupleRow) -> AgreementDraft:
    draft, year, state, version, content, schools, digest, base, base_schools, *rest = row
    new, old = AgreementTexts(content, schools), AgreementTexts(base, base_schools)
    return AgreementDraft(draft, year, DraftState(state), version, new, digest, old, *rest)
