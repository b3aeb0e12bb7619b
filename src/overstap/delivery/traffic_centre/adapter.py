"""Interface of a qualified supplier's adapter, named by the setting OVERSTAP_TRAFFIC_CENTRE."""

import importlib
from typing import TYPE_CHECKING, Protocol

from overstap.agreements.load import load_all
from overstap.delivery.traffic_centre.messages import (
    AfmeldingRequest,
    MeldenNotificatieRequest,
    OverdrachtRequest,
    SessiecontroleRequest,
    SessieUitkomst,
    Zoeksleutel,
)
from overstap.errors import OverstapError
from overstap.settings import Settings

if TYPE_CHECKING:  # the desk has a ledger; who reads agreements has none
    from overstap.delivery.desk.desk import Sessions


class TrafficCentreError(Exception):
    """The Traffic Centre says no, or does not answer.

    Args:
        answer: its answer, by OSO's name; nothing of a pupil.
    """

    def __init__(self, answer: str) -> None:
        super().__init__(answer)
        self.answer = answer


class TrafficCentreAdapter(Protocol):
    """An adapter to the Traffic Centre. Safe to use from several threads.

    Transport, certificates, mandates and XML are its own business. Every method raises `TrafficCentreError` when the
    Traffic Centre refuses or cannot be reached.
    """

    def zoeksleutel(self, pgn: str) -> Zoeksleutel:
        """Return the search key of a pupil."""
        ...

    def routeringskenmerk(self, school: str) -> str:
        """Return the delivery point of a school (BRIN and branch), as the registry (OSR) has it."""
        ...

    def overdracht(self, request: OverdrachtRequest) -> str:
        """Open a session (target); return its id."""
        ...

    def sessiecontrole(self, request: SessiecontroleRequest) -> SessieUitkomst:
        """Check a session (source)."""
        ...

    def afmelding(self, request: AfmeldingRequest) -> None:
        """Sign a session off (target)."""
        ...

    def melden_notificatie(self, request: MeldenNotificatieRequest) -> None:
        """Have a target notified (source)."""
        ...


class CheckedSessions:
    """The desk's check of sessions: who receives through the Traffic Centre asks within one.

    Args:
        centre: the adapter.
        through_centre: schools (BRIN and branch) that receive that way; others ask directly.
    """

    def __init__(self, centre: TrafficCentreAdapter, through_centre: frozenset[str]) -> None:
        self._centre = centre
        self._through_centre = through_centre

    def holds(self, session: str | None, *, sender: str, receiver: str, pupil_number: str) -> bool:
        """Tell whether a receiver may ask a sender for a pupil in this session."""
        if session is None:
            return receiver not in self._through_centre
        try:
            found = self._centre.sessiecontrole(
                SessiecontroleRequest(
                    bron_brin=sender,
                    bron_routeringskenmerk=self._centre.routeringskenmerk(sender),
                    doel_brin=receiver,
                    doel_routeringskenmerk=self._centre.routeringskenmerk(receiver),
                    zoeksleutel=self._centre.zoeksleutel(pupil_number),
                    sessie_id=session,
                )
            )
        except TrafficCentreError:
            return False
        return found is SessieUitkomst.VALIDE


def centre_of(settings: Settings) -> TrafficCentreAdapter | None:
    """Return the adapter that the settings name, or None when they name none.

    Raises:
        OverstapError: DELIVERY-061 when it cannot be loaded; DELIVERY-062 when it is the simulation and this is
            production.
    """
    named = settings.traffic_centre
    if named is None:
        return None
    place, _, argument = named.partition("=")
    module, _, function = place.partition(":")
    try:
        make = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise OverstapError("DELIVERY-061", adapter=place) from error
    centre: TrafficCentreAdapter = make(argument) if argument else make()
    if settings.production and getattr(centre, "is_simulated", False):
        raise OverstapError("DELIVERY-062")
    return centre


def sessions_of(settings: Settings, region: str) -> "Sessions | None":
    """Return the desk's check of sessions in a region, or None when there is no Traffic Centre.

    Raises:
        OverstapError: as of `centre_of`.
    """
    centre = centre_of(settings)
    if centre is None:
        return None
    agreements, _ = load_all(settings.regions)
    through_centre = {
        school.id
        for agreement in agreements
        if agreement.region == region
        for school in agreement.secondary_schools
        if school.receives is not None and school.receives.way == "traffic_centre"
    }
    return CheckedSessions(centre, frozenset(through_centre))
