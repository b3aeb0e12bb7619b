"""The official validation sheets of a version, run by Saxon beside our own rules (extra `official`).

A sheet gives sentences, not ids; the comments in it name the rule of each. A copy in memory reports a number in place
of the sentence, so that two rules with the same words can be told apart. A sheet also repeats texts of the dossier; a
number has a word before it that was made for this process, so that no dossier writes one.
"""

import logging
import re
import secrets
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lxml import etree

from overstap.errors import OverstapError
from overstap.oso.model import Dossier
from overstap.oso.validation_sheets import XSL, code_list_in, message_calls, rule_ids, stylesheet
from overstap.oso.version_cache import forgettable
from overstap.oso.version_folders import official_sheets
from overstap.oso.writing import to_bytes
from overstap.quality import rulebook
from overstap.quality.engine import sheet_for
from overstap.quality.findings import DossierFinding, JudgementStage

log = logging.getLogger(__name__)
_SHEETS = ("OVa", "OVb", "PaO")
"""Kinds of official sheets, which prefix the ids of their rules."""
_SAFELY = """<xsl:template xmlns:xsl="http://www.w3.org/1999/XSL/Transform" match="/" mode="{word}" version="3.0">
<xsl:try><xsl:apply-templates select="."/><xsl:catch>#{word} 0#</xsl:catch></xsl:try></xsl:template>"""
"""Template around a sheet (XSLT 3.0, section 8.3). Without it Saxon writes what it cannot read as a number or truth
value, which can be a name, to standard error."""


class SheetFaultError(Exception):
    """A sheet cannot judge a dossier; the message repeats nothing of it."""


class OfficialSheet:
    """One official sheet, compiled.

    Args:
        path: the sheet (XSLT); what it includes is in its folder.

    Raises:
        OverstapError: SETTING-002 without Saxon; STANDARD-007 when it is no sheet that Saxon can run.
    """

    def __init__(self, path: Path) -> None:
        if find_spec("saxonche") is None:
            raise OverstapError("SETTING-002", package="saxonche", extra="official")
        import saxonche

        self.rules: dict[int, frozenset[str]] = {}
        self._word = f"w{secrets.token_hex(16)}"
        top = stylesheet(path)
        for number, call in enumerate(list(message_calls(top)), start=1):
            text = call.find(f"{{{XSL}}}with-param")
            listed = code_list_in("".join(text.itertext()))
            self.rules[number] = frozenset({f"CL{listed}"} if listed else rule_ids(call))
            for child in list(text):
                text.remove(child)
            text.attrib.pop("select", None)
            text.text = f"#{self._word} {number}#"
        top.append(etree.fromstring(_SAFELY.format(word=self._word)))
        self._saxon: Any = saxonche.PySaxonProcessor(license=False)
        try:
            compiler = self._saxon.new_xslt30_processor()
            self._sheet = compiler.compile_stylesheet(stylesheet_text=etree.tostring(top, encoding="unicode"))
        except (RuntimeError, saxonche.PySaxonApiError):
            raise OverstapError("STANDARD-007", file=path.name) from None
        self._sheet.set_initial_mode(self._word)
        ids = {rule for rules in self.rules.values() for rule in rules}
        self.kinds = frozenset(kind for kind in _SHEETS if any(rule.startswith(f"{kind}.") for rule in ids))

    def messages(self, data: bytes) -> set[int]:
        """Return the numbers of the messages that a dossier gets.

        Args:
            data: the dossier, XML in UTF-8.

        Raises:
            SheetFaultError: the sheet cannot judge it.
        """
        import saxonche

        try:
            node = self._saxon.parse_xml(xml_text=data.decode("utf-8"))
            said = self._sheet.transform_to_string(xdm_node=node) or ""
        except (RuntimeError, saxonche.PySaxonApiError):
            raise SheetFaultError from None  # its text can have a value of the dossier
        found = {int(number) for number in re.findall(rf"#{self._word} (\d+)#", said)}
        if 0 in found:
            raise SheetFaultError
        return found


@forgettable
@cache
def _sheets(paths: tuple[Path, ...]) -> tuple[OfficialSheet, ...]:
    return tuple(OfficialSheet(path) for path in paths)


def sheet_findings(dossier: Dossier, *, stage: JudgementStage = JudgementStage.COMPLETE) -> list[DossierFinding]:
    """Return what the official sheets of its version report about a dossier, each rule once.

    A rule that we check too has our severity and message; one that only the sheet has is a warning with the sheet's own
    words. Where it stands in the dossier is not told: a sheet does not say so.

    Args:
        dossier: the dossier.
        stage: `BEFORE_INSPECTION` omits our rules on the inspection block, which the round itself fills in.

    Raises:
        OverstapError: SETTING-002 without Saxon.

    A sheet that cannot judge the dossier, as where it has a word in place of a truth value, is told in the log
    (STANDARD-018) and says nothing: our own rules report such a value, and other dossiers go on.
    """
    paths = official_sheets(dossier.version)
    if not paths:
        return []
    kind = sheet_for(dossier.tree.text("overdrachtsoort") or "", dossier.metadata.text("overstap") or "")
    chosen = [each for each in _sheets(paths) if kind in each.kinds or not each.kinds]
    data = to_bytes(dossier)
    found: dict[str, DossierFinding] = {}
    for sheet in chosen:
        try:
            numbers = sheet.messages(data)
        except SheetFaultError:
            log.warning("%s", OverstapError("STANDARD-018", version=dossier.version))
            continue
        for number in sorted(numbers):
            for rule in _of_kind(sheet.rules[number], kind):
                if rule not in found and (made := _finding(rule, dossier, stage)) is not None:
                    found[rule] = made
    return list(found.values())


def _of_kind(rules: frozenset[str], kind: str) -> Sequence[str]:
    """Return the rules of a message for one kind of sheet, since a comment can name those of two."""
    others = tuple(f"{each}." for each in _SHEETS if each != kind)
    return sorted(rule for rule in rules if not rule.startswith(others))


def _finding(rule: str, dossier: Dossier, stage: JudgementStage) -> DossierFinding | None:
    known = rulebook.rules(dossier.version).get(rule)
    if known is not None and known.stage is JudgementStage.COMPLETE and stage is not JudgementStage.COMPLETE:
        return None
    try:
        words = rulebook.sentence(rule, dossier.version)
        severity = rulebook.severity(rule, dossier.version)
    except KeyError:  # a rule that the sheet's comment misspells, or that we withdrew
        return None
    return DossierFinding(rule, severity, dossier.catalogue.root, words.message_nl, words.message_en, words.who)
