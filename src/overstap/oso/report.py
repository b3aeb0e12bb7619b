"""Result of `overstap dossier check`: verdict, structure, findings."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from overstap.oso.model import Dossier
from overstap.oso.structure import StructureFault, check


class CheckVerdict(StrEnum):
    """The outcome for a file, from good to bad."""

    OK = "ok"
    WARNINGS = "warnings"
    ERRORS = "errors"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Judgement:
    """One finding, as it is reported.

    Args:
        rule: the rule's id.
        severity: `error`, `warning` or `note`.
        path: where.
        message_nl: what is wrong and what to do, Dutch.
        message_en: the same in English.
        who: who mends it.
    """

    rule: str
    severity: str
    path: str
    message_nl: str
    message_en: str
    who: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in one file.

    Args:
        file: the file's name as it was given.
        version: version of the data set, None when the file could not be read.
        profile: transfer profile, None when unknown.
        structure: faults of structure.
        findings: findings of rules and attachments; for an unreadable file the one reason why.
        verdict: the outcome.
    """

    file: str
    version: str | None
    profile: str | None
    structure: list[StructureFault] = field(default_factory=list)
    findings: list[Judgement] = field(default_factory=list)
    verdict: CheckVerdict = CheckVerdict.OK

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON objects; a structure fault without `who`, as the format has it."""
        made = asdict(self)
        for fault in made["structure"]:
            del fault["who"]
        return made


def report(file: str, dossier: Dossier, findings: Iterable[Any]) -> Report:
    """Report on a dossier.

    Args:
        file: the file's name as it was given.
        dossier: the dossier.
        findings: what the rules found, each with `rule`, `severity`, `path`, `message_nl`, `message_en` and `who`.
    """
    faults = check(dossier)
    judged = [
        Judgement(each.rule, str(each.severity), each.path, each.message_nl, each.message_en, each.who)
        for each in findings
    ]
    severities = {each.severity for each in judged}
    if faults or "error" in severities:
        verdict = CheckVerdict.ERRORS
    else:
        verdict = CheckVerdict.WARNINGS if "warning" in severities else CheckVerdict.OK
    return Report(file, dossier.version, dossier.profile, faults, judged, verdict)
