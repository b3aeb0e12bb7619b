"""Messages between schools' systems and the Traffic Centre, by OSO's Dutch names (docs/traffic-centre.md).

Only fields that are named in public sources; a supplier's adapter maps them to the XML of its version.
"""

import hmac
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class SessieUitkomst(StrEnum):
    """What the Traffic Centre answers when a source checks a session (sessiecontroleRequest)."""

    VALIDE = "SessieValide"
    AFWIJKEND = "SessieAfwijkend"
    """It exists, and was given for other schools or another pupil."""
    ONBEKEND_AANLEVERPUNT = "OnbekendAanleverpunt"
    GEEN_RELATIE_MET_DOEL = "GeenRelatieMetDoel"
    REEDS_AFGEMELD = "SessieReedsAfgemeld"
    VERSTREKKER_NIET_BEKEND = "VerstrekkerNietBekend"


class Resultaat(StrEnum):
    """With what a target signs a session off (afmeldingRequest). The first is OSO's own word, the others are ours."""

    GESLAAGD = "OverdrachtGeslaagd"
    GEEN_DOSSIER = "GeenDossier"
    """The source had none for this target; why is not told to the Traffic Centre."""
    MISLUKT = "OverdrachtMislukt"
    """It came, and could not be opened or stored."""


@dataclass(frozen=True, slots=True)
class Zoeksleutel:
    """A search key with a fragment of the pupil's number, by which the Traffic Centre tells pupils apart."""

    sleutel: str = field(repr=False)
    pgn_fragment: str = field(repr=False)
    """The last four digits."""

    @classmethod
    def van(cls, pgn: str, secret: bytes) -> "Zoeksleutel":
        """Make the key of a pupil.

        Args:
            pgn: BSN or onderwijsnummer, 9 digits.
            secret: what source and target share with the Traffic Centre. How OSO makes its key is not public.
        """
        return cls(hmac.digest(secret, pgn.encode(), "sha256").hex(), pgn[-4:])


@dataclass(frozen=True, slots=True)
class OverdrachtRequest:
    """Target to Traffic Centre: may I ask this source for this pupil?"""

    doel_brin: str
    doel_routeringskenmerk: str
    bron_brin: str
    zoeksleutel: Zoeksleutel
    overdrachtsoort: str = "overstap"


@dataclass(frozen=True, slots=True)
class SessiecontroleRequest:
    """Source to Traffic Centre: does this session hold?"""

    bron_brin: str
    bron_routeringskenmerk: str
    doel_brin: str
    doel_routeringskenmerk: str
    zoeksleutel: Zoeksleutel
    sessie_id: str
    overdrachtsoort: str = "overstap"


@dataclass(frozen=True, slots=True)
class AfmeldingRequest:
    """Target to Traffic Centre: the session is over, with this result."""

    doel_brin: str
    sessie_id: str
    resultaat: Resultaat


@dataclass(frozen=True, slots=True)
class MeldenNotificatieRequest:
    """Source to target, by the Traffic Centre: what you asked for earlier is ready; ask again."""

    bron_brin: str
    doel_brin: str
    doel_routeringskenmerk: str
    verzoek: UUID | None
    """The target's own request; None when it never asked."""
