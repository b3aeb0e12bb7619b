"""A school's report out of the ledger, as a page, a table and a workbook that only its maker can read."""

import stat
from pathlib import Path

import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from overstap.agreements import RoundKind, load_agreement
from overstap.cli import app
from overstap.ledger import Ledger
from overstap.ledger.dossiers import school_reports
from overstap.ledger.rounds import rounds
from overstap_tools.project import PROJECT

CSV = (
    "\ufeffDossier;Sleutel in uw administratie;Ernst;Waar;Wat is er mis;Wat te doen;Wie;Regel\r\n"
    "D-1;LN-1;Fout;Ouder of verzorger (2), Geboortedatum;Ontbreekt.;Vul in.;Uw school;OV-DT-08\r\n"
)


@pytest.mark.parametrize("ending", ["html", "csv", "xlsx"])
def test_each_form_is_written_for_its_maker_alone(
    ending: str, ledger: Ledger, app_dsn: str, keys_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreement = load_agreement(PROJECT / "include" / "regions" / "haaglanden" / "2026-2027.yaml")
    agreement = agreement.model_copy(update={"region": "demo"})
    school, round_id = agreement.primary_schools[0].id, agreement.round_id(RoundKind.ADVICE)
    with ledger.unit("demo", "test") as unit:
        rounds.open_round(unit, agreement, RoundKind.ADVICE)
        school_reports.keep(unit, round_id, school, school_reports.SchoolReport("<p>dag</p>", CSV))
    monkeypatch.setenv("OVERSTAP_LEDGER", app_dsn)
    monkeypatch.setenv("OVERSTAP_KEYS", str(keys_folder))
    out = tmp_path / f"lijst.{ending}"
    done = CliRunner().invoke(
        app, ["report", "school", school, "--region", "demo", "--round", round_id, "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    if ending == "xlsx":
        row = [cell.value for cell in load_workbook(out)["Per scherm en veld"][4]]
        assert row[:3] == ["Ouder of verzorger (2)", "Geboortedatum", "LN-1"]
    else:
        assert out.read_text(encoding="utf-8") == ("<p>dag</p>" if ending == "html" else CSV.replace("\r\n", "\n"))
