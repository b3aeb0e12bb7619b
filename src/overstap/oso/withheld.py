"""Statement for the receiver about the fields of a version that were left out because nobody has classified them yet.

The dossier itself can state withheld categories only (metadata/categorie_uitlevering), not single fields.
"""

import json

from overstap.oso.catalogue import catalogue
from overstap.oso.model import Dossier
from overstap.oso.released import WrittenDossier

WITHHELD_FILE = "withheld.json"
"""Name of the statement in an envelope, beside the dossier (docs/envelope.md)."""
_FORMAT = "overstap-withheld/1"


def withheld_statement(dossier: Dossier | WrittenDossier) -> bytes | None:
    """Return the statement as JSON; None when every field of the version is classified.

    Args:
        dossier: the dossier; the statement follows from its version only and holds no personal data.
    """
    paths = catalogue(dossier.version).unclassified
    if not paths:
        return None
    said = {"format": _FORMAT, "oso_version": dossier.version, "reason": "unclassified", "paths": list(paths)}
    return json.dumps(said, ensure_ascii=False, indent=1).encode()
