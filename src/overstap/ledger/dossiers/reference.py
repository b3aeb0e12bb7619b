"""Reference of a dossier, its pseudonym on the board, in lists and by telephone, and search by it."""

from dataclasses import dataclass
from uuid import UUID

from overstap.ledger.session import UnitOfWork

_SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's Base32, without letters that look or sound like another."""
_READ_AS = str.maketrans("OIL", "011")
_BITS = 40


@dataclass(frozen=True, slots=True)
class FoundDossier:
    """A dossier that was found by its reference."""

    round_id: str
    school: str
    dossier: UUID
    state: str
    version: int


def reference(dossier: UUID) -> str:
    """Return the reference of a dossier: eight characters from the random part of its id, such as "6BCJ-X0NH".

    Args:
        dossier: a version-7 id, whose last 62 bits are random (RFC 9562 clause 5.7).
    """
    bits = dossier.int & ((1 << _BITS) - 1)
    signs = "".join(_SIGNS[(bits >> shift) & 31] for shift in range(_BITS - 5, -5, -5))
    return f"{signs[:4]}-{signs[4:]}"


def read_reference(text: str) -> str | None:
    """Return a typed reference as `reference` writes it; None when it is none.

    Lower case, spaces and dashes are accepted, and so are O for 0, and I and L for 1.
    """
    signs = "".join(text.split()).replace("-", "").upper().translate(_READ_AS)
    if len(signs) != _BITS // 5 or not all(sign in _SIGNS for sign in signs):
        return None
    return f"{signs[:4]}-{signs[4:]}"


def find_by_reference(unit: UnitOfWork, typed: str, round_id: str | None = None) -> list[FoundDossier]:
    """Return the dossiers of the region with a reference; nearly always one or none (40 random bits).

    Args:
        unit: the transaction.
        typed: the reference as typed.
        round_id: of this round only.
    """
    wanted = read_reference(typed)
    if wanted is None:
        return []
    bits = 0
    for sign in wanted.replace("-", ""):
        bits = bits << 5 | _SIGNS.index(sign)
    return [
        FoundDossier(*row)
        for row in unit.rows(
            "select d.round_id, d.primary_school, d.dossier, t.dutch, d.version from overstap.dossier d "
            "join overstap.state t using (state) where right(replace(d.dossier::text, '-', ''), 10) = %(hex)s "
            "and (%(round)s::text is null or d.round_id = %(round)s) order by d.round_id",
            hex=f"{bits:010x}",
            round=round_id,
        )
    ]
