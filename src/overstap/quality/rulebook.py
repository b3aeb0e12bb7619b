"""Rules as data: condition, severity, message.

`include/schemas/oso/<version>/rules.csv` holds the official rules of a version, `include/schemas/oso/own-rules.csv`
our own suite for every version, `include/texts/rules/` the sentences. A rule's `check` is a word with arguments: a test
that the engine knows (`required`, `forbidden`, `some`, `codes`, `category`, `switched_off`, `equals`) or the name of a
function in one of the modules of checks.
"""

import csv
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from overstap import errors
from overstap.oso import attachments, structure
from overstap.oso.catalogue import catalogue
from overstap.quality import regionbook
from overstap.quality.findings import DossierSeverity, JudgementStage
from overstap.resources import INCLUDE
from overstap.texts import read_yaml

_INCLUDE = INCLUDE
_SCHEMAS = _INCLUDE / "schemas" / "oso"
_TEXTS = _INCLUDE / "texts" / "rules"


class Status(StrEnum):
    """What has become of a rule."""

    ACTIVE = "active"
    """Judged here, and by the official sheet where it is an official rule."""
    REVIVED = "revived"
    """Judged here, though the official sheet of this version never reaches it."""
    WITHDRAWN = "withdrawn"
    """Taken back by the standard, or about a field that is gone."""
    STRUCTURE = "structure"
    """Held by the structure of the dossier, so there is no test of its own."""
    ADVICE = "advice"
    """A recommendation of the standard without a test."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """What a rule says: what is wrong, what to do, and who does it."""

    nl: str
    do_nl: str
    en: str
    do_en: str
    who: str

    @property
    def message_nl(self) -> str:
        """The Dutch sentences, one after the other."""
        return f"{self.nl} {self.do_nl}"

    @property
    def message_en(self) -> str:
        """The English sentences, one after the other."""
        return f"{self.en} {self.do_en}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the book.

    Args:
        id: official id (`OVa.LL05`, `CL23`) or our own (`OV-ID-01`).
        status: whether it is judged.
        severity: how bad a breach is; None for a rule that is not judged.
        kind: the `overdrachtsoort` it is about; or a sheet (`OVa`, `OVb`, `PaO`; `OV` for the first two) where it is
            judged whatever the dossier says of itself; empty for every dossier.
        transfers: the `metadata/overstap` it is about; one behind `!` is excepted; empty for all.
        stage: the stage from which on it is judged.
        check: what is tested, a word with its arguments.
        rule: what it demands, in English, for developers.
    """

    id: str
    status: Status
    severity: DossierSeverity | None
    kind: str
    transfers: tuple[str, ...]
    stage: JudgementStage
    check: tuple[str, ...]
    rule: str

    @property
    def is_judged(self) -> bool:
        """Whether `rules.judge` can find a breach of it."""
        return self.status in (Status.ACTIVE, Status.REVIVED)

    @property
    def is_own(self) -> bool:
        """Whether it is of our own suite."""
        return self.id.startswith("OV-")

    def applies(self, kind: str, sheet: str, transfer: str, stage: JudgementStage) -> bool:
        """Say whether a dossier is judged by this rule.

        Args:
            kind: the dossier's `overdrachtsoort`.
            sheet: the official sheet for it, `OVa`, `OVb` or `PaO`.
            transfer: the dossier's `metadata/overstap`.
            stage: where in the round it is.
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
                status=Status(row["status"]),
                severity=DossierSeverity(row["severity"]) if row["severity"] else None,
                kind=row["kind"],
                transfers=tuple(row["transfer"].split()),
                stage=JudgementStage(row["stage"]) if row["stage"] else JudgementStage.BEFORE_INSPECTION,
                check=tuple(row["check"].split()),
                rule=row["rule"],
            )
            for row in csv.DictReader(file)
        ]


@cache
def rules(version: str) -> dict[str, Rule]:
    """Return every rule of a version by its id, the official ones first, in the order of the book.

    A version that is based on another (`based_on` in its version.yaml) has the official rules of that version, with the
    rows of its own rules.csv in place of those of the same id.

    Args:
        version: a version of the standard, such as `2019.1`.

    Raises:
        FileNotFoundError: there is no such version.
    """
    return _official(version) | {rule.id: rule for rule in own_rules()}


def _official(version: str) -> dict[str, Rule]:
    home = _SCHEMAS / version
    about = read_yaml(home / "version.yaml")
    base = _official(about["based_on"]) if "based_on" in about else {}
    own = home / "rules.csv"
    return base | ({rule.id: rule for rule in _read(own)} if own.is_file() else {})


@cache
def order(version: str) -> dict[str, int]:
    """Return the place of each rule in the book of a version."""
    return {rule: number for number, rule in enumerate(rules(version))}


def own_rules() -> list[Rule]:
    """Return our own suite for single dossiers, which holds for every version."""
    return _read(_SCHEMAS / "own-rules.csv")


@cache
def _texts() -> dict[str, Sentence]:
    found: dict[str, Sentence] = {}
    for path in sorted(_TEXTS.glob("*.yaml")):
        for entry in read_yaml(path):
            ids = entry.pop("rules")
            for rule in ids:
                if rule in found:
                    raise ValueError(f"rule {rule} has two sentences, the last in {path.name}")
                found[rule] = Sentence(**entry)
    return found


def severity(rule: str, version: str = "2019.1") -> DossierSeverity:
    """Return how bad a breach of any rule is: official, own, of the region, of structure or attachments.

    Args:
        rule: the rule's id.
        version: version of the standard.

    Raises:
        KeyError: there is no such rule, or it is not judged.
    """
    found = rules(version).get(rule)
    if found is not None and found.severity is not None:
        return found.severity
    if rule in structure.codes():
        return DossierSeverity.WARNING if rule in attachments.WARNINGS else DossierSeverity.ERROR
    if rule in errors.sentences():
        return DossierSeverity.ERROR
    return regionbook.severities()[rule]


def _facts(path: str, version: str, language: str) -> dict[str, str | int]:
    """Return what a sentence about structure tells of a field, from its path alone: the ledger keeps no more."""
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


def _parted(text: str) -> tuple[str, str]:
    """Part what is wrong from what to do: the sentence for attachments has both in one text."""
    wrong, _, remedy = text.partition(". ")
    return f"{wrong}.", remedy


def sentence(rule: str, version: str = "2019.1", path: str = "") -> Sentence:
    """Return what a rule says.

    Args:
        rule: the rule's id, the code of an attachment fault, or an error code whose sentence needs no facts.
        version: the version whose code lists fill in the allowed values.
        path: where it was found: a sentence about structure names its field.

    Raises:
        KeyError: there is no sentence for this rule.
    """
    if rule in errors.sentences():
        error = errors.OverstapError(rule)
        return Sentence(error.message_nl, error.do_nl, error.message_en, error.do_en, error.who)
    if rule in structure.codes():
        nl, _, who = structure.sentence(rule, **_facts(path, version, "nl"))
        _, en, _ = structure.sentence(rule, **_facts(path, version, "en"))
        return Sentence(*_parted(nl), *_parted(en), who)
    return _filled(rule, version)


@cache
def _filled(rule: str, version: str) -> Sentence:
    found = _texts()[rule]
    if "{codes}" not in found.do_nl:
        return found
    codes = ", ".join(catalogue(version).lists[rule.removeprefix("CL")])
    return Sentence(found.nl, found.do_nl.format(codes=codes), found.en, found.do_en.format(codes=codes), found.who)


def sentence_of(code: str) -> str:
    """Return the Dutch sentence of a rule or an error code, for counts: what it says of a single case is left open.

    Args:
        code: a rule's id, a code of the structure or attachment check, or an error code.

    Raises:
        KeyError: it is none of these.
    """
    if code in _counted():
        return _counted()[code]["nl"]
    if code in structure.codes():
        nl, _, _ = structure.sentence(code, **_unknown()["counted"])
        told = _parted(nl.replace(" (…)", ""))[0]
        return told[0].upper() + told[1:]
    known = errors.sentences().get(code)
    if known is None:
        return sentence(code).nl
    return re.sub(r"\{[a-z_]+\}", "…", re.sub(r" \(\{[a-z_]+\}\)", "", known["nl"]))
