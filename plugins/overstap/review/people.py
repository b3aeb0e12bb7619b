"""The people of a dossier with the handles that the ledger knows them by."""

from datetime import date

from overstap.dossier import Dossier
from overstap.dossier.people import Entitled, entitled
from overstap.ledger.secrets import RegionKeys


def people_of(keys: RegionKeys, dossier: Dossier, today: date) -> list[Entitled]:
    """Return who may inspect a dossier.

    Args:
        keys: the region's keys: a handle is a keyed hash, so that it says nothing to who reads the ledger alone.
        dossier: the dossier.
        today: the Dutch date, for a pupil's age.
    """
    return entitled(dossier, today, lambda text: keys.lookup("person", text).hex()[:32])
