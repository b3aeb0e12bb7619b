"""Steps shared by fault tests: sending to a school, and requests of a school."""

from datetime import datetime
from os import urandom
from pathlib import Path

from integration.round.deployment import RegionDeployment

from overstap.agreements import Agreement
from overstap.clock import now
from overstap.delivery.sealing import seal_round
from overstap.envelope.message_ids import message_id
from overstap.envelope.pull_messages import DossierRequest
from overstap.ledger import Ledger
from overstap.rounds import delivering
from overstap.rounds.context import Context
from overstap.simulation.synthetic.pupil import SyntheticPupil


def send(
    deployment: RegionDeployment,
    school: str,
    ledger: Ledger,
    *,
    is_asked: bool = True,
    at: datetime | None = None,
    outbox: Path | None = None,
    agreement: Agreement | None = None,
) -> dict[str, int]:
    """Send as somebody who asks for it now does; with `is_asked=False` as the region's watch does, only what is due."""
    settings = deployment.sandbox.settings().model_copy(update={"outbox": None if outbox is None else str(outbox)})
    context = Context(settings, ledger, (lambda: at) if at else now).of_round(
        deployment.round_id, agreement or deployment.agreement
    )
    return dict(delivering.send(context, school, actor="deliver", is_asked=is_asked))


def seal(deployment: RegionDeployment, ledger: Ledger, agreement: Agreement | None = None) -> None:
    """Seal what may leave, as the step does once nothing unusual waits for the coordinator."""
    agreement = agreement or deployment.agreement
    seal_round(
        *(ledger, deployment.trust()),
        agreement=agreement,
        agreed=agreement.round(deployment.kind),
        round_id=deployment.round_id,
        actor="seal",
        clock=now,
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
