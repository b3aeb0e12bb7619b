"""The official example dossiers, dropped by a school as its system exports them, up to their verdict."""

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from official_files import official_folder

from overstap.agreements import Agreement, RoundKind
from overstap.errors import OverstapError
from overstap.intake.collect import CollectionResult, collect_school
from overstap.intake.sources.drop_folder import from_drop_folder
from overstap.ledger import Ledger
from overstap.ledger.dossiers import dossiers
from overstap.ledger.rounds import rounds
from overstap.quality.region import judge_round

NOW = datetime(2027, 1, 12, 12, tzinfo=UTC)
SCHOOL = "00YY00"


@pytest.fixture
def examples() -> Path:
    folder = official_folder()
    if folder is None:
        pytest.skip("the official OSO files are not at hand; set OVERSTAP_OFFICIAL to the folder that holds 2019.1/")
    return folder / "2019.1" / "examples"


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
                    "id": SCHOOL,
                    "name": "Voorbeeldschool",
                    "kind": "PO",
                    "contact": "po@example.org",
                    "supplies": {"way": "drop_folder"},
                }
            ],
            "rounds": {
                "advice": {
                    "receivers": "registered",
                    "categories": [
                        "toetsresultaten",
                        "onderwijsondersteuning",
                        "bijlagedocs",
                        "eindtoetsbo",
                        "verzuim",
                    ],
                    "milestones": {name: NOW + timedelta(days=place) for place, name in enumerate(moments)},
                }
            },
        }
    )


def collect(ledger: Ledger, folder: Path) -> CollectionResult:
    agreed = agreement()
    round_id = agreed.round_id("advice")
    with ledger.unit("alfa", "test") as unit:
        rounds.open_round(unit, agreed, RoundKind.ADVICE)
    return collect_school(
        ledger,
        agreement=agreed,
        agreed=agreed.round("advice"),
        round_id=round_id,
        school=agreed.school(SCHOOL),
        source="drop_folder",
        candidates=from_drop_folder(folder, now=datetime.now(UTC), label_key=b"k" * 32),
        actor="test",
    )


def drop(example: Path, folder: Path) -> None:
    folder.mkdir()
    shutil.copy2(example, folder / "export.xml")


@pytest.mark.parametrize("name", ["Voorbeelddossier_OV_POVO_full.xml", "Voorbeelddossier_OV_POVO_opt_out.xml"])
def test_an_official_transfer_dossier_is_taken_in_and_judged(
    ledger: Ledger, examples: Path, tmp_path: Path, name: str
) -> None:
    drop(examples / name, tmp_path / SCHOOL)
    assert collect(ledger, tmp_path / SCHOOL).stored == dossiers.StoreCounts(new=1)
    agreed = agreement()
    judged = judge_round(
        ledger,
        agreement=agreed,
        agreed=agreed.round("advice"),
        round_id=agreed.round_id("advice"),
        actor="test",
        today=date(2019, 3, 1),
        made_at=NOW,
    )
    with ledger.unit("alfa", "test") as unit:
        errors = {
            finding.rule
            for findings in dossiers.findings_of_school(unit, agreed.round_id("advice"), SCHOOL).values()
            for finding in findings
            if finding.severity == "error"
        }
    # The example school stands in its own agreement only; what the examples themselves get wrong is no official rule.
    assert not {rule for rule in errors if rule.startswith("OVa.")}
    assert judged["accepted"] + judged["rejected"] == 1
    assert (judged["rejected"] == 1) == bool(errors)


@pytest.mark.parametrize(
    "name",
    [
        "Voorbeelddossier_OV_BB_opt_out.xml",
        "Voorbeelddossier_OV_POPO_full.xml",
        "Voorbeelddossier_PaO_POSWV_full.xml",
    ],
)
def test_an_official_dossier_of_another_kind_of_transfer_is_refused_by_name(
    ledger: Ledger, examples: Path, tmp_path: Path, name: str
) -> None:
    drop(examples / name, tmp_path / SCHOOL)
    with pytest.raises(OverstapError, match="INTAKE-051"):
        collect(ledger, tmp_path / SCHOOL)
    with ledger.unit("alfa", "test") as unit:
        refused = dossiers.refused_files(unit, agreement().round_id("advice"), SCHOOL)
    assert [item.code for item in refused] == ["DOSSIER-014"]
