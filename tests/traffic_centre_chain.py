"""The receiving side of the chain (DOMAIN 3.2): session request, document request, reception, sign-off."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from overstap.delivery.traffic_centre.adapter import TrafficCentreAdapter
from overstap.delivery.traffic_centre.messages import AfmeldingRequest, OverdrachtRequest, Resultaat
from overstap.envelope.pull_messages import DossierRequest, NoDossier
from overstap.errors import OverstapError
from overstap.receiver.desk_client import DeskClient
from overstap.receiver.reception import Reception, ReceptionStatus
from overstap.receiver.revocation_receiver import receive_revocation


@dataclass(frozen=True, slots=True)
class Chained:
    """What one run through the chain brought."""

    session: str
    message_id: UUID | None
    answer: NoDossier | ReceptionStatus
    resultaat: Resultaat


def fetch_through(
    centre: TrafficCentreAdapter,
    desk_client: DeskClient,
    reception: Reception,
    make: Callable[[str], DossierRequest],
    *,
    sender: str,
    pupil_number: str,
    clock: Callable[[], datetime],
) -> Chained:
    """Fetch one dossier within a session, and sign the session off whatever happened.

    Args:
        centre: the adapter.
        desk_client: the line to the source.
        reception: opens and stores.
        make: makes the request for a session id.
        sender: BRIN and branch of the source.
        pupil_number: BSN or onderwijsnummer.
        clock: the present moment.

    Raises:
        TrafficCentreError: there is no session.
        OverstapError: as of `DeskClient` and `Reception`; the session was signed off as failed.
    """
    school = reception.school
    session = centre.overdracht(
        OverdrachtRequest(
            doel_brin=school,
            doel_routeringskenmerk=centre.routeringskenmerk(school),
            bron_brin=sender,
            zoeksleutel=centre.zoeksleutel(pupil_number),
        )
    )
    resultaat = Resultaat.MISLUKT
    try:
        got = desk_client.request_dossier(make(session))
        if got.statement is not None and got.message_id is not None:
            removed = receive_revocation(reception, got.statement, message_id=got.message_id, at=clock())
            desk_client.hand_in_taken_back(removed.receipt, got.message_id)
            resultaat = Resultaat.GEEN_DOSSIER
            return Chained(session, got.message_id, NoDossier.WITHDRAWN, resultaat)
        if got.envelope is None or got.message_id is None:
            if got.answer is None:
                raise OverstapError("DELIVERY-056", status="-", problem="-")
            resultaat = Resultaat.GEEN_DOSSIER
            return Chained(session, None, got.answer, resultaat)
        taken = reception.receive(got.envelope, message_id=got.message_id, at=clock())
        desk_client.hand_in_receipt(taken.receipt, got.message_id)
        if taken.status in (ReceptionStatus.STORED, ReceptionStatus.REPEATED):
            resultaat = Resultaat.GESLAAGD
        return Chained(session, got.message_id, taken.status, resultaat)
    finally:
        centre.afmelding(AfmeldingRequest(school, session, resultaat))
