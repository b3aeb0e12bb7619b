"""The official sheets run beside our own rules: their messages are findings with the ids of their rules."""

from datetime import date
from pathlib import Path

import edited_standard as edit
import pytest

from overstap.oso import minimise, read
from overstap.oso.version_cache import forget_versions
from overstap.quality.examination import examine
from overstap.quality.findings import DossierSeverity, JudgementStage
from overstap.quality.official_sheet import sheet_findings
from overstap.quality.rules import judge
from overstap.standards.adding import OfficialFiles, add_version

ALL = frozenset(
    {"onderwijsondersteuning", "eindtoetsbo", "toetsresultaten", "bijlagedocs", "verzuim", "handelingsplannen"}
)
TODAY = date(2031, 6, 1)
_RULE = """<xsl:template match="//od:dossier/od:metadata" priority="9">
<!-- business rule OVa.ZZ99 -->
<xsl:if test="od:pakketnaam"><xsl:call-template name="melding">
<xsl:with-param name="tekst">Alles is nieuw.</xsl:with-param></xsl:call-template></xsl:if></xsl:template>
</xsl:stylesheet>"""


@pytest.fixture
def example(official: Path) -> bytes:
    pytest.importorskip("saxonche", reason="the package saxonche is not installed")
    [path] = (official / "2019.1" / "examples").glob("*OV_POVO_full.xml")
    return edit.dossier(path.read_bytes(), test="0018")


def test_its_messages_are_findings_with_their_ids(edited: OfficialFiles, standards: Path, example: bytes) -> None:
    add_version(edited)
    dossier = read(example)
    found = {each.rule: each for each in sheet_findings(dossier)}
    ours = {each.rule for each in judge(dossier, today=TODAY)}
    assert "CL42" in found
    assert found["CL42"].severity is DossierSeverity.ERROR
    assert set(found) - ours <= {"OVa.ZZ99"}, "our rules give the verdict of the sheet"
    wrong = read(
        example.replace(b"<deeldossier>LAS<", b"<deeldossier>TIB<").replace(
            b"<deeldossier>LASLVS<", b"<deeldossier>TIB<"
        )
    )
    by_sheet = {each.rule for each in sheet_findings(wrong)}
    assert "OVa.MD01" in by_sheet
    assert "OVb.MD01" not in by_sheet, "the comment names the rule of two profiles"


def test_a_rule_that_only_the_sheet_has_is_a_warning_in_its_own_words(
    edited: OfficialFiles, standards: Path, example: bytes, tmp_path: Path
) -> None:
    sheets = []
    for each in edited.sheets:
        folder = tmp_path / each.parent.name
        folder.mkdir()
        for path in each.parent.rglob("*.xsl"):
            there = folder / path.relative_to(each.parent)
            there.parent.mkdir(exist_ok=True)
            there.write_bytes(path.read_bytes())
        sheets.append(folder / each.name)
    text = sheets[0].read_text(encoding="utf-8")
    sheets[0].write_text(text.replace("</xsl:stylesheet>", _RULE), encoding="utf-8")
    done = add_version(OfficialFiles(edited.schema, tuple(sheets)))
    assert set(done.rules.unknown) == {"OS.cat120", "OVa.ZZ99"}
    [found] = [each for each in sheet_findings(read(example)) if each.rule == "OVa.ZZ99"]
    assert found.severity is DossierSeverity.WARNING
    assert "Alles is nieuw." in found.message_nl
    assert found.path == "dossier"


def test_at_intake_they_are_run_when_the_setting_says_so(
    edited: OfficialFiles, standards: Path, example: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_version(edited)
    cut = minimise(read(example), "POVO", ALL)
    by_us = examine(cut, profile="POVO", today=TODAY, expected=frozenset())
    monkeypatch.setenv("OVERSTAP_OFFICIAL_SHEETS", "true")
    forget_versions()
    with_sheet = examine(cut, profile="POVO", today=TODAY, expected=frozenset())
    assert with_sheet.made_by != by_us.made_by, "a dossier that was examined without the sheet is examined again"
    assert {rule for rule, _, _ in with_sheet.findings} >= {rule for rule, _, _ in by_us.findings}
    before = {each.rule for each in sheet_findings(cut, stage=JudgementStage.BEFORE_INSPECTION)}
    assert not {rule for rule in before if rule.startswith("OVa.IZ")}, "parents have not inspected it yet"
    assert len({rule for rule, _, _ in with_sheet.findings}) == len(
        [*dict.fromkeys(r for r, _, _ in with_sheet.findings)]
    )
