"""A school whose source is a mapped export: its pupils become dossiers by the same intake."""

import os
from pathlib import Path

import pytest
from test_walk import PO, REGION, agreement

from overstap.agreements import Agreement, RoundId
from overstap.agreements.model import RoundKind
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.invariants import check
from overstap.ledger.rounds import counts
from overstap.ledger.rounds.rounds import open_round
from overstap.rounds.agreed import round_context
from overstap.rounds.collection import collect
from overstap.rounds.context import Context
from overstap.settings import Settings
from overstap.simulation.synthetic.numbers import bsn

ROUND_ID = RoundId(f"{REGION}.2026-2027.advice")
HEADER = (
    "Stamnummer;BSN;Achternaam;Tussenvoegsel;Voornamen;Roepnaam;Geboortedatum;Geslacht;Datum inschrijving;"
    "Straat;Huisnummer;Postcode;Woonplaats;Advies;Achternaam verzorger;Relatie verzorger;Mobiel verzorger;"
    "Groep;Jaargroep;Schooljaar;BRIN;Vestiging;Straat school;Huisnummer school;Postcode school;Woonplaats school;"
    "Telefoon school;Interne notitie"
)


def row(place: int, advice: str = "havo") -> str:
    known = f"A{place};{bsn(place)};Vis;;Noor;Noor;30-3-2015;meisje;1-8-2019"
    of_school = f"8a;8;2026-2027;{PO[:4]};{PO[4:]};Schoolpad;1;1234BD;Oefenhoek;0701234567"
    return f"{known};Molenpad;3;1234BC;Oefenhoek;{advice};Vis;1;0612345678;{of_school};geheim"


@pytest.fixture
def context(ledger: Ledger, tmp_path: Path) -> Context:
    stated = agreement().model_dump(mode="json")
    stated["schools"][0]["supplies"] = {"way": "mapped_export", "mapping": "las_export"}
    made = Agreement.model_validate(stated)
    with ledger.unit(REGION, "test") as unit:
        open_round(unit, made, RoundKind.ADVICE)
    return Context(Settings(drop=str(tmp_path), regions=tmp_path / "regions"), ledger)


def put(context: Context, text: str) -> None:
    folder = Path(str(context.settings.drop)) / REGION / PO
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "export.csv").write_text(text, encoding="cp1252")
    os.utime(folder / "export.csv", (0, 0))


def test_a_school_with_an_export_supplies_like_any_other(context: Context) -> None:
    of_round = round_context(context, ROUND_ID, "test")
    put(context, "\n".join((HEADER, row(1), row(2), row(3, "iets"))))
    found = collect(of_round, PO)
    assert (found.stored.new, dict(found.refused)) == (2, {"INTAKE-103": 1})
    put(context, "\n".join((HEADER, row(2), row(1), row(3))))
    again = collect(of_round, PO)
    assert (again.stored.new, again.stored.unchanged, again.refused.total()) == (1, 2, 0)
    with context.ledger.unit(REGION, "test") as unit:
        [school] = counts.primary_schools(unit, ROUND_ID)
        assert school.supplied == 3
        assert not check(unit)
        assert unit.one("select distinct source from overstap.dossier_version")[0] == "mapped_export"


def test_without_its_mapping_the_collection_fails_and_nothing_is_lost(context: Context) -> None:
    of_round = round_context(context, ROUND_ID, "test")
    put(context, "\n".join((HEADER, row(1))))
    collect(of_round, PO)
    own = Path(str(context.settings.regions)) / REGION / "mappings"
    own.mkdir(parents=True)
    (own / "las_export.yaml").write_text("name: las_export", encoding="utf-8")
    with pytest.raises(OverstapError, match="INTAKE-101"):
        collect(of_round, PO)
    put(context, "naam;klas\nVis;8")
    (own / "las_export.yaml").unlink()
    with pytest.raises(OverstapError, match="INTAKE-051"):
        collect(of_round, PO)
    with context.ledger.unit(REGION, "test") as unit:
        assert unit.one("select count(*) from overstap.dossier")[0] == 1
