"""Registrations of pupils at a supplier of the test: which pupils, what it took, and the results that it sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid4

from overstap.ledger.session import UnitOfWork

ResultTaken = Literal["taken", "unchanged", "refused", "unknown"]
"""What became of a result: it changed what is known; it did not; it was refused; no such pupil was registered."""


@dataclass(frozen=True, slots=True)
class SupplierRegistration:
    """A pupil who was announced to a supplier of the test.

    Args:
        registration: the pupil's key at the supplier (LAS-key).
        pupil: keyed hash of the pupil's number.
        primary_school: BRIN and branch.
        supplier: its OIN.
        routing_key: where results go.
        digest: keyed hash of what was announced last.
        taken_digest: of what the supplier said it had; empty when it did not.
        advice_taken: of the provisional advice that it said it had; empty when it did not.
    """

    registration: UUID
    pupil: bytes = field(repr=False)
    primary_school: str
    supplier: str
    routing_key: str
    digest: bytes = field(repr=False)
    taken_digest: bytes = field(repr=False)
    advice_taken: bytes = field(repr=False)


def known(unit: UnitOfWork, school_year: str, school: str | None = None) -> list[SupplierRegistration]:
    """Return the registrations of a school year, by key.

    Args:
        unit: the transaction.
        school_year: school year, such as "2026-2027".
        school: of this primary school only.
    """
    return [
        SupplierRegistration(key, bytes(pupil), of, supplier, routing_key, *(bytes(one or b"") for one in digests))
        for key, pupil, of, supplier, routing_key, *digests in unit.rows(
            "select registration, pupil, primary_school, supplier, routing_key, digest, taken_digest, advice_taken "
            "from overstap.test_registration where school_year = %(year)s "
            "and (%(school)s::text is null or primary_school = %(school)s) order by registration",
            year=school_year,
            school=school,
        )
    ]


def announce(
    unit: UnitOfWork, school_year: str, school: str, supplier: str, routing_key: str, pupils: Mapping[bytes, bytes]
) -> dict[bytes, UUID]:
    """Announce registrations, before anything leaves: commit before they are sent.

    Args:
        unit: the transaction.
        school_year: the school year.
        school: BRIN and branch.
        supplier: OIN of the supplier; the agreement in force has to name it for this school.
        routing_key: the school's key at the region, likewise.
        pupils: keyed hash of each pupil's number, with that of what is sent.

    Returns:
        The key of each pupil who may be sent: one whom another school registered, or another supplier took, is
        left out.
    """
    return {
        bytes(pupil): key
        for pupil, key in unit.rows(
            "select pupil, registration from overstap.announce_test_registrations(%(year)s, %(school)s, %(supplier)s, "
            "%(key)s, %(ids)s::uuid[], %(pupils)s::bytea[], %(digests)s::bytea[])",
            year=school_year,
            school=school,
            supplier=supplier,
            key=routing_key,
            ids=[uuid4() for _ in pupils],
            pupils=list(pupils),
            digests=list(pupils.values()),
        )
    }


def announce_advices(unit: UnitOfWork, school_year: str, school: str, advices: Mapping[UUID, bytes]) -> int:
    """Announce provisional advices of registered pupils; return how many. Commit before they are sent.

    Args:
        unit: the transaction.
        school_year: the school year.
        school: BRIN and branch.
        advices: key of each registration, with the keyed hash of the advice.
    """
    return int(
        unit.one(
            "select overstap.announce_test_advices(%(year)s, %(school)s, %(ids)s::uuid[], %(digests)s::bytea[])",
            year=school_year,
            school=school,
            ids=list(advices),
            digests=list(advices.values()),
        )[0]
    )


def settle(
    unit: UnitOfWork,
    school_year: str,
    school: str,
    registrations: Sequence[UUID],
    answer: str,
    *,
    is_taken: bool,
    of_advices: bool = False,
) -> None:
    """Keep what the supplier answered.

    Args:
        unit: the transaction.
        school_year: the school year.
        school: BRIN and branch.
        registrations: what was sent.
        answer: its HTTP status, or why there was none.
        is_taken: whether it took what was sent.
        of_advices: whether advices were sent.
    """
    unit.run(
        "select overstap.settle_test_registrations(%(year)s, %(school)s, %(ids)s::uuid[], %(advices)s, %(taken)s, "
        "%(answer)s)",
        year=school_year,
        school=school,
        ids=list(registrations),
        advices=of_advices,
        taken=is_taken,
        answer=answer,
    )


@dataclass(frozen=True, slots=True)
class SentResult:
    """A result of the test, as a supplier sent it.

    Args:
        school_year: the school year that it states.
        school: the school (BRIN and branch) for which it was sent.
        supplier: OIN in the supplier's certificate.
        routing_key: to which it was sent.
        registration: the pupil's key.
        content: JSON as `pupil_tests` keeps it; empty for one that is refused.
        stated_at: when the supplier made it, aware.
        refused: error code; None when it can be used.
    """

    school_year: str
    school: str
    supplier: str
    routing_key: str
    registration: UUID
    content: str = field(repr=False)
    stated_at: datetime
    refused: str | None = None


def take_result(unit: UnitOfWork, result: SentResult) -> ResultTaken:
    """Take in a result of a registered pupil, or keep why it was refused. Idempotent."""
    key = uuid4()
    sealed = unit.keys.encrypt(result.content.encode(), f"test/{key}")
    taken: ResultTaken = unit.one(
        "select overstap.take_test_result(%(year)s, %(school)s, %(supplier)s, %(routing_key)s, %(registration)s, "
        "%(refused)s, %(id)s, %(key)s, %(content)s, %(digest)s, %(stated)s)",
        year=result.school_year,
        school=result.school,
        supplier=result.supplier,
        routing_key=result.routing_key,
        registration=result.registration,
        refused=result.refused,
        id=key,
        key=sealed.key_id,
        content=sealed.data,
        digest=unit.keys.lookup("test", result.content),
        stated=result.stated_at,
    )[0]
    return taken
