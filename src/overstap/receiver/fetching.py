"""What a receiving school does to fetch its dossiers: ask for each of its pupils, store, hand in the receipt."""

import csv
import hashlib
import hmac
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from overstap.decoding import decoded
from overstap.envelope import manifest as manifests
from overstap.envelope.message_ids import message_id
from overstap.envelope.proof_pupil import BIRTH_DATE, NUMBER, SURNAME
from overstap.envelope.pull_messages import DossierRequest
from overstap.errors import OverstapError
from overstap.oso.catalogue import versions
from overstap.receiver.desk_client import Asker
from overstap.receiver.reception import Reception, Took
from overstap.receiver.revocation_receiver import take_back

HEADER = ("leerlingnummer", "achternaam", "geboortedatum", "basisschool")
"""The columns of a list of pupils, in any order; others are left aside."""

_DUTCH_DATE = re.compile(r"([0-9]{1,2})-([0-9]{1,2})-([0-9]{4})")
_SCHOOL = re.compile(r"[0-9]{2}[A-Z]{2}[0-9]{2}")


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
    """Read a list of pupils: CSV with a header, as spreadsheets write it.

    Raises:
        OverstapError: DELIVERY-057 with the number of the line; nothing of what it says.
    """
    lines = [line for line in decoded(data).splitlines() if line.strip(" ;,\t")]
    separator = max(";,\t", key=lines[0].count) if lines else ";"
    rows = csv.reader(lines, delimiter=separator)
    names = [name.strip().lower() for name in next(rows, [])]
    if not set(HEADER) <= set(names):
        raise OverstapError("DELIVERY-057", line=1)
    pupils = []
    for row in rows:
        said = dict(zip(names, (cell.strip() for cell in row), strict=False))
        try:
            pupils.append(_pupil(said))
        except (ValueError, KeyError):
            raise OverstapError("DELIVERY-057", line=rows.line_num) from None
    return pupils


def pupil_of_tests(sender: str) -> RequestedPupil:
    """Return the pupil of test messages.

    Args:
        sender: BRIN and branch of any primary school of the region.

    Raises:
        OverstapError: DELIVERY-057 when it does not have that form.
    """
    if not _SCHOOL.fullmatch(sender):
        raise OverstapError("DELIVERY-057", line=1)
    return RequestedPupil(NUMBER, SURNAME, BIRTH_DATE, sender)


def fetch(
    asker: Asker,
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
        asker: the line to the desk.
        reception: opens and stores.
        pupils: whose dossiers.
        clock: the present moment.
        random: gives random bytes.

    Raises:
        OverstapError: as of `Asker`, and DELIVERY-002 when own keys are not in order.
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
        got = asker.ask(request)
        if got.statement is not None and got.message_id is not None:
            answer = take_back(reception, got.statement, message_id=got.message_id, at=clock())
            asker.hand_in_taken_back(answer.receipt, got.message_id)
            yield Fetched(line, got.message_id, "refused" if answer.took is Took.REFUSED else "taken_back")
            continue
        if got.envelope is None or got.message_id is None:
            yield Fetched(line, None, str(got.answer))
            continue
        answer = reception.take(got.envelope, message_id=got.message_id, at=clock())
        asker.hand_in_receipt(answer.receipt, got.message_id)
        manifest = store.manifest_of(got.message_id) if answer.took in (Took.STORED, Took.REPEATED) else None
        if manifest is not None:
            store.remember(handle, manifests.parse(manifest).created_at)
        yield Fetched(line, got.message_id, answer.took.value)


def _pupil(said: dict[str, str]) -> RequestedPupil:
    number = re.sub(r"[^0-9]", "", said["leerlingnummer"]).zfill(9)
    born = said["geboortedatum"]
    if found := _DUTCH_DATE.fullmatch(born):
        born = f"{found[3]}-{int(found[2]):02d}-{int(found[1]):02d}"
    sender = said["basisschool"].replace(" ", "").upper()
    if len(number) != 9 or not said["achternaam"] or not _SCHOOL.fullmatch(sender):
        raise ValueError("another form of line")
    return RequestedPupil(number, said["achternaam"], date.fromisoformat(born), sender)
