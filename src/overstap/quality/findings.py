"""Findings of quality rules: the classes for one dossier and for a region, with their severities."""

from dataclasses import dataclass
from enum import StrEnum


class DossierSeverity(StrEnum):
    """Severity of a finding. Only an error rejects a dossier."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class JudgementStage(StrEnum):
    """Stage of a round in which a dossier is judged.

    At intake the parents have not inspected the dossier yet, so rules on the inspection block apply only when it is
    sealed.
    """

    BEFORE_INSPECTION = "before_inspection"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class DossierFinding:
    """One location in a dossier that breaks one rule.

    Messages are fixed per rule (`include/texts/rules/`) and never contain values of a dossier.

    Args:
        rule: id of the rule, such as `OVa.LL05` or `OV-ID-01`.
        severity: the severity.
        path: path of the field, such as `dossier/huidigeschool/leerling/verzorger[2]/overlijdensdatum`, with numbers
            from 1; for a missing field, the path where it is required.
        message_nl: fault and remedy, Dutch.
        message_en: fault and remedy, English.
        who: who has to correct it: `school`, `supplier` or `region`.
    """

    rule: str
    severity: DossierSeverity
    path: str
    message_nl: str
    message_en: str
    who: str


@dataclass(frozen=True, slots=True)
class RegionFinding:
    """One location in a dossier that breaks one rule over the region.

    Args:
        dossier_id: id of the dossier in the tables.
        rule: id of the rule, such as `OV-RG-01`.
        severity: the severity.
        path: path of the field.
    """

    dossier_id: str
    rule: str
    severity: DossierSeverity
    path: str
