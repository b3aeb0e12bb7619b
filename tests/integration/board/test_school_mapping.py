"""The mapping that a school made of its own export, as the board tells it: fields, and nothing of the school's file."""

# ruff: noqa: F401, F811 (fixtures of another module)

import psycopg
from fastapi.testclient import TestClient

from overstap.ledger import Ledger, school_mappings
from overstap_tools.local.postgres import EmbeddedPostgres

from .test_deciding import HERE, Asking, airflow, filled, said
from .test_roster_lists import school

FIELDS = ("huidigeschool/leerling/bsn", "huidigeschool/leerling/verzorger[2]/achternaam", "huidigeschool/weg")


def test_the_coordinator_sees_which_fields_a_school_supplies_by_itself(
    client: TestClient, airflow: Asking, ledger: Ledger, school: str, postgres: EmbeddedPostgres, owner_dsn: str
) -> None:
    there = f"{HERE}/school/{school}"
    assert "Eigen export van de school" not in client.get(there).text
    with psycopg.connect(owner_dsn) as owner:
        owner.execute("grant execute on function overstap.save_mapping to overstap_region")
    with ledger.unit("alfa", "school:juf@school.example") as unit:
        assert school_mappings.save(
            unit, school, 0, {"mapping": "Geheime kolom"}, FIELDS, 3, "school:juf@school.example"
        )
        assert not school_mappings.save(unit, school, 0, {}, FIELDS, 3, "school:juf@school.example")
    page = client.get(there)
    assert "Eigen export van de school" in page.text
    assert "Versie 1 van de toewijzing" in said(page)
    assert "door juf@school.example. 3 velden worden gelezen, 3 kolommen niet." in said(page)
    for label in ("Burgerservicenummer", "2: Achternaam", "huidigeschool/weg"):
        assert label in page.text
    assert "Geheime kolom" not in page.text
    with psycopg.connect(owner_dsn) as owner:
        for login in ("overstap_board", "overstap_watch"):
            row = owner.execute(
                "select has_column_privilege(%(role)s, 'overstap.school_mapping', 'content', 'select')",
                {"role": f"{login}_alfa"},
            ).fetchone()
            assert row == (False,)
