"""Persons of a dossier with their handles in the ledger."""

from datetime import date

from overstap.ledger.region_keys import RegionKeys
from overstap.oso import Dossier
from overstap.oso.people import Entitled, entitled


def people_of(keys: RegionKeys, dossier: Dossier, today: date) -> list[Entitled]:
    """Return who may inspect a dossier.

    Args:
        keys: the region's keys: a handle is a keyed hash, so that it says nothing to who reads the ledger alone.
        dossier: the dossier.
        today: the Dutch date, for a pupil's age.
    """
    return entitled(dossier, today, lambda text: keys.lookup("person", text).hex()[:32])
