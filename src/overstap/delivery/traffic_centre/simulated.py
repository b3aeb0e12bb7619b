"""Simulated Traffic Centre, kept in a folder that processes share.

For tests and rehearsals; refused in production. It knows sessions, sign-offs and notifications, and has no dossier.
"""

import json
import os
import secrets
import uuid
from pathlib import Path
from typing import Any

from overstap.delivery.traffic_centre.adapter import TrafficCentreError
from overstap.delivery.traffic_centre.messages import (
    AfmeldingRequest,
    MeldenNotificatieRequest,
    OverdrachtRequest,
    Resultaat,
    SessiecontroleRequest,
    SessieUitkomst,
    Zoeksleutel,
)
from overstap.pki import oin_of


class SimulatedTrafficCentre:
    """The simulation.

    Args:
        folder: where it keeps what it knows; made when missing.
        unknown: schools (BRIN and branch) that have no delivery point.
    """

    is_simulated = True

    def __init__(self, folder: Path, *, unknown: frozenset[str] = frozenset()) -> None:
        self._folder = folder
        self._unknown = unknown
        for name in ("sessions", "notifications"):
            (folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        secret = folder / "secret"
        if not secret.exists():
            _write(secret, secrets.token_hex(32))
        self._secret = bytes.fromhex(secret.read_text())

    def zoeksleutel(self, pgn: str) -> Zoeksleutel:
        """Return the search key of a pupil."""
        return Zoeksleutel.van(pgn, self._secret)

    def routeringskenmerk(self, school: str) -> str:
        """Return the delivery point of a school: its OIN with suffix 931, as in OSO's own example."""
        if school in self._unknown:
            raise TrafficCentreError(SessieUitkomst.ONBEKEND_AANLEVERPUNT)
        return f"{oin_of(school)[:-3]}931"

    def overdracht(self, request: OverdrachtRequest) -> str:
        """Open a session; return its id."""
        if request.doel_routeringskenmerk != self.routeringskenmerk(request.doel_brin):
            raise TrafficCentreError(SessieUitkomst.ONBEKEND_AANLEVERPUNT)
        self.routeringskenmerk(request.bron_brin)
        session = str(uuid.uuid4())
        self._keep(session, _subject(request), None)
        return session

    def sessiecontrole(self, request: SessiecontroleRequest) -> SessieUitkomst:
        """Check a session."""
        if request.bron_brin in self._unknown:
            return SessieUitkomst.VERSTREKKER_NIET_BEKEND
        if request.bron_routeringskenmerk != self.routeringskenmerk(request.bron_brin):
            return SessieUitkomst.ONBEKEND_AANLEVERPUNT
        known = self._session(request.sessie_id)
        if known is None:
            return SessieUitkomst.AFWIJKEND
        if known["resultaat"] is not None:
            return SessieUitkomst.REEDS_AFGEMELD
        return SessieUitkomst.VALIDE if known["subject"] == _subject(request) else SessieUitkomst.AFWIJKEND

    def afmelding(self, request: AfmeldingRequest) -> None:
        """Sign a session off."""
        known = self._session(request.sessie_id)
        if known is None or known["subject"][0] != request.doel_brin:
            raise TrafficCentreError(SessieUitkomst.AFWIJKEND)
        if known["resultaat"] is not None:
            raise TrafficCentreError(SessieUitkomst.REEDS_AFGEMELD)
        self._keep(request.sessie_id, known["subject"], request.resultaat)

    def melden_notificatie(self, request: MeldenNotificatieRequest) -> None:
        """Have a target notified: it is kept for the target to see."""
        if request.doel_routeringskenmerk != self.routeringskenmerk(request.doel_brin):
            raise TrafficCentreError(SessieUitkomst.ONBEKEND_AANLEVERPUNT)
        said = {"bron": request.bron_brin, "doel": request.doel_brin, "verzoek": str(request.verzoek or "")}
        _write(self._folder / "notifications" / f"{uuid.uuid4()}.json", json.dumps(said))

    # -- for who looks at the simulation -----------------------------------------------------------------------------

    def resultaat(self, session: str) -> Resultaat | None:
        """Return with what a session was signed off, or None."""
        known = self._session(session)
        return Resultaat(known["resultaat"]) if known and known["resultaat"] else None

    def notifications(self, school: str) -> list[str]:
        """Return the requests of a school that it was notified of; "" for what it never asked."""
        said = [json.loads(path.read_text()) for path in sorted((self._folder / "notifications").glob("*.json"))]
        return [one["verzoek"] for one in said if one["doel"] == school]

    def _session(self, session: str) -> dict[str, Any] | None:
        try:
            path = self._folder / "sessions" / f"{uuid.UUID(session)}.json"
        except ValueError:
            return None
        return json.loads(path.read_text()) if path.exists() else None

    def _keep(self, session: str, subject: object, resultaat: str | None) -> None:
        said = json.dumps({"subject": subject, "resultaat": resultaat})
        _write(self._folder / "sessions" / f"{session}.json", said)


def simulated(folder: str) -> SimulatedTrafficCentre:
    """Open the simulation for the setting OVERSTAP_TRAFFIC_CENTRE."""
    return SimulatedTrafficCentre(Path(folder))


def _subject(request: OverdrachtRequest | SessiecontroleRequest) -> list[str]:
    key = request.zoeksleutel
    return [request.doel_brin, request.bron_brin, key.sleutel, key.pgn_fragment, request.overdrachtsoort]


def _write(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    beside.write_text(text, encoding="utf-8")
    beside.chmod(0o600)
    beside.replace(path)
