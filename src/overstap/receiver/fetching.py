"""Fetching of dossiers by pull: requests each pupil's dossier, stores it, and submits the receipt (docs/pull.md)."""

import hashlib
import hmac
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from overstap.envelope import manifest as manifests
from overstap.envelope.fictitious_pupil import BIRTH_DATE, NUMBER, SURNAME
from overstap.envelope.message_ids import message_id
from overstap.envelope.pull_messages import DossierRequest
from overstap.errors import OverstapError
from overstap.oso.catalogue import versions
from overstap.oso.identifiers import with_zeros
from overstap.receiver.desk_client import DeskClient
from overstap.receiver.reception import Reception, ReceptionStatus
from overstap.receiver.revocation_receiver import receive_revocation
from overstap.school_numbers import is_school_id, school_id_in
from overstap.tabular import Header, HeaderError, RefusedRow, read_table
from overstap.tabular.values import NumberFormatError, day, digits

HEADER = ("leerlingnummer", "achternaam", "geboortedatum", "basisschool")
"""The required columns of a list of pupils, in any order; other columns are ignored."""


@dataclass(frozen=True, slots=True)
class RequestedPupil:
    """A pupil whose dossier a school requests; its representation shows no personal data."""

    number: str = field(repr=False)
    surname: str = field(repr=False)
    birth_date: date = field(repr=False)
    sender: str
    """BRIN and branch of the primary school."""
    restored_at_line: int | None = None
    """Line of the file where the number got leading zeros back, as the check digit agrees; None: it has all."""


@dataclass(frozen=True, slots=True)
class FetchResult:
    """Result of the request for one pupil."""

    line: int
    """Position in the list, from 1."""
    message_id: UUID | None
    outcome: str
    """A `ReceptionStatus`, `taken_back`, or a `NoDossier` of the desk."""


def read_pupils(data: bytes) -> list[RequestedPupil]:
    """Read a list of pupils from a table with a header.

    Args:
        data: a CSV file or a workbook.

    Raises:
        OverstapError: DELIVERY-057 with the line number, or TABLE-001 to TABLE-024; never with content of the list.
    """
    try:
        table = read_table(data, Header(HEADER, is_open=True))
    except HeaderError as wrong:
        raise OverstapError("DELIVERY-057", line=wrong.line) from None
    pupils = []
    for row in table.rows:
        if isinstance(row, RefusedRow):
            raise row.error
        try:
            pupils.append(_pupil(row.cells, row.line))
        except (ValueError, NumberFormatError):
            raise OverstapError("DELIVERY-057", line=row.line) from None
    return pupils


def fictitious_pupil(sender: str) -> RequestedPupil:
    """Return the fictitious pupil of test messages.

    Args:
        sender: BRIN and branch of any primary school of the region.

    Raises:
        OverstapError: DELIVERY-057 when `sender` does not have that form.
    """
    if not is_school_id(sender):
        raise OverstapError("DELIVERY-057", line=1)
    return RequestedPupil(NUMBER, SURNAME, BIRTH_DATE, sender)


def fetch(
    desk_client: DeskClient,
    reception: Reception,
    pupils: Sequence[RequestedPupil],
    *,
    clock: Callable[[], datetime],
    random: Callable[[int], bytes] = os.urandom,
) -> Iterator[FetchResult]:
    """Request each pupil's dossier, store it, and submit its receipt. Safe to repeat and to interrupt at any point.

    Each request states the sealing time of the newest stored dossier, so that only newer ones are sent. That time is
    recorded after the receipt was submitted: if submission fails, the next run gets the same dossier and submits the
    same receipt.

    Args:
        desk_client: connection to the desk.
        reception: opens and stores envelopes.
        pupils: the pupils, each with its primary school.
        clock: returns the present moment.
        random: returns random bytes.

    Yields:
        The result per pupil.

    Raises:
        OverstapError: as by `DeskClient`; DELIVERY-002 when the school's own keys are not valid.
    """
    store = reception.store
    salt = store.salt()
    for line, pupil in enumerate(pupils, start=1):
        handle = hmac.digest(salt, f"{pupil.number}\0{pupil.sender}".encode(), hashlib.sha256)
        request = DossierRequest(
            request_id=message_id(clock(), random(10)),
            pupil_number=pupil.number,
            surname=pupil.surname,
            birth_date=pupil.birth_date,
            sender=pupil.sender,
            oso_versions=tuple(versions()),
            newer_than=store.newest_sealed_at(handle),
        )
        reply = desk_client.request_dossier(request)
        if reply.statement is not None and reply.message_id is not None:
            answer = receive_revocation(reception, reply.statement, message_id=reply.message_id, at=clock())
            desk_client.hand_in_taken_back(answer.receipt, reply.message_id)
            yield FetchResult(
                line, reply.message_id, "refused" if answer.status is ReceptionStatus.REFUSED else "taken_back"
            )
            continue
        if reply.envelope is None or reply.message_id is None:
            yield FetchResult(line, None, str(reply.answer))
            continue
        answer = reception.receive(reply.envelope, message_id=reply.message_id, at=clock())
        desk_client.hand_in_receipt(answer.receipt, reply.message_id)
        manifest = (
            store.manifest_of(reply.message_id)
            if answer.status in (ReceptionStatus.STORED, ReceptionStatus.REPEATED)
            else None
        )
        if manifest is not None:
            store.record_newest(handle, manifests.parse(manifest).created_at)
        yield FetchResult(line, reply.message_id, answer.status.value)


def _pupil(cells: Mapping[str, str], line: int) -> RequestedPupil:
    written = digits(cells["leerlingnummer"])
    number = with_zeros(written)
    sender = school_id_in(cells["basisschool"])
    if number is None or not cells["achternaam"] or sender is None:
        raise ValueError("a value in the row does not have the required form")
    restored = None if number == written else line
    return RequestedPupil(number, cells["achternaam"], day(cells["geboortedatum"]), sender, restored)
