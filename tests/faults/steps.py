"""Steps that several tests take: send what is sealed for a school, and ask for a pupil as a school does."""

from datetime import datetime
from os import urandom
from pathlib import Path

from integration.round.house import House

from overstap.agreements import Agreement
from overstap.clock import now
from overstap.delivery.sending import send_school
from overstap.envelope.message_ids import message_id
from overstap.envelope.pull_messages import DossierRequest
from overstap.ledger import Ledger
from overstap.simulation.synthetic.pupil import SyntheticPupil


def send(
    house: House,
    school: str,
    ledger: Ledger,
    *,
    is_asked: bool = True,
    at: datetime | None = None,
    outbox: Path | None = None,
    agreement: Agreement | None = None,
) -> dict[str, int]:
    """Send as somebody who asks for it now does; with `is_asked=False` as the region's watch does, only what is due."""
    agreement = agreement or house.agreement
    return dict(
        send_school(
            ledger,
            house.trust(),
            agreement=agreement,
            round_id=house.round_id,
            school=agreement.school(school),
            actor="deliver",
            clock=(lambda: at) if at else now,
            outbox=outbox,
            is_asked=is_asked,
        )
    )


def asked(pupil: SyntheticPupil, **other: object) -> DossierRequest:
    """Return the request of an honest school, but for what `other` says."""
    said = {
        "request_id": message_id(now(), urandom(10)),
        "pupil_number": pupil.number,
        "surname": pupil.surname,
        "birth_date": pupil.birth_date,
        "sender": pupil.school.id,
        "oso_versions": ("2019.1",),
    }
    return DossierRequest(**said | other)  # type: ignore[arg-type]
