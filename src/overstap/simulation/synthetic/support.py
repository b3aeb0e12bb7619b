"""Dossiers that a synthetic primary school supplies to the partnership: pupils with support, in profile POSWV.

By the official sheets (ValideerSwvPaO-profielen.xsl; domain facts, sections 2.1 and 2.2): without inspection block,
without the pupil's number, without final test, and always with something on the support.
"""

import os
from datetime import datetime
from pathlib import Path

from overstap.clock import NETHERLANDS
from overstap.oso import building
from overstap.oso.catalogue import catalogue
from overstap.oso.model import Dossier
from overstap.oso.writing import to_bytes
from overstap.simulation.synthetic.pupil import Support, SyntheticPupil
from overstap.simulation.synthetic.region import SyntheticRegion
from overstap.simulation.synthetic.school import PrimarySchool

_VERSION, _PROFILE = "2019.1", "POSWV"


def supported(region: SyntheticRegion, school: PrimarySchool) -> list[SyntheticPupil]:
    """Return a school's pupils of whom the partnership gets a dossier: those with more than a plan of the school's own.

    Of a school without any it is its first, so that a small region has something to play with.
    """
    pupils = list(region.pupils(school))
    some = [pupil for pupil in pupils if pupil.support not in (Support.NONE, Support.PLAN)]
    return some or pupils[:1]


def support_dossier(region: SyntheticRegion, pupil: SyntheticPupil) -> Dossier:
    """Return a pupil's dossier of OSO 2019.1, profile POSWV, as the school's system exports it."""
    values = region.values(pupil.mended())
    del values["inzage"]
    metadata, leerling = values["metadata"], values["huidigeschool"]["leerling"]
    metadata["overstap"], values["overdrachtsoort"] = _PROFILE, "swv-dossier"
    metadata["categorie_uitlevering"] = {
        f"cat_{category}": state for category, state in catalogue(_VERSION).matrix[_PROFILE].items()
    }
    for name in ("bsn", "onderwijsnummer", "eindtoets_basisonderwijs"):
        leerling.pop(name, None)
    support = leerling.setdefault("onderwijsondersteuning", {})
    support.setdefault("opp", {"opp_ingangdatum": f"{region.first_year}-08-01"})
    return building.build(values)


def write_support(region: SyntheticRegion, school: PrimarySchool, folder: Path) -> int:
    """Write what a school supplies for the partnership into its drop folder; return how many files."""
    home = folder / "drop" / region.name / school.id
    home.mkdir(parents=True, exist_ok=True)
    exported_at = datetime.combine(region.today, datetime.min.time(), NETHERLANDS).timestamp()
    pupils = supported(region, school)
    for pupil in pupils:
        path = home / f"OSO_{_PROFILE}_{pupil.las_key}.xml"
        path.write_bytes(to_bytes(support_dossier(region, pupil)))
        os.utime(path, (exported_at, exported_at))  # so that it does not count as still being written
    return len(pupils)
