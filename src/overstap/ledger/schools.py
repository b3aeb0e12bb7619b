"""Schools of a region, by the agreement of the round that was opened last."""

from dataclasses import dataclass

from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class KnownSchool:
    """A school of the region.

    Args:
        school: BRIN with branch.
        name: name of the school.
        contact: mail address for notices about its dossiers.
    """

    school: str
    name: str
    contact: str


def known(unit: UnitOfWork) -> dict[str, KnownSchool]:
    """Return every school of the region by its BRIN with branch."""
    return {row[0]: KnownSchool(*row) for row in unit.rows("select school, name, contact from overstap.school")}
