"""One stage of a round as a process of its own, to be killed: `stage.py <stage> <round id> <school>`.

Says "begin" when everything is imported and it is about to work. Small groups: there is much to kill in between.
"""

import sys
from pathlib import Path

from overstap.agreements.load import find_agreement
from overstap.clock import now
from overstap.delivery import sealing, sending
from overstap.delivery.sealing import seal_round
from overstap.delivery.sending import send_school
from overstap.intake import collect
from overstap.intake.collect import collect_school, from_drop_folder
from overstap.ledger import open_ledger
from overstap.pki import TrustStore
from overstap.settings import Settings

collect.GROUP, sealing.GROUP, sending.GROUP = 8, 8, 5


def main(stage: str, round_id: str, school: str) -> None:
    """Run one stage once, as its task does."""
    region, year, kind = round_id.split(".")
    settings = Settings()
    agreement = find_agreement(settings.regions, region, year)
    ledger = open_ledger(settings)
    trust = TrustStore(settings.need_path("trust"), production=False)
    common = {"agreement": agreement, "round_id": round_id, "actor": stage}
    print("begin", flush=True)
    if stage == "collect":
        folder = Path(settings.need_path("drop")) / region / school
        collect_school(
            ledger,
            agreed=agreement.round(kind),
            school=agreement.school(school),
            source="drop_folder",
            candidates=from_drop_folder(folder, now=now(), label_key=ledger.keys(region).lookup("label", school)),
            **common,
        )
    elif stage == "seal":
        seal_round(ledger, trust, agreed=agreement.round(kind), clock=now, **common)
    elif stage == "send":
        send = dict(school=agreement.school(school), clock=now, outbox=settings.outbox, is_asked=True, **common)
        send_school(ledger, trust, **send)
    else:
        raise ValueError(stage)


if __name__ == "__main__":
    main(*sys.argv[1:])
