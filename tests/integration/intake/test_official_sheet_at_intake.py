"""The official sheets run beside our rules while a school's dossiers are collected: their messages become findings.

The sheets are the official ones, which are not in the repository; without them or without Saxon this is skipped.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import edited_standard as edit
import pytest
from official_files import official_folder

from overstap.agreements import Agreement, RoundId, RoundKind
from overstap.ledger import Ledger
from overstap.ledger.dossiers import dossiers, school_reports
from overstap.ledger.rounds import rounds
from overstap.oso.version_cache import forget_versions
from overstap.quality import examination
from overstap.quality.findings import DossierFinding
from overstap.quality.official_sheet import OfficialSheet
from overstap.quality.region import judge_round
from overstap.quality.rules import judge
from overstap.rounds import collection
from overstap.rounds.agreed import round_context
from overstap.rounds.context import Context
from overstap.settings import Settings
from overstap.standards.adding import OfficialFiles, add_version

NOW = datetime(2027, 1, 12, 12, tzinfo=UTC)
SCHOOL = "00YY00"
OFFICIAL_IDS = ("OVa.", "OVb.", "PaO.", "CL", "OG.", "OS.")
WORDS = "Dit staat alleen in het blad."
_RULE = f"""<xsl:template match="//od:dossier/od:metadata" priority="9">
<!-- business rule OVa.ZZ99 -->
<xsl:if test="od:pakketnaam"><xsl:call-template name="melding">
<xsl:with-param name="tekst">{WORDS}</xsl:with-param></xsl:call-template></xsl:if></xsl:template>
</xsl:stylesheet>"""


@pytest.fixture
def official(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder with the official files, which this process runs beside our rules."""
    folder = official_folder()
    if folder is None:
        pytest.skip("the official OSO files are not at hand; set OVERSTAP_OFFICIAL to the folder that holds 2019.1/")
    pytest.importorskip("saxonche", reason="the package saxonche is not installed")
    with monkeypatch.context() as patch:
        patch.setenv("OVERSTAP_OFFICIAL", str(folder))
        patch.setenv("OVERSTAP_OFFICIAL_SHEETS", "true")
        patch.setenv("OVERSTAP_STANDARDS", str(tmp_path / "standards"))
        forget_versions()
        yield folder
    forget_versions()


def agreement() -> Agreement:
    moments = ("opens", "data_due", "review_opens", "review_closes", "delivers", "receipts_due")
    school = {"id": SCHOOL, "name": "Voorbeeldschool", "kind": "PO", "contact": "po@example.org"}
    categories = ["toetsresultaten", "onderwijsondersteuning", "bijlagedocs", "eindtoetsbo", "verzuim"]
    return Agreement.model_validate(
        {
            "region": "alfa",
            "name": "Alfa",
            "school_year": "2026-2027",
            "coordinators": [{"account": "coordinator", "name": "Co", "email": "co@example.org"}],
            "schools": [school | {"supplies": {"way": "drop_folder"}}],
            "rounds": {
                "advice": {
                    "receivers": "registered",
                    "categories": categories,
                    "milestones": {name: NOW + timedelta(days=place) for place, name in enumerate(moments)},
                }
            },
        }
    )


def example(official: Path) -> bytes:
    """A sound official dossier, with one deeldossier and one kind of test that the sheet does not know."""
    data = (official / "2019.1" / "examples" / "Voorbeelddossier_OV_POVO_full.xml").read_bytes()
    data = data.replace(b"<deeldossier>LASLVS<", b"<deeldossier>TIB<")
    start = data.index(b"<toetssoort>") + len(b"<toetssoort>")
    return data[:start] + b"0099" + data[data.index(b"</toetssoort>") :]


def found_in(ledger: Ledger, folder: Path, data: bytes) -> tuple[dict[str, tuple[str, str]], str]:
    """Drop a dossier, collect and judge the round as its tasks do; return severity and path per rule, and the list."""
    there = folder / "drop" / "alfa" / SCHOOL
    there.mkdir(parents=True)
    (there / "export.xml").write_bytes(data)
    agreed = agreement()
    round_id = agreed.round_id("advice")
    with ledger.unit("alfa", "test") as unit:
        rounds.open_round(unit, agreed, RoundKind.ADVICE)
    settings = Settings(drop=str(folder / "drop"), regions=folder / "regions", virus_scanner=None)
    later = datetime.now(UTC) + timedelta(minutes=1)
    context = round_context(Context(settings, ledger, clock=lambda: later), RoundId(round_id), "collect")
    assert collection.collect(context, SCHOOL).stored == dossiers.StoreCounts(new=1)
    judge_round(
        ledger,
        agreement=agreed,
        agreed=agreed.round("advice"),
        round_id=round_id,
        actor="judge",
        today=later.date(),
        made_at=later,
    )
    with ledger.unit("alfa", "test") as unit:
        [findings] = dossiers.findings_of_school(unit, round_id, SCHOOL).values()
        report = school_reports.get(unit, round_id, SCHOOL).csv
    return {one.rule: (str(one.severity), one.path) for one in findings}, report


def without_official_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let our own engine miss the rules of the standard, so that only the sheet can have found one of them."""

    def missing(*args: Any, **kwargs: Any) -> list[DossierFinding]:
        return [one for one in judge(*args, **kwargs) if not one.rule.startswith(OFFICIAL_IDS)]

    monkeypatch.setattr(examination, "judge", missing)


def test_what_the_official_sheet_of_2019_says_is_a_finding_with_its_id(
    ledger: Ledger, official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_official_rules(monkeypatch)
    found, report = found_in(ledger, tmp_path, example(official))
    assert found["OVa.MD01"] == ("error", "dossier"), "our severity; a sheet does not tell the place"
    assert "OVa.MD01" in report, "the school reads it in its list"
    assert not [rule for rule in found if rule.startswith("OVa.IZ")], "parents have not inspected it yet"


def test_beside_our_rules_nothing_is_said_twice(ledger: Ledger, official: Path, tmp_path: Path) -> None:
    found, _ = found_in(ledger, tmp_path, example(official))
    assert found["OVa.MD01"][1].endswith("deeldossier"), "ours tells the place"
    assert found["CL42"][1].endswith("toetssoort"), "ours tells the place"
    assert {rule for rule, (_, path) in found.items() if path == "dossier" and rule.startswith(OFFICIAL_IDS)} == set()


def test_a_message_that_only_the_sheet_of_an_added_version_has(ledger: Ledger, official: Path, tmp_path: Path) -> None:
    schema, sheets = edit.make(official, tmp_path / "files")
    [transfer] = [one for one in sheets if one.parent.name == "OV"]
    text = transfer.read_text(encoding="utf-8")
    transfer.write_text(text.replace("</xsl:stylesheet>", _RULE), encoding="utf-8")
    add_version(OfficialFiles(schema, tuple(sheets)))
    forget_versions()
    data = (official / "2019.1" / "examples" / "Voorbeelddossier_OV_POVO_full.xml").read_bytes()
    found, report = found_in(ledger, tmp_path, edit.dossier(data, test=edit.CODE[1]))
    assert found["OVa.ZZ99"] == ("warning", "dossier")
    assert "OVa.ZZ99" in report
    assert WORDS in report, "in the sheet's own words"
    assert "CL42" not in found, "the longer list of the version's own sheet"


MARK = "Merel999990019"


def test_a_value_that_the_sheet_cannot_read_stops_nothing_and_is_not_told(
    ledger: Ledger, official: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Where the sheet reads a boolean, Saxon ends at any other text, and writes it to the process's standard error."""
    data = (official / "2019.1" / "examples" / "Voorbeelddossier_OV_POVO_full.xml").read_bytes()
    assert b"<adresgeheim>" in data
    start = data.index(b"<adresgeheim>") + len(b"<adresgeheim>")
    found, report = found_in(ledger, tmp_path, data[:start] + MARK.encode() + data[data.index(b"<", start) :])
    told = capfd.readouterr()
    assert MARK not in told.out + told.err + report
    assert found["STRUCTURE-006"][1].endswith("adresgeheim"), "our own check tells it"
    assert caplog.text.count("STANDARD-018") == 1
    assert MARK not in caplog.text


ECHO = """<xsl:stylesheet version="2.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:template match="/"><xsl:value-of select="."/><!-- business rule OVa.ZZ98 -->
<xsl:if test="contains(., 'melden')"><xsl:call-template name="melding">
<xsl:with-param name="tekst">Iets</xsl:with-param></xsl:call-template></xsl:if></xsl:template>
<xsl:template name="melding"><xsl:param name="tekst"/><xsl:value-of select="$tekst"/></xsl:template>
</xsl:stylesheet>"""


def test_a_dossier_writes_no_message_of_the_sheet(tmp_path: Path) -> None:
    """A sheet of a version that was added can repeat texts of a dossier, and with them what looks like a message."""
    pytest.importorskip("saxonche", reason="the package saxonche is not installed")
    path = tmp_path / "sheet.xsl"
    path.write_text(ECHO, encoding="utf-8")
    sheet = OfficialSheet(path)
    assert sheet.messages(b"<a>#1# #99999#</a>") == set()
    assert sheet.messages(b"<a>melden</a>") == {1}
