"""Judgement of one dossier by the official rules of its version, our own rules, and the checks of its attachments."""

from collections.abc import Set
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
    dossier: Dossier,
    *,
    today: date,
    stage: JudgementStage = JudgementStage.COMPLETE,
    profile: str | None = None,
    own_codes: Set[tuple[str, str]] = frozenset(),
) -> list[DossierFinding]:
    """Return all findings about a dossier, official rules first, each rule once per location.

    A dossier with an invalid structure is judged as far as possible.

    Args:
        dossier: the dossier as read.
        today: the Dutch date.
        stage: `BEFORE_INSPECTION` omits the rules on the inspection block, which the round itself fills in.
        profile: profile of the round, such as `POVO`; the dossier's own profile when None.
        own_codes: the region's own codes, as number of the code list and code.
    """
    context = RuleContext(dossier, engine.layout(dossier.version), today, profile, own_codes)
    return by_rules(context, dossier.version, stage) + attachments.findings(dossier, context)


def by_rules(
    context: RuleContext, version: str, stage: JudgementStage = JudgementStage.COMPLETE
) -> list[DossierFinding]:
    """Return the findings of the rules about a dossier, without opening its attachments, like the official sheets.

    Args:
        context: rule context of the dossier.
        version: version of the data set.
        stage: stage of the round.
    """
    kind = context.kind if context.kind in _KINDS else ""
    transfer = context.transfer if context.transfer in _TRANSFERS else ""
    if context.expected is None:
        sheet = engine.sheet_for(kind, transfer)
    else:
        sheet = _SHEETS[context.expected]
        if context.profile != context.expected:
            # The kind itself is wrong (OV-RF-05); findings of another profile's rules would only obscure that
            (kind,) = references.KINDS_OF[context.expected]
            transfer = context.expected if context.expected in _TRANSFERS else transfer
    return engine.findings(context, engine.plan(version, kind, sheet, transfer, stage), version)
