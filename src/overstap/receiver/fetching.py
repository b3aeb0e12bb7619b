"""Fetching of dossiers by pull: request, store, receipt."""

import hashlib
import hmac
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from overstap.envelope import manifest as manifests
from overstap.envelope.message_ids import message_id
from overstap.envelope.proof_pupil import BIRTH_DATE, NUMBER, SURNAME
from overstap.envelope.pull_messages import DossierRequest
from overstap.errors import OverstapError
from overstap.oso.catalogue import versions
from overstap.receiver.desk_client import DeskClient
from overstap.receiver.reception import Reception, Took
from overstap.receiver.revocation_receiver import take_back
from overstap.school_numbers import is_school_id, school_id_in
from overstap.tabular import Header, HeaderError, RefusedRow, read_table
from overstap.tabular.values import WrongNumberError, day, digits

HEADER = ("leerlingnummer", "achternaam", "geboortedatum", "basisschool")
"""The columns of a list of pupils, in any order; others are left aside."""


@dataclass(frozen=True, slots=True)
class RequestedPupil:
    """A pupil whose dossier a school asks for; nothing of it shows."""

    number: str = field(repr=False)
    surname: str = field(repr=False)
    birth_date: date = field(repr=False)
    sender: str
    """BRIN and branch of the primary school."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What asking for one pupil brought."""

    line: int
    """Place in the list, from 1."""
    message_id: UUID | None
    outcome: str
    """stored, repeated, refused, conflict, taken_back, or the desk's answer."""


def read_pupils(data: bytes) -> list[RequestedPupil]:
    """Read a list of pupils: a table with a header, as spreadsheets write it.

    Raises:
        OverstapError: DELIVERY-057 with the number of the line, or TABLE-001 to TABLE-024; nothing of what it says.
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
            pupils.append(_pupil(row.cells))
        except (ValueError, WrongNumberError):
            raise OverstapError("DELIVERY-057", line=row.line) from None
    return pupils


def pupil_of_tests(sender: str) -> RequestedPupil:
    """Return the pupil of test messages.

    Args:
        sender: BRIN and branch of any primary school of the region.

    Raises:
        OverstapError: DELIVERY-057 when it does not have that form.
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
) -> Iterator[Fetched]:
    """Ask for each pupil's dossier, store what comes, hand in its receipt. Safe to repeat, and to be killed anywhere.

    Only what is newer than what the store has is asked for. A dossier counts as had when its receipt was handed in: if
    that failed, it is asked for again, and the same receipt follows.

    Args:
        desk_client: the line to the desk.
        reception: opens and stores.
        pupils: whose dossiers.
        clock: the present moment.
        random: gives random bytes.

    Raises:
        OverstapError: as of `DeskClient`, and DELIVERY-002 when own keys are not in order.
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
            newer_than=store.remembered(handle),
        )
        got = desk_client.ask(request)
        if got.statement is not None and got.message_id is not None:
            answer = take_back(reception, got.statement, message_id=got.message_id, at=clock())
            desk_client.hand_in_taken_back(answer.receipt, got.message_id)
            yield Fetched(line, got.message_id, "refused" if answer.took is Took.REFUSED else "taken_back")
            continue
        if got.envelope is None or got.message_id is None:
            yield Fetched(line, None, str(got.answer))
            continue
        answer = reception.take(got.envelope, message_id=got.message_id, at=clock())
        desk_client.hand_in_receipt(answer.receipt, got.message_id)
        manifest = store.manifest_of(got.message_id) if answer.took in (Took.STORED, Took.REPEATED) else None
        if manifest is not None:
            store.remember(handle, manifests.parse(manifest).created_at)
        yield Fetched(line, got.message_id, answer.took.value)


def _pupil(said: Mapping[str, str]) -> RequestedPupil:
    number = digits(said["leerlingnummer"]).zfill(9)
    sender = school_id_in(said["basisschool"])
    if len(number) != 9 or not said["achternaam"] or sender is None:
        raise ValueError("another form of line")
    return RequestedPupil(number, said["achternaam"], day(said["geboortedatum"]), sender)
