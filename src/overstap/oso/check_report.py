"""Report of `overstap dossier check`: verdict, structure faults and findings of one file."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from overstap.oso.model import Dossier
from overstap.oso.structure import StructureFault, check


class CheckVerdict(StrEnum):
    """Verdict on a file, from best to worst."""

    OK = "ok"
    WARNINGS = "warnings"
    ERRORS = "errors"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class ReportedFinding:
    """One finding in the report.

    Args:
        rule: id of the rule.
        severity: `error`, `warning` or `note`.
        path: path of the field.
        message_nl: fault and remedy, Dutch.
        message_en: fault and remedy, English.
        who: who has to correct the dossier.
    """

    rule: str
    severity: str
    path: str
    message_nl: str
    message_en: str
    who: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Report of the check of one file.

    Args:
        file: name of the file as given.
        version: version of the data set; None when the file could not be read.
        profile: transfer profile; None when unknown.
        structure: structure faults.
        findings: findings of rules and attachments; for an unreadable file, the reason.
        verdict: the verdict.
    """

    file: str
    version: str | None
    profile: str | None
    structure: list[StructureFault] = field(default_factory=list)
    findings: list[ReportedFinding] = field(default_factory=list)
    verdict: CheckVerdict = CheckVerdict.OK

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON objects; the format has no `who` for structure faults."""
        made = asdict(self)
        for fault in made["structure"]:
            del fault["who"]
        return made


def report(file: str, dossier: Dossier, findings: Iterable[Any]) -> CheckReport:
    """Check the structure of a dossier and combine it with the findings into a report.

    Args:
        file: name of the file as given.
        dossier: the dossier.
        findings: findings with `rule`, `severity`, `path`, `message_nl`, `message_en` and `who`.
    """
    faults = check(dossier)
    judged = [
        ReportedFinding(each.rule, str(each.severity), each.path, each.message_nl, each.message_en, each.who)
        for each in findings
    ]
    severities = {each.severity for each in judged}
    if faults or "error" in severities:
        verdict = CheckVerdict.ERRORS
    else:
        verdict = CheckVerdict.WARNINGS if "warning" in severities else CheckVerdict.OK
    return CheckReport(file, dossier.version, dossier.profile, faults, judged, verdict)
