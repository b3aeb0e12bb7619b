"""Judges one dossier: every official rule of its version, our own suite, and its attachments."""

from datetime import date

from overstap.oso.model import Dossier
from overstap.quality import attachments, engine, references
from overstap.quality.findings import DossierFinding, DossierSeverity, JudgementStage
from overstap.quality.rule_context import RuleContext

__all__ = ["DossierFinding", "DossierSeverity", "JudgementStage", "judge"]

_KINDS = frozenset(("overstapdossier", "overdrachtbinnenbrin", "swv-dossier"))
_TRANSFERS = frozenset(("POPO", "POVO", "VOVO", "POSWV", "VOSWV"))
_SHEETS = {"BB": "OVb", "POSWV": "PaO", "VOSWV": "PaO", "POVO": "OVa", "POPO": "OVa", "VOVO": "OVa"}


def judge(
    dossier: Dossier, *, today: date, stage: JudgementStage = JudgementStage.COMPLETE, profile: str | None = None
) -> list[DossierFinding]:
    """Return everything that is wrong with a dossier, official rules first, each place of a rule once.

    A dossier whose structure is wrong is judged as far as it can be.

    Args:
        dossier: a dossier as read.
        today: the day on which it is judged, Dutch time.
        stage: `BEFORE_INSPECTION` leaves out what is asked of the inspection block, which the round itself fills in.
        profile: the profile that the round is for, such as `POVO`; without it the dossier's own word is taken.
    """
    context = RuleContext(dossier, engine.layout(dossier.version), today, profile)
    return by_rules(context, dossier.version, stage) + attachments.findings(dossier, context)


def by_rules(
    context: RuleContext, version: str, stage: JudgementStage = JudgementStage.COMPLETE
) -> list[DossierFinding]:
    """Return what the rules say of a dossier, its attachments left shut, as the official sheets leave them.

    Args:
        context: of the dossier.
        version: its version.
        stage: where in the round it is.
    """
    kind = context.kind if context.kind in _KINDS else ""
    transfer = context.transfer if context.transfer in _TRANSFERS else ""
    if context.expected is None:
        sheet = engine.sheet_for(kind, transfer)
    else:
        sheet = _SHEETS[context.expected]
        if context.profile != context.expected:
            # What is wrong is the kind itself (OV-RF-05): another profile's rules would only hide that.
            (kind,) = references.KINDS_OF[context.expected]
            transfer = context.expected if context.expected in _TRANSFERS else transfer
    return engine.findings(context, engine.plan(version, kind, sheet, transfer, stage), version)
