"""What a judged round leaves behind for the trend, on a real PostgreSQL, and the page that a command makes of it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from overstap.agreements import Agreement, RoundKind
from overstap.cli import app
from overstap.ledger import Ledger
from overstap.ledger.dossiers import dossiers, quality_runs, school_reports
from overstap.ledger.dossiers.dossiers import IncomingDossier
from overstap.ledger.rounds import rounds
from overstap.oso import content_digest, to_bytes
from overstap.oso.building import build
from overstap.quality.publishing import publish
from overstap.quality.region import judge_round

NOW = datetime(2027, 1, 12, 12, tzinfo=UTC)
SCHOOL, SILENT = "99AB00", "99AC00"
BSNS = ("999990019", "999990020")
KEY = "LN-417"


def agreement() -> Agreement:
    moments = ("opens", "data_due", "review_opens", "review_closes", "delivers", "receipts_due")
    return Agreement.model_validate(
        {
            "region": "alfa",
            "name": "Alfa",
            "school_year": "2026-2027",
            "coordinators": [{"account": "coordinator", "name": "Co", "email": "co@example.org"}],
            "schools": [
                {
                    "id": school,
                    "name": f"School {school}",
                    "kind": "PO",
                    "contact": "po@example.org",
                    "supplies": {"way": "drop_folder"},
                }
                for school in (SCHOOL, SILENT)
            ],
            "rounds": {
                "advice": {
                    "receivers": "registered",
                    "milestones": {name: NOW + timedelta(days=place) for place, name in enumerate(moments)},
                }
            },
        }
    )


ROUND = agreement().round_id("advice")


def incoming(number: str, valid: str) -> IncomingDossier:
    """A dossier that lacks nearly everything, so that rules find something."""
    pupil = {"achternaam": "Vis", "bsn": valid, "leerlingid": KEY, "geboortedatum": "2015-03-30"}
    dossier = build(
        {
            "metadata": {"overstap": "POVO", "standaardversie": "2019.1", "validatieversie": "2019.1.1"},
            "overdrachtsoort": "overstapdossier",
            "huidigeschool": {"brincode": SCHOOL[:4], "vestigingscode": SCHOOL[4:], "leerling": pupil},
        }
    )
    return IncomingDossier(number, KEY, to_bytes(dossier), content_digest(dossier), "2019.1", "drop_folder")


def supply(ledger: Ledger, *group: IncomingDossier) -> None:
    with ledger.unit("alfa", "test") as unit:
        rounds.open_round(unit, agreement(), RoundKind.ADVICE)
        dossiers.store(unit, ROUND, SCHOOL, group)


def judge(ledger: Ledger, made_at: datetime) -> None:
    agreed = agreement()
    judge_round(
        ledger,
        agreement=agreed,
        agreed=agreed.round("advice"),
        round_id=ROUND,
        actor="test",
        today=date(2027, 1, 12),
        made_at=made_at,
    )


def kept(ledger: Ledger) -> list[quality_runs.QualityRun]:
    with ledger.unit("alfa", "test") as unit:
        return quality_runs.history(unit, ROUND)


def test_a_run_that_changes_nothing_leaves_nothing(ledger: Ledger) -> None:
    supply(ledger, incoming(BSNS[0], "999990018"))
    judge(ledger, NOW)
    judge(ledger, NOW + timedelta(hours=1))
    (run,) = kept(ledger)
    assert (run.school, run.made_at) == (SCHOOL, NOW)
    assert (run.supplied, run.accepted, run.rejected, run.refused) == (1, 0, 1, 0)
    assert run.found["OV-ID-01"] == 1
    assert KEY not in repr(run)


def test_the_next_report_tells_what_changed(ledger: Ledger) -> None:
    supply(ledger, incoming(BSNS[0], "999990018"))
    judge(ledger, NOW)
    supply(ledger, incoming(BSNS[1], BSNS[1]))
    judge(ledger, NOW + timedelta(days=1))
    first, second = kept(ledger)
    assert (first.supplied, second.supplied) == (1, 2)
    assert second.found["OV-ID-01"] == 1
    assert second.found["OVa.LL14"] == 2
    with ledger.unit("alfa", "test") as unit:
        page = school_reports.get(unit, ROUND, SCHOOL).html
    assert "+1 sinds de vorige foutenlijst" in page


def test_another_region_sees_no_counts(ledger: Ledger) -> None:
    supply(ledger, incoming(BSNS[0], "999990018"))
    judge(ledger, NOW)
    with ledger.unit("beta", "test") as unit:
        assert quality_runs.history(unit, ROUND) == []
        assert unit.one("select count(*) from overstap.quality_run")[0] == 0


def test_the_command_writes_a_page_without_a_pupil(
    ledger: Ledger, app_dsn: str, keys_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    supply(ledger, incoming(BSNS[0], "999990018"))
    judge(ledger, NOW)
    monkeypatch.setenv("OVERSTAP_LEDGER", app_dsn)
    monkeypatch.setenv("OVERSTAP_KEYS", str(keys_folder))
    out = tmp_path / "page.html"
    wanted = ["quality", "page", "--region", "alfa", "--round", ROUND, "--out", str(out)]
    assert CliRunner().invoke(app, wanted).exit_code == 0
    text = out.read_text(encoding="utf-8")
    assert f"School {SILENT}" in text
    assert "OV-ID-01" in text
    for value in (KEY, "Vis", "999990018", *BSNS):
        assert value not in text
    assert CliRunner().invoke(app, [*wanted, "--school", SCHOOL]).exit_code == 0
    assert f"School {SILENT}" not in out.read_text(encoding="utf-8")
    assert CliRunner().invoke(app, [*wanted, "--school", "99ZZ00"]).exit_code == 2


def test_the_page_lies_beside_the_report_on_the_round(ledger: Ledger, tmp_path: Path) -> None:
    supply(ledger, incoming(BSNS[0], "999990018"))
    judge(ledger, NOW)
    with ledger.unit("alfa", "test") as unit:
        page = publish(unit, tmp_path, ROUND)
        again = publish(unit, tmp_path, ROUND)
    assert page == again == tmp_path / "alfa" / "2026-2027" / "advice-quality.html"
    assert [path.name for path in page.parent.iterdir()] == [page.name]
    assert "OV-ID-01" in page.read_text(encoding="utf-8")


@pytest.mark.fault("F30")
@pytest.mark.parametrize("damage", ["encrypted", "plain"])
def test_one_version_that_cannot_be_read_stops_nobody(ledger: Ledger, owner_dsn: str, damage: str) -> None:
    """It is rejected by a code, the others are judged, and the same dossier supplied once more is taken in."""
    first, second = (incoming(number, number) for number in BSNS)
    broken = replace(first, content=b"<dossier>") if damage == "plain" else first
    supply(ledger, broken, second)
    if damage == "encrypted":
        with psycopg.connect(owner_dsn) as connection:
            connection.execute(
                "update overstap.dossier_version set content = set_byte(content, 20, 255 - get_byte(content, 20)) "
                "where dossier = (select min(dossier::text)::uuid from overstap.dossier)"
            )
    judge(ledger, NOW)
    (run,) = kept(ledger)
    assert run.found["QUALITY-003"] == 1
    assert run.found["OVa.LL14"] == 1
    assert (run.supplied, run.rejected) == (2, 2)
    with ledger.unit("alfa", "test") as unit:
        assert "QUALITY-003" in school_reports.get(unit, ROUND, SCHOOL).csv
        again = dossiers.store(unit, ROUND, SCHOOL, [first, second])
    assert (again.changed, again.unchanged) == (1, 1)
    judge(ledger, NOW + timedelta(days=1))
    assert kept(ledger)[-1].found["QUALITY-003"] == 0
    assert kept(ledger)[-1].found["OVa.LL14"] == 2


def test_a_region_of_which_nothing_can_be_read_is_told_so(ledger: Ledger) -> None:
    supply(ledger, replace(incoming(BSNS[0], BSNS[0]), content=b""))
    judge(ledger, NOW)
    (run,) = kept(ledger)
    assert (run.rejected, run.found["QUALITY-003"]) == (1, 1)
