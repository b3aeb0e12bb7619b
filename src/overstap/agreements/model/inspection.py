"""The agreed rules for a dossier that changes after parents inspected it."""

from pydantic import field_serializer

from overstap.agreements.model.part import AgreementPart


class Inspection(AgreementPart):
    """When a changed dossier has to be put before parents again."""

    immaterial: frozenset[str] = frozenset()
    """Categories (`verzuim`), blocks (`communicatielijst`) and fields (`communicatie/nummer`) that may change without
    asking parents anew: an inspection of the version before stays good, and the parents' page says so."""

    @field_serializer("immaterial")
    def _sorted(self, immaterial: frozenset[str]) -> list[str]:
        # A set's order differs from process to process, and the digest is taken over what is written
        return sorted(immaterial)
