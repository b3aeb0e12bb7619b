"""Persons entitled to inspect a dossier, with their handles in the ledger."""

from datetime import date

from overstap.ledger.region_keys import RegionKeys
from overstap.oso.entitled_persons import EntitledReader
from overstap.oso.facts import DossierFacts


def people_of(keys: RegionKeys, facts: DossierFacts, today: date) -> list[EntitledReader]:
    """Return who may inspect a dossier.

    Args:
        keys: keys of the region; a handle is a keyed hash, which reveals nothing without them.
        facts: facts of the dossier.
        today: the Dutch date, for the pupil's age.
    """
    return facts.entitled(today, lambda text: keys.lookup("person", text).hex()[:32])
