"""Findings: one form for a dossier's rules, one for a region's."""

from dataclasses import dataclass
from enum import StrEnum


class DossierSeverity(StrEnum):
    """How bad it is. Only an error keeps a dossier from going on."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class JudgementStage(StrEnum):
    """Where in a round a dossier is judged.

    A dossier comes in before its parents have seen it, so what the standard asks of the inspection block can only be
    asked when it is sealed.
    """

    BEFORE_INSPECTION = "before_inspection"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class DossierFinding:
    """One place in a dossier where one rule is broken.

    Messages are sentences of `include/texts/rules/`, fixed per rule: no value of a dossier ever gets into them.

    Args:
        rule: the rule's id, such as `OVa.LL05` or `OV-ID-01`.
        severity: how bad it is.
        path: the field, such as `dossier/huidigeschool/leerling/verzorger[2]/overlijdensdatum`. A number says which
            of several equal elements it is, counted from 1. For something that is missing: where it should stand.
        message_nl: what is wrong and what to do, for a school.
        message_en: the same in English.
        who: who mends it: `school`, `supplier` or `region`.
    """

    rule: str
    severity: DossierSeverity
    path: str
    message_nl: str
    message_en: str
    who: str


@dataclass(frozen=True, slots=True)
class RegionFinding:
    """One expectation over a whole region that one dossier does not meet.

    Args:
        dossier_id: the id under which the dossier stands in the frames.
        rule: the rule's id, such as `OV-RG-01`.
        severity: how bad it is.
        path: frame and column, such as `leerling/bsn`.
    """

    dossier_id: str
    rule: str
    severity: DossierSeverity
    path: str
