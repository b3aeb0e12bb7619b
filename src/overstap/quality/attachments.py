"""Conversion of the attachment faults of `overstap.oso.attachments` to findings."""

from overstap.oso import attachments, structure
from overstap.oso.model import Dossier
from overstap.quality.findings import DossierFinding, DossierSeverity
from overstap.quality.rule_context import RuleContext

_RULE = "ATTACHMENT-"


def codes() -> tuple[str, ...]:
    """Return the codes of all attachment faults."""
    return tuple(code for code in structure.codes() if code.startswith(_RULE))


def severity(code: str) -> DossierSeverity:
    """Return the severity of an attachment fault; faults that the official examples have are warnings."""
    return DossierSeverity.WARNING if code in attachments.WARNINGS else DossierSeverity.ERROR


def findings(dossier: Dossier, context: RuleContext) -> list[DossierFinding]:
    """Return the findings about a dossier's attachments, in document order.

    Args:
        dossier: the dossier.
        context: rule context of the dossier, with its attachment blocks.
    """
    blocks = context.blocks.get("document")
    if blocks is None:
        return []
    each = zip(blocks, attachments.faults((block.node for block in blocks), dossier), strict=True)
    return [
        DossierFinding(code, severity(code), block.path, *structure.sentence(code))
        for block, codes in each
        for code in codes
    ]
