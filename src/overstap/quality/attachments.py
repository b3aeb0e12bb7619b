"""Findings about attachments, from `overstap.oso.attachments`."""

from overstap.oso import attachments, structure
from overstap.oso.model import Dossier
from overstap.quality.findings import DossierFinding, DossierSeverity
from overstap.quality.rule_context import RuleContext

_RULE = "ATTACHMENT-"


def codes() -> tuple[str, ...]:
    """Return the rule ids that an attachment can break."""
    return tuple(code for code in structure.codes() if code.startswith(_RULE))


def severity(code: str) -> DossierSeverity:
    """Return how bad it is: what the official example dossiers get wrong themselves stops nobody."""
    return DossierSeverity.WARNING if code in attachments.WARNINGS else DossierSeverity.ERROR


def findings(dossier: Dossier, context: RuleContext) -> list[DossierFinding]:
    """Return what is wrong with a dossier's attachments, in document order.

    Args:
        dossier: the dossier.
        context: of the same: without a document in it nothing is opened.
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
