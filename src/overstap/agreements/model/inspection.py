"""Model of the rules for a dossier that changes after inspection by parents."""

from pydantic import field_serializer

from overstap.agreements.model.part import AgreementPart


class Inspection(AgreementPart):
    """Rules for repeating the inspection of a changed dossier."""

    immaterial: frozenset[str] = frozenset()
    """Categories (`verzuim`), blocks (`communicatielijst`) and fields (`communicatie/nummer`) that may change without a
    new inspection; the inspection of the previous version remains valid, and the parents' page says so."""

    @field_serializer("immaterial")
    def _sorted(self, immaterial: frozenset[str]) -> list[str]:
        # The order of a set differs between processes, and the digest is computed over the serialised text
        return sorted(immaterial)
