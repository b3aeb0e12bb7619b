"""Loading of the quality rules and their messages from data files.

The `rules.csv` of a version's folder has its official rules, `include/schemas/oso/own-rules.csv` our own rules for all
versions, `include/texts/rules/` the messages; `messages.csv` of an added version has those of its official sheet. The
`check` of a rule is a word with arguments: a check of the engine (`required`, `forbidden`, `some`, `codes`, `category`,
`switched_off`, `equals`) or the name of a function in one of the rule modules.
"""

import csv
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from overstap import errors
from overstap.oso import attachments, structure
from overstap.oso.catalogue import catalogue, versions
from overstap.oso.version_cache import forgettable
from overstap.oso.version_folders import BUILT_IN, is_added, version_folders
from overstap.quality import region_rulebook
from overstap.quality.findings import DossierSeverity, JudgementStage
from overstap.resources import INCLUDE
from overstap.texts import read_yaml

_TEXTS = INCLUDE / "texts" / "rules"


class RuleStatus(StrEnum):
    """Status of a rule."""

    ACTIVE = "active"
    """Checked here, and by the official sheet if it is an official rule."""
    REVIVED = "revived"
    """Checked here, although the official sheet of this version never reaches it."""
    WITHDRAWN = "withdrawn"
    """Withdrawn by the standard, or about a field that no longer exists."""
    STRUCTURE = "structure"
    """Ensured by the structure check, so it has no check of its own."""
    ADVICE = "advice"
    """A recommendation of the standard, without a check."""


@dataclass(frozen=True, slots=True)
class RuleMessage:
    """Message of a rule: fault, remedy, and who has to correct it."""

    nl: str
    do_nl: str
    en: str
    do_en: str
    who: str

    @property
    def message_nl(self) -> str:
        """Fault and remedy in Dutch."""
        return f"{self.nl} {self.do_nl}"

    @property
    def message_en(self) -> str:
        """Fault and remedy in English."""
        return f"{self.en} {self.do_en}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the rulebook.

    Args:
        id: official id (`OVa.LL05`, `CL23`) or our own (`OV-ID-01`).
        status: status of the rule.
        severity: severity of a breach; None for a rule that is not checked.
        kind: the `overdrachtsoort` that it applies to; or a sheet (`OVa`, `OVb`, `PaO`; `OV` for the first two), for a
            rule that applies whatever the dossier states; empty for every dossier.
        transfers: values of `metadata/overstap` that it applies to; `!` before a value excludes it; empty for all.
        stage: stage from which on it applies.
        check: the check, a word with its arguments.
        rule: the requirement in English, for developers.
    """

    id: str
    status: RuleStatus
    severity: DossierSeverity | None
    kind: str
    transfers: tuple[str, ...]
    stage: JudgementStage
    check: tuple[str, ...]
    rule: str

    @property
    def is_judged(self) -> bool:
        """Whether `rules.judge` can find a breach of it."""
        return self.status in (RuleStatus.ACTIVE, RuleStatus.REVIVED)

    @property
    def is_own(self) -> bool:
        """Whether it is our own rule."""
        return self.id.startswith("OV-")

    def applies(self, kind: str, sheet: str, transfer: str, stage: JudgementStage) -> bool:
        """Return whether the rule applies to a dossier.

        Args:
            kind: `overdrachtsoort` of the dossier.
            sheet: official sheet for the dossier: `OVa`, `OVb` or `PaO`.
            transfer: `metadata/overstap` of the dossier.
            stage: stage of the round.
        """
        if not self.is_judged or (self.stage is JudgementStage.COMPLETE and stage is not JudgementStage.COMPLETE):
            return False
        if self.kind == "OV":
            if sheet not in ("OVa", "OVb"):
                return False
        elif self.kind not in ("", kind, sheet):
            return False
        if not self.transfers:
            return True
        if self.transfers[0].startswith("!"):
            return f"!{transfer}" not in self.transfers
        return transfer in self.transfers


def _read(path: Path) -> list[Rule]:
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Rule(
                id=row["id"],
                status=RuleStatus(row["status"]),
                severity=DossierSeverity(row["severity"]) if row["severity"] else None,
                kind=row["kind"],
                transfers=tuple(row["transfer"].split()),
                stage=JudgementStage(row["stage"]) if row["stage"] else JudgementStage.BEFORE_INSPECTION,
                check=tuple(row["check"].split()),
                rule=row["rule"],
            )
            for row in csv.DictReader(file)
        ]


@forgettable
@cache
def rules(version: str) -> dict[str, Rule]:
    """Return the rules of a version by id, official rules first, in the order of the rulebook.

    A version that is based on another (`based_on` in its version.yaml) has the official rules of that version, in which
    the rows of its own rules.csv replace those of the same id.

    Args:
        version: version of the data set, such as `2019.1`.

    Raises:
        KeyError: the version does not exist.
    """
    return _official(version) | {rule.id: rule for rule in own_rules()}


def _official(version: str) -> dict[str, Rule]:
    version_folder = version_folders()[version]
    about = read_yaml(version_folder / "version.yaml")
    base = _official(about["based_on"]) if "based_on" in about else {}
    own = version_folder / "rules.csv"
    return base | ({rule.id: rule for rule in _read(own)} if own.is_file() else {})


@forgettable
@cache
def order(version: str) -> dict[str, int]:
    """Return the position of each rule in the rulebook of a version."""
    return {rule: number for number, rule in enumerate(rules(version))}


def own_rules() -> list[Rule]:
    """Return our own rules for single dossiers, which apply to every version."""
    return _read(BUILT_IN / "own-rules.csv")


@cache
def _texts() -> dict[str, RuleMessage]:
    found: dict[str, RuleMessage] = {}
    for path in sorted(_TEXTS.glob("*.yaml")):
        for entry in read_yaml(path):
            ids = entry.pop("rules")
            for rule in ids:
                if rule in found:
                    raise ValueError(f"rule {rule} has two sentences, the last in {path.name}")
                found[rule] = RuleMessage(**entry)
    return found


@forgettable
@cache
def severity(rule: str, version: str = "2019.1") -> DossierSeverity:
    """Return the severity of a rule: official, own, over the region, of structure or of attachments.

    Args:
        rule: id of the rule.
        version: version of the data set.

    Raises:
        KeyError: the rule does not exist or is not checked.
    """
    for each in dict.fromkeys((version, *versions())):
        found = rules(each).get(rule)
        if found is not None and found.severity is not None:
            return found.severity
    if rule in structure.codes():
        return DossierSeverity.WARNING if rule in attachments.WARNINGS else DossierSeverity.ERROR
    if rule in errors.sentences():
        return DossierSeverity.ERROR
    if rule in _added_messages():
        return DossierSeverity.WARNING
    return region_rulebook.severities()[rule]


def _added_messages() -> dict[str, RuleMessage]:
    """Return the messages of the added versions' official sheets and code lists, by rule id; not cached.

    A rule that only the sheet has is a warning: the rules of this package decide whether a dossier is rejected.
    """
    found: dict[str, RuleMessage] = {}
    for version, folder in version_folders().items():
        path = folder / "messages.csv"
        if is_added(version) and path.is_file():
            with path.open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    rule = row.pop("rule")
                    found[rule] = RuleMessage(**row)
    return found


def _facts(path: str, version: str, language: str) -> dict[str, str | int]:
    """Return the facts for a structure message from the path only, since the ledger stores nothing else."""
    known = catalogue(version)
    names = [step.partition("[")[0] for step in path.split("/")]
    block, field = known.root, None
    for name in names[1:]:
        field = next((each for each in known.blocks.get(block, ()) if each.name == name), None)
        if field is None:
            break
        block = field.contains or ""
    facts: dict[str, str | int] = {
        "element": names[-1],
        "label": field.label if field else names[-1],
        "most": (field.max if field else None) or 1,
        "form": field.type.label if field and field.type else "",
        "longest": (field.type.longest if field and field.type else None) or 0,
        **_unknown()[language],
    }
    choice = field.choice if field else ""
    siblings = known.blocks.get(field.block, ()) if field else ()
    if choice:
        facts["names"] = ", ".join(each.label for each in siblings if each.choice == choice)
    return facts


@cache
def _unknown() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = read_yaml(_TEXTS / "words" / "structure.yaml")
    return found


@cache
def _counted() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = read_yaml(_TEXTS / "words" / "counted.yaml")
    return found


def _split_message(text: str) -> tuple[str, str]:
    """Split a message into fault and remedy; structure and attachment messages have both in one text."""
    wrong, _, remedy = text.partition(". ")
    return f"{wrong}.", remedy


def sentence(rule: str, version: str = "2019.1", path: str = "") -> RuleMessage:
    """Return the message of a rule.

    Args:
        rule: id of the rule, code of a structure or attachment fault, or an error code whose message needs no facts.
        version: version of the data set, for the permitted values of code lists.
        path: path of the finding, for a structure message, which names the field.

    Raises:
        KeyError: the rule has no message.
    """
    if rule in errors.sentences():
        error = errors.OverstapError(rule)
        return RuleMessage(error.message_nl, error.do_nl, error.message_en, error.do_en, error.who)
    if rule in structure.codes():
        nl, _, who = structure.sentence(rule, **_facts(path, version, "nl"))
        _, en, _ = structure.sentence(rule, **_facts(path, version, "en"))
        return RuleMessage(*_split_message(nl), *_split_message(en), who)
    return _filled(rule, version)


@forgettable
@cache
def _filled(rule: str, version: str) -> RuleMessage:
    found = _texts().get(rule) or _added_messages()[rule]
    if "{codes}" not in found.do_nl:
        return found
    codes = ", ".join(catalogue(version).lists[rule.removeprefix("CL")])
    return RuleMessage(found.nl, found.do_nl.format(codes=codes), found.en, found.do_en.format(codes=codes), found.who)


def sentence_of(code: str) -> str:
    """Return the Dutch fault of a rule or error code for lists of counts, with "…" for facts of a single case.

    Args:
        code: id of a rule, code of a structure or attachment fault, or an error code.

    Raises:
        KeyError: the code is unknown.
    """
    if code in _counted():
        return _counted()[code]["nl"]
    if code in structure.codes():
        nl, _, _ = structure.sentence(code, **_unknown()["counted"])
        sentence_start = _split_message(nl.replace(" (…)", ""))[0]
        return sentence_start[0].upper() + sentence_start[1:]
    known = errors.sentences().get(code)
    if known is None:
        return sentence(code).nl
    return re.sub(r"\{[a-z_]+\}", "…", re.sub(r" \(\{[a-z_]+\}\)", "", known["nl"]))
